/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/runs.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "tools/acks.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/render.h"
#include "tools/restore_db.h"
#include "tools/restore_file.h"
#include "tools/restore_globals.h"
#include "tools/restore_in_place.h"
#include "tools/restore_plan.h"
#include "tools/restore_run.h"
#include "tools/select.h"

struct restore_options_cli {
    struct select_options select;
    struct server_options server;
    struct restore_choice_options part;
    struct restore_check check;
    const char *into_new;
    const char *to_file;
    const char *locale;
    const char *role;
    const char *limit_download;
    bool plan, seekable;
    bool in_place, drop_extra, swap, with_sessions;
    bool no_owner, no_privileges, globals, create_roles, no_analyze;
    uint64_t jobs, threads;
};

#define AT(member) offsetof(struct restore_options_cli, member)
static const struct options_spec specs[] = {
    SELECT_SPECS(struct restore_options_cli, select),
    {0, "to-file", OPTIONS_TEXT, AT(to_file), "FILE",
     "the dump as it was, byte for byte, or an archive of the part asked for; - is standard "
     "output",
     ""},
    {0, "seekable", OPTIONS_FLAG, AT(seekable), NULL,
     "with --to-file: fill in where each table's data is, so that pg_restore -t and -j need "
     "not "
     "read all; these bytes then differ",
     ""},
    {0, "into-new", OPTIONS_TEXT, AT(into_new), "DB",
     "into a new database (default: DATABASE_restored_ID)", ""},
    {0, "swap", OPTIONS_FLAG, AT(swap), NULL,
     "with --into-new: a database of that name is put aside under another when the restore is "
     "done",
     ""},
    {0, "in-place", OPTIONS_FLAG, AT(in_place), NULL,
     "replace what the database of -d holds, in one transaction", ""},
    {'d', "dbname", OPTIONS_TEXT, AT(server.database), "DB", "the database of --in-place", ""},
    {0, "drop-extra", OPTIONS_FLAG, AT(drop_extra), NULL,
     "with --in-place: objects that the backup lacks are dropped too, instead of exit 38", ""},
    {0, "with-sessions", OPTIONS_FLAG, AT(with_sessions), NULL,
     "though others are connected: --swap ends their sessions, --in-place waits for their "
     "locks",
     ""},
    {'t', "table", OPTIONS_LIST, AT(part.tables), "TABLE",
     "only this table, view or sequence ([SCHEMA.]NAME; * and ? match), and what it needs", ""},
    {'n', "schema", OPTIONS_LIST, AT(part.schemas), "SCHEMA",
     "only this schema; with -t: tables in it", ""},
    {0, "large-objects", OPTIONS_FLAG, AT(part.large_objects), NULL,
     "with -t or -n: all large objects too", ""},
    {0, "plan", OPTIONS_FLAG, AT(plan), NULL,
     "tell what would be restored, why, and how much is fetched; do nothing", ""},
    {'j', "jobs", OPTIONS_NUMBER, AT(jobs), "N",
     "pg_restore processes side by side (1), into a new database", NULL},
    {0, "locale", OPTIONS_TEXT, AT(locale), "L", "locale of the new database", NULL},
    {0, "no-owner", OPTIONS_FLAG, AT(no_owner), NULL, "do not restore ownership", NULL},
    {'x', "no-privileges", OPTIONS_FLAG, AT(no_privileges), NULL, "do not restore grants",
     NULL},
    {0, "role", OPTIONS_TEXT, AT(role), "ROLE", "SET ROLE before restoring", NULL},
    {0, "globals", OPTIONS_FLAG, AT(globals), NULL,
     "make the roles that are missing as they were when the backup was made", NULL},
    {0, "create-roles", OPTIONS_FLAG, AT(create_roles), NULL,
     "make the roles that are missing, without login", NULL},
    {0, "schema-only", OPTIONS_FLAG, AT(part.schema_only), NULL, "no data", ""},
    {0, "data-only", OPTIONS_FLAG, AT(part.data_only), NULL, "no schema; --to-file only", ""},
    {0, "no-analyze", OPTIONS_FLAG, AT(no_analyze), NULL, "no ANALYZE at the end", NULL},
    RESTORE_CHECK_SPECS(struct restore_options_cli, check),
    {0, "threads", OPTIONS_NUMBER, AT(threads), "N", "worker threads", NULL},
    {0, "limit-download", OPTIONS_TEXT, AT(limit_download), "RATE",
     "bytes a second from S3 or SFTP, such as 10M", NULL},
    SERVER_SPECS(struct restore_options_cli, server),
};

