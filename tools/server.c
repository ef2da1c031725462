/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/server.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define SLICE_MS 200 /* how late a signal may be seen */

struct server {
    PGconn *conn;
    const volatile sig_atomic_t *stop; /* NULL: statements run to their end */
    char state[8];                     /* SQLSTATE of the last refusal */
};

static bool is_typed(const char *value, const char *variable)
{
    return value && value != getenv(variable);
}

bool server_options_typed(const struct server_options *o)
{
    return o->database || is_typed(o->url_env, "PGKEEP_DB_URL_ENV") ||
           is_typed(o->url_file, "PGKEEP_DB_URL_FILE");
}

/* ---- connecting -------------------------------------------------------------------- */

/* Letters given on the command line win over a URL. */
static int apply_letters(struct db_url *u, const struct server_options *o, const char *database,
                         struct error *e)
{
    if ((o->host && db_url_set(u, "host", o->host, e) < 0) ||
        (o->port && db_url_set(u, "port", o->port, e) < 0) ||
        (o->user && db_url_set(u, "user", o->user, e) < 0))
        return -1;
    const char *name = database ? database : o->database;
    if (name && db_url_set(u, "dbname", name, e) < 0)
        return -1;
    if (!db_url_get(u, "application_name") &&
        db_url_set(u, "application_name", "pgkeep/" PGKEEP_VERSION, e) < 0)
        return -1;
    return 0;
}

/* Our settings behind the caller's; an options= in the string cancels PGOPTIONS, so that goes
 * in front. */
static int apply_settings(struct db_url *u, const char *settings, struct error *e)
{
    const char *given = db_url_get(u, "options");
    const char *environment = getenv("PGOPTIONS");
    if (!settings)
        return 0;
    char *all = str_format(e, "%s%s%s",
                           given         ? given
                           : environment ? environment
                                         : "",
                           given || environment ? " " : "", settings);
    int rc = all ? db_url_set(u, "options", all, e) : -1;
    free(all);
    return rc;
}

/* libpq's words on one line; it never puts a password there, but takes URLs apart nowhere
 * here, so no piece of one either. */
static void one_line(char *out, size_t size, const char *words)
{
    size_t len = strlen(words);
    while (len > 0 && words[len - 1] == '\n')
        len--;
    str_safe(out, size, bytes_of(words, len));
    for (char *p = out; (p = strstr(p, "\\x0a")) != NULL;)
        memcpy(p, ";   ", 4);
}

/* Not there yet, or no more: trying again may help. */
static bool worth_a_retry(const char *words)
{
    static const char *const signs[] = {"Connection refused", "starting up",
                                        "shutting down",      "timeout expired",
                                        "too many clients",   "remaining connection slots",
                                        "No such file"};
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (strstr(words, signs[i]))
            return true;
    return false;
}

static void on_notice(void *arg, const char *message)
{
    char words[600];
    (void)arg;
    one_line(words, sizeof words, message);
    log_debug("PostgreSQL: %s", words);
}

/* What our statements name is PostgreSQL's own: a database may say where names are looked for,
 * and its owner could put functions of his there, which would run with our rights. And no
 * timeout that is meant for applications ends a session that waits for pg_restore. */
static int settle(struct server *s, struct error *e)
{
    static const char sql[] =
        "SELECT pg_catalog.set_config('search_path', 'pg_catalog', false);"
        "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings"
        " WHERE name OPERATOR(pg_catalog.=) ANY (ARRAY['statement_timeout',"
        " 'idle_session_timeout', 'idle_in_transaction_session_timeout', "
        "'transaction_timeout'])";
    char words[600];
    PGresult *r = PQexec(s->conn, sql);
    int rc = 0;
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        one_line(words, sizeof words, PQerrorMessage(s->conn));
        rc = error_set(e, ERROR_SERVER, "settings of the session: %s", words);
    }
    PQclear(r);
    return rc;
}

