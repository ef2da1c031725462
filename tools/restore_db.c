/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "core/job/restore.h"
#include "tools/database_sql.h"
#include "tools/pg_child.h"
#include "tools/pg_tools.h"
#include "tools/render.h"
#include "tools/toc_facts.h"

#define MAX_ARGUMENTS 16
#define MAINTENANCE "postgres" /* where CREATE and ALTER DATABASE are run */

struct job {
    struct context *c;
    const struct restore_db_options *o;
    const struct manifest *m;
    const struct member *member;
    struct server *server; /* connected to the maintenance database */
    struct toc_facts facts;
    char temporary[64];
    bool made;
    struct child *child;
    struct render_progress progress;
    uint64_t delivered;
};

static int load_facts(struct job *j, struct error *e)
{
    const struct restore_choice *choice = j->o->choice;
    if (choice)
        return toc_facts_read(buf_view(&choice->toc), &choice->selection, &j->facts, e);
    const struct restore_options options = {.repo = j->c->repo, .manifest = j->m, .workers = 1};
    struct buf toc = {0};
    struct restore *r = restore_new(&options, e);
    int rc = r ? restore_toc(r, j->member, &toc, e) : -1;
    if (rc == 0)
        rc = toc_facts_read(buf_view(&toc), NULL, &j->facts, e);
    restore_free(r);
    buf_done(&toc);
    return rc;
}

static int add_missing(struct job *j, const struct member_texts *roles, struct buf *missing,
                       struct error *e)
{
    for (size_t i = 0; i < roles->count; i++) {
        char name[80];
        int has = server_has_role(j->server, roles->items[i], e);
        str_safe(name, sizeof name, bytes_text(roles->items[i]));
        if (has < 0 ||
            (has == 0 && buf_printf(missing, e, "%s%s", missing->len ? ", " : "", name) < 0))
            return -1;
    }
    return 0;
}

/* Say what is missing before anything is written, not at statement 900. */
static int check_roles(struct job *j, struct error *e)
{
    struct buf missing = {0};
    int rc = j->o->no_owner ? 0 : add_missing(j, &j->facts.owners, &missing, e);
    if (rc == 0 && !j->o->no_privileges)
        rc = add_missing(j, &j->facts.grantees, &missing, e);
    if (rc == 0 && missing.len > 0) {
        (void)error_set(e, ERROR_SERVER, "roles that the dump names are missing here: %.*s",
                        (int)missing.len, (const char *)missing.data);
        rc = error_hint(e, "create them, or restore with --no-owner --no-privileges");
    }
    buf_done(&missing);
    return rc;
}

static int make_database(struct job *j, struct error *e)
{
    uint8_t random[4];
    char id[9];
    char suffix[9];
    int has = server_has_database(j->server, j->o->name, e);
    if (has != 0)
        return has < 0 ? -1
                       : error_set(e, ERROR_EXISTS, "database %s is there already", j->o->name);
    if (secret_random(random, sizeof random, e) < 0)
        return -1;
    str_hex(id, j->m->backup_id, 4);
    str_hex(suffix, random, sizeof random);
    (void)snprintf(j->temporary, sizeof j->temporary, "pgkeep_%s_%s", id, suffix);
    struct server_locale locale = j->facts.locale;
    char *given = NULL;
    if (j->o->locale) {
        given = str_copy(j->o->locale, e);
        if (!given)
            return -1;
        locale = (struct server_locale){.encoding = locale.encoding, .locale = given};
    }
    /* Who makes the objects must own the database, or he may not touch its public schema. */
    locale.owner = j->o->role;
    int rc = server_create_database(j->server, j->temporary, &locale, e);
    free(given);
    if (rc < 0 && (strstr(e->text, "locale") || strstr(e->text, "collat")))
        (void)error_hint(e, "--locale L chooses a locale that this server has");
    if (rc < 0)
        return -1;
    j->made = true;
    return 0;
}

/* ---- pg_restore -------------------------------------------------------------------- */

