/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "catalog/backups.h"
#include "catalog/objects.h"
#include "catalog/runs.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "core/job/backup.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/globals_dump.h"
#include "tools/pg_child.h"
#include "tools/pg_tools.h"
#include "tools/plausibility.h"
#include "tools/render.h"
#include "tools/row_cache.h"
#include "tools/sequence.h"
#include "tools/sync.h"

#define DEFAULT_LEVEL 3
#define IDLE_LEVEL 6  /* while the source is slower than the compression */
#define LATER_LEVEL 9 /* of the little that is new in a table that was there before */
#define DEFAULT_LOCK_WAIT_S 60
#define DEFAULT_SPOOL (1 * GIB)
#define MAX_ARGUMENTS 1024

struct backup_options_cli {
    struct server_options server;
    struct options_list databases;
    bool from_stdin;
    const char *file;
    const char *name;
    const char *source;
    const char *kind;
    struct options_list tags, schemas, not_schemas, tables, not_tables, not_data;
    uint64_t lock_wait;
    uint64_t level;
    uint64_t threads;
    const char *spool;
    const char *limit_upload;
    bool no_role_passwords;
    bool verify;
    struct options_list volatile_tables;
};

#define AT(member) offsetof(struct backup_options_cli, member)
static const struct options_spec specs[] = {
    {'d', "dbname", OPTIONS_LIST, AT(databases), "DB", "database to dump (PGDATABASE)", ""},
    SERVER_SPECS(struct backup_options_cli, server),
    {0, "stdin", OPTIONS_FLAG, AT(from_stdin), NULL, "read a custom-format dump from stdin",
     ""},
    {0, "file", OPTIONS_TEXT, AT(file), "FILE", "read an existing dump file", ""},
    {0, "name", OPTIONS_TEXT, AT(name), "NAME", "name of the source", NULL},
    {0, "source", OPTIONS_TEXT, AT(source), "NAME", "the same as --name", NULL},
    {0, "kind", OPTIONS_TEXT, AT(kind), "KIND",
     "nightly, weekly, pre-deploy or manual (default)", NULL},
    {0, "tag", OPTIONS_LIST, AT(tags), "K[=V]", "a tag; may be given several times", NULL},
    {'n', "schema", OPTIONS_LIST, AT(schemas), "PATTERN", "pg_dump --schema", ""},
    {'N', "exclude-schema", OPTIONS_LIST, AT(not_schemas), "PATTERN",
     "pg_dump --exclude-schema", ""},
    {'t', "table", OPTIONS_LIST, AT(tables), "PATTERN", "pg_dump --table", ""},
    {'T', "exclude-table", OPTIONS_LIST, AT(not_tables), "PATTERN", "pg_dump --exclude-table",
     ""},
    {0, "exclude-table-data", OPTIONS_LIST, AT(not_data), "PATTERN",
     "pg_dump --exclude-table-data", ""},
    {0, "lock-wait-timeout", OPTIONS_NUMBER, AT(lock_wait), "SECONDS",
     "how long pg_dump waits for locks (60), then exit 75", NULL},
    {0, "level", OPTIONS_NUMBER, AT(level), "N",
     "zstd level, 1 to 19 (3 to 9, by what there is time for)", NULL},
    {0, "threads", OPTIONS_NUMBER, AT(threads), "N", "worker threads", NULL},
    {0, "spool", OPTIONS_TEXT, AT(spool), "SIZE",
     "disk for what waits for a slow store, such as 512M (1G; 0: none)", NULL},
    {0, "limit-upload", OPTIONS_TEXT, AT(limit_upload), "RATE",
     "bytes a second to S3 or SFTP, such as 10M", NULL},
    {0, "no-role-passwords", OPTIONS_FLAG, AT(no_role_passwords), NULL,
     "roles are saved in every run of pg_dump: without the hashes of their passwords", NULL},
    {0, "verify", OPTIONS_FLAG, AT(verify), NULL,
     "read back and decode what was newly stored before the backup is acknowledged", NULL},
    {0, "volatile", OPTIONS_LIST, AT(volatile_tables), "PATTERN",
     "[SCHEMA.]NAME, also with * and ?: tables that may vanish, empty or shrink", NULL},
};