static struct server *open_connection(struct db_url *u, struct error *e)
{
    char words[600];
    struct server *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "connection");
        return NULL;
    }
    s->conn =
        PQconnectdbParams((const char *const *)u->keywords, (const char *const *)u->values, 0);
    if (s->conn && PQstatus(s->conn) == CONNECTION_OK) {
        (void)PQsetNoticeProcessor(s->conn, on_notice, NULL);
        if (settle(s, e) == 0)
            return s;
        server_close(s);
        return NULL;
    }
    if (s->conn) {
        one_line(words, sizeof words, PQerrorMessage(s->conn));
        (void)error_set(e, worth_a_retry(words) ? ERROR_BUSY : ERROR_SERVER, "PostgreSQL: %s",
                        words);
    } else {
        (void)error_memory(e, "connection");
    }
    server_close(s);
    return NULL;
}

struct server *server_connect(const struct server_options *o, const char *database,
                              const char *settings, struct error *e)
{
    struct db_url u = {0};
    struct server *s = NULL;
    const struct db_url_options options = {.url_file = o->url_file,
                                           .url_env = o->url_env,
                                           .env_file = o->env_file,
                                           .given =
                                               o->host || o->port || o->user || o->database,
                                           .allow_pooler = o->allow_pooler,
                                           .prisma_style = o->prisma_style,
                                           .ignore = o->url_ignore.items,
                                           .ignore_count = o->url_ignore.count};
    if (db_url_load(&u, &options, e) >= 0 && apply_letters(&u, o, database, e) == 0 &&
        apply_settings(&u, settings, e) == 0)
        s = open_connection(&u, e);
    db_url_done(&u);
    return s;
}

struct server *server_reconnect(const struct server *s, const char *database, struct error *e)
{
    struct db_url u = {0};
    struct server *other = NULL;
    PQconninfoOption *options = PQconninfo(s->conn);
    int rc = options ? 0 : error_memory(e, "connection string");
    for (const PQconninfoOption *o = options; rc == 0 && o && o->keyword; o++)
        if (o->val && *o->val && strcmp(o->keyword, "service") != 0)
            rc = db_url_set(&u, o->keyword, o->val, e);
    PQconninfoFree(options);
    if (rc == 0 && server_password(s))
        rc = db_url_set(&u, "password", server_password(s), e);
    if (rc == 0 && db_url_set(&u, "dbname", database, e) == 0)
        other = open_connection(&u, e);
    db_url_done(&u);
    return other;
}

void server_close(struct server *s)
{
    if (!s)
        return;
    PQfinish(s->conn);
    free(s);
}

static int put_value(struct buf *b, const char *keyword, const char *value, struct error *e)
{
    if (buf_printf(b, e, "%s%s='", b->len ? " " : "", keyword) < 0)
        return -1;
    for (; *value; value++)
        if (((*value == '\'' || *value == '\\') && buf_byte(b, '\\', e) < 0) ||
            buf_byte(b, (uint8_t)*value, e) < 0)
            return -1;
    return buf_byte(b, '\'', e);
}

/* Secrets go through the password file; the service is resolved already. */
static bool left_out(const PQconninfoOption *option)
{
    static const char *const names[] = {"password", "sslpassword", "passfile",
                                        "service",  "replication", "dbname"};
    if (!option->val || !*option->val || strchr(option->dispchar, '*'))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(option->keyword, names[i]) == 0)
            return true;
    return false;
}

char *server_conninfo(const struct server *s, const char *database, struct error *e)
{
    struct buf b = {0};
    PQconninfoOption *options = PQconninfo(s->conn);
    int rc = options ? put_value(&b, "dbname", database ? database : PQdb(s->conn), e)
                     : error_memory(e, "connection string");
    for (const PQconninfoOption *o = options; rc == 0 && o && o->keyword; o++)
        if (!left_out(o))
            rc = put_value(&b, o->keyword, o->val, e);
    PQconninfoFree(options);
    if (rc == 0)
        rc = buf_byte(&b, 0, e);
    if (rc == 0)
        return (char *)b.data;
    buf_done(&b);
    return NULL;
}