/* One run. */
struct restoring {
    struct context *c;
    const struct restore_options_cli *o;
    const struct manifest *m;
    struct restore_choice choice;
    struct buf globals; /* the script of roles that was saved, if it is asked for */
    char *spare;        /* DATABASE_restored_ID */
    const char *name;   /* of a new database */
    char *in_place;     /* of the database that was restored in place */
    char *aside;        /* what the swapped one is called now */
};

/* ---- what is said ------------------------------------------------------------------ */

static char *spare_name(const struct manifest *m, struct error *e)
{
    char id[9];
    const char *database = m->private_part.database;
    if (!database || !*database)
        database = "pgkeep";
    /* 63 bytes at most, and the id stays whole. */
    str_hex(id, m->backup_id, 4);
    return str_format(e, "%.*s_restored_%s", (int)str_cut(database, 45), database, id);
}

static int say_json(const struct restoring *r, const char *target, int64_t took_ms,
                    struct error *e)
{
    char id[2 * FORMAT_ID_LEN + 1];
    struct json *j = json_new_object();
    str_hex(id, r->m->backup_id, FORMAT_ID_LEN);
    json_put_text(j, "message_type", "summary");
    json_put_text(j, "id", id);
    json_put_text(j, "target", target);
    if (r->aside)
        json_put_text(j, "put_aside", r->aside);
    if (!r->choice.whole) {
        json_put_u64(j, "entries", r->choice.selection.kept);
        json_put_u64(j, "toc_entries", r->choice.list.count);
    } else {
        json_put_u64(j, "dump_bytes", r->m->private_part.members[0].length);
    }
    json_put_u64(j, "duration_ms", (uint64_t)took_ms);
    int rc = json_write(j, false, stdout, e);
    (void)putchar('\n');
    json_free(j);
    return rc;
}

static int say(const struct restoring *r, const char *target, int64_t took_ms, struct error *e)
{
    char id[9];
    char took[32];
    char safe[200];
    if (r->c->json)
        return say_json(r, target, took_ms, e);
    if (r->c->quiet)
        return 0;
    str_hex(id, r->m->backup_id, 4);
    render_duration(took, took_ms);
    str_safe(safe, sizeof safe, bytes_text(target));
    if (!r->choice.whole)
        (void)printf("restored %u of %u entries of backup %s into %s in %s\n",
                     r->choice.selection.kept, r->choice.list.count, id, safe, took);
    else
        (void)printf("restored backup %s into %s in %s\n", id, safe, took);
    if (r->aside) {
        str_safe(safe, sizeof safe, bytes_text(r->aside));
        (void)printf("the database that was there is %s now\n", safe);
    }
    return 0;
}

/* What would be lost is told, and not done. */
static int say_extra(const struct restoring *r, const struct member_texts *extra,
                     struct error *e)
{
    char text[TOC_LIST_TEXT];
    if (r->c->json) {
        struct json *j = json_new_object();
        json_put_text(j, "message_type", "error");
        json_put_u64(j, "exit_code", EXIT_EXTRA);
        json_put_text(j, "message", "the database has objects that the backup lacks");
        struct json *objects = json_put_list(j, "objects");
        for (size_t i = 0; i < extra->count; i++)
            json_put_text(objects, NULL, extra->items[i]);
        int rc = json_write(j, false, stderr, e);
        (void)fputc('\n', stderr);
        json_free(j);
        return rc;
    }
    str_safe(text, sizeof text, bytes_text(r->in_place));
    (void)fprintf(stderr, "pgkeep: database %s has %zu objects that the backup lacks:\n", text,
                  extra->count);
    for (size_t i = 0; i < extra->count; i++) {
        str_safe(text, sizeof text, bytes_text(extra->items[i]));
        (void)fprintf(stderr, "  %s\n", text);
    }
    (void)fputs("hint: --drop-extra drops them too; nothing was changed\n", stderr);
    return 0;
}

static void warn(void *arg, const char *text)
{
    (void)arg;
    log_warning("%s", text);
}

/* ---- the ways ---------------------------------------------------------------------- */

static int to_file(struct restoring *r, struct error *e)
{
    const struct restore_file_options options = {.m = r->m,
                                                 .choice = &r->choice,
                                                 .path = r->o->to_file,
                                                 .seekable = r->o->seekable,
                                                 .threads = r->o->threads};
    return restore_file(r->c, &options, e);
}

static int into_new(struct restoring *r, struct error *e)
{
    const struct restore_options_cli *o = r->o;
    const struct restore_db_options options = {.server = o->server,
                                               .name = r->name,
                                               .spare = r->spare,
                                               .swap = o->swap,
                                               .with_sessions = o->with_sessions,
                                               .fresh = {.m = r->m,
                                                         .choice = &r->choice,
                                                         .locale = o->locale,
                                                         .role = o->role,
                                                         .no_owner = o->no_owner,
                                                         .no_privileges = o->no_privileges,
                                                         .no_analyze = o->no_analyze,
                                                         .globals = buf_view(&r->globals),
                                                         .create_roles = o->create_roles,
                                                         .jobs = o->jobs,
                                                         .threads = o->threads,
                                                         .check = o->check}};
    return restore_db(r->c, &options, &r->aside, e);
}

