/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_db.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/str.h"

/* Others in the database that is to be replaced. */
static int check_sessions(struct server *s, const struct restore_db_options *o, struct error *e)
{
    return o->with_sessions
               ? 0
               : database_refuse_sessions(s, o->name,
                                          "--with-sessions ends them when all else is done", e);
}

/* 1: there is one to be put aside. */
static int check_target(struct server *s, const struct restore_db_options *o, struct error *e)
{
    uint64_t template = 0;
    int has = server_has_database(s, o->name, e);
    if (has <= 0)
        return has;
    if (server_number_of(s, "SELECT datistemplate::int FROM pg_database WHERE datname = $1",
                         o->name, &template, e) < 0)
        return -1;
    if (o->swap && (template || strcmp(o->name, RESTORE_FRESH_MAINTENANCE) == 0))
        return error_set(e, ERROR_USAGE, "--swap: database %s is one that the server needs",
                         o->name);
    if (o->swap)
        return check_sessions(s, o, e) < 0 ? -1 : 1;
    (void)error_set(e, ERROR_EXISTS, "database %s is there already", o->name);
    return error_hint(e, "--swap puts it aside when the restore is done, --in-place replaces "
                         "what is in it");
}

/* shop_before_20260131_235959; cut between characters, so that the time stays whole. */
static char *aside_name(struct server *s, const char *name, struct error *e)
{
    char when[32] = "";
    struct tm tm;
    time_t now = time(NULL);
    int len = (int)str_cut(name, 40);
    if (localtime_r(&now, &tm))
        (void)strftime(when, sizeof when, "%Y%m%d_%H%M%S", &tm);
    char *aside = str_format(e, "%.*s_before_%s", len, name, when);
    int has = aside ? server_has_database(s, aside, e) : -1;
    for (int i = 2; has > 0; i++) {
        free(aside);
        aside = str_format(e, "%.*s_before_%s_%d", len, name, when, i);
        has = aside ? server_has_database(s, aside, e) : -1;
    }
    if (has == 0)
        return aside;
    free(aside);
    return NULL;
}

/* What took hours is kept, under its own name. */
static int keep(struct server *s, const struct restore_db_options *o, const char *fresh,
                struct error *e)
{
    struct error why = {0};
    if (database_rename(s, fresh, o->spare, &why) == 0)
        fresh = o->spare;
    return error_wrap(e, "the backup is restored, but as database %s", fresh);
}

static int swap(struct server *s, const struct restore_db_options *o, const char *fresh,
                char **aside, struct error *e)
{
    *aside = aside_name(s, o->name, e);
    if (*aside && check_sessions(s, o, e) == 0 &&
        database_swap(s, fresh, o->name, *aside, e) == 0)
        return 0;
    free(*aside);
    *aside = NULL;
    return keep(s, o, fresh, e);
}

int restore_db(struct context *c, const struct restore_db_options *o, char **aside,
               struct error *e)
{
    char fresh[RESTORE_FRESH_NAME];
    *aside = NULL;
    if (!server_name_fits(o->name))
        return error_set(e, ERROR_USAGE, "the name of the new database: 1 to 63 bytes, not %zu",
                         strlen(o->name));
    struct server *s = server_connect(&o->server, RESTORE_FRESH_MAINTENANCE, NULL, e);
    if (!s)
        return -1;
    struct restore_fresh_options options = o->fresh;
    options.server = s;
    int there = check_target(s, o, e);
    int rc = there < 0 ? -1 : restore_fresh_make(c, &options, fresh, e);
    if (rc == 0 && there) {
        rc = swap(s, o, fresh, aside, e);
    } else if (rc == 0) {
        rc = database_rename(s, fresh, o->name, e);
        if (rc < 0)
            (void)keep(s, o, fresh, e);
    }
    server_close(s);
    return rc;
}
