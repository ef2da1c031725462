/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backends.h"
#include "catalog/backups.h"
#include "catalog/runs.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/job/copy.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/render.h"
#include "tools/select.h"
#include "tools/sync.h"

struct copy_options_cli {
    const char *from;
    const char *to;
    const char *limit_upload, *limit_download;
    struct select_options select;
};

#define AT(member) offsetof(struct copy_options_cli, member)
static const struct options_spec specs[] = {
    {0, "from", OPTIONS_TEXT, AT(from), "URL", "source; else the repository of -r", NULL},
    {0, "to", OPTIONS_TEXT, AT(to), "URL", "replica; made when nothing is there", NULL},
    {0, "limit-upload", OPTIONS_TEXT, AT(limit_upload), "RATE",
     "bytes a second to S3 or SFTP, such as 10M", NULL},
    {0, "limit-download", OPTIONS_TEXT, AT(limit_download), "RATE", "and from there", NULL},
    SELECT_SPECS(struct copy_options_cli, select),
};

/* Everything of one run. */
struct copying {
    struct context *c; /* of the source */
    const struct copy_options_cli *o;
    struct store *to;
    char *to_url;
    struct buf ids; /* FORMAT_ID_LEN bytes each */
    bool chosen;    /* these only */
    struct render_progress progress;
    int64_t started_ms;
    struct copy_totals totals;
    enum error_kind why; /* of the first that failed, damage before others */
};

/* ---- which backups ----------------------------------------------------------------- */

static bool has_filter(const struct select_options *s)
{
    return s->source || s->database || s->tag || s->kind || s->before;
}

static int visit_row(void *arg, const struct backups_row *row, struct error *e)
{
    return buf_append(arg, row->backup_id, FORMAT_ID_LEN, e);
}

static int choose_filtered(struct copying *k, struct error *e)
{
    struct backups_filter filter;
    if (select_filter(&k->o->select, &filter, e) < 0 || context_metadata(k->c, e) < 0 ||
        sync_backups(k->c, NULL, e) < 0 ||
        backups_visit(k->c->catalog, &filter, visit_row, &k->ids, e) < 0)
        return -1;
    return k->ids.len > 0 ? 0 : error_set(e, ERROR_ABSENT, "no backup is like that");
}

