/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/database.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"

#define OBJECT_IN_USE "55006" /* an SQLSTATE */
#define SWAP_TRIES 10         /* PostgreSQL waits up to 5 seconds in each for sessions to go */

/* ---- statements -------------------------------------------------------------------- */

/* quoted is taken. */
static int put_taken(struct buf *sql, const char *words, char *quoted, struct error *e)
{
    int rc = quoted ? buf_printf(sql, e, "%s%s", words, quoted) : -1;
    free(quoted);
    return rc;
}

static int put_name(struct server *s, struct buf *sql, const char *words, const char *name,
                    struct error *e)
{
    return put_taken(sql, words, server_identifier(s, name, e), e);
}

static int execute(struct server *s, struct buf *sql, const char *what, struct error *e)
{
    int rc = buf_byte(sql, 0, e);
    if (rc == 0)
        rc = server_run(s, what, (const char *)sql->data, e);
    buf_done(sql);
    return rc;
}

/* `first` name `second` other */
static int on_two(struct server *s, const char *const words[2], const char *const names[2],
                  const char *what, struct error *e)
{
    struct buf sql = {0};
    if (put_name(s, &sql, words[0], names[0], e) == 0 &&
        put_name(s, &sql, words[1], names[1], e) == 0)
        return execute(s, &sql, what, e);
    buf_done(&sql);
    return -1;
}

/* ---- making and renaming ----------------------------------------------------------- */

int database_create(struct server *s, const char *name, const struct database_locale *l,
                    struct error *e)
{
    struct buf sql = {0};
    const struct {
        const char *words;
        const char *value;
        int since;
    } parts[] = {
        {" ENCODING ", l->encoding, 0},
        {" LOCALE_PROVIDER ", l->provider, 150000},
        {" LOCALE ", l->locale, 130000},
        {" LC_COLLATE ", l->collate, 0},
        {" LC_CTYPE ", l->ctype, 0},
        {" ICU_LOCALE ", l->icu_locale, 150000},
        {" BUILTIN_LOCALE ", l->builtin_locale, 170000},
    };
    int rc = put_name(s, &sql, "CREATE DATABASE ", name, e);
    if (rc == 0)
        rc = buf_printf(&sql, e, " TEMPLATE template0");
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(parts); i++)
        if (parts[i].value && server_number(s) >= parts[i].since)
            rc = put_taken(&sql, parts[i].words, server_literal(s, parts[i].value, e), e);
    if (rc == 0 && l->owner)
        rc = put_name(s, &sql, " OWNER ", l->owner, e);
    if (rc == 0)
        return execute(s, &sql, "CREATE DATABASE", e);
    buf_done(&sql);
    return -1;
}

int database_own(struct server *s, const char *name, const char *owner, struct error *e)
{
    return on_two(s, (const char *const[]){"ALTER DATABASE ", " OWNER TO "},
                  (const char *const[]){name, owner}, "ALTER DATABASE … OWNER", e);
}

int database_rename(struct server *s, const char *from, const char *to, struct error *e)
{
    return on_two(s, (const char *const[]){"ALTER DATABASE ", " RENAME TO "},
                  (const char *const[]){from, to}, "ALTER DATABASE … RENAME", e);
}

/* Table by table: one that cannot be sampled (a foreign partition, a function of an index that
 * fails) takes nothing from the others. */
static int analyze_each(struct server *inside, struct error *e)
{
    struct member_texts statements = {0};
    int rc = server_list(inside,
                         "SELECT 'ANALYZE ' || c.oid::regclass FROM pg_class c"
                         " WHERE relkind IN ('r', 'm', 'p') AND c.oid >= 16384 ORDER BY 1",
                         NULL, &statements, e);
    for (size_t i = 0; rc == 0 && i < statements.count; i++) {
        struct error why = {0};
        if (server_run(inside, statements.items[i], statements.items[i], &why) == 0)
            continue;
        if (why.kind == ERROR_INTERRUPTED || why.kind == ERROR_TERMINATED) {
            *e = why;
            rc = -1;
        } else {
            log_warning("%s", why.text);
        }
    }
    member_texts_done(&statements);
    return rc;
}

int database_analyze(struct server *s, const char *name, const volatile sig_atomic_t *stop,
                     struct error *e)
{
    struct error why = {0};
    struct server *inside = server_reconnect(s, name, e);
    int rc = inside ? 0 : -1;
    if (inside)
        server_obey(inside, stop);
    if (rc == 0 && server_run(inside, "ANALYZE", "ANALYZE", &why) < 0)
        rc = *stop ? error_stopped(e, *stop) : analyze_each(inside, e);
    server_close(inside);
    return rc;
}

/* ---- dropping ---------------------------------------------------------------------- */

