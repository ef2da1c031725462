/* SPDX-License-Identifier: Apache-2.0 */
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
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/render.h"
#include "tools/select.h"
#include "tools/sync.h"

struct verify_options {
    struct select_options select;
    const char *level;
    uint64_t threads;
    bool copy_sums;
};

#define AT(member) offsetof(struct verify_options, member)
static const struct options_spec specs[] = {
    SELECT_SPECS(struct verify_options, select),
    {0, "level", OPTIONS_TEXT, AT(level), "LEVEL",
     "objects (no key needed) or data (decode everything, the default with a key)",
     "PGKEEP_VERIFY_LEVEL"},
    {0, "threads", OPTIONS_NUMBER, AT(threads), "N", "worker threads", NULL},
    {0, "copy-sha256", OPTIONS_FLAG, AT(copy_sums), NULL,
     "also print the SHA-256 of every table's COPY text", NULL},
};

/* One run over several backups. */
struct checked {
    struct context *c;
    const struct verify_options *o;
    bool data;
    struct verify_packs *packs; /* packs that were read already */
    struct json *list;
    uint64_t good, bad, unchecked;
    enum error_kind why; /* of the first that could not be checked */
    struct json *tables;
};

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

static void report_one(struct checked *k, const char *id, const struct error *e)
{
    const char *level = k->data ? "data" : "objects";
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
        json_put_text(j, "message", e ? e->text : NULL);
        return;
    }
    if (e)
        (void)printf("%.8s  %s  %s\n", id, *result == 'd' ? "DAMAGED" : "NOT CHECKED", e->text);
    else if (!k->c->quiet)
        (void)printf("%.8s  good (%s)\n", id, level);
}

/* Into the history; a check that could not be made is an event. A pack that is damaged is taken
 * out of the index, so that no later backup points into it. */
static int record(struct checked *k, const uint8_t *id, const struct error *why,
                  struct error *e)
{
    const struct ref_object *pack = why ? verify_packs_bad(k->packs) : NULL;
    if (why && strcmp(verdict(why), "unchecked") == 0)
        return runs_event(k->c->catalog, "verify", id, why->text, e);
    if (pack && objects_drop_pack(k->c->catalog, pack, e) < 0)
        return -1;
    return runs_verified(k->c->catalog, id, k->data ? "data" : "objects", !why,
                         why ? why->text : NULL, e);
}

static int check_one(struct checked *k, const struct manifest *m, struct error *e)
{
    int rc = verify_packs_check(k->packs, &m->closure, e);
    if (rc == 0 && k->data && !m->is_open)
        rc = error_set(e, ERROR_KEY, "no key at hand opens this backup");
    return rc == 0 && k->data ? check_data(k, m, e) : rc;
}

static int load_and_check(struct checked *k, const uint8_t *id, struct error *e)
{
    struct manifest m = {0};
    struct error why = {0};
    char hex[2 * FORMAT_ID_LEN + 1];
    str_hex(hex, id, FORMAT_ID_LEN);
    int rc = repo_manifest(k->c->repo, id, true, &m, &why);
    if (rc == STORE_ABSENT)
        return 0;
    if (rc == 0)
        rc = check_one(k, &m, &why);
    manifest_done(&m);
    if (rc < 0 && ends_all(&why)) {
        *e = why;
        return -1;
    }
    report_one(k, hex, rc < 0 ? &why : NULL);
    return record(k, id, rc < 0 ? &why : NULL, e);
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
    if (level && strcmp(level, "data") != 0)
        return error_set(e, ERROR_USAGE, "--level: objects or data is expected");
    k->data = true;
    int rc = level ? context_reader(k->c, e) : context_find_reader(k->c, e);
    if (rc != CONTEXT_NO_KEY)
        return rc;
    k->data = false;
    if (!k->c->quiet)
        (void)fputs("no key that reads content: level objects only\n", stderr);
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
        if (json_write(root, true, stdout, e) < 0)
            return -1;
        (void)putchar('\n');
    } else if (!k->c->quiet || k->bad || k->unchecked) {
        (void)printf("verified %llu backup%s at level %s in %s: %llu good, %llu damaged%s\n",
                     all, all == 1 ? "" : "s", k->data ? "data" : "objects", took,
                     (unsigned long long)k->good, (unsigned long long)k->bad, unchecked);
    }
    if (k->bad > 0)
        return EXIT_DAMAGE;
    return k->unchecked > 0 ? (int)exit_of(k->why) : EXIT_DONE;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    struct checked k = {.c = c, .o = options};
    int64_t started = clock_monotonic_ms();
    if (after)
        return error_set(e, ERROR_USAGE, "verify: ids of backups are expected");
    if (context_repo(c, e) < 0 || choose_level(&k, e) < 0 || context_catalog(c, e) < 0)
        return -1;
    size_t unreadable;
    if (sync_backups(c, &unreadable, e) < 0)
        return -1;
    struct json *root = c->json ? json_new_object() : NULL;
    k.list = root ? json_put_list(root, "backups") : NULL;
    k.tables = root && k.o->copy_sums ? json_put_list(root, "tables") : NULL;
    k.packs = verify_packs_new(c->repo, c->stop, e);
    int rc = k.packs ? check_all(&k, argc, argv, e) : -1;
    if (rc == 0)
        rc = finish(&k, root, started, e);
    verify_packs_free(k.packs);
    json_free(root);
    return rc;
}

const struct command cmd_verify = {
    .name = "verify",
    .usage = "[ID...] [--level objects|data]",
    .summary = "Check that backups are whole, by reading them",
    .more = "objects: every pack is there, and its SHA-256 is its name. data: every chunk is\n"
            "decrypted, decoded and put together again, every hash compared; the same way a\n"
            "restore takes. Exit code 4 when damage is found.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct verify_options),
    .run = run,
};