/* Answers EXIT_EXTRA too. */
static int in_place(struct restoring *r, struct error *e)
{
    const struct restore_options_cli *o = r->o;
    const struct restore_in_place_options options = {.m = r->m,
                                                     .choice = &r->choice,
                                                     .server = o->server,
                                                     .role = o->role,
                                                     .no_owner = o->no_owner,
                                                     .no_privileges = o->no_privileges,
                                                     .no_analyze = o->no_analyze,
                                                     .globals = buf_view(&r->globals),
                                                     .create_roles = o->create_roles,
                                                     .drop_extra = o->drop_extra,
                                                     .with_sessions = o->with_sessions,
                                                     .threads = o->threads,
                                                     .check = o->check};
    struct member_texts extra = {0};
    int rc = restore_in_place(r->c, &options, &r->in_place, &extra, e);
    if (rc == RESTORE_IN_PLACE_EXTRA)
        rc = say_extra(r, &extra, e) < 0 ? -1 : EXIT_EXTRA;
    member_texts_done(&extra);
    return rc;
}

static int restore_it(struct restoring *r, struct error *e)
{
    const struct restore_options_cli *o = r->o;
    int64_t started = clock_monotonic_ms();
    char target[160];
    int rc = o->to_file ? to_file(r, e) : o->in_place ? in_place(r, e) : into_new(r, e);
    if (rc != 0 || (o->to_file && strcmp(o->to_file, "-") == 0))
        return rc;
    (void)snprintf(target, sizeof target, "%s%s", o->to_file ? "" : "database ",
                   o->to_file    ? o->to_file
                   : o->in_place ? r->in_place
                                 : r->name);
    return say(r, target, clock_monotonic_ms() - started, e);
}

static int plan_it(struct restoring *r, struct error *e)
{
    const struct restore_options_cli *o = r->o;
    const struct restore_plan_target target = {.kind = o->to_file    ? RESTORE_PLAN_FILE
                                                       : o->in_place ? RESTORE_PLAN_IN_PLACE
                                                                     : RESTORE_PLAN_NEW,
                                               .name = o->to_file    ? o->to_file
                                                       : o->in_place ? o->server.database
                                                                     : r->name};
    return restore_plan_print(r->c, r->m, &r->choice, &target, e);
}

/* The restore, or its plan, of all or of the part that is asked for. */
static int choose(struct restoring *r, struct error *e)
{
    const struct restore_options_cli *o = r->o;
    r->choice = (struct restore_choice){.options = &o->part, .whole = true};
    r->spare = spare_name(r->m, e);
    r->name = o->into_new ? o->into_new : r->spare;
    if (!r->spare)
        return -1;
    if (!o->to_file && r->m->private_part.members[0].kind != FORMAT_MEMBER_DUMP)
        return error_set(e, ERROR_UNSUPPORTED,
                         "the archive is of a version this program does not know; restore it "
                         "--to-file, and with a newer pg_restore");
    /* All of it to a file: what it holds need not be understood. */
    if ((!o->to_file || o->plan || restore_choice_wanted(&o->part)) &&
        restore_choice_make(r->c, r->m, &o->part, &r->choice, e) < 0)
        return -1;
    if (o->plan)
        return plan_it(r, e);
    if (restore_choice_notes(&r->choice, warn, NULL, e) < 0 ||
        (o->globals && restore_globals_load(r->c, r->m, &r->globals, e) < 0))
        return -1;
    return restore_it(r, e);
}

/* ---- the command ------------------------------------------------------------------- */

static int check_in_place(const struct restore_options_cli *o, struct error *e)
{
    if (!o->in_place && o->server.database) {
        (void)error_set(e, ERROR_USAGE, "-d goes with --in-place");
        return error_hint(e, "--into-new names a new database");
    }
    if (!o->in_place)
        return o->drop_extra ? error_set(e, ERROR_USAGE, "--drop-extra goes with --in-place")
                             : 0;
    if (!server_options_typed(&o->server))
        return error_set(e, ERROR_USAGE,
                         "--in-place: the database to be replaced is named by -d, "
                         "--db-url-env or --db-url-file");
    if (o->jobs > 1) {
        (void)error_set(e, ERROR_USAGE, "--in-place is one transaction, and so one job");
        return error_hint(e, "--into-new DB --swap -j N");
    }
    if (o->part.tables.count + o->part.schemas.count > 0) {
        (void)error_set(e, ERROR_USAGE, "--in-place replaces the whole database");
        return error_hint(e, "rows alone into tables that are there: -t TABLE --data-only "
                             "--to-file - | pg_restore -d DATABASE");
    }
    return 0;
}

