/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/objects.h"
#include "catalog/runs.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/job/restore.h"
#include "core/job/verify.h"
#include "core/job/verify_again.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/list_check.h"
#include "tools/render.h"
#include "tools/select.h"
#include "tools/sync.h"

struct verify_options {
    struct select_options select;
    const char *level;
    uint64_t threads;
    bool full;
    bool copy_sums;
    const char *sample;
};

#define AT(member) offsetof(struct verify_options, member)
static const struct options_spec specs[] = {
    SELECT_SPECS(struct verify_options, select),
    {0, "level", OPTIONS_TEXT, AT(level), "LEVEL",
     "objects (no key needed), data (decode everything, the default with a key) or list (data, "
     "and pg_restore --list)",
     "PGKEEP_VERIFY_LEVEL"},
    {0, "full", OPTIONS_FLAG, AT(full), NULL,
     "put every backup together again, also those that were verified before", NULL},
    {0, "sample", OPTIONS_TEXT, AT(sample), "N/M",
     "only part N of M of all packs: another one each night, and after M nights all", NULL},
    {0, "threads", OPTIONS_NUMBER, AT(threads), "N", "worker threads", NULL},
    {0, "copy-sha256", OPTIONS_FLAG, AT(copy_sums), NULL,
     "also print the SHA-256 of every table's COPY text", NULL},
};

#define MAX_PARTS 1000

/* One run over several backups. */
struct checked {
    struct context *c;
    const struct verify_options *o;
    bool data;
    bool lists;                               /* after data: what pg_restore lists */
    uint32_t part, parts;                     /* of --sample; 0: all */
    struct verify_packs *packs;               /* packs that were read already */
    struct verify_again *again;               /* NULL: none was verified before */
    struct manifest held[VERIFY_AGAIN_BATCH]; /* verified before; they wait for each other */
    size_t held_count;
    struct json *list;
    uint64_t good, bad, unchecked;
    enum error_kind why; /* of the first that could not be checked */
    struct json *tables;
};

static const char *level_word(const struct checked *k)
{
    if (k->lists)
        return "list";
    return k->data ? "data" : "objects";
}

static int on_entry(void *arg, const struct restore_entry *seen, struct error *e)
{
    struct checked *k = arg;
    char hex[2 * DIGEST_LEN + 1];
    (void)e;
    if (!seen->has_copy_sha256)
        return 0;
    str_hex(hex, seen->copy_sha256, DIGEST_LEN);
    if (k->tables) {
        struct json *j = json_put_object(k->tables, NULL);
        json_put_text(j, "schema", seen->entry->schema);
        json_put_text(j, "name", seen->entry->name);
        json_put_u64(j, "rows", seen->entry->rows);
        json_put_text(j, "copy_sha256", hex);
        return 0;
    }
    char name[200];
    char schema[200];
    str_safe(name, sizeof name, bytes_text(seen->entry->name));
    str_safe(schema, sizeof schema, bytes_text(seen->entry->schema ? seen->entry->schema : ""));
    (void)printf("%s  %s.%s\n", hex, schema, name);
    return 0;
}

static int check_data(struct checked *k, const struct manifest *m, struct error *e)
{
    const struct restore_options options = {.repo = k->c->repo,
                                            .manifest = m,
                                            .workers = context_workers(k->o->threads),
                                            .check = true,
                                            .copy_sha256 = k->o->copy_sums,
                                            .on_entry = on_entry,
                                            .on_entry_arg = k,
                                            .stop = k->c->stop};
    struct restore *r = restore_new(&options, e);
    int rc = r ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < m->private_part.member_count; i++)
        rc = restore_member(r, &m->private_part.members[i], e);
    restore_free(r);
    return rc;
}

/* What ends the whole run; anything else is told of one backup, and the next one is checked. */
static bool ends_all(const struct error *e)
{
    return e->kind == ERROR_INTERRUPTED || e->kind == ERROR_TERMINATED ||
           e->kind == ERROR_MEMORY;
}

/* How a check ended: good, damage, or that it could not be made. */
static const char *verdict(const struct error *e)
{
    if (!e)
        return "good";
    return e->kind == ERROR_CORRUPT || e->kind == ERROR_DIFFERENT ? "damaged" : "unchecked";
}