static int to_child(void *arg, struct bytes b, struct error *e)
{
    struct job *j = arg;
    if (file_write_full(child_in(j->child), b, e) < 0)
        return error_wrap(e, "pg_restore");
    j->delivered += b.len;
    render_progress(&j->progress, j->delivered);
    return 0;
}

static const struct toc_select *selection_of(const struct job *j)
{
    return j->o->choice ? &j->o->choice->selection : NULL;
}

static int feed(struct job *j, struct error *e)
{
    const struct restore_options options = {.repo = j->c->repo,
                                            .manifest = j->m,
                                            .selection = selection_of(j),
                                            .workers = context_workers(j->o->threads),
                                            .write = to_child,
                                            .write_arg = j,
                                            .stop = j->c->stop};
    struct restore *r = restore_new(&options, e);
    int rc = r ? restore_member(r, j->member, e) : -1;
    restore_free(r);
    return rc;
}

static bool is_schema_only(const struct job *j)
{
    return j->o->choice && j->o->choice->options->schema_only;
}

/* When pg_restore went away its own words say why; ours would only say that it did. */
static int finish_child(struct job *j, int rc, struct error *e)
{
    struct error why = {0};
    if (rc < 0 && !(e->kind == ERROR_IO && e->sys == EPIPE)) {
        child_kill(j->child);
        return -1;
    }
    if (child_finish(j->child, "pg_restore", rc < 0 ? &why : e) == 0) {
        /* Done before it had read all: without data it need not. */
        if (rc == 0 || is_schema_only(j))
            return 0;
        return error_set(e, ERROR_CHILD, "pg_restore ended before it had read the whole dump");
    }
    if (rc < 0)
        *e = why;
    child_kill(j->child); /* it still runs when a signal ended the wait */
    return -1;
}

static int run_pg_restore(struct job *j, const char *program, const char *conninfo,
                          struct error *e)
{
    const struct restore_db_options *o = j->o;
    const char *arguments[MAX_ARGUMENTS] = {program, "--exit-on-error", "--no-password", "-d",
                                            conninfo};
    size_t n = 5;
    struct pg_child child;
    if (o->no_owner)
        arguments[n++] = "--no-owner";
    if (o->no_privileges)
        arguments[n++] = "--no-privileges";
    if (o->role) {
        arguments[n++] = "--role";
        arguments[n++] = o->role;
    }
    if (pg_child_prepare(&child, j->server, e) < 0)
        return -1;
    child.options.argv = arguments;
    child.options.pipe_in = true;
    j->child = child_start(&child.options, e);
    int rc = -1;
    if (j->child) {
        child_obey(j->child, j->c->stop);
        rc = finish_child(j, feed(j, e), e);
        child_free(j->child);
    }
    pg_child_done(&child);
    return rc;
}

/* What the TOC could not know, or never had. */
static void hint_at_missing(const struct job *j, struct error *e)
{
    if (strstr(e->text, "ERROR:  schema "))
        (void)error_hint(e, "a backup of some tables only has no schemas; where they are: "
                            "--to-file - | pg_restore -d DATABASE");
    else if (j->o->choice && j->o->choice->by_name)
        (void)error_hint(e, "what a function uses inside is not known to be needed; -n takes a "
                            "whole schema, --plan tells what is taken");
}

static int fill(struct job *j, struct error *e)
{
    char *program = NULL;
    char *conninfo = server_conninfo(j->server, j->temporary, e);
    /* pg_restore reads older archives, never newer ones; the server's major is the least. */
    int server = server_number(j->server) / 10000;
    int dump = j->m->private_part.dump_version
                   ? (int)strtol(j->m->private_part.dump_version, NULL, 10)
                   : 0;
    int rc = conninfo
                 ? pg_tools_find("pg_restore", dump > server ? dump : server, &program, NULL, e)
                 : -1;
    if (rc == 0)
        rc = run_pg_restore(j, program, conninfo, e);
    if (rc < 0 && e->kind == ERROR_CHILD && strstr(e->text, "does not exist"))
        hint_at_missing(j, e);
    free(program);
    free(conninfo);
    return rc;
}