char *server_parameter(const struct server *s, const char *keyword, struct error *e)
{
    PQconninfoOption *options = PQconninfo(s->conn);
    char *value = NULL;
    for (const PQconninfoOption *o = options; o && o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0 && o->val && *o->val)
            value = str_copy(o->val, e);
    PQconninfoFree(options);
    return value;
}

const char *server_password(const struct server *s)
{
    const char *password = PQpass(s->conn);
    return password && *password ? password : NULL;
}

const char *server_database(const struct server *s)
{
    return PQdb(s->conn);
}

struct server_place server_place(const struct server *s)
{
    const char *host = PQhost(s->conn);
    const char *port = PQport(s->conn);
    const char *user = PQuser(s->conn);
    return (struct server_place){
        .host = host ? host : "", .port = port ? port : "", .user = user ? user : ""};
}

int server_number(const struct server *s)
{
    return PQserverVersion(s->conn);
}

/* ---- asking ------------------------------------------------------------------------ */

static int refused(struct server *s, const PGresult *r, const char *what, struct error *e)
{
    char words[600];
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    (void)snprintf(s->state, sizeof s->state, "%s", state ? state : "");
    if (s->stop && *s->stop)
        return error_stopped(e, *s->stop);
    one_line(words, sizeof words, PQerrorMessage(s->conn));
    return error_set(e, ERROR_SERVER, "%s: %s", what, words);
}

void server_obey(struct server *s, const volatile sig_atomic_t *stop)
{
    s->stop = stop;
}

const char *server_state(const struct server *s)
{
    return s->state;
}

/* Until the answer is there; a signal cancels what runs. */
static void await_answer(struct server *s)
{
    bool cancelled = false;
    while (PQisBusy(s->conn)) {
        struct pollfd p = {.fd = PQsocket(s->conn), .events = POLLIN};
        if (!cancelled && s->stop && *s->stop) {
            char why[256];
            PGcancel *cancel = PQgetCancel(s->conn);
            cancelled = cancel && PQcancel(cancel, why, sizeof why);
            PQfreeCancel(cancel);
        }
        (void)poll(&p, 1, SLICE_MS);
        if (!PQconsumeInput(s->conn))
            return;
    }
}

/* One statement with at most one parameter; NULL or a result that the caller clears. */
static PGresult *run_statement(struct server *s, const char *sql, const char *parameter)
{
    const char *parameters[] = {parameter};
    PGresult *last = NULL;
    if (!PQsendQueryParams(s->conn, sql, parameter ? 1 : 0, NULL, parameters, NULL, NULL, 0))
        return NULL;
    for (;;) {
        await_answer(s);
        PGresult *r = PQgetResult(s->conn);
        if (!r)
            return last;
        PQclear(last);
        last = r;
    }
}

/* One value of one row; NULL with no error filled when there is no row. The caller frees. */
static int ask(struct server *s, const char *sql, const char *parameter, char **value,
               struct error *e)
{
    PGresult *r = run_statement(s, sql, parameter);
    int rc = -1;
    *value = NULL;
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        (void)refused(s, r, "query", e);
    } else if (PQntuples(r) > 0 && !PQgetisnull(r, 0, 0)) {
        *value = str_copy(PQgetvalue(r, 0, 0), e);
        rc = *value ? 0 : -1;
    } else {
        rc = 0;
    }
    PQclear(r);
    return rc;
}