/* What came of a backup. */
struct outcome {
    const uint8_t *id;
    bool again;
    const struct error *why;      /* NULL: it is good */
    const struct ref_object *bad; /* the pack that it is about; NULL: none */
};

static void report_one(struct checked *k, const struct outcome *o)
{
    const struct error *e = o->why;
    char id[2 * FORMAT_ID_LEN + 1];
    str_hex(id, o->id, FORMAT_ID_LEN);
    const char *level = level_word(k);
    const char *result = verdict(e);
    if (!e) {
        k->good++;
    } else if (strcmp(result, "damaged") == 0) {
        k->bad++;
    } else {
        if (k->unchecked++ == 0)
            k->why = e->kind;
    }
    if (k->list) {
        struct json *j = json_put_object(k->list, NULL);
        json_put_text(j, "id", id);
        json_put_text(j, "level", level);
        json_put_bool(j, "good", !e);
        json_put_text(j, "result", result);
        json_put_bool(j, "again", o->again);
        json_put_text(j, "message", e ? e->text : NULL);
        return;
    }
    if (e)
        (void)printf("%.8s  %s  %s\n", id, *result == 'd' ? "DAMAGED" : "NOT CHECKED", e->text);
    else if (!k->c->quiet)
        (void)printf("%.8s  good (%s%s)\n", id, level, k->parts ? ", a sample" : "");
}

/* Into the history; a check that could not be made is an event, and a sample in which nothing
 * was wrong. A pack that is damaged is taken
 * out of the index, so that no later backup points into it. */
static int record(struct checked *k, const struct outcome *o, struct error *e)
{
    if (o->why && strcmp(verdict(o->why), "unchecked") == 0)
        return runs_event(k->c->catalog, "verify", o->id, o->why->text, e);
    if (k->parts && !o->why)
        return runs_event(k->c->catalog, "verify-sample", o->id, k->o->sample, e);
    if (o->bad && objects_drop_pack(k->c->catalog, o->bad, e) < 0)
        return -1;
    return runs_verified(k->c->catalog, o->id, level_word(k), !o->why,
                         o->why ? o->why->text : NULL, e);
}

/* Tell of a backup, and write it down. why, which may be NULL, may also end the run. */
static int settle(struct checked *k, struct outcome o, const struct verify_packs_item *packs,
                  struct error *e)
{
    if (packs && packs->failed) {
        o.why = &packs->why;
        o.bad = packs->has_bad ? &packs->bad : NULL;
    }
    if (o.why && ends_all(o.why)) {
        *e = *o.why;
        return -1;
    }
    report_one(k, &o);
    return record(k, &o, e);
}

/* The packs of the sample, and what is in them; not how they are put together. */
static int check_sample(struct checked *k, const struct manifest *m,
                        struct verify_packs_item *packs, struct error *e)
{
    struct secret chunk_id_key;
    uint8_t row_key[16];
    if (k->data && restore_keys(k->c->repo, m, &chunk_id_key, row_key, e) < 0)
        return -1;
    packs->chunk_id_key = k->data ? &chunk_id_key : NULL;
    verify_packs_begin(k->packs, packs, 1);
    verify_packs_end(k->packs);
    packs->chunk_id_key = NULL;
    explicit_bzero(&chunk_id_key, sizeof chunk_id_key);
    explicit_bzero(row_key, sizeof row_key);
    return 0;
}

/* The packs are read beside the data: what is found wrong with them comes first. */
static int check_one(struct checked *k, const struct manifest *m,
                     struct verify_packs_item *packs, struct error *e)
{
    int rc = 0;
    packs->closure = &m->closure;
    if (k->data && !m->is_open)
        rc = error_set(e, ERROR_KEY, "no key at hand opens this backup");
    if (k->parts)
        return rc < 0 ? -1 : check_sample(k, m, packs, e);
    verify_packs_begin(k->packs, packs, 1);
    if (k->o->copy_sums) /* these are printed on the way */
        verify_packs_end(k->packs);
    if (rc == 0 && k->data && (!k->o->copy_sums || !packs->failed))
        rc = check_data(k, m, e);
    verify_packs_end(k->packs);
    if (rc == 0 && k->lists && !packs->failed)
        rc = list_check(k->c, m, e);
    return rc;
}