static int choose(struct copying *k, int argc, char **argv, struct error *e)
{
    k->chosen = argc > 0 || has_filter(&k->o->select);
    if (k->chosen && argc == 0)
        return choose_filtered(k, e);
    for (int i = 0; i < argc; i++) {
        struct backups_row row;
        if (select_backup(k->c, argv[i], &k->o->select, &row, e) < 0)
            return -1;
        int rc = buf_append(&k->ids, row.backup_id, FORMAT_ID_LEN, e);
        backups_row_done(&row);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* ---- what is said ------------------------------------------------------------------ */

static const char *outcome_name(const struct copy_result *r)
{
    if (r->why)
        return r->why->kind == ERROR_CORRUPT ? "damaged" : "not copied";
    return r->outcome == COPY_GONE ? "forgotten" : "copied";
}

static int say_json(const struct copy_result *r, const char *id, struct error *e)
{
    struct json *j = json_new_object();
    json_put_text(j, "message_type", "status");
    json_put_text(j, "id", id);
    json_put_text(j, "result", outcome_name(r));
    json_put_u64(j, "packs", r->packs);
    json_put_u64(j, "bytes", r->bytes);
    json_put_text(j, "message", r->why ? r->why->text : NULL);
    int rc = json_write(j, false, stdout, e);
    (void)putchar('\n');
    json_free(j);
    return rc;
}

static int settled(void *arg, const struct copy_result *r, struct error *e)
{
    struct copying *k = arg;
    char id[2 * FORMAT_ID_LEN + 1];
    struct error why;
    str_hex(id, r->backup_id, FORMAT_ID_LEN);
    render_progress_end(&k->progress);
    if (r->why && (k->why == ERROR_NONE || r->why->kind == ERROR_CORRUPT))
        k->why = r->why->kind;
    if (r->why && runs_event(k->c->catalog, "copy", r->backup_id, r->why->text, &why) < 0)
        log_warning("catalog: %s", why.text);
    if (k->c->json)
        return r->outcome == COPY_THERE ? 0 : say_json(r, id, e);
    if (r->why)
        (void)printf("%.8s  %s  %s\n", id,
                     r->why->kind == ERROR_CORRUPT ? "DAMAGED" : "NOT COPIED", r->why->text);
    else if (r->outcome == COPY_GONE && !k->c->quiet)
        (void)printf("%.8s  forgotten: it is not copied\n", id);
    return 0;
}

static void progress(void *arg, uint64_t done, uint64_t total)
{
    struct render_progress *p = arg;
    p->total = total;
    render_progress(p, done);
}

static int summary_json(const struct copying *k, int64_t took_ms, struct error *e)
{
    const struct copy_totals *t = &k->totals;
    char replica[2 * FORMAT_ID_LEN + 1];
    str_hex(replica, t->replica_id, FORMAT_ID_LEN);
    struct json *j = json_new_object();
    json_put_text(j, "message_type", "summary");
    json_put_text(j, "from", k->c->url);
    json_put_text(j, "to", k->to_url);
    json_put_text(j, "replica_id", replica);
    json_put_bool(j, "made", t->made);
    json_put_u64(j, "copied", t->copied);
    json_put_u64(j, "there", t->there);
    json_put_u64(j, "forgotten", t->gone);
    json_put_u64(j, "failed", t->failed);
    json_put_u64(j, "packs", t->packs);
    json_put_u64(j, "bytes", t->bytes);
    json_put_u64(j, "marks_and_envelopes", t->small);
    json_put_u64(j, "duration_ms", (uint64_t)took_ms);
    int rc = json_write(j, false, stdout, e);
    (void)putchar('\n');
    json_free(j);
    return rc;
}

/* ", 3 were there"; nothing for 0. */
static void count_text(char out[64], uint64_t n, const char *what)
{
    out[0] = '\0';
    if (n > 0)
        (void)snprintf(out, 64, ", %llu %s", (unsigned long long)n, what);
}

static int summary(const struct copying *k, struct error *e)
{
    const struct copy_totals *t = &k->totals;
    int64_t took_ms = clock_monotonic_ms() - k->started_ms;
    char size[32];
    char took[32];
    char failed[64];
    char gone[64];
    char there[64];
    char small[64];
    if (k->c->json)
        return summary_json(k, took_ms, e);
    if (k->c->quiet && t->failed == 0)
        return 0;
    str_size(size, t->bytes);
    render_duration(took, took_ms);
    count_text(failed, t->failed, "not copied");
    count_text(gone, t->gone, "forgotten");
    count_text(there, t->there, "there already");
    count_text(small, t->small, "marks and envelopes");
    if (t->copied + t->failed + t->small == 0)
        (void)printf("nothing to copy to %s: %llu backup%s there already%s; %s\n", k->to_url,
                     (unsigned long long)t->there, t->there == 1 ? "" : "s", gone, took);
    else
        (void)printf("copied %llu backup%s to %s%s%s%s; %llu pack%s, %s sent%s; %s\n",
                     (unsigned long long)t->copied, t->copied == 1 ? "" : "s", k->to_url, there,
                     gone, failed, (unsigned long long)t->packs, t->packs == 1 ? "" : "s", size,
                     small, took);
    return 0;
}

/* ---- the run ----------------------------------------------------------------------- */

static int open_places(struct copying *k, struct error *e)
{
    struct context *c = k->c;
    if (!k->o->to || !*k->o->to) {
        (void)error_set(e, ERROR_USAGE, "no target was named");
        return error_hint(e, "give --to URL");
    }
    if (k->o->from)
        c->repository = k->o->from;
    if (context_rate("--limit-upload", k->o->limit_upload, &c->up_per_second, e) < 0 ||
        context_rate("--limit-download", k->o->limit_download, &c->down_per_second, e) < 0)
        return -1;
    if (context_store(c, false, e) < 0)
        return -1;
    k->to_url = backends_canonical(k->o->to, e);
    if (!k->to_url)
        return -1;
    if (strcmp(k->to_url, c->url) == 0)
        return error_set(e, ERROR_USAGE, "--from and --to are one place: %s", c->url);
    return context_writer(c, e) < 0 ? -1 : context_catalog(c, e);
}

static int copy(struct copying *k, struct error *e)
{
    k->to = backends_open(k->o->to, true, e);
    if (!k->to)
        return -1;
    context_tell_store(k->c, k->to);
    k->progress =
        (struct render_progress){.wanted = context_wants_progress(k->c), .what = "copy"};
    const struct copy_options options = {
        .from = k->c->repo,
        .to = k->to,
        .chosen = k->chosen,
        .ids = buf_view(&k->ids),
        .stop = k->c->stop,
        .settled = settled,
        .settled_arg = k,
        .progress = progress,
        .progress_arg = &k->progress,
    };
    int rc = copy_run(&options, &k->totals, e);
    render_progress_end(&k->progress);
    return rc < 0 ? -1 : summary(k, e);
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    struct copying k = {.c = c, .o = options, .started_ms = clock_monotonic_ms()};
    struct error why;
    int64_t run_id = 0;
    if (after)
        return error_set(e, ERROR_USAGE, "copy: ids of backups are expected");
    int rc = open_places(&k, e);
    if (rc == 0)
        rc = choose(&k, argc, argv, e);
    if (rc == 0)
        rc = runs_begin(c->catalog, "copy", &run_id, e);
    if (rc == 0) {
        rc = copy(&k, e);
        int code = rc < 0 ? (int)exit_of(e->kind) : (int)exit_of(k.why);
        if (runs_end(c->catalog, run_id, code, rc < 0 ? e->text : k.to_url, NULL, &why) < 0)
            log_warning("catalog: %s", why.text);
    }
    store_close(k.to);
    free(k.to_url);
    buf_done(&k.ids);
    return rc < 0 ? -1 : (int)exit_of(k.why);
}

const struct command cmd_copy = {
    .name = "copy",
    .usage = "--from URL --to URL [ID...]",
    .summary = "Make or update a replica, without decrypting",
    .more =
        "All backups, or those that are named, oldest first, into another store of the same\n"
        "repository. Nothing is decrypted: the keys of a host that writes are enough. What is\n"
        "there is not sent again, so an interrupted copy goes on where it was. Every pack is\n"
        "compared with its SHA-256 on the way; a backup of which one is damaged is not copied\n"
        "(exit code 4), the others are. What was forgotten at the replica stays away. The\n"
        "replica is a repository of its own for every other command: -r names it.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct copy_options_cli),
    .run = run,
};