/* Everything of one run. */
struct night {
    struct context *c;
    const struct backup_options_cli *o;
    char **command; /* behind "--" */
    struct server *server;
    struct pg_child child;
    const char **environment; /* of the command */
    char *pg_dump;
    char *conninfo;
    struct buf arguments; /* const char *, NULL-ended */
    struct buf globals;   /* of our own pg_dump's server; empty: none */
    char *lock_argument;
    struct source *source;
    struct backup *backup;
    struct chunk_index index; /* borrowed by backup */
    struct render_progress progress;
    int64_t started_ms;
    char *spool_path;
    uint64_t spool_bytes;
    struct row_cache rows;
    struct plausibility plausibility;
};

/* ---- where the dump comes from ----------------------------------------------------- */

static int argument(struct night *n, const char *text, struct error *e)
{
    if (n->arguments.len / sizeof text >= MAX_ARGUMENTS)
        return error_set(e, ERROR_USAGE, "more than %d arguments for pg_dump", MAX_ARGUMENTS);
    return buf_append(&n->arguments, &text, sizeof text, e);
}

static int list_argument(struct night *n, const char *option, const struct options_list *l,
                         struct error *e)
{
    for (size_t i = 0; i < l->count; i++)
        if (argument(n, option, e) < 0 || argument(n, l->items[i], e) < 0)
            return -1;
    return 0;
}

static int dump_arguments(struct night *n, struct error *e)
{
    const struct backup_options_cli *o = n->o;
    n->lock_argument = str_format(
        e, "--lock-wait-timeout=%llu",
        (unsigned long long)(o->lock_wait ? o->lock_wait : DEFAULT_LOCK_WAIT_S) * 1000);
    if (!n->lock_argument || argument(n, n->pg_dump, e) < 0 || argument(n, "-Fc", e) < 0 ||
        argument(n, "-Z0", e) < 0 || argument(n, "--no-password", e) < 0 ||
        argument(n, n->lock_argument, e) < 0 ||
        list_argument(n, "--schema", &o->schemas, e) < 0 ||
        list_argument(n, "--exclude-schema", &o->not_schemas, e) < 0 ||
        list_argument(n, "--table", &o->tables, e) < 0 ||
        list_argument(n, "--exclude-table", &o->not_tables, e) < 0 ||
        list_argument(n, "--exclude-table-data", &o->not_data, e) < 0 ||
        argument(n, "-d", e) < 0 || argument(n, n->conninfo, e) < 0)
        return -1;
    return argument(n, NULL, e);
}

static bool is_environment(const char *value, const char *variable)
{
    return value && value == getenv(variable);
}

/* --name or --source, which mean the same; one of the environment gives way to one that was
 * typed. */
static const char *given_name(const struct backup_options_cli *o)
{
    if (!o->source || (o->name && !is_environment(o->name, "PGKEEP_NAME")))
        return o->name;
    return o->source;
}

/* --name, else database and system identifier, else the database of the dump's header. */
static int name_source(const struct night *n, struct member_private *p, struct error *e)
{
    const char *name = given_name(n->o);
    const char *database = p->database && *p->database ? p->database : "unnamed";
    if (p->source)
        return 0;
    if (name)
        p->source = str_copy(name, e);
    else if (p->system_id)
        p->source = str_format(e, "%s@%llu", database, (unsigned long long)p->system_id);
    else
        p->source = str_copy(database, e);
    return p->source ? 0 : -1;
}

/* As soon as the source's name can be known. */
static int claim_source(struct night *n, struct member_private *p, struct error *e)
{
    bool known = n->rows.lock >= 0;
    if (name_source(n, p, e) < 0 || row_cache_claim(&n->rows, n->c, p->source, e) < 0)
        return -1;
    return known ? 0
                 : row_cache_refresh(&n->rows, n->c, p->source, context_workers(n->o->threads),
                                     e);
}

