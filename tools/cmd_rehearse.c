/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog/runs.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/repo/marks.h"
#include "tools/acks.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/rehearsal.h"
#include "tools/render.h"
#include "tools/restore_run.h"
#include "tools/scratch_cluster.h"
#include "tools/select.h"

struct rehearse_cli {
    struct select_options select;
    struct server_options server;
    struct restore_check check;
    const char *locale;
    bool keep, same_server, create_roles;
    uint64_t jobs, threads;
};

#define AT(member) offsetof(struct rehearse_cli, member)
static const struct options_spec specs[] = {
    SELECT_SPECS(struct rehearse_cli, select),
    RESTORE_CHECK_SPECS(struct rehearse_cli, check),
    {'j', "jobs", OPTIONS_NUMBER, AT(jobs), "N", "pg_restore processes side by side (1)", NULL},
    {0, "locale", OPTIONS_TEXT, AT(locale), "L", "locale of the database", NULL},
    {0, "keep", OPTIONS_FLAG, AT(keep), NULL, "leave the restored database to be looked at",
     ""},
    {0, "same-server", OPTIONS_FLAG, AT(same_server), NULL,
     "on the very server that was backed up too", ""},
    {0, "create-roles", OPTIONS_FLAG, AT(create_roles), NULL,
     "on a server: make the roles that are missing, without login", NULL},
    {0, "threads", OPTIONS_NUMBER, AT(threads), "N", "worker threads", NULL},
    SERVER_SPECS(struct rehearse_cli, server),
};

struct finding {
    enum rehearse_verdict verdict;
    char *desc, *schema, *name, *text;
};

/* One run. */
struct run {
    struct context *c;
    const struct rehearse_cli *o;
    struct manifest m;
    struct scratch_cluster *cluster; /* NULL: the server of the options */
    struct finding *findings;
    size_t count;
    struct error why; /* a finding that could not be kept */
    struct rehearsal_result result;
    int64_t took_ms;
};

static void run_done(struct run *r)
{
    scratch_cluster_free(r->cluster);
    for (size_t i = 0; i < r->count; i++) {
        free(r->findings[i].desc);
        free(r->findings[i].schema);
        free(r->findings[i].name);
        free(r->findings[i].text);
    }
    free(r->findings);
    manifest_done(&r->m);
}

/* ---- findings ---------------------------------------------------------------------- */

static void keep_finding(void *arg, enum rehearse_verdict verdict, const struct bytes name[3],
                         const char *text)
{
    struct run *r = arg;
    struct finding *more = reallocarray(r->findings, r->count + 1, sizeof *more);
    if (!more) {
        (void)error_memory(&r->why, "findings of a rehearsal");
        return;
    }
    r->findings = more;
    struct finding *f = &r->findings[r->count++];
    *f = (struct finding){.verdict = verdict,
                          .desc = str_copy_bytes(name[0], &r->why),
                          .schema = str_copy_bytes(name[1], &r->why),
                          .name = str_copy_bytes(name[2], &r->why),
                          .text = str_copy(text, &r->why)};
}

static const char *result_word(const struct run *r)
{
    return r->result.counts.different > 0   ? "different"
           : r->result.counts.uncounted > 0 ? "partly"
                                            : "same";
}

static void put_numbers(const struct run *r, struct json *j)
{
    const struct rehearse_counts *n = &r->result.counts;
    char version[32];
    (void)snprintf(version, sizeof version, "%d.%d", r->result.server_number / 10000,
                   r->result.server_number % 10000);
    json_put_text(j, "result", result_word(r));
    json_put_u64(j, "restore_ms", (uint64_t)r->result.restore_ms);
    json_put_u64(j, "duration_ms", (uint64_t)r->took_ms);
    json_put_u64(j, "dump_bytes", r->m.private_part.members[0].length);
    json_put_text(j, "server_version", version);
    json_put_u64(j, "jobs", r->o->jobs ? r->o->jobs : 1);
    json_put_u64(j, "tables", n->tables);
    json_put_u64(j, "rows", n->rows);
    json_put_u64(j, "objects", n->objects);
    json_put_u64(j, "differences", n->different);
    json_put_u64(j, "not_compared", n->not_comparable);
    json_put_u64(j, "not_counted", n->uncounted);
    json_put_u64(j, "definitions_of_another_version", n->unread);
}

