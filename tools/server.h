/* SPDX-License-Identifier: Apache-2.0 */
/* A short connection to PostgreSQL, for facts before a dump and statements around a restore.
 * The only place of libpq. */
#ifndef TOOLS_SERVER_H
#define TOOLS_SERVER_H

#include <signal.h>
#include <string.h>

#include "core/base/error.h"
#include "core/repo/member.h"
#include "tools/db_url.h"
#include "tools/options.h"

/* How to reach a server; commands have these among their options. */
struct server_options {
    const char *host, *port, *user, *database;
    const char *url_env, *url_file, *env_file;
    struct options_list url_ignore;
    bool allow_pooler;
    bool prisma_style;
};
/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): type and member are names */
#define SERVER_SPECS(type, member) \
    {'h', "host", OPTIONS_TEXT, offsetof(type, member.host), "HOST", \
     "server host or socket folder (PGHOST)", ""}, \
    {'p', "port", OPTIONS_TEXT, offsetof(type, member.port), "PORT", \
     "server port (PGPORT)", ""}, \
    {'U', "username", OPTIONS_TEXT, offsetof(type, member.user), "USER", \
     "user to connect as (PGUSER)", ""}, \
    {0, "db-url-env", OPTIONS_TEXT, offsetof(type, member.url_env), "NAME", \
     "variable with the database URL (DIRECT_URL, DATABASE_URL)", NULL}, \
    {0, "db-url-file", OPTIONS_TEXT, offsetof(type, member.url_file), "FILE", \
     "file with the database URL", NULL}, \
    {0, "env-file", OPTIONS_TEXT, offsetof(type, member.env_file), "FILE", \
     ".env file in which the variable stands", NULL}, \
    {0, "url-ignore", OPTIONS_LIST, offsetof(type, member.url_ignore), "NAME", \
     "parameter of the URL to leave out", NULL}, \
    {0, "prisma-style", OPTIONS_FLAG, offsetof(type, member.prisma_style), NULL, \
     "sslcert of the URL is the server's CA, as Prisma means it", NULL}, \
    {0, "allow-pooler", OPTIONS_FLAG, offsetof(type, member.allow_pooler), NULL, \
     "take a URL that goes through a transaction pooler", NULL}
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

/* Is a database or its URL named by what was typed? What stands in the environment is which one
 * is backed up. */
bool server_options_typed(const struct server_options *o);

struct server;

/* Of every pg_dump of ours: text that is comparable between nights and hosts. */
#define SERVER_SETTINGS "-c timezone=UTC -c bytea_output=hex -c lc_monetary=C"

/* Connect. database: instead of the options' (NULL: theirs). settings: more for the connection
 * string's options, as "-c name=value …"; NULL none. ERROR_SERVER; ERROR_BUSY when the server
 * is not there or not ready; ERROR_USAGE. */
MUST_CHECK struct server *server_connect(const struct server_options *o, const char *database,
                                         const char *settings, struct error *e);
/* Another connection to the same server as the same user. */
MUST_CHECK struct server *server_reconnect(const struct server *s, const char *database,
                                           struct error *e);
void server_close(struct server *s);
/* From here on a signal in *stop cancels what runs: ERROR_INTERRUPTED, ERROR_TERMINATED. */
void server_obey(struct server *s, const volatile sig_atomic_t *stop);
/* The SQLSTATE of the last statement that was refused; "" when none was. */
const char *server_state(const struct server *s);

/* A connection string that reaches the same server as the same user, without any secret; the
 * caller frees it. database as above. */
MUST_CHECK char *server_conninfo(const struct server *s, const char *database, struct error *e);
/* A parameter of the connection ("sslmode"), the caller's to free; NULL where it is not set, or
 * without memory. */
MUST_CHECK char *server_parameter(const struct server *s, const char *keyword, struct error *e);
/* The password in use, or NULL; the connection's. */
const char *server_password(const struct server *s);
const char *server_database(const struct server *s);
/* Where it is and who we are there; never NULL, the connection's. */
struct server_place {
    const char *host, *port, *user;
};
struct server_place server_place(const struct server *s);
/* 150018 */
int server_number(const struct server *s);

/* Version, system id, standby, encoding, effective settings, host, port, user into p. */
MUST_CHECK int server_facts(struct server *s, struct member_private *p, struct error *e);

/* 1 yes, 0 no. */
MUST_CHECK int server_has_database(struct server *s, const char *name, struct error *e);
MUST_CHECK int server_has_role(struct server *s, const char *name, struct error *e);

/* 1 when name is one that PostgreSQL takes whole: 1 to 63 bytes. */
static inline bool server_name_fits(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < 64;
}

/* The first column of all rows, appended to out; parameter: $1, NULL none. */
MUST_CHECK int server_list(struct server *s, const char *sql, const char *parameter,
                           struct member_texts *out, struct error *e);
/* The one value of the first row, a number; 0 without rows. */
MUST_CHECK int server_number_of(struct server *s, const char *sql, const char *parameter,
                                uint64_t *value, struct error *e);
/* Run one statement; what: in front of the server's words when it is refused. */
MUST_CHECK int server_run(struct server *s, const char *what, const char *sql, struct error *e);
/* The same for one that may hold a password: no part of it comes back in the error. */
MUST_CHECK int server_run_secretly(struct server *s, const char *what, const char *sql,
                                   struct error *e);
/* A name as an identifier, a text as a literal in SQL; the caller frees it. */
MUST_CHECK char *server_identifier(struct server *s, const char *name, struct error *e);
MUST_CHECK char *server_literal(struct server *s, const char *text, struct error *e);

#endif
