/* SPDX-License-Identifier: Apache-2.0 */
/* Tables whose rows and recipes follow from their names, for the tests of job/row_state. */
#ifndef UNIT_JOB_ROW_STATE_SAMPLES_H
#define UNIT_JOB_ROW_STATE_SAMPLES_H

#include "tests/support/check.h"

#include <stdlib.h>

#include "core/job/row_state.h"
#include "tests/support/scratch.h"

static const struct row_state_id id = {
    .repository_id = "repository", .domain_id = "domain", .source_mac = "source", .key = "key"};
static const uint8_t manifest[FORMAT_HASH_LEN] = "manifest";

static char folder[SCRATCH_PATH];
static char path[SCRATCH_PATH];
static struct error e;

static inline int make(void **state)
{
    (void)state;
    scratch_make(folder);
    scratch_path(path, folder, "shop.rows");
    return 0;
}

static inline int clear(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

/* ---- what the tables of these tests are made of ---- */

struct sample {
    const char *schema, *name, *oid;
    uint32_t rows;
    uint32_t recipes;
};

static inline void hash_at(uint8_t out[ROW_STATE_HASH_LEN], const char *name, uint64_t row)
{
    buf_store_u64(out, row * UINT64_C(0x9e3779b97f4a7c15) + (uint8_t)name[0]);
    buf_store_u32(out + 8, (uint32_t)row);
}

/* Where recipe i of a sample begins; they are of different lengths. */
static inline uint64_t first_row(const struct sample *s, uint32_t i)
{
    return i < s->recipes ? (uint64_t)s->rows * i * i / s->recipes / s->recipes : s->rows;
}

static inline struct ref ref_at(uint32_t number, uint8_t kind)
{
    struct ref ref = {.record = 1, .offset = 64, .stored = 100, .plain = 5000000, .codec = 1};
    buf_store_u32(ref.chunk_id, number);
    buf_store_u32(ref.pack_id, number % 3);
    ref.kind = kind;
    return ref;
}

static inline uint32_t generation_of(const struct recipe_chunk *chunk)
{
    return chunk->ref.chunk_id[0] % 7U * 100U;
}

static inline void add_extent(struct recipe *r, uint32_t n, uint32_t chunk, uint32_t first)
{
    struct recipe_source source = {.chunk = chunk, .first = first};
    assert_done(recipe_add_extent(r, n, 0, &source, &e), &e);
}

/* The rows of two chunks side by side. */
static inline void add_joined(struct recipe *r, uint32_t n)
{
    static const struct recipe_column columns[] = {{0, 0}, {1, 0}, {0, 1}};
    static const struct recipe_source sources[] = {{.chunk = 3}, {.chunk = 4}};
    uint32_t projection = 0;
    assert_done(recipe_add_projection(r, 2, columns, 3, &projection, &e), &e);
    assert_done(recipe_add_extent(r, n, projection, sources, &e), &e);
}

/* n rows. From 10 on with a long row in two pieces, a projection, and chunks that are used in
 * another order than they are listed in. */
static inline void make_resolved(struct recipe *r, uint32_t n, uint32_t seed)
{
    recipe_clear(r, FORMAT_STREAM_ROWS);
    struct ref ref = ref_at(seed, FORMAT_KIND_ROWS);
    assert_done(recipe_add_chunk(r, &ref, n + 2, &e), &e);
    if (n < 10) {
        if (n > 0)
            add_extent(r, n, 0, 2);
        return;
    }
    for (uint32_t i = 1; i < 5; i++) {
        ref = ref_at(seed + i, i < 3 ? FORMAT_KIND_BYTES : FORMAT_KIND_ROWS);
        assert_done(recipe_add_chunk(r, &ref, i < 3 ? i % 2 : n, &e), &e);
    }
    add_joined(r, 4);
    add_extent(r, n - 6, 0, 1);
    add_extent(r, 1, 1, 0);
    add_extent(r, 1, 0, 0);
}

static inline void make_recipe(struct row_state_recipe *r, const struct sample *s, uint32_t i)
{
    *r = (struct row_state_recipe){.first_row = first_row(s, i)};
    uint32_t seed = (uint8_t)s->name[0] * 1000U + i * 10;
    r->ref = ref_at(seed + 9, FORMAT_KIND_RECIPE);
    r->depth = (uint8_t)(1 + i % RECIPE_MAX_CHAIN);
    for (uint32_t k = 0; k < r->depth; k++)
        memset(r->chain_packs[k], (int)(seed + k), FORMAT_ID_LEN);
    make_resolved(&r->resolved, (uint32_t)(first_row(s, i + 1) - r->first_row), seed);
    r->generations = calloc(r->resolved.count, sizeof *r->generations);
    assert_non_null(r->generations);
    for (uint32_t k = 0; k < r->resolved.count; k++)
        r->generations[k] = generation_of(&r->resolved.chunks[k]);
}

static inline struct row_state_table table_of(const struct sample *s)
{
    struct row_state_table t = {
        .schema = s->schema, .name = s->name, .oid = s->oid, .copy = "COPY …"};
    t.generation = s->rows + 1;
    t.taken = s->rows / 2;
    memset(t.digest, s->name[0], sizeof t.digest);
    return t;
}

static const struct sample three[] = {
    {"public", "orders", "16400", 90, 3}, {"", "empty", "16401", 0, 0}, {"a", "b", "0", 5, 1}};

/* ---- writing ---- */

static inline struct row_state_draft_table *draft_rows(struct row_state_draft *d,
                                                       const struct sample *s)
{
    uint8_t hashes[100 * ROW_STATE_HASH_LEN];
    struct row_state_table t = table_of(s);
    struct row_state_draft_table *n = row_state_draft_begin(d, &t);
    assert_non_null(n);
    for (uint32_t row = 0; row < s->rows;) {
        uint32_t count = 0;
        for (; count < 100 && row < s->rows; row++)
            hash_at(hashes + ROW_STATE_HASH_LEN * count++, s->name, row);
        row_state_draft_hashes(d, n, hashes, count);
    }
    row_state_draft_end(d, n, &t);
    return n;
}

static inline void draft_recipes(struct row_state_draft *d, struct row_state_draft_table *n,
                                 const struct sample *s)
{
    for (uint32_t i = 0; i < s->recipes; i++) {
        struct row_state_recipe r;
        make_recipe(&r, s, i);
        row_state_draft_recipe(d, n, &r);
        row_state_recipe_done(&r);
    }
}

static inline int commit(struct row_state_draft *d, uint8_t backup)
{
    const uint8_t backup_id[FORMAT_ID_LEN] = {backup};
    struct closure closure = {0};
    struct closure_pack pack = {.object = {.size = 77}, .pack_id = "pack"};
    assert_done(closure_add(&closure, &pack, &e), &e);
    int rc = row_state_draft_commit(d, backup_id, manifest, &closure, &e);
    closure_done(&closure);
    return rc;
}

static inline int write_file(const struct sample *samples, size_t count, uint8_t backup)
{
    struct row_state_draft *d = row_state_draft_new(path, &id, &e);
    if (!d)
        return -1;
    for (size_t i = 0; i < count; i++)
        draft_recipes(d, draft_rows(d, &samples[i]), &samples[i]);
    int rc = commit(d, backup);
    row_state_draft_free(d);
    return rc;
}

/* ---- comparing ---- */

static inline void assert_sources(const struct recipe *a, uint32_t i, const struct recipe *b)
{
    const struct recipe_extent *x = &a->extents[i];
    const struct recipe_extent *y = &b->extents[i];
    assert_int_equal(x->row, y->row);
    assert_int_equal(recipe_sources(a, x->projection), recipe_sources(b, y->projection));
    for (uint32_t k = 0; k < recipe_sources(a, x->projection); k++) {
        const struct recipe_source *s = &a->sources[x->source + k];
        const struct recipe_source *t = &b->sources[y->source + k];
        uint32_t pieces = recipe_long_row(a, s->chunk);
        assert_int_equal(s->first, t->first);
        assert_int_equal(pieces, recipe_long_row(b, t->chunk));
        for (uint32_t n = 0; n < pieces; n++)
            assert_memory_equal(a->chunks[s->chunk + n].ref.chunk_id,
                                b->chunks[t->chunk + n].ref.chunk_id, FORMAT_HASH_LEN);
    }
}

static inline void assert_recipe(const struct row_state *s, const struct row_state_table *t,
                                 const struct sample *want, uint32_t i)
{
    struct row_state_recipe got = {0};
    struct row_state_recipe r;
    make_recipe(&r, want, i);
    assert_done(row_state_recipe(s, t, i, &got, &e), &e);
    assert_memory_equal(got.ref.chunk_id, r.ref.chunk_id, FORMAT_HASH_LEN);
    assert_int_equal(got.first_row, r.first_row);
    assert_int_equal(got.depth, r.depth);
    assert_memory_equal(got.chain_packs, r.chain_packs, sizeof r.chain_packs);
    assert_int_equal(got.resolved.rows, r.resolved.rows);
    assert_int_equal(got.resolved.extent_count, r.resolved.extent_count);
    for (uint32_t k = 0; k < r.resolved.extent_count; k++)
        assert_sources(&got.resolved, k, &r.resolved);
    for (uint32_t k = 0; k < got.resolved.count; k++)
        assert_int_equal(got.generations[k], generation_of(&got.resolved.chunks[k]));
    row_state_recipe_done(&r);
    row_state_recipe_done(&got);
}

static inline void assert_table(struct row_state *s, const struct row_state_table *t,
                                const struct sample *want)
{
    const uint8_t *hashes = NULL;
    struct row_state_table w = table_of(want);
    assert_non_null(t);
    assert_string_equal(t->schema, w.schema);
    assert_string_equal(t->name, w.name);
    assert_string_equal(t->oid, w.oid);
    assert_string_equal(t->copy, w.copy);
    assert_int_equal(t->rows, want->rows);
    assert_int_equal(t->recipe_count, want->recipes);
    assert_int_equal(t->generation, w.generation);
    assert_int_equal(t->taken, w.taken);
    assert_memory_equal(t->digest, w.digest, sizeof w.digest);
    assert_done(row_state_hashes(s, t, &hashes, &e), &e);
    for (uint32_t row = 0; row < want->rows; row++) {
        uint8_t hash[ROW_STATE_HASH_LEN];
        hash_at(hash, want->name, row);
        assert_memory_equal(hashes + row * (size_t)ROW_STATE_HASH_LEN, hash, sizeof hash);
    }
    for (uint32_t i = 0; i < want->recipes; i++)
        assert_recipe(s, t, want, i);
}

static inline struct row_state *opened(void)
{
    struct row_state *s = NULL;
    assert_done(row_state_open(path, &id, &s, &e), &e);
    return s;
}

static inline void assert_file(const struct sample *samples, size_t count, uint8_t backup)
{
    struct row_state *s = opened();
    const uint8_t pack_id[FORMAT_ID_LEN] = "pack";
    const uint8_t other[FORMAT_ID_LEN] = "other";
    assert_int_equal(row_state_count(s), count);
    assert_int_equal(row_state_backup(s)[0], backup);
    assert_memory_equal(row_state_manifest(s), manifest, sizeof manifest);
    assert_int_equal(closure_find(row_state_packs(s), pack_id)->object.size, 77);
    assert_null(closure_find(row_state_packs(s), other));
    for (size_t i = 0; i < count; i++)
        assert_table(s, row_state_table(s, i), &samples[i]);
    row_state_close(s);
    assert_int_equal(scratch_count(folder), 1);
}

#endif