static int ask_settings(struct server *s, struct member_private *p, struct error *e)
{
    static const char *const names[] = {"TimeZone",    "DateStyle",    "IntervalStyle",
                                        "lc_monetary", "bytea_output", "server_encoding"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char *value;
        if (ask(s, "select current_setting($1)", names[i], &value, e) < 0)
            return -1;
        char *pair = str_format(e, "%s=%s", names[i], value ? value : "");
        int rc = pair ? member_texts_add(&p->settings, pair, e) : -1;
        free(pair);
        free(value);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int copy_text(char **to, const char *from, struct error *e)
{
    free(*to);
    *to = from ? str_copy(from, e) : NULL;
    return from && !*to ? -1 : 0;
}

int server_facts(struct server *s, struct member_private *p, struct error *e)
{
    char *value = NULL;
    struct error ignored;
    p->server_number = (uint64_t)PQserverVersion(s->conn);
    if (ask(s, "select current_setting('server_version')", NULL, &p->server_version, e) < 0 ||
        ask(s,
            "select pg_encoding_to_char(encoding) from pg_database where datname = "
            "current_database()",
            NULL, &p->encoding, e) < 0 ||
        ask(s, "select pg_is_in_recovery()::text", NULL, &value, e) < 0)
        return -1;
    p->standby = value && strcmp(value, "true") == 0;
    free(value);
    /* Managed services may forbid it: then the backup goes by its name only. */
    if (ask(s, "select system_identifier::text from pg_control_system()", NULL, &value,
            &ignored) == 0 &&
        value && !str_u64(value, UINT64_MAX, &p->system_id))
        p->system_id = 0;
    free(value);
    if (copy_text(&p->server_host, PQhost(s->conn), e) < 0 ||
        copy_text(&p->server_port, PQport(s->conn), e) < 0 ||
        copy_text(&p->server_user, PQuser(s->conn), e) < 0)
        return -1;
    return ask_settings(s, p, e);
}

static int exists(struct server *s, const char *sql, const char *name, struct error *e)
{
    char *value;
    if (ask(s, sql, name, &value, e) < 0)
        return -1;
    int found = value != NULL;
    free(value);
    return found;
}

int server_has_database(struct server *s, const char *name, struct error *e)
{
    return exists(s, "select 1 from pg_database where datname = $1", name, e);
}

int server_has_role(struct server *s, const char *name, struct error *e)
{
    return exists(s, "select 1 from pg_roles where rolname = $1", name, e);
}

int server_list(struct server *s, const char *sql, const char *parameter,
                struct member_texts *out, struct error *e)
{
    PGresult *r = run_statement(s, sql, parameter);
    int rc = PQresultStatus(r) == PGRES_TUPLES_OK ? 0 : refused(s, r, "query", e);
    for (int i = 0; rc == 0 && i < PQntuples(r); i++)
        rc = member_texts_add(out, PQgetvalue(r, i, 0), e);
    PQclear(r);
    return rc;
}

int server_number_of(struct server *s, const char *sql, const char *parameter, uint64_t *value,
                     struct error *e)
{
    char *text = NULL;
    int rc = ask(s, sql, parameter, &text, e);
    *value = 0;
    if (rc == 0 && text && !str_u64(text, UINT64_MAX, value))
        rc = error_set(e, ERROR_SERVER, "query: a number was expected, found %s", text);
    free(text);
    return rc;
}

/* ---- doing ------------------------------------------------------------------------- */

int server_run(struct server *s, const char *what, const char *sql, struct error *e)
{
    /* The extended protocol takes one statement and no more. */
    PGresult *r = run_statement(s, sql, NULL);
    ExecStatusType status = PQresultStatus(r);
    int rc =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : refused(s, r, what, e);
    PQclear(r);
    return rc;
}

int server_run_secretly(struct server *s, const char *what, const char *sql, struct error *e)
{
    /* Otherwise the line of the statement is quoted where the server points into it. */
    PGVerbosity before = PQsetErrorVerbosity(s->conn, PQERRORS_TERSE);
    int rc = server_run(s, what, sql, e);
    (void)PQsetErrorVerbosity(s->conn, before);
    return rc;
}

static char *quoted(struct server *s, char *text, struct error *e)
{
    char *copy = text ? str_copy(text, e) : NULL;
    if (!text)
        (void)refused(s, NULL, "quoting", e);
    PQfreemem(text);
    return copy;
}

char *server_identifier(struct server *s, const char *name, struct error *e)
{
    return quoted(s, PQescapeIdentifier(s->conn, name, strlen(name)), e);
}

char *server_literal(struct server *s, const char *text, struct error *e)
{
    return quoted(s, PQescapeLiteral(s->conn, text, strlen(text)), e);
}