/* The dump's header is known, and so is what the source is called at the latest. */
static int begin(void *arg, struct error *e)
{
    struct night *n = arg;
    if (claim_source(n, &backup_manifest(n->backup)->private_part, e) < 0)
        return -1;
    return backup_use_state(n->backup, n->rows.path, e);
}

/* Our own pg_dump: facts first, by a short connection, then the child. */
static int dump_database(struct night *n, struct member_private *p, struct error *e)
{
    int major;
    const char *database = n->o->databases.count ? n->o->databases.items[0] : NULL;
    struct server_options options = n->o->server;
    options.database = database;
    n->server = server_connect(&options, NULL, SERVER_SETTINGS, e);
    if (!n->server || server_facts(n->server, p, e) < 0)
        return -1;
    major = server_number(n->server) / 10000;
    if (p->standby)
        log_info("the server is a standby");
    p->database = str_copy(server_database(n->server), e);
    if (!p->database || claim_source(n, p, e) < 0 ||
        pg_tools_find("pg_dump", major, &n->pg_dump, NULL, e) < 0 ||
        pg_tools_version(n->pg_dump, &p->dump_version, NULL, e) < 0)
        return -1;
    n->conninfo = server_conninfo(n->server, NULL, e);
    if (!n->conninfo || pg_child_prepare(&n->child, n->server, e) < 0 ||
        dump_arguments(n, e) < 0)
        return -1;
    const struct globals_dump_options globals = {.no_passwords = n->o->no_role_passwords,
                                                 .stop = n->c->stop};
    if (globals_dump(n->server, &globals, &n->globals, e) < 0)
        return -1;
    server_close(n->server);
    n->server = NULL;
    n->child.options.argv = (const char *const *)(const void *)n->arguments.data;
    n->child.options.pipe_out = true;
    for (const char *const *a = n->child.options.argv + 1; *a; a++)
        if (member_texts_add(&p->dump_arguments, *a, e) < 0)
            return -1;
    n->source = source_child(&n->child.options, "pg_dump", e);
    return n->source ? 0 : -1;
}

/* Of other programs nobody knows which of their arguments are filters. */
static bool is_pg_dump(const char *program)
{
    const char *slash = strrchr(program, '/');
    return strcmp(slash ? slash + 1 : program, "pg_dump") == 0;
}

static int open_source(struct night *n, struct member_private *p, struct error *e)
{
    const struct backup_options_cli *o = n->o;
    if (o->from_stdin + (o->file != NULL) + (n->command != NULL) > 1)
        return error_set(e, ERROR_USAGE, "only one of --stdin, --file and -- COMMAND");
    if (n->command && !n->command[0])
        return error_set(e, ERROR_USAGE, "no command stands behind --");
    if (o->from_stdin) {
        if (isatty(STDIN_FILENO))
            return error_set(e, ERROR_USAGE,
                             "--stdin: a dump is expected there, not a terminal");
        n->source = source_fd(STDIN_FILENO, "standard input", e);
    } else if (o->file) {
        n->source = source_file(o->file, e);
    } else if (n->command) {
        n->environment = secret_environment(e);
        if (!n->environment)
            return -1;
        n->child.options = (struct child_options){.argv = (const char *const *)n->command,
                                                  .env = n->environment,
                                                  .in_fd = -1,
                                                  .out_fd = -1,
                                                  .pipe_out = true};
        if (is_pg_dump(n->command[0]) && member_filters_take(p, n->child.options.argv, e) < 0)
            return -1;
        n->source = source_child(&n->child.options, n->command[0], e);
    } else {
        return dump_database(n, p, e);
    }
    return n->source ? 0 : -1;
}

static char *local_host_name(struct error *e)
{
    char name[256];
    if (gethostname(name, sizeof name) < 0)
        return str_copy("unknown", e);
    name[sizeof name - 1] = '\0';
    return str_copy(name, e);
}

