/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/row_store.h"

#include <stdlib.h>

#include "core/base/file_map.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/job/row_narrow.h"

/* What tonight's dump has not is kept for so many backups: a dump of one table between two of
 * all must not make the next one store everything. */
#define MAX_ABSENT 8

struct row_store {
    /* Of the options. */
    struct repo *repo;
    char *path;
    uint8_t row_key[ROW_HASH_KEY_LEN];
    unsigned workers;
    int (*find_reader)(void *arg, struct error *e);
    void *find_reader_arg;
    const volatile sig_atomic_t *stop;
    struct row_state *state; /* NULL: nothing is known of last night */
    struct closure allowed;  /* packs of state that may be pointed into */
    bool *present; /* tables of state that tonight's dump has, or has in their place */
    struct row_state_draft *draft;
    /* The table that is open. */
    struct row_state_draft_table *table;
    uint32_t generation, waited;
};

static int learn_allowed(struct row_store *s, const struct row_store_options *o,
                         struct error *e)
{
    const struct closure *packs = row_state_packs(s->state);
    for (size_t i = 0; i < packs->count; i++) {
        const struct closure_pack *pack = &packs->packs[i];
        int holds = 1;
        if (!session_allows(o->session, &pack->object))
            continue;
        if (o->index && o->index->holds)
            holds = o->index->holds(o->index->arg, &pack->object, e);
        if (holds < 0 || (holds > 0 && closure_add(&s->allowed, pack, e) < 0))
            return -1;
    }
    return 0;
}

static int open_state(struct row_store *s, const struct row_store_options *o, struct error *e)
{
    struct error why = {0};
    if (row_state_open(o->path, o->id, &s->state, &why) < 0)
        log_warning("the row state cannot be used, so more will be stored: %s", why.text);
    if (!s->state)
        return 0;
    s->present = calloc(row_state_count(s->state) + 1, sizeof *s->present);
    return s->present ? learn_allowed(s, o, e) : error_memory(e, "row store");
}

struct row_store *row_store_new(const struct row_store_options *o, struct error *e)
{
    struct row_store *s = calloc(1, sizeof *s);
    struct error why = {0};
    if (!s) {
        (void)error_memory(e, "row store");
        return NULL;
    }
    s->repo = o->repo;
    s->workers = o->workers;
    s->find_reader = o->find_reader;
    s->find_reader_arg = o->find_reader_arg;
    s->stop = o->stop;
    memcpy(s->row_key, o->id->key, sizeof s->row_key);
    s->path = str_copy(o->path, e);
    if (!s->path || open_state(s, o, e) < 0) {
        row_store_free(s);
        return NULL;
    }
    s->draft = row_state_draft_new(o->path, o->id, &why);
    if (!s->draft)
        log_warning("no row state is kept, so the next backup will store more: %s", why.text);
    return s;
}

void row_store_free(struct row_store *s)
{
    if (!s)
        return;
    row_state_close(s->state);
    row_state_draft_free(s->draft);
    closure_done(&s->allowed);
    free(s->present);
    free(s->path);
    explicit_bzero(s->row_key, sizeof s->row_key);
    free(s);
}

/* ---- the base of a table ------------------------------------------------------------- */

/* Tonight's columns against last night's. Answers PROJECTION_LOST when the base is of no use;
 * else *shape is what copied rows pass through, or NULL. */
static int find_shape(const struct row_state_table *t, const char *copy,
                      struct projection_shape **shape, struct error *e)
{
    *shape = NULL;
    if (strcmp(t->copy, copy) == 0)
        return 0;
    struct projection_shape *s = calloc(1, sizeof *s);
    if (!s)
        return error_memory(e, "columns of a table");
    int rc = projection_match(bytes_text(t->copy), bytes_text(copy), s, e);
    if (rc == 0) {
        *shape = s;
        return 0;
    }
    projection_shape_done(s);
    free(s);
    return rc == PROJECTION_SAME ? 0 : rc;
}

/* Columns are gone: hash the base's rows without them, which takes a key that reads. Answers
 * PROJECTION_LOST when that cannot be done. */