static int say_json(const struct run *r, struct error *e)
{
    static const char *const words[] = {
        [REHEARSE_DIFFERENT] = "different",
        [REHEARSE_NOT_COMPARABLE] = "not comparable",
    };
    char id[2 * FORMAT_ID_LEN + 1];
    struct json *j = json_new_object();
    str_hex(id, r->m.backup_id, FORMAT_ID_LEN);
    json_put_text(j, "message_type", "summary");
    json_put_text(j, "id", id);
    put_numbers(r, j);
    struct json *list = json_put_list(j, "findings");
    for (size_t i = 0; i < r->count; i++) {
        const struct finding *f = &r->findings[i];
        struct json *n = json_put_object(list, NULL);
        json_put_text(n, "verdict", words[f->verdict]);
        json_put_text(n, "entry", f->desc);
        json_put_text(n, "schema", f->schema);
        json_put_text(n, "name", f->name);
        json_put_text(n, "text", f->text);
    }
    if (r->o->keep)
        json_put_text(j, "database", r->result.database);
    int rc = json_write(j, false, stdout, e);
    (void)putchar('\n');
    json_free(j);
    return rc;
}

static void say_findings(const struct run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct finding *f = &r->findings[i];
        char schema[140];
        char name[200];
        str_safe(schema, sizeof schema, bytes_text(f->schema));
        str_safe(name, sizeof name, bytes_text(f->name));
        (void)printf("%s%s %s%s%s: %s\n",
                     f->verdict == REHEARSE_DIFFERENT ? "" : "not compared: ", f->desc, schema,
                     *schema ? "." : "", name, f->text);
    }
}

static int say(const struct run *r, struct error *e)
{
    const struct rehearse_counts *n = &r->result.counts;
    char id[9];
    char took[32];
    char all[32];
    if (r->c->json)
        return say_json(r, e);
    if (r->c->quiet && n->different == 0)
        return 0;
    say_findings(r);
    str_hex(id, r->m.backup_id, 4);
    render_duration(took, r->result.restore_ms);
    render_duration(all, r->took_ms);
    (void)printf(
        "backup %s was restored in %s and compared, %s in all: %llu tables with %llu "
        "rows and %llu objects are the same, %llu differ, %llu could not be compared\n",
        id, took, all, (unsigned long long)n->tables, (unsigned long long)n->rows,
        (unsigned long long)n->objects, (unsigned long long)n->different,
        (unsigned long long)n->not_comparable);
    if (n->unread > 0)
        (void)printf(
            "definitions of %llu objects were not compared: another version wrote them\n",
            (unsigned long long)n->unread);
    if (n->uncounted > 0)
        (void)printf("%llu tables are not stored as rows: this is no whole rehearsal\n",
                     (unsigned long long)n->uncounted);
    if (r->o->keep && !r->cluster)
        (void)printf("it stays as database %s\n", r->result.database);
    return 0;
}

/* All has been told and recorded before: the rehearsal is not lost when this fails. */
static int keep_cluster(struct run *r, struct error *e)
{
    char *folder = NULL;
    struct scratch_cluster *cluster = r->cluster;
    r->cluster = NULL;
    int rc = scratch_cluster_keep(cluster, &folder, e);
    if (rc < 0)
        (void)error_wrap(e, "the restored database could not be kept");
    else if (!r->c->quiet)
        (void)fprintf(r->c->json ? stderr : stdout,
                      "it stays: psql -h %s -p " SCRATCH_CLUSTER_PORT
                      " -U " SCRATCH_CLUSTER_USER " %s; data in %s/data\n",
                      folder, r->result.database, folder);
    free(folder);
    return rc;
}

/* ---- where ------------------------------------------------------------------------- */

static bool has_server(const struct server_options *o)
{
    return o->host || o->port || o->user || server_options_typed(o);
}