/* "+0200 CEST": enough to read a dump's local time by. */
static char *time_zone(struct error *e)
{
    char text[64] = "";
    struct tm tm;
    time_t now = time(NULL);
    if (localtime_r(&now, &tm))
        (void)strftime(text, sizeof text, "%z %Z", &tm);
    return str_copy(text, e);
}

static int describe(const struct night *n, struct manifest *m, struct error *e)
{
    struct member_private *p = &m->private_part;
    m->kind = n->o->kind ? manifest_kind_parse(n->o->kind) : MANIFEST_MANUAL;
    p->pgkeep_version = str_copy(PGKEEP_VERSION, e);
    p->host_name = local_host_name(e);
    p->time_zone = time_zone(e);
    if (!p->pgkeep_version || !p->host_name || !p->time_zone)
        return -1;
    for (size_t i = 0; i < n->o->tags.count; i++)
        if (member_texts_add(&p->tags, n->o->tags.items[i], e) < 0)
            return -1;
    return 0;
}

/* ---- the run ----------------------------------------------------------------------- */

static int lookup(void *arg, const uint8_t *chunk_id, struct ref *ref,
                  struct closure_pack *pack, struct error *e)
{
    return objects_lookup(arg, chunk_id, ref, pack, e);
}

static int holds(void *arg, const struct ref_object *object, struct error *e)
{
    return objects_holds(arg, object, e);
}

static int add(void *arg, const struct closure_pack *pack, const struct ref *refs, size_t count,
               struct error *e)
{
    return objects_add_pack(arg, pack, refs, count, e);
}

static void progress(void *arg, uint64_t bytes)
{
    render_progress(arg, bytes);
}

static int record(struct night *n, struct error *e)
{
    struct sync_tables tables = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < backup_entry_count(n->backup); i++)
        rc = sync_tables_add(&tables, backup_entry(n->backup, i), e);
    if (rc == 0)
        rc = backups_put(n->c->catalog, backup_manifest(n->backup), tables.items, tables.count,
                         e);
    sync_tables_done(&tables);
    return rc;
}

static int say(const struct night *n, struct error *e)
{
    const struct manifest *m = backup_manifest(n->backup);
    const struct member_private *p = &m->private_part;
    const struct writer_totals *t = backup_totals(n->backup);
    char id[2 * FORMAT_ID_LEN + 1];
    uint64_t bytes = p->member_count ? p->members[0].length : 0;
    int64_t took_ms = clock_monotonic_ms() - n->started_ms;
    str_hex(id, m->backup_id, FORMAT_ID_LEN);
    if (n->c->json) {
        struct json *j = json_new_object();
        json_put_text(j, "message_type", "summary");
        json_put_text(j, "id", id);
        json_put_text(j, "source", p->source);
        json_put_u64(j, "tables", backup_entry_count(n->backup));
        json_put_u64(j, "rows", p->rows);
        json_put_u64(j, "dump_bytes", bytes);
        json_put_u64(j, "stored_bytes", t->stored_bytes);
        json_put_u64(j, "chunks", t->chunks);
        json_put_u64(j, "new_chunks", t->new_chunks);
        json_put_u64(j, "packs", t->packs);
        json_put_u64(j, "duration_ms", (uint64_t)took_ms);
        json_put_bool(j, "unchecked", m->flags & FORMAT_FLAG_UNCHECKED);
        plausibility_json(&n->plausibility, j);
        int rc = json_write(j, false, stdout, e);
        (void)putchar('\n');
        json_free(j);
        return rc;
    }
    if (n->c->quiet)
        return 0;
    char rows[32];
    char size[32];
    char stored[32];
    char took[32];
    char source[128];
    render_count(rows, p->rows);
    str_size(size, bytes);
    str_size(stored, t->stored_bytes);
    render_duration(took, took_ms);
    str_safe(source, sizeof source, bytes_text(p->source));
    (void)printf("backup %.8s of %s: %zu tables, %s rows, %s; %s new in the repository; %s%s\n",
                 id, source, backup_entry_count(n->backup), rows, size, stored, took,
                 n->plausibility.alarms > 0 ? "; suspect" : "");
    return 0;
}

