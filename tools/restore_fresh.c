/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_fresh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "tools/restore_properties.h"
#include "tools/restore_roles.h"
#include "tools/restore_run.h"

struct job {
    struct context *c;
    const struct restore_fresh_options *o;
    struct toc_facts facts;
    const char *name; /* of the database */
};

static int choose_name(const struct job *j, char name[RESTORE_FRESH_NAME], struct error *e)
{
    uint8_t random[4];
    char id[9];
    char suffix[9];
    if (secret_random(random, sizeof random, e) < 0)
        return -1;
    str_hex(id, j->o->m->backup_id, 4);
    str_hex(suffix, random, sizeof random);
    (void)snprintf(name, RESTORE_FRESH_NAME, "pgkeep_%s_%s", id, suffix);
    return 0;
}

static int make_database(const struct job *j, struct error *e)
{
    struct database_locale locale = j->facts.locale;
    char *given = NULL;
    if (j->o->locale) {
        given = str_copy(j->o->locale, e);
        if (!given)
            return -1;
        locale = (struct database_locale){.encoding = locale.encoding, .locale = given};
    }
    /* Who makes the objects must own the database, or he may not touch its public schema. */
    locale.owner = j->o->role;
    int rc = database_create(j->o->server, j->name, &locale, e);
    free(given);
    if (rc < 0 && (strstr(e->text, "locale") || strstr(e->text, "collat")))
        (void)error_hint(e, "--locale L chooses a locale that this server has");
    return rc;
}

/* What the TOC could not know, or never had. */
static void hint_at_missing(const struct job *j, struct error *e)
{
    if (strstr(e->text, "ERROR:  schema "))
        (void)error_hint(e, "a backup of some tables only has no schemas; where they are: "
                            "--to-file - | pg_restore -d DATABASE");
    else if (j->o->choice->by_name)
        (void)error_hint(e, "what a function uses inside is not known to be needed; -n takes a "
                            "whole schema, --plan tells what is taken");
}

static int fill(const struct job *j, struct error *e)
{
    const struct restore_fresh_options *o = j->o;
    const struct restore_run_options options = {.m = o->m,
                                                .choice = o->choice,
                                                .server = o->server,
                                                .database = j->name,
                                                .role = o->role,
                                                .no_owner = o->no_owner,
                                                .no_privileges = o->no_privileges,
                                                .no_tablespaces = o->no_tablespaces,
                                                .jobs = o->jobs ? (unsigned)o->jobs : 1,
                                                .threads = o->threads};
    int rc = restore_run(j->c, &options, e);
    if (rc < 0 && e->kind == ERROR_CHILD && strstr(e->text, "does not exist"))
        hint_at_missing(j, e);
    return rc;
}

static int complete(const struct job *j, struct error *e)
{
    const struct restore_fresh_options *o = j->o;
    const struct restore_properties_options properties = {.no_owner = o->no_owner,
                                                          .no_privileges = o->no_privileges};
    if (fill(j, e) < 0 ||
        restore_properties_apply(o->server, j->name, &j->facts, &properties, e) < 0)
        return -1;
    if (!o->no_analyze && !o->choice->options->schema_only &&
        database_analyze(o->server, j->name, j->c->stop, e) < 0)
        return -1;
    return restore_check_run(j->c, &o->check, o->server, j->name, e);
}

int restore_fresh_make(struct context *c, const struct restore_fresh_options *o,
                       char name[RESTORE_FRESH_NAME], struct error *e)
{
    const struct restore_choice *choice = o->choice;
    const struct restore_roles_options roles = {.no_owner = o->no_owner,
                                                .no_privileges = o->no_privileges,
                                                .globals = o->globals,
                                                .create = o->create_roles,
                                                .superusers = o->superusers};
    struct job j = {.c = c, .o = o, .name = name};
    int rc = toc_facts_read(buf_view(&choice->toc), &choice->selection, &j.facts, e);
    if (rc == 0)
        rc = restore_roles_prepare(o->server, &j.facts, &roles, e);
    if (rc == 0)
        rc = choose_name(&j, name, e);
    if (rc == 0)
        rc = make_database(&j, e);
    if (rc == 0) {
        rc = complete(&j, e);
        if (rc == 0 && *c->stop)
            rc = error_stopped(e, *c->stop);
        if (rc < 0)
            restore_fresh_drop(o->server, name);
    }
    toc_facts_done(&j.facts);
    return rc;
}

void restore_fresh_drop(struct server *s, const char *name)
{
    struct error why;
    if (database_drop(s, name, &why) < 0)
        log_error("the unfinished database %s could not be dropped: %s", name, why.text);
}