static int narrow(struct row_store *s, const struct row_state_table *t, const char *name,
                  const struct projection_shape *shape, struct bytes *hashes, struct error *e)
{
    const struct row_narrow_options options = {.repo = s->repo,
                                               .state = s->state,
                                               .row_key = s->row_key,
                                               .folder = s->path,
                                               .workers = s->workers,
                                               .stop = s->stop};
    int rc = s->find_reader ? s->find_reader(s->find_reader_arg, e) : 1;
    if (rc > 0) {
        log_info("%s has lost columns and there is no key that reads: it is stored anew", name);
        return PROJECTION_LOST;
    }
    if (rc == 0) {
        log_info("%s has lost columns: its last rows are read again", name);
        rc = row_narrow(&options, t, shape, hashes, e);
    }
    if (rc == 0 || e->kind == ERROR_INTERRUPTED || e->kind == ERROR_MEMORY)
        return rc;
    log_warning("%s has lost columns and is stored anew: %s", name, e->text);
    error_clear(e);
    return PROJECTION_LOST;
}

/* The base of t's rows in the shape of *out. Answers PROJECTION_LOST. */
static int make_base(struct row_store *s, const struct row_state_table *t, const char *name,
                     struct recipe_out_options *out, struct error *e)
{
    struct bytes hashes = {0};
    const struct projection_shape *shape = out->shape;
    if (shape && shape->lost_count > 0) {
        int rc = narrow(s, t, name, shape, &hashes, e);
        if (rc != 0)
            return rc;
    }
    out->base = row_base_new(s->state, t, &s->allowed, e);
    if (!out->base) {
        file_map_close(hashes);
        return -1;
    }
    if (hashes.len > 0)
        row_base_take_hashes(out->base, hashes);
    if (shape && !row_base_may_grow(out->base)) {
        log_info("%s has had its columns changed very often: it is stored anew", name);
        return PROJECTION_LOST;
    }
    return 0;
}

/* Last night's table; NULL when there is none. */
static const struct row_state_table *find_table(struct row_store *s, const struct entry *entry)
{
    const char *schema = entry->schema ? entry->schema : "";
    /* Oids mean nothing in another cluster, and where they do, names mostly hold as well. */
    const struct row_state_table *t =
        row_state_find(s->state, schema, entry->name, entry->oid, false);
    if (!t)
        t = row_state_find(s->state, schema, entry->name, entry->oid, true);
    if (t)
        s->present[row_state_place(s->state, t)] = true;
    return t && t->rows > 0 ? t : NULL;
}

static int find_base(struct row_store *s, const struct entry *entry, const char *copy,
                     struct recipe_out_options *out, struct error *e)
{
    const struct row_state_table *t = find_table(s, entry);
    char name[ENTRY_TEXT];
    if (!t)
        return 0;
    entry_text(entry, name);
    int rc = find_shape(t, copy, &out->shape, e);
    if (rc == PROJECTION_LOST)
        log_info("%s has other columns: it is stored anew", name);
    else if (rc == 0)
        rc = make_base(s, t, name, out, e);
    if (rc == 0) {
        s->generation = t->generation + 1;
        s->waited = t->waited;
        return 0;
    }
    recipe_out_drop(out);
    out->base = NULL;
    out->shape = NULL;
    if (rc == PROJECTION_LOST)
        return 0;
    if (e->kind != ERROR_CORRUPT)
        return -1;
    log_warning("%s: its row state cannot be used, so it is stored anew: %s", name, e->text);
    error_clear(e);
    return 0;
}

int row_store_begin(struct row_store *s, const struct entry *entry, const char *copy,
                    struct recipe_out_options *out, struct error *e)
{
    *out = (struct recipe_out_options){.draft = s->draft};
    s->generation = 1;
    s->waited = 0;
    s->table = NULL;
    if (s->state && find_base(s, entry, copy, out, e) < 0)
        return -1;
    if (s->draft) {
        const struct row_state_table t = {.schema = entry->schema ? entry->schema : "",
                                          .name = entry->name,
                                          .oid = entry->oid,
                                          .copy = copy};
        out->table = s->table = row_state_draft_begin(s->draft, &t);
    }
    return 0;
}