static int find_reader(void *arg, struct error *e)
{
    return context_given_reader(arg, e);
}

static int take(struct night *n, struct error *e)
{
    struct context *c = n->c;
    n->spool_path = str_format(e, "%s/spool", c->state_folder);
    if (!n->spool_path)
        return -1;
    const struct backup_options options = {
        .repo = c->repo,
        .index = &n->index,
        .workers = context_workers(n->o->threads),
        .level = n->o->level ? (int)n->o->level : DEFAULT_LEVEL,
        .idle_level = n->o->level ? 0 : IDLE_LEVEL,
        .later_level = n->o->level ? (int)n->o->level : LATER_LEVEL,
        .spool = {.path = n->spool_path, .capacity = n->spool_bytes, .spare = SPOOL_SPARE},
        .verify = n->o->verify,
        .begin = begin,
        .begin_arg = n,
        .find_reader = find_reader,
        .find_reader_arg = c,
        .stop = c->stop,
        .progress = progress,
        .progress_arg = &n->progress,
    };
    n->index =
        (struct chunk_index){.arg = c->catalog, .lookup = lookup, .holds = holds, .add = add};
    n->backup = backup_new(&options, e);
    if (!n->backup)
        return -1;
    struct manifest *m = backup_manifest(n->backup);
    struct member_private *p = &m->private_part;
    if (describe(n, m, e) < 0 || open_source(n, p, e) < 0)
        return -1;
    n->progress = (struct render_progress){
        .wanted = context_wants_progress(c), .what = "backup", .total = source_size(n->source)};
    const char *slash = n->o->file ? strrchr(n->o->file, '/') : NULL;
    const char *name = slash ? slash + 1 : n->o->file ? n->o->file : "dump";
    int rc = backup_take(n->backup, n->source, name, e);
    if (rc == 0 && n->globals.len > 0)
        rc = backup_take_text(n->backup, FORMAT_MEMBER_GLOBALS, "globals.sql",
                              buf_view(&n->globals), e);
    render_progress_end(&n->progress);
    if (rc < 0 || name_source(n, p, e) < 0 || backup_settle(n->backup, e) < 0 ||
        plausibility_judge(&n->plausibility, c, n->backup, &n->o->volatile_tables, e) < 0)
        return -1;
    return sequence_commit(c, n->backup, e);
}

static int check(struct night *n, int argc, struct error *e)
{
    const struct backup_options_cli *o = n->o;
    if (argc > 0)
        return error_set(e, ERROR_USAGE,
                         "backup takes no arguments; a database is named by -d");
    bool reads = o->from_stdin || o->file || n->command;
    if (reads && (o->databases.count || o->schemas.count || o->not_schemas.count ||
                  o->tables.count || o->not_tables.count || o->not_data.count ||
                  o->server.host || o->server.port || o->server.user || o->server.url_env))
        return error_set(
            e, ERROR_USAGE,
            "a dump that is there already is taken whole: no options of pg_dump or "
            "of a connection go with --stdin, --file or a command");
    if ((o->name && !*o->name) || (o->source && !*o->source))
        return error_set(e, ERROR_USAGE, "--name: the name of the source is empty");
    if (o->databases.count > 1) {
        (void)error_set(e, ERROR_USAGE, "-d: one database a run");
        return error_hint(e, "run pgkeep once for each database");
    }
    if (o->name && o->source && strcmp(o->name, o->source) != 0 &&
        is_environment(o->name, "PGKEEP_NAME") == is_environment(o->source, "PGKEEP_SOURCE"))
        return error_set(e, ERROR_USAGE, "--name and --source are the same thing");
    if (o->kind && !manifest_kind_parse(o->kind))
        return error_set(e, ERROR_USAGE,
                         "--kind: nightly, weekly, pre-deploy or manual is expected");
    if (o->level > 19)
        return error_set(e, ERROR_USAGE, "--level: 1 to 19 is expected");
    if (o->spool && !str_bytes(o->spool, &n->spool_bytes))
        return error_set(e, ERROR_USAGE, "--spool: a size such as 512M is expected");
    if (context_rate("--limit-upload", o->limit_upload, &n->c->up_per_second, e) < 0)
        return -1;
    if (o->lock_wait > 86400)
        return error_set(e, ERROR_USAGE, "--lock-wait-timeout: at most 86400 seconds");
    return plausibility_patterns(&o->volatile_tables, e);
}