/* The caller's PG* are about his servers; this one has none of their settings. */
static int forget_servers(struct error *e)
{
    extern char **environ;
    for (char **p = environ; *p;) {
        size_t len = strcspn(*p, "=");
        bool of_libpq = str_starts(*p, "PG") && !str_starts(*p, "PGKEEP_");
        char *name = of_libpq ? str_copy_bytes(bytes_of(*p, len), e) : NULL;
        if (!of_libpq) {
            p++;
            continue;
        }
        if (!name)
            return -1;
        int rc = unsetenv(name) < 0 ? error_system(e, "%s", name) : 0;
        free(name);
        if (rc < 0)
            return -1;
        p = environ; /* it may have moved */
    }
    return 0;
}

/* A rehearsal fills disk and memory: not beside the database that people work with. */
static int check_server(const struct run *r, struct error *e)
{
    uint64_t id = 0;
    struct error why;
    struct server *s = server_connect(&r->o->server, RESTORE_FRESH_MAINTENANCE, NULL, e);
    if (!s)
        return -1;
    int rc = server_number_of(s, "SELECT system_identifier FROM pg_control_system()", NULL, &id,
                              &why);
    /* Some forbid to ask: then by its address. */
    const struct server_place at = server_place(s);
    const struct member_private *p = &r->m.private_part;
    bool same = rc == 0 && id != 0 ? id == p->system_id
                                   : p->server_host && strcmp(at.host, p->server_host) == 0 &&
                                         p->server_port && strcmp(at.port, p->server_port) == 0;
    server_close(s);
    if (!same || r->o->same_server)
        return 0;
    (void)error_set(e, ERROR_USAGE, "that is the server that was backed up");
    return error_hint(e,
                      "--same-server rehearses there all the same, in a database of its own");
}

static int rehearse(struct run *r, struct error *e)
{
    const struct rehearse_cli *o = r->o;
    struct server_options server = o->server;
    bool own = !has_server(&o->server);
    if (own) {
        int major = (int)(r->m.private_part.server_number / 10000);
        if (forget_servers(e) < 0)
            return -1;
        r->cluster = scratch_cluster_start(r->c, major > 0 ? major : 1,
                                           r->m.private_part.payload_bytes, e);
        if (!r->cluster)
            return -1;
        server = (struct server_options){.host = scratch_cluster_host(r->cluster),
                                         .port = SCRATCH_CLUSTER_PORT,
                                         .user = SCRATCH_CLUSTER_USER};
    } else if (check_server(r, e) < 0) {
        return -1;
    }
    const struct rehearsal_options options = {.m = &r->m,
                                              .server = &server,
                                              .fresh = {.locale = o->locale,
                                                        .create_roles = own || o->create_roles,
                                                        .superusers = own,
                                                        .no_tablespaces = true,
                                                        .jobs = o->jobs,
                                                        .threads = o->threads,
                                                        .check = o->check},
                                              .keep = o->keep,
                                              .finding = keep_finding,
                                              .arg = r};
    if (rehearsal_run(r->c, &options, &r->result, e) < 0)
        return -1;
    if (r->why.kind != ERROR_NONE) {
        *e = r->why;
        return -1;
    }
    return 0;
}

/* ---- what stays -------------------------------------------------------------------- */

/* For all hosts: a mark in the repository. A host that may not write one keeps it to itself. */
static void mark(struct run *r, const char *text)
{
    struct error why;
    const struct marks_draft draft = {
        .manifest = &r->m, .type = MARKS_REHEARSED, .text = text, .of_replica = true};
    if (marks_may(r->c->repo, MARKS_REHEARSED, &why) < 0)
        log_info("no mark of the rehearsal: %s", why.text);
    else if (marks_put(r->c->repo, &draft, NULL, &why) < 0)
        log_warning("no mark of the rehearsal: %s", why.text);
}