/* One that is refused (a setting for superusers only) is told and does not undo the rest. */
static int run_statements(struct job *j, const struct member_texts *definitions,
                          const char *name, struct error *e)
{
    struct member_texts statements = {0};
    size_t left_out = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < definitions->count; i++)
        rc = database_sql_rewrite(bytes_text(definitions->items[i]), name, &statements,
                                  &left_out, e);
    for (size_t i = 0; i < statements.count; i++) {
        struct error why;
        if (rc == 0 && server_run(j->server, statements.items[i], &why) < 0)
            log_warning("the database's own settings: %s", why.text);
        free(statements.items[i]);
    }
    free(statements.items);
    if (left_out > 0)
        log_warning("%zu statements about the database itself were left out", left_out);
    return rc;
}

/* Without its owner the database's public schema and CREATE SCHEMA are closed to him. */
static int apply_owner(struct job *j, struct error *e)
{
    if (j->o->no_owner || !j->facts.owner ||
        server_own_database(j->server, j->temporary, j->facts.owner, e) == 0)
        return 0;
    return error_hint(e, "a superuser may do that, or restore with --no-owner");
}

/* Owner, settings, comment and grants of the database, which pg_restore gives only to a
 * database of the dump's own name. */
static int apply_properties(struct job *j, struct error *e)
{
    if (apply_owner(j, e) < 0)
        return -1;
    char *name = server_identifier(j->server, j->temporary, e);
    int rc = name ? run_statements(j, &j->facts.properties, name, e) : -1;
    if (rc == 0 && !j->o->no_privileges)
        rc = run_statements(j, &j->facts.privileges, name, e);
    free(name);
    return rc;
}

static int analyze(struct job *j, struct error *e)
{
    if (j->o->no_analyze || is_schema_only(j))
        return 0;
    struct server *s = server_reconnect(j->server, j->temporary, e);
    int rc = s ? server_analyze(s, e) : -1;
    server_close(s);
    return rc;
}

/* The half-filled database goes; a failure here is told beside the first one. */
static void drop(struct job *j)
{
    struct error why;
    if (j->made && server_drop_database(j->server, j->temporary, &why) < 0)
        log_error("the unfinished database %s could not be dropped: %s", j->temporary,
                  why.text);
}

int restore_db(struct context *c, const struct manifest *m, const struct restore_db_options *o,
               struct error *e)
{
    if (!server_name_fits(o->name))
        return error_set(e, ERROR_USAGE, "the name of the new database: 1 to 63 bytes, not %zu",
                         strlen(o->name));
    struct job j = {.c = c, .o = o, .m = m, .member = &m->private_part.members[0]};
    int rc = -1;
    if (j.member->kind != FORMAT_MEMBER_DUMP)
        return error_set(e, ERROR_UNSUPPORTED,
                         "the archive is of a version this program does not know; restore it "
                         "--to-file, and with a newer pg_restore");
    j.progress = (struct render_progress){.wanted = context_wants_progress(c),
                                          .what = "restore",
                                          .total = o->choice ? 0 : j.member->length};
    j.server = server_connect(&o->server, MAINTENANCE, NULL, e);
    if (!j.server || load_facts(&j, e) < 0 || check_roles(&j, e) < 0 ||
        make_database(&j, e) < 0)
        goto out;
    rc = fill(&j, e);
    render_progress_end(&j.progress);
    if (rc == 0)
        rc = apply_properties(&j, e);
    if (rc == 0)
        rc = analyze(&j, e);
    if (rc == 0 && *c->stop)
        rc = error_stopped(e, *c->stop);
    if (rc == 0)
        rc = server_rename_database(j.server, j.temporary, o->name, e);
    if (rc < 0)
        drop(&j);
out:
    server_close(j.server);
    toc_facts_done(&j.facts);
    return rc;
}