static int check_options(const struct restore_options_cli *o, struct error *e)
{
    if ((o->to_file != NULL) + (o->into_new != NULL) + o->in_place > 1)
        return error_set(e, ERROR_USAGE, "only one of --to-file, --into-new and --in-place");
    if (o->seekable && (!o->to_file || strcmp(o->to_file, "-") == 0))
        return error_set(e, ERROR_USAGE, "--seekable: a file is expected, --to-file FILE");
    if (o->swap && !o->into_new)
        return error_set(e, ERROR_USAGE, "--swap goes with --into-new DB");
    if (o->part.schema_only && o->part.data_only)
        return error_set(e, ERROR_USAGE, "only one of --schema-only and --data-only");
    if (o->part.large_objects && (o->part.tables.count + o->part.schemas.count == 0))
        return error_set(e, ERROR_USAGE,
                         "--large-objects goes with -t or -n: a whole restore "
                         "has them");
    if (o->jobs > RESTORE_RUN_JOBS_MAX)
        return error_set(e, ERROR_USAGE, "-j: 1 to %d, not %llu", RESTORE_RUN_JOBS_MAX,
                         (unsigned long long)o->jobs);
    if (o->to_file && (o->jobs > 1 || o->check.smoke || o->check.hook || o->globals))
        return error_set(e, ERROR_USAGE,
                         "-j, --globals, --smoke and --hook go with a database");
    if (o->part.data_only && !o->to_file) {
        (void)error_set(e, ERROR_USAGE,
                        "--data-only: a new database has no tables for the rows");
        return error_hint(e, "--data-only --to-file - | pg_restore -d DATABASE");
    }
    return restore_check_usable(&o->check, e) < 0 ? -1 : check_in_place(o, e);
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct restore_options_cli *o = options;
    struct manifest m = {0};
    struct restoring r = {.c = c, .o = o, .m = &m};
    struct error why;
    int64_t run_id = 0;
    if (argc != 1 || after)
        return error_set(e, ERROR_USAGE, "restore: one backup is expected");
    if (check_options(o, e) < 0 ||
        context_rate("--limit-download", o->limit_download, &c->down_per_second, e) < 0 ||
        context_reader(c, e) < 0 || select_manifest(c, argv[0], &o->select, &m, e) < 0)
        return -1;
    int rc = m.private_part.member_count > 0
                 ? 0
                 : error_set(e, ERROR_UNSUPPORTED, "the backup holds no dump");
    acks_warn(c->catalog, &m);
    bool running = !o->plan && runs_begin(c->catalog, "restore", &run_id, &why) == 0;
    if (rc == 0)
        rc = choose(&r, e);
    int code = rc < 0 ? (int)exit_of(e->kind) : rc;
    if (running && runs_end(c->catalog, run_id, code,
                            rc < 0    ? e->text
                            : rc == 0 ? "restored"
                                      : "the database has objects that the backup lacks",
                            m.backup_id, &why) < 0)
        log_warning("catalog: %s", why.text);
    restore_choice_done(&r.choice);
    secret_free_buf(&r.globals);
    free(r.spare);
    free(r.in_place);
    free(r.aside);
    manifest_done(&m);
    return rc;
}

const struct command cmd_restore = {
    .name = "restore",
    .usage = "ID [-t TABLE]... [-n SCHEMA]... [--into-new DB [--swap] | --in-place -d DB | "
             "--to-file FILE] [--plan]",
    .summary = "A backup, or tables of it, into a new database or a dump file",
    .more =
        "The new database is made from template0 under a temporary name and renamed when all\n"
        "is in it; it is dropped when anything fails. No existing database is touched, unless\n"
        "--swap puts one aside in the end (ALTER DATABASE ... RENAME brings it back) or --in-\n"
        "place replaces what is in it. --in-place reads and checks the whole backup first,\n"
        "then drops and restores in one transaction: what fails up to its end leaves all as\n"
        "it was. Roles that were made for the restore stay in any case.\n"
        "\n"
        "-t and -n may be given several times. A table comes with its rows, indexes,\n"
        "constraints, triggers, rules, policies, sequences, comments and grants, a\n"
        "partitioned one with its partitions, a view with the tables it reads; of what else\n"
        "they need (schemas, types, functions, extensions, the parent of a partition) the\n"
        "definition comes along. Foreign keys are left out where the other table is not\n"
        "taken. Only what these need is fetched from the repository.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct restore_options_cli),
    .run = run,
};