/* ---- backups that were verified before ---------------------------------------------- */

struct before {
    const struct manifest *manifest;
    bool verified;
};

static int visit_before(void *arg, const struct backups_row *row, struct error *e)
{
    struct before *b = arg;
    (void)e;
    b->verified = memcmp(row->digest, b->manifest->digest, sizeof row->digest) == 0 &&
                  row->state &&
                  (strcmp(row->state, "verified") == 0 || strcmp(row->state, "rehearsed") == 0);
    return 0;
}

static int need_again(struct checked *k, struct error *e)
{
    if (k->again)
        return 0;
    char *path = context_catalog_path(k->c, ".rows", e);
    const struct verify_again_options options = {.repo = k->c->repo,
                                                 .workers = context_workers(k->o->threads),
                                                 .path = path,
                                                 .limit = VERIFY_AGAIN_LIMIT,
                                                 .stop = k->c->stop};
    k->again = path ? verify_again_new(&options, e) : NULL;
    free(path);
    return k->again ? 0 : -1;
}

#define GO_THE_FULL_WAY 1

/* Is it enough to check it again, chunk by chunk? */
static int may_hold(struct checked *k, const struct manifest *m, struct error *e)
{
    char hex[2 * FORMAT_ID_LEN + 1];
    struct before before = {.manifest = m};
    const struct backups_filter filter = {.id_prefix = hex};
    str_hex(hex, m->backup_id, FORMAT_ID_LEN);
    if (!k->data || k->parts || k->o->full || k->o->copy_sums || !m->is_open)
        return GO_THE_FULL_WAY;
    if (backups_visit(k->c->catalog, &filter, visit_before, &before, e) < 0)
        return -1;
    if (!before.verified)
        return GO_THE_FULL_WAY;
    return need_again(k, e) < 0 ? -1 : verify_again_takes(k->again, m, e);
}

static int check_held(struct checked *k, struct error *e)
{
    struct verify_again_item items[VERIFY_AGAIN_BATCH];
    struct verify_packs_item packs[VERIFY_AGAIN_BATCH];
    size_t count = k->held_count;
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct verify_again_item){.manifest = &k->held[i]};
        packs[i] = (struct verify_packs_item){.closure = &k->held[i].closure};
    }
    verify_packs_begin(k->packs, packs, count);
    int rc = verify_again_run(k->again, items, count, e);
    verify_packs_end(k->packs);
    for (size_t i = 0; rc == 0 && k->lists && i < count; i++)
        if (!items[i].failed && !packs[i].failed)
            items[i].failed = list_check(k->c, &k->held[i], &items[i].why) < 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = settle(k,
                    (struct outcome){.id = k->held[i].backup_id,
                                     .again = true,
                                     .why = items[i].failed ? &items[i].why : NULL},
                    &packs[i], e);
    return rc;
}

static void let_go(struct checked *k)
{
    for (size_t i = 0; i < k->held_count; i++)
        manifest_done(&k->held[i]);
    k->held_count = 0;
}

static int end_batch(struct checked *k, struct error *e)
{
    int rc = check_held(k, e);
    let_go(k);
    return rc;
}

/* Takes the manifest over. */
static int hold(struct checked *k, struct manifest *m, struct error *e)
{
    k->held[k->held_count++] = *m;
    *m = (struct manifest){0};
    return k->held_count == VERIFY_AGAIN_BATCH ? end_batch(k, e) : 0;
}

/* ---- all backups -------------------------------------------------------------------- */

static int check_loaded(struct checked *k, struct manifest *m, struct error *e)
{
    struct error why = {0};
    struct verify_packs_item packs = {0};
    int rc = may_hold(k, m, e);
    if (rc <= 0)
        return rc < 0 ? -1 : hold(k, m, e);
    rc = check_one(k, m, &packs, &why);
    return settle(k, (struct outcome){.id = m->backup_id, .why = rc < 0 ? &why : NULL}, &packs,
                  e);
}