void row_store_end(struct row_store *s, const struct rows_out_totals *totals)
{
    struct row_state_table t = {
        .generation = s->generation, .waited = s->waited, .taken = totals->taken};
    if (totals->differs)
        t.waited = totals->kept_old ? s->waited + 1 : 0;
    memcpy(t.digest, totals->digest, sizeof t.digest);
    log_debug("%llu rows: %llu new, %llu renewed", (unsigned long long)totals->rows,
              (unsigned long long)totals->taken, (unsigned long long)totals->renewed);
    if (s->draft)
        row_state_draft_end(s->draft, s->table, &t);
}

/* ---- the commit ---------------------------------------------------------------------- */

static int add_pack(struct row_store *s, const uint8_t pack_id[FORMAT_ID_LEN],
                    struct closure *closure, struct error *e)
{
    const struct closure_pack *pack = closure_find(row_state_packs(s->state), pack_id);
    return pack ? closure_add(closure, pack, e) : 0;
}

static int carry_recipe(struct row_store *s, const struct row_state_table *t, uint32_t i,
                        struct row_state_draft_table *to, struct closure *closure,
                        struct error *e)
{
    struct row_state_recipe r = {0};
    int rc = row_state_recipe(s->state, t, i, &r, e);
    for (uint8_t k = 0; rc == 0 && k < r.depth; k++)
        rc = add_pack(s, r.chain_packs[k], closure, e);
    for (uint32_t k = 0; rc == 0 && k < r.resolved.count; k++)
        rc = add_pack(s, r.resolved.chunks[k].ref.pack_id, closure, e);
    if (rc == 0)
        row_state_draft_recipe(s->draft, to, &r);
    row_state_recipe_done(&r);
    return rc;
}

/* A table that tonight's dump has not goes from last night's state into tonight's as it is. */
static int carry_table(struct row_store *s, const struct row_state_table *t,
                       struct closure *closure, struct error *e)
{
    const uint8_t *hashes;
    struct row_state_table totals = *t;
    totals.absent = t->absent + 1;
    if (row_state_hashes(s->state, t, &hashes, e) < 0)
        return -1;
    struct row_state_draft_table *to = row_state_draft_begin(s->draft, t);
    row_state_draft_hashes(s->draft, to, hashes, (size_t)t->rows);
    row_state_draft_end(s->draft, to, &totals);
    for (uint32_t i = 0; i < t->recipe_count; i++)
        if (carry_recipe(s, t, i, to, closure, e) < 0)
            return -1; /* it has not all its recipes, so the draft leaves it out */
    row_state_passed(s->state, t, UINT64_MAX);
    return 0;
}

static int carry_tables(struct row_store *s, struct closure *closure, struct error *e)
{
    for (size_t i = 0; s->state && i < row_state_count(s->state); i++) {
        const struct row_state_table *t = row_state_table(s->state, i);
        if (s->present[i] || t->absent + 1 >= MAX_ABSENT)
            continue;
        if (carry_table(s, t, closure, e) == 0)
            continue;
        if (e->kind != ERROR_CORRUPT)
            return -1;
        log_warning("row state of %s: %s", t->name, e->text);
    }
    return 0;
}

void row_store_commit(struct row_store *s, const uint8_t backup_id[FORMAT_ID_LEN],
                      const uint8_t manifest_sha256[FORMAT_HASH_LEN],
                      const struct closure *closure)
{
    struct error why = {0};
    struct closure all = {0};
    int rc = 0;
    if (!s->draft)
        return;
    for (size_t i = 0; rc == 0 && i < closure->count; i++)
        rc = closure_add(&all, &closure->packs[i], &why);
    if (rc == 0)
        rc = carry_tables(s, &all, &why);
    if (rc == 0)
        rc = row_state_draft_commit(s->draft, backup_id, manifest_sha256, &all, &why);
    if (rc < 0)
        log_warning("no row state was kept, so the next backup will store more: %s", why.text);
    closure_done(&all);
}
