/* SPDX-License-Identifier: Apache-2.0 */
/* Where a database connection comes from, as a list of libpq keywords. URLs are read by us and
 * not by libpq, whose messages quote pieces of the password and which knows nothing of the
 * parameters that Prisma puts there. No message from here holds any part of a value. */
#ifndef TOOLS_DB_URL_H
#define TOOLS_DB_URL_H

#include "core/base/error.h"

#define DB_URL_MAX 64 /* more than libpq has keywords */
#define DB_URL_NONE 1 /* nothing was given: libpq's own variables and files apply */

/* Zeroed memory is empty. Both lists end with NULL, as PQconnectdbParams wants them (with
 * expand_dbname 0: a dbname from a URL is a name and nothing else). Nothing is there twice. */
struct db_url {
    char *keywords[DB_URL_MAX + 1];
    char *values[DB_URL_MAX + 1]; /* the password is among them */
    size_t count;
    char *schema; /* Prisma's schema parameter: where its migrations table is; or NULL */
    bool pooler;  /* goes through a transaction pooler (pgbouncer=true was allowed) */
};

struct db_url_options {
    const char *url_file;      /* a path, "-" for stdin, "fd:N"; or NULL */
    const char *url_env;       /* name of a variable; NULL: DIRECT_URL, then DATABASE_URL */
    const char *env_file;      /* a .env file that is asked before the environment; or NULL */
    bool given;                /* -h, -p, -U or -d were given: the environment is asked only for
                                * a url_env that was named */
    bool allow_pooler;         /* take a URL with pgbouncer=true */
    bool prisma_style;         /* sslcert names the server's CA, as Prisma means it */
    const char *const *ignore; /* names of parameters to be dropped */
    size_t ignore_count;
};

/* Wipes what it frees; *u is empty afterwards. */
void db_url_done(struct db_url *u);

/* Read a postgresql:// or postgres:// URL (RFC 3986, with libpq's lists of hosts and ports)
 * into *u, which is empty. One pair of quotes around it is taken off. Parameters that only
 * Prisma knows are translated or dropped (told to the log by name); application_name becomes
 * pgkeep/VERSION unless it is given. what says where the URL comes from ("DATABASE_URL"), for
 * messages. ERROR_USAGE, and *u is empty. */
MUST_CHECK int db_url_parse(struct db_url *u, const char *url, const char *what,
                            const struct db_url_options *o, struct error *e);

/* Add keyword, or give it another value. Both are copied. ERROR_USAGE when u is full. */
MUST_CHECK int db_url_set(struct db_url *u, const char *keyword, const char *value,
                          struct error *e);
/* The value of keyword, good until it is changed, or NULL. */
const char *db_url_get(const struct db_url *u, const char *keyword);

/* Find the URL and read it into *u, which is empty: url_file, else url_env or its defaults in
 * env_file, then in the environment. A source that was named but has nothing is an error.
 * DB_URL_NONE when none was named and none is there. A url_file that is a path must be
 * readable by its owner alone. ERROR_USAGE, ERROR_IO. */
MUST_CHECK int db_url_load(struct db_url *u, const struct db_url_options *o, struct error *e);

/* True for a command-line argument that holds a password, which every user of the machine can
 * read there: "scheme://user:password@…", or password= as in a connection string. */
bool db_url_is_secret(const char *argument);

#endif