static void night_done(struct night *n)
{
    backup_free(n->backup);
    source_free(n->source);
    server_close(n->server);
    if (n->pg_dump)
        pg_child_done(&n->child);
    free(n->environment);
    free(n->pg_dump);
    free(n->conninfo);
    free(n->lock_argument);
    free(n->spool_path);
    buf_done(&n->arguments);
    secret_free_buf(&n->globals);
    row_cache_done(&n->rows);
    plausibility_done(&n->plausibility);
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    struct night n = {.c = c,
                      .o = options,
                      .child = {.passfile = -1},
                      .command = after,
                      .rows = {.lock = -1},
                      .spool_bytes = DEFAULT_SPOOL,
                      .started_ms = clock_monotonic_ms()};
    int64_t run_id;
    (void)argv;
    if (check(&n, argc, e) < 0 || context_writer(c, e) < 0 || context_catalog(c, e) < 0 ||
        sync_backups(c, NULL, e) < 0 || sync_packs(c, e) < 0 ||
        runs_begin(c->catalog, "backup", &run_id, e) < 0)
        return -1;
    int rc = take(&n, e);
    bool stored = rc == 0;
    /* The repository has it: a catalog that cannot keep up is not worth a failed backup. */
    struct error why;
    if (stored && record(&n, &why) < 0)
        log_warning("catalog: %s", why.text);
    if (stored)
        rc = say(&n, e);
    int code = EXIT_DONE;
    const uint8_t *id = NULL;
    if (stored) {
        const struct manifest *m = backup_manifest(n.backup);
        id = m->backup_id;
        if (m->flags & FORMAT_FLAG_UNCHECKED)
            log_warning("the archive is of a version that this program does not know: it is "
                        "kept as it is, unchecked");
        plausibility_advise(&n.plausibility, id);
        if (m->flags & (FORMAT_FLAG_UNCHECKED | FORMAT_FLAG_SUSPECT))
            code = EXIT_SUSPECT;
    }
    if (rc < 0)
        code = (int)exit_of(e->kind);
    const char *words = code == EXIT_DONE ? "stored" : "stored, suspect or unchecked";
    if (rc < 0)
        words = e->text;
    if (runs_end(c->catalog, run_id, code, words, id, &why) < 0)
        log_warning("catalog: %s", why.text);
    night_done(&n);
    return rc < 0 ? -1 : code;
}

const struct command cmd_backup = {
    .name = "backup",
    .usage = "[-d DB | --stdin | --file FILE | -- COMMAND...] [OPTIONS]",
    .summary = "Run pg_dump and archive what it says, or archive an existing dump",
    .more =
        "Without --stdin, --file or a command, pg_dump of the server's major version is run\n"
        "with -Fc -Z0. A dump that is not complete is rejected (exit 6) and nothing of it\n"
        "is visible. One that is not plausible beside the last seven of its source, made with\n"
        "the same filters, is stored and suspect (exit 3): a table with all its partitions\n"
        "vanished, is empty, or lost more than half and 1000 of its rows. Tables that did so\n"
        "before among these seven, or are --volatile, only give a warning. pgkeep ack\n"
        "accepts a suspect backup; until then later ones are not compared with it.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct backup_options_cli),
    .run = run,
};