static int drop(struct server *s, const char *name, struct error *e)
{
    struct buf sql = {0};
    int rc = put_name(s, &sql, "DROP DATABASE IF EXISTS ", name, e);
    /* A pg_restore that was killed may still have its backend there for a moment. */
    if (rc == 0 && server_number(s) >= 130000)
        rc = buf_printf(&sql, e, " WITH (FORCE)");
    if (rc == 0)
        return execute(s, &sql, "DROP DATABASE", e);
    buf_done(&sql);
    return -1;
}

/* Event triggers first, which could refuse the rest and never fire for one another. */
static const char *const ending_subscriptions[] = {
    "SELECT format('ALTER EVENT TRIGGER %I DISABLE', evtname) FROM pg_event_trigger",
    "SELECT format('ALTER SUBSCRIPTION %I DISABLE', subname) FROM pg_subscription"
    " JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()",
    "SELECT format('ALTER SUBSCRIPTION %I SET (slot_name = NONE)', subname)"
    " FROM pg_subscription JOIN pg_database d ON d.oid = subdbid"
    " WHERE datname = current_database()",
    "SELECT format('DROP SUBSCRIPTION %I', subname) FROM pg_subscription"
    " JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()",
};

static int drop_subscriptions(struct server *s, const char *name, struct error *e)
{
    struct server *inside = server_reconnect(s, name, e);
    int rc = inside ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(ending_subscriptions); i++) {
        struct member_texts statements = {0};
        rc = server_list(inside, ending_subscriptions[i], NULL, &statements, e);
        for (size_t k = 0; rc == 0 && k < statements.count; k++)
            rc = server_run(inside, "subscription", statements.items[k], e);
        member_texts_done(&statements);
    }
    server_close(inside);
    return rc;
}

int database_drop(struct server *s, const char *name, struct error *e)
{
    struct error why = {0};
    uint64_t subscriptions = 0;
    int rc = server_number_of(s,
                              "SELECT count(*) FROM pg_subscription"
                              " JOIN pg_database d ON d.oid = subdbid WHERE datname = $1",
                              name, &subscriptions, &why);
    /* Only superusers may look there; then DROP DATABASE says what is in its way. */
    if (rc == 0 && subscriptions > 0 && drop_subscriptions(s, name, e) < 0)
        return -1;
    return drop(s, name, e);
}

/* ---- swapping ---------------------------------------------------------------------- */

int database_sessions(struct server *s, const char *name, uint64_t *count, struct error *e)
{
    return server_number_of(s,
                            "SELECT count(*) FROM pg_stat_activity"
                            " WHERE datname = $1 AND pid <> pg_backend_pid()"
                            " AND backend_type IN ('client backend', 'walsender')",
                            name, count, e);
}

int database_refuse_sessions(struct server *s, const char *name, const char *hint,
                             struct error *e)
{
    uint64_t sessions = 0;
    if (database_sessions(s, name, &sessions, e) < 0)
        return -1;
    if (sessions == 0)
        return 0;
    (void)error_set(e, ERROR_USAGE, "database %s has %llu other sessions", name,
                    (unsigned long long)sessions);
    return error_hint(e, "%s", hint);
}

/* One that may not be ended (a superuser's) is told by the RENAME. Autovacuum goes by itself.
 */
static int end_sessions(struct server *s, const char *name, struct error *e)
{
    struct member_texts statements = {0};
    int rc = server_list(s,
                         "SELECT 'SELECT pg_terminate_backend(' || pid || ')'"
                         " FROM pg_stat_activity WHERE datname = $1"
                         " AND pid <> pg_backend_pid()"
                         " AND backend_type IN ('client backend', 'walsender')",
                         name, &statements, e);
    for (size_t i = 0; rc == 0 && i < statements.count; i++) {
        struct error why;
        if (server_run(s, "end of a session", statements.items[i], &why) < 0)
            log_info("%s", why.text);
    }
    member_texts_done(&statements);
    return rc;
}

static int try_swap(struct server *s, const char *fresh, const char *name, const char *aside,
                    struct error *e)
{
    struct error why;
    int rc = end_sessions(s, name, e);
    if (rc < 0 || server_run(s, "BEGIN", "BEGIN", e) < 0)
        return -1;
    if (database_rename(s, name, aside, e) == 0 && database_rename(s, fresh, name, e) == 0)
        return server_run(s, "COMMIT", "COMMIT", e);
    if (server_run(s, "ROLLBACK", "ROLLBACK", &why) < 0)
        return error_wrap(e, "%s", why.text);
    return -1;
}

int database_swap(struct server *s, const char *fresh, const char *name, const char *aside,
                  struct error *e)
{
    int rc = -1;
    for (int i = 0; rc < 0 && i < SWAP_TRIES; i++) {
        rc = try_swap(s, fresh, name, aside, e);
        if (rc < 0 && strcmp(server_state(s), OBJECT_IN_USE) != 0)
            return -1;
    }
    if (rc < 0) {
        e->kind = ERROR_BUSY;
        return error_hint(e, "sessions come back faster than they can be ended: stop what "
                             "connects, or ALTER DATABASE … ALLOW_CONNECTIONS false");
    }
    return 0;
}
