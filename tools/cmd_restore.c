/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/runs.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/dump/seekable.h"
#include "core/job/restore.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/render.h"
#include "tools/restore_db.h"
#include "tools/restore_plan.h"
#include "tools/select.h"

struct restore_options_cli {
    struct select_options select;
    struct restore_db_options db;
    struct restore_choice_options part;
    bool plan;
    bool seekable;
    const char *to_file;
    const char *limit_download;
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
    {0, "into-new", OPTIONS_TEXT, AT(db.name), "DB",
     "into a new database (default: DATABASE_restored_ID)", ""},
    {'t', "table", OPTIONS_LIST, AT(part.tables), "TABLE",
     "only this table, view or sequence ([SCHEMA.]NAME; * and ? match), and what it needs", ""},
    {'n', "schema", OPTIONS_LIST, AT(part.schemas), "SCHEMA",
     "only this schema; with -t: tables in it", ""},
    {0, "large-objects", OPTIONS_FLAG, AT(part.large_objects), NULL,
     "with -t or -n: all large objects too", ""},
    {0, "plan", OPTIONS_FLAG, AT(plan), NULL,
     "tell what would be restored, why, and how much is fetched; do nothing", ""},
    {0, "locale", OPTIONS_TEXT, AT(db.locale), "L", "locale of the new database", NULL},
    {0, "no-owner", OPTIONS_FLAG, AT(db.no_owner), NULL, "do not restore ownership", NULL},
    {'x', "no-privileges", OPTIONS_FLAG, AT(db.no_privileges), NULL, "do not restore grants",
     NULL},
    {0, "role", OPTIONS_TEXT, AT(db.role), "ROLE", "SET ROLE before restoring", NULL},
    {0, "schema-only", OPTIONS_FLAG, AT(part.schema_only), NULL, "no data", ""},
    {0, "data-only", OPTIONS_FLAG, AT(part.data_only), NULL, "no schema; --to-file only", ""},
    {0, "no-analyze", OPTIONS_FLAG, AT(db.no_analyze), NULL, "no ANALYZE at the end", NULL},
    {0, "threads", OPTIONS_NUMBER, AT(db.threads), "N", "worker threads", NULL},
    {0, "limit-download", OPTIONS_TEXT, AT(limit_download), "RATE",
     "bytes a second from S3 or SFTP, such as 10M", NULL},
    SERVER_SPECS(struct restore_options_cli, db.server),
};

/* ---- to a file --------------------------------------------------------------------- */

struct to_file {
    int fd;
    struct seekable *seekable; /* NULL: it is not asked for */
    const char *name;
    uint64_t delivered;
    struct render_progress progress;
};

static int write_file(void *arg, struct bytes b, struct error *e)
{
    struct to_file *f = arg;
    f->delivered += b.len;
    render_progress(&f->progress, f->delivered);
    if (f->seekable && seekable_take(f->seekable, b, e) < 0)
        return -1;
    return file_write_full(f->fd, b, e) < 0 ? error_wrap(e, "%s", f->name) : 0;
}

static int deliver(struct context *c, const struct manifest *m,
                   const struct restore_options_cli *o, struct to_file *f, struct error *e)
{
    const struct member *member = &m->private_part.members[0];
    const struct restore_choice *choice = o->db.choice;
    const struct restore_options options = {.repo = c->repo,
                                            .manifest = m,
                                            .selection = choice ? &choice->selection : NULL,
                                            .workers = context_workers(o->db.threads),
                                            .write = write_file,
                                            .write_arg = f,
                                            .stop = c->stop};
    f->progress = (struct render_progress){.wanted = context_wants_progress(c),
                                           .what = "restore",
                                           .total = choice ? 0 : member->length};
    struct restore *r = restore_new(&options, e);
    int rc = r ? restore_member(r, member, e) : -1;
    restore_free(r);
    render_progress_end(&f->progress);
    return rc;
}