static int load_and_check(struct checked *k, const uint8_t *id, struct error *e)
{
    struct manifest m = {0};
    struct error why = {0};
    int rc = repo_manifest(k->c->repo, id, true, &m, &why);
    if (rc < 0)
        rc = settle(k, (struct outcome){.id = id, .why = &why}, NULL, e);
    else if (rc == STORE_ABSENT)
        rc = 0;
    else
        rc = check_loaded(k, &m, e);
    manifest_done(&m);
    return rc;
}

/* Every manifest object of the repository, also those the catalog could not read. */
static int visit_stored(void *arg, const struct store_item *item, struct error *e)
{
    uint8_t id[FORMAT_ID_LEN];
    if (!repo_name_known(item->name) ||
        !str_unhex(id, sizeof id, item->name + strlen("backups/")))
        return 0;
    return load_and_check(arg, id, e);
}

static int visit_row(void *arg, const struct backups_row *row, struct error *e)
{
    return buf_append(arg, row->backup_id, FORMAT_ID_LEN, e);
}

static bool has_filter(const struct select_options *s)
{
    return s->source || s->database || s->tag || s->kind || s->before;
}

static int check_filtered(struct checked *k, struct error *e)
{
    struct backups_filter filter;
    struct buf ids = {0};
    int rc = select_filter(&k->o->select, &filter, e);
    if (rc == 0)
        rc = backups_visit(k->c->catalog, &filter, visit_row, &ids, e);
    if (rc == 0 && ids.len == 0)
        rc = error_set(e, ERROR_ABSENT, "no backup is like that");
    for (size_t at = 0; rc == 0 && at < ids.len; at += FORMAT_ID_LEN)
        rc = load_and_check(k, ids.data + at, e);
    buf_done(&ids);
    return rc;
}