static int record(struct run *r, struct error *e)
{
    struct json *j = json_new_object();
    struct buf text = {0};
    bool same = strcmp(result_word(r), "same") == 0;
    put_numbers(r, j);
    int rc = json_print(j, false, &text, e);
    if (rc == 0)
        rc = buf_byte(&text, 0, e);
    /* A difference is no damage of what is stored, and what was not counted no proof. */
    if (rc == 0)
        rc = same ? runs_verified(r->c->catalog, r->m.backup_id, "rehearse", true,
                                  (const char *)text.data, e)
                  : runs_event(r->c->catalog, "rehearsal", r->m.backup_id,
                               (const char *)text.data, e);
    if (same)
        mark(r, (const char *)text.data);
    buf_done(&text);
    json_free(j);
    return rc;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    struct run r = {.c = c, .o = options};
    struct error why;
    int64_t run_id = 0;
    int64_t started = clock_monotonic_ms();
    if (argc > 1 || after)
        return error_set(e, ERROR_USAGE, "rehearse: one backup is expected, or none");
    if (r.o->jobs > RESTORE_RUN_JOBS_MAX)
        return error_set(e, ERROR_USAGE, "-j: 1 to %d, not %llu", RESTORE_RUN_JOBS_MAX,
                         (unsigned long long)r.o->jobs);
    if (restore_check_usable(&r.o->check, e) < 0 || context_reader(c, e) < 0 ||
        select_manifest(c, argc ? argv[0] : "latest", &r.o->select, &r.m, e) < 0)
        return -1;
    acks_warn(c->catalog, &r.m);
    bool running = runs_begin(c->catalog, "rehearse", &run_id, &why) == 0;
    int rc = r.m.private_part.member_count > 0 &&
                     r.m.private_part.members[0].kind == FORMAT_MEMBER_DUMP
                 ? rehearse(&r, e)
                 : error_set(e, ERROR_UNSUPPORTED,
                             "the backup holds no dump that this program can restore");
    r.took_ms = clock_monotonic_ms() - started;
    bool different = rc == 0 && r.result.counts.different > 0;
    if (rc < 0 && (e->kind == ERROR_CHILD || e->kind == ERROR_SERVER))
        (void)error_wrap(e, "it could not be rehearsed");
    if (rc == 0 && record(&r, &why) < 0)
        log_warning("catalog: %s", why.text);
    if (rc == 0)
        rc = say(&r, e);
    if (rc == 0 && r.o->keep && r.cluster)
        rc = keep_cluster(&r, e);
    int code = rc < 0 ? (int)exit_of(e->kind) : different ? EXIT_DAMAGE : EXIT_DONE;
    if (running && runs_end(c->catalog, run_id, code, rc < 0 ? e->text : result_word(&r),
                            r.m.backup_id, &why) < 0)
        log_warning("catalog: %s", why.text);
    run_done(&r);
    return rc < 0 ? -1 : code;
}

const struct command cmd_rehearse = {
    .name = "rehearse",
    .usage = "[ID] [-j N] [--smoke FILE.sql] [--hook COMMAND] [--db-url-env NAME]",
    .summary = "Restore a backup for the test, and compare every row",
    .more =
        "Without a server of yours, PostgreSQL's programs on this machine make a cluster for\n"
        "this run under TMPDIR (/var/tmp), of the major version that was dumped or the next\n"
        "newer one; it has the dump's roles and no tablespaces. With -h, -p, -U, --db-url-env\n"
        "or --db-url-file the backup goes into a database of its own there, and is dropped.\n"
        "Code of the dump's functions runs with a superuser's rights: as root, a user pgkeep\n"
        "on this machine who owns nothing else is taken if there is one, else postgres.\n"
        "\n"
        "The restored database is dumped with a backup's settings through the same parser.\n"
        "Exit 4 names every table with other rows and every object that is missing, too many\n"
        "or defined in another way. What cannot be compared is told and is no difference:\n"
        "rows of a dump made with unknown settings (--file, --stdin), of INSERT statements,\n"
        "or of another version. Exit 1: it could not be restored here (an extension is\n"
        "missing), which says nothing of the backup. A rehearsal that went well becomes a\n"
        "mark of the backup with the time that the restore took.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct rehearse_cli),
    .run = run,
};