/* A device, a pipe: there is nothing to put in its place. */
static int restore_in_place(struct context *c, const struct manifest *m,
                            const struct restore_options_cli *o, struct error *e)
{
    struct to_file f = {.name = o->to_file};
    f.fd = open(o->to_file, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (f.fd < 0)
        return error_system(e, "%s", o->to_file);
    int rc = deliver(c, m, o, &f, e);
    if (close(f.fd) < 0 && rc == 0)
        rc = error_system(e, "%s", o->to_file);
    return rc;
}

/* The file appears when it is whole and its SHA-256 is right, or not at all. */
static int restore_file(struct context *c, const struct manifest *m,
                        const struct restore_options_cli *o, struct error *e)
{
    struct file_draft draft;
    struct stat st;
    struct to_file f = {.fd = STDOUT_FILENO, .name = "standard output"};
    if (strcmp(o->to_file, "-") == 0)
        return deliver(c, m, o, &f, e);
    if (stat(o->to_file, &st) == 0 && !S_ISREG(st.st_mode))
        return o->seekable ? error_set(e, ERROR_USAGE, "--seekable: %s is no file", o->to_file)
                           : restore_in_place(c, m, o, e);
    f.name = o->to_file;
    f.fd = file_draft_begin(&draft, o->to_file, 0600, e);
    if (f.fd < 0)
        return -1;
    f.seekable = o->seekable ? seekable_new(e) : NULL;
    int rc = o->seekable && !f.seekable ? -1 : deliver(c, m, o, &f, e);
    if (rc == 0 && f.seekable)
        rc = seekable_write(f.seekable, f.fd, e);
    seekable_free(f.seekable);
    if (rc == 0)
        return file_draft_commit(&draft, e);
    file_draft_abort(&draft);
    return -1;
}

/* ---- the command ------------------------------------------------------------------- */

static char *default_name(const struct manifest *m, struct error *e)
{
    char id[9];
    const char *database = m->private_part.database;
    if (!database || !*database)
        database = "pgkeep";
    /* 63 bytes at most, and the id stays whole: cut between characters. */
    size_t len = strlen(database);
    if (len > 45)
        for (len = 45; len > 1 && ((unsigned char)database[len] & 0xc0) == 0x80;)
            len--;
    str_hex(id, m->backup_id, 4);
    return str_format(e, "%.*s_restored_%s", (int)len, database, id);
}

static int say_json(const struct manifest *m, const struct restore_choice *choice,
                    const char *target, int64_t took_ms, struct error *e)
{
    char id[2 * FORMAT_ID_LEN + 1];
    struct json *j = json_new_object();
    str_hex(id, m->backup_id, FORMAT_ID_LEN);
    json_put_text(j, "message_type", "summary");
    json_put_text(j, "id", id);
    json_put_text(j, "target", target);
    if (choice) {
        json_put_u64(j, "entries", choice->selection.kept);
        json_put_u64(j, "toc_entries", choice->list.count);
    } else {
        json_put_u64(j, "dump_bytes", m->private_part.members[0].length);
    }
    json_put_u64(j, "duration_ms", (uint64_t)took_ms);
    int rc = json_write(j, false, stdout, e);
    (void)putchar('\n');
    json_free(j);
    return rc;
}

static int say(struct context *c, const struct manifest *m, const struct restore_options_cli *o,
               const char *target, int64_t took_ms, struct error *e)
{
    const struct restore_choice *choice = o->db.choice;
    char id[9];
    char took[32];
    char safe[200];
    if (c->json)
        return say_json(m, choice, target, took_ms, e);
    if (c->quiet)
        return 0;
    str_hex(id, m->backup_id, 4);
    render_duration(took, took_ms);
    str_safe(safe, sizeof safe, bytes_text(target));
    if (choice)
        (void)printf("restored %u of %u entries of backup %s into %s in %s\n",
                     choice->selection.kept, choice->list.count, id, safe, took);
    else
        (void)printf("restored backup %s into %s in %s\n", id, safe, took);
    return 0;
}

static int restore_it(struct context *c, const struct manifest *m,
                      const struct restore_options_cli *o, struct error *e)
{
    int64_t started = clock_monotonic_ms();
    char target[160];
    if (o->to_file) {
        if (restore_file(c, m, o, e) < 0)
            return -1;
        bool to_stdout = strcmp(o->to_file, "-") == 0;
        return to_stdout ? 0 : say(c, m, o, o->to_file, clock_monotonic_ms() - started, e);
    }
    if (restore_db(c, m, &o->db, e) < 0)
        return -1;
    (void)snprintf(target, sizeof target, "database %s", o->db.name);
    return say(c, m, o, target, clock_monotonic_ms() - started, e);
}

static int plan_it(struct context *c, const struct manifest *m,
                   const struct restore_options_cli *o, const struct restore_choice *choice,
                   struct error *e)
{
    const struct restore_plan_target target = {.file = o->to_file != NULL,
                                               .name = o->to_file ? o->to_file : o->db.name};
    return restore_plan_print(c, m, choice, &target, e);
}

static void warn(void *arg, const char *text)
{
    (void)arg;
    log_warning("%s", text);
}

/* The restore, or its plan, of all or of the part that is asked for. */
static int choose(struct context *c, const struct manifest *m,
                  const struct restore_options_cli *given, struct error *e)
{
    struct restore_options_cli o = *given;
    struct restore_choice choice = {0};
    char *name = o.to_file || o.db.name ? NULL : default_name(m, e);
    int rc = o.to_file || o.db.name || name ? 0 : -1;
    if (name)
        o.db.name = name;
    bool part = restore_choice_wanted(&o.part);
    if (rc == 0 && (part || o.plan))
        rc = restore_choice_make(c, m, &o.part, &choice, e);
    if (rc == 0 && o.plan)
        rc = plan_it(c, m, &o, &choice, e);
    if (rc == 0 && !o.plan) {
        o.db.choice = part ? &choice : NULL;
        if (part)
            rc = restore_choice_notes(&choice, warn, NULL, e);
        if (rc == 0)
            rc = restore_it(c, m, &o, e);
    }
    restore_choice_done(&choice);
    free(name);
    return rc;
}

static int check_options(const struct restore_options_cli *o, struct error *e)
{
    if (o->to_file && o->db.name)
        return error_set(e, ERROR_USAGE, "only one of --to-file and --into-new");
    if (o->seekable && (!o->to_file || strcmp(o->to_file, "-") == 0))
        return error_set(e, ERROR_USAGE, "--seekable: a file is expected, --to-file FILE");
    if (o->part.schema_only && o->part.data_only)
        return error_set(e, ERROR_USAGE, "only one of --schema-only and --data-only");
    if (o->part.large_objects && (o->part.tables.count + o->part.schemas.count == 0))
        return error_set(e, ERROR_USAGE,
                         "--large-objects goes with -t or -n: a whole restore "
                         "has them");
    if (o->part.data_only && !o->to_file) {
        (void)error_set(e, ERROR_USAGE,
                        "--data-only: a new database has no tables for the rows");
        return error_hint(e, "--data-only --to-file - | pg_restore -d DATABASE");
    }
    return 0;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct restore_options_cli *o = options;
    struct manifest m = {0};
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
    bool running = !o->plan && runs_begin(c->catalog, "restore", &run_id, &why) == 0;
    if (rc == 0)
        rc = choose(c, &m, o, e);
    if (running && runs_end(c->catalog, run_id, rc < 0 ? (int)exit_of(e->kind) : 0,
                            rc < 0 ? e->text : "restored", m.backup_id, &why) < 0)
        log_warning("catalog: %s", why.text);
    manifest_done(&m);
    return rc < 0 ? -1 : EXIT_DONE;
}

const struct command cmd_restore = {
    .name = "restore",
    .usage = "ID [-t TABLE]... [-n SCHEMA]... [--into-new DB | --to-file FILE] [--plan]",
    .summary = "A backup, or tables of it, into a new database or a dump file",
    .more =
        "The new database is made from template0 under a temporary name and renamed when\n"
        "all is in it; it is dropped when anything fails. No existing database is touched.\n"
        "\n"
        "-t and -n may be given several times. A table comes with its rows, indexes,\n"
        "constraints, triggers, rules, policies, sequences, comments and grants, a "
        "partitioned\n"
        "one with its partitions, a view with the tables it reads; of what else they need\n"
        "(schemas, types, functions, extensions, the parent of a partition) the definition "
        "comes\n"
        "along. Foreign keys are left out where the other table is not taken. Only what these\n"
        "need is fetched from the repository.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct restore_options_cli),
    .run = run,
};