static int check_all(struct checked *k, int argc, char **argv, struct error *e)
{
    if (argc == 0)
        return has_filter(&k->o->select)
                   ? check_filtered(k, e)
                   : store_list(k->c->store, "backups/", visit_stored, k, e);
    for (int i = 0; i < argc; i++) {
        struct backups_row row;
        if (select_backup(k->c, argv[i], &k->o->select, &row, e) < 0)
            return -1;
        int rc = load_and_check(k, row.backup_id, e);
        backups_row_done(&row);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* Which level: what was asked, else data where a key is at hand. */
static int choose_level(struct checked *k, struct error *e)
{
    const char *level = k->o->level;
    if (level && strcmp(level, "objects") == 0)
        return context_metadata(k->c, e);
    k->lists = level && strcmp(level, "list") == 0;
    if (level && !k->lists && strcmp(level, "data") != 0)
        return error_set(e, ERROR_USAGE, "--level: objects, data or list is expected");
    if (k->lists && k->parts)
        return error_set(e, ERROR_USAGE,
                         "--level list looks at whole backups: --sample does "
                         "not go with it");
    k->data = true;
    int rc = level ? context_reader(k->c, e) : context_find_reader(k->c, e);
    if (rc != CONTEXT_NO_KEY)
        return rc;
    k->data = false;
    if (!k->c->quiet)
        (void)fputs("no key that reads content: level objects only\n", stderr);
    return 0;
}

/* N/M of --sample. */
static int read_sample(struct checked *k, struct error *e)
{
    const char *text = k->o->sample;
    uint64_t part = 0;
    uint64_t parts = 0;
    char first[8] = "";
    if (!text)
        return 0;
    const char *slash = strchr(text, '/');
    if (slash && (size_t)(slash - text) < sizeof first)
        memcpy(first, text, (size_t)(slash - text));
    if (k->o->full || k->o->copy_sums)
        return error_set(e, ERROR_USAGE, "--sample: not together with --full or --copy-sha256");
    if (!slash || !str_u64(first, MAX_PARTS, &part) || !str_u64(slash + 1, MAX_PARTS, &parts) ||
        part == 0 || part > parts)
        return error_set(e, ERROR_USAGE, "--sample %s: expected N/M, N from 1 to M, M up to %d",
                         text, MAX_PARTS);
    k->part = (uint32_t)part;
    k->parts = (uint32_t)parts;
    return 0;
}

static int finish(struct checked *k, struct json *root, int64_t started, struct error *e)
{
    char took[32];
    char unchecked[48] = "";
    unsigned long long all = k->good + k->bad + k->unchecked;
    render_duration(took, clock_monotonic_ms() - started);
    if (k->unchecked > 0)
        (void)snprintf(unchecked, sizeof unchecked, ", %llu not checked",
                       (unsigned long long)k->unchecked);
    if (root) {
        json_put_u64(root, "good", k->good);
        json_put_u64(root, "damaged", k->bad);
        json_put_u64(root, "unchecked", k->unchecked);
        json_put_text(root, "sample", k->o->sample);
        json_put_u64(root, "packs", verify_packs_good(k->packs));
        if (json_write(root, true, stdout, e) < 0)
            return -1;
        (void)putchar('\n');
    } else if (!k->c->quiet || k->bad || k->unchecked) {
        char sample[64] = "";
        if (k->parts)
            (void)snprintf(sample, sizeof sample, " (sample %u/%u, %zu packs)", k->part,
                           k->parts, verify_packs_good(k->packs));
        (void)printf("verified %llu backup%s at level %s%s in %s: %llu good, %llu damaged%s\n",
                     all, all == 1 ? "" : "s", level_word(k), sample, took,
                     (unsigned long long)k->good, (unsigned long long)k->bad, unchecked);
    }
    if (k->bad > 0)
        return EXIT_DAMAGE;
    return k->unchecked > 0 ? (int)exit_of(k->why) : EXIT_DONE;
}

/* Decoded chunks come and go here by the gigabyte, of many sizes: pages that are given back to
 * the system each time cost a tenth of all. What is held at once is bounded by their cache. */
static void keep_heap(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 32 * MIB);
    (void)mallopt(M_TRIM_THRESHOLD, 64 * MIB);
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    struct checked k = {.c = c, .o = options};
    int64_t started = clock_monotonic_ms();
    keep_heap();
    if (after)
        return error_set(e, ERROR_USAGE, "verify: ids of backups are expected");
    if (read_sample(&k, e) < 0 || context_repo(c, e) < 0 || choose_level(&k, e) < 0 ||
        context_reading_catalog(c, e) < 0)
        return -1;
    size_t unreadable;
    if (sync_backups(c, &unreadable, e) < 0)
        return -1;
    struct json *root = c->json ? json_new_object() : NULL;
    k.list = root ? json_put_list(root, "backups") : NULL;
    k.tables = root && k.o->copy_sums ? json_put_list(root, "tables") : NULL;
    const struct verify_packs_options packs = {
        .repo = c->repo, .part = k.part, .parts = k.parts, .stop = c->stop};
    k.packs = verify_packs_new(&packs, e);
    int rc = k.packs ? check_all(&k, argc, argv, e) : -1;
    if (rc == 0)
        rc = end_batch(&k, e);
    if (rc == 0)
        rc = finish(&k, root, started, e);
    let_go(&k);
    verify_again_free(k.again);
    verify_packs_free(k.packs);
    json_free(root);
    return rc;
}

const struct command cmd_verify = {
    .name = "verify",
    .usage = "[ID...] [--level objects|data|list] [--sample N/M]",
    .summary = "Check that backups are whole, by reading them",
    .more =
        "objects: every pack is there, and its SHA-256 is its name. data: every chunk is\n"
        "decrypted, decoded and put together again, every hash compared; the same way a\n"
        "restore takes. A backup that this host has verified at level data before is checked\n"
        "again chunk by chunk, those that backups share once, unless --full. With --sample\n"
        "N/M only part N of the packs of all backups is read, each once; at level data every\n"
        "chunk in them is decoded. A backup counts as verified only after a whole check.\n"
        "list: after data, pg_restore --list is run on the dump's table of contents, and must\n"
        "list all that is in it. It is the pg_restore of the dump's major version or a newer\n"
        "one; without one that reads the archive the backup counts as not checked (exit 1).\n"
        "Exit code 4 when damage is found.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct verify_options),
    .run = run,
};
