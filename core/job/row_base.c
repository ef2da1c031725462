/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/row_base.h"

#include <stdlib.h>

#include "core/base/file_map.h"
#include "core/job/stream_in.h"

/* Which rows to store anew: those of the generations beyond the cap, smallest first, then
 * those in chunks that are less than half in use, emptiest first; as many as the night's budget
 * allows. Judged by last night's counts. */

#define BUDGET_SHARE 50 /* of the rows: 2 % */
#define MAX_WAITED 2    /* nights */
/* What a reader is sure to have at hand still; the rest is for what he decodes ahead. */
#define AT_HAND (STREAM_IN_CACHE - 32 * MIB)

struct recipe_flags {
    uint64_t first_row;
    uint8_t *verdicts; /* enum row_base_verdict of each chunk */
    uint64_t *stamps;  /* what had been decoded when the chunk was last touched; 0: never */
    uint32_t count;    /* chunks */
    bool plain;        /* all chunks may be pointed at */
};

struct row_base {
    struct row_state *state;
    const struct row_state_table *table;
    const struct closure *allowed;
    const uint8_t *hashes;
    struct bytes own_hashes; /* a mapping; empty: they are the state's */
    uint64_t own_passed;     /* bytes of it that may have gone */
    struct recipe_flags *recipes;
    uint32_t recipe_count;
    /* The recipe that the reading thread looks at. */
    bool loaded;
    uint32_t loaded_at;
    struct row_state_recipe current;
    uint32_t hint;
    uint64_t decoded; /* bytes, by a reader that follows tonight's jumps */
    uint32_t most_sources, most_projections;
};

/* A chunk that may have to go. */
struct candidate {
    uint32_t recipe, chunk;
    uint32_t live, rows;
    uint32_t generation;
};

struct candidates {
    struct candidate *items;
    size_t count, cap;
};

const struct row_state_table *row_base_table(const struct row_base *b)
{
    return b->table;
}

const uint8_t *row_base_hashes(const struct row_base *b)
{
    return b->hashes;
}

void row_base_take_hashes(struct row_base *b, struct bytes hashes)
{
    file_map_close(b->own_hashes);
    b->own_hashes = hashes;
    b->hashes = hashes.data;
}

void row_base_rest(void *base, struct bytes hashes)
{
    const struct row_base *b = base;
    if (b->own_hashes.len > 0)
        file_map_rest(hashes);
    else
        row_state_rest(b->state, hashes);
}

void row_base_passed(struct row_base *b, uint64_t row)
{
    if (b->own_hashes.len == 0) {
        row_state_passed(b->state, b->table, row);
        return;
    }
    uint64_t rows = row < b->table->rows ? row : b->table->rows;
    uint64_t end = rows * ROW_STATE_HASH_LEN;
    if (end <= b->own_passed)
        return;
    file_map_rest(bytes_of(b->own_hashes.data + b->own_passed, (size_t)(end - b->own_passed)));
    b->own_passed = end;
}

const struct closure_pack *row_base_pack(const struct row_base *b,
                                         const uint8_t pack_id[FORMAT_ID_LEN])
{
    return closure_find(b->allowed, pack_id);
}

bool row_base_chain_allowed(const struct row_base *b, const struct row_state_recipe *r)
{
    for (uint8_t i = 0; i < r->depth; i++)
        if (!row_base_pack(b, r->chain_packs[i]))
            return false;
    return true;
}

int row_base_load(const struct row_base *b, uint32_t i, struct row_state_recipe *out,
                  struct error *e)
{
    return row_state_recipe(b->state, b->table, i, out, e);
}

static void forget(struct row_base *b)
{
    row_state_recipe_done(&b->current);
    b->current = (struct row_state_recipe){0};
    b->loaded = false;
}

static int load(struct row_base *b, uint32_t i, struct error *e)
{
    if (b->loaded && b->loaded_at == i)
        return 0;
    forget(b);
    if (row_state_recipe(b->state, b->table, i, &b->current, e) < 0)
        return -1;
    b->loaded = true;
    b->loaded_at = i;
    b->hint = 0;
    return 0;
}

/* ---- what has grown old -------------------------------------------------------------- */

/* Rows of each chunk that the recipe uses. A long row counts for its first chunk. */
static void count_live(const struct recipe *r, uint32_t *live)
{
    for (uint32_t i = 0; i < r->extent_count; i++) {
        uint32_t rows = recipe_extent_rows(r, i);
        uint32_t sources = recipe_sources(r, r->extents[i].projection);
        for (uint32_t k = 0; k < sources; k++)
            live[r->sources[r->extents[i].source + k].chunk] += rows;
    }
}

static int add_candidate(struct candidates *c, const struct candidate *item, struct error *e)
{
    if (c->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 256;
        struct candidate *items = reallocarray(c->items, cap, sizeof *items);
        if (!items)
            return error_memory(e, "chunks of a table");
        c->items = items;
        c->cap = cap;
    }
    c->items[c->count++] = *item;
    return 0;
}

static void learn_shape(struct row_base *b, const struct recipe *r)
{
    if (r->projection_count > b->most_projections)
        b->most_projections = r->projection_count;
    for (uint32_t i = 0; i < r->projection_count; i++)
        if (r->projections[i].sources > b->most_sources)
            b->most_sources = r->projections[i].sources;
}

bool row_base_may_grow(const struct row_base *b)
{
    return b->most_sources < RECIPE_MAX_SOURCES &&
           b->most_projections < RECIPE_MAX_PROJECTIONS / 2;
}

/* Which chunks of the loaded recipe, i, are gone, and how many rows of the others are in use.
 */
static int judge(struct row_base *b, uint32_t i, const uint32_t *live, struct candidates *all,
                 struct error *e)
{
    const struct row_state_recipe *r = &b->current;
    struct recipe_flags *flags = &b->recipes[i];
    for (uint32_t k = 0; k < r->resolved.count; k++) {
        const struct recipe_chunk *chunk = &r->resolved.chunks[k];
        struct candidate item = {.recipe = i,
                                 .chunk = k,
                                 .live = live[k],
                                 .rows = chunk->rows,
                                 .generation = r->generations[k]};
        if (!row_base_pack(b, chunk->ref.pack_id)) {
            flags->verdicts[k] = ROW_BASE_GONE;
            flags->plain = false;
        } else if (live[k] > 0 && add_candidate(all, &item, e) < 0) {
            return -1;
        }
    }
    return 0;
}

static int survey(struct row_base *b, uint32_t i, struct candidates *all, struct error *e)
{
    if (load(b, i, e) < 0)
        return -1;
    const struct row_state_recipe *r = &b->current;
    struct recipe_flags *flags = &b->recipes[i];
    uint32_t count = r->resolved.count;
    flags->first_row = r->first_row;
    flags->count = count;
    flags->plain = true;
    learn_shape(b, &r->resolved);
    flags->verdicts = calloc((size_t)count + 1, 1);
    uint32_t *live = calloc((size_t)count + 1, sizeof *live);
    if (!live || !flags->verdicts) {
        free(live);
        return error_memory(e, "chunks of a table");
    }
    count_live(&r->resolved, live);
    int rc = judge(b, i, live, all, e);
    free(live);
    return rc;
}

struct generation {
    uint32_t number;
    uint64_t live;
};

static int by_number(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;
    return (x->generation > y->generation) - (x->generation < y->generation);
}

static int by_live(const void *a, const void *b)
{
    const struct generation *x = a;
    const struct generation *y = b;
    if (x->live != y->live)
        return x->live < y->live ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_use(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;
    uint64_t left = (uint64_t)x->live * y->rows;
    uint64_t right = (uint64_t)y->live * x->rows;
    return (left > right) - (left < right);
}

/* Rows that may be stored anew tonight. */
struct budget {
    uint64_t left;
    bool used; /* the first chunk, or generation, may be above: small tables must get on too */
};

static bool allows(const struct budget *budget, uint64_t rows)
{
    return rows <= budget->left || !budget->used;
}

static void renew(struct row_base *b, const struct candidate *c, struct budget *budget)
{
    uint8_t *verdict = &b->recipes[c->recipe].verdicts[c->chunk];
    if (*verdict != ROW_BASE_POINT)
        return;
    *verdict = ROW_BASE_RENEW;
    b->recipes[c->recipe].plain = false;
    budget->left -= c->live < budget->left ? c->live : budget->left;
    budget->used = true;
}

/* c is sorted by generation. Renew whole generations beyond the cap, the smallest first. */
static int renew_generations(struct row_base *b, const struct candidates *c,
                             struct budget *budget, struct error *e)
{
    struct generation *g = calloc(c->count + 1, sizeof *g);
    size_t count = 0;
    if (!g)
        return error_memory(e, "generations of a table");
    for (size_t i = 0; i < c->count; i++) {
        if (count == 0 || g[count - 1].number != c->items[i].generation)
            g[count++] = (struct generation){.number = c->items[i].generation};
        g[count - 1].live += c->items[i].live;
    }
    qsort(g, count, sizeof *g, by_live);
    /* Tonight adds one. */
    for (size_t i = 0; i + ROW_BASE_MAX_GENERATIONS < count + 1 && allows(budget, g[i].live);
         i++)
        for (size_t k = 0; k < c->count; k++)
            if (c->items[k].generation == g[i].number)
                renew(b, &c->items[k], budget);
    free(g);
    return 0;
}

static int choose(struct row_base *b, struct candidates *c, struct error *e)
{
    uint64_t share = b->table->rows / BUDGET_SHARE;
    struct budget budget = {.left = 2 * b->table->taken > share ? 2 * b->table->taken : share};
    if (c->count == 0)
        return 0;
    qsort(c->items, c->count, sizeof *c->items, by_number);
    if (renew_generations(b, c, &budget, e) < 0)
        return -1;
    qsort(c->items, c->count, sizeof *c->items, by_use);
    for (size_t i = 0; i < c->count && (uint64_t)c->items[i].live * 2 < c->items[i].rows; i++)
        if (allows(&budget, c->items[i].live))
            renew(b, &c->items[i], &budget);
    return 0;
}

static int survey_all(struct row_base *b, struct error *e)
{
    struct candidates all = {0};
    int rc = 0;
    for (uint32_t i = 0; i < b->recipe_count && rc == 0; i++)
        rc = survey(b, i, &all, e);
    if (rc == 0)
        rc = choose(b, &all, e);
    free(all.items);
    forget(b); /* most tables need it no more */
    return rc;
}

/* ---- the handle ---------------------------------------------------------------------- */

struct row_base *row_base_new(struct row_state *s, const struct row_state_table *t,
                              const struct closure *allowed, struct error *e)
{
    struct row_base *b = calloc(1, sizeof *b);
    if (!b) {
        (void)error_memory(e, "base of a table");
        return NULL;
    }
    *b = (struct row_base){
        .state = s, .table = t, .allowed = allowed, .recipe_count = t->recipe_count};
    b->recipes = calloc((size_t)t->recipe_count + 1, sizeof *b->recipes);
    if (!b->recipes)
        (void)error_memory(e, "base of a table");
    else if (row_state_hashes(s, t, &b->hashes, e) == 0 && survey_all(b, e) == 0)
        return b;
    row_base_free(b);
    return NULL;
}

void row_base_free(struct row_base *b)
{
    if (!b)
        return;
    for (uint32_t i = 0; b->recipes && i < b->recipe_count; i++) {
        free(b->recipes[i].verdicts);
        free(b->recipes[i].stamps);
    }
    free(b->recipes);
    row_state_recipe_done(&b->current);
    file_map_close(b->own_hashes);
    free(b);
}

uint32_t row_base_recipe(const struct row_base *b, uint64_t row, uint64_t *end)
{
    uint32_t low = 0;
    uint32_t high = b->recipe_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (b->recipes[middle].first_row <= row)
            low = middle;
        else
            high = middle;
    }
    *end = low + 1 < b->recipe_count ? b->recipes[low + 1].first_row : b->table->rows;
    return low;
}

/* The worst verdict about the chunks of an extent of the loaded recipe; or, to keep them, none
 * but ROW_BASE_GONE from now on. */
static enum row_base_verdict extent_verdict(const struct row_base *b, uint32_t extent,
                                            bool keep)
{
    const struct recipe *r = &b->current.resolved;
    const struct recipe_extent *x = &r->extents[extent];
    uint8_t *verdicts = b->recipes[b->loaded_at].verdicts;
    uint8_t worst = ROW_BASE_POINT;
    for (uint32_t k = 0; k < recipe_sources(r, x->projection); k++) {
        uint32_t chunk = r->sources[x->source + k].chunk;
        bool is_long = r->chunks[chunk].ref.kind == FORMAT_KIND_BYTES;
        uint32_t end = chunk + (is_long ? recipe_long_row(r, chunk) : 1);
        for (; chunk < end; chunk++) {
            if (keep && verdicts[chunk] == ROW_BASE_RENEW)
                verdicts[chunk] = ROW_BASE_POINT;
            worst = verdicts[chunk] > worst ? verdicts[chunk] : worst;
        }
    }
    return (enum row_base_verdict)worst;
}

bool row_base_waits(const struct row_base *b)
{
    return b->table->waited < MAX_WAITED;
}

void row_base_keep(struct row_base *b, uint64_t row)
{
    /* The verdict about it was asked just now, so its recipe is loaded. */
    uint64_t first = b->recipes[b->loaded_at].first_row;
    (void)extent_verdict(b, recipe_find(&b->current.resolved, (uint32_t)(row - first), b->hint),
                         true);
}

int row_base_verdict(struct row_base *b, uint64_t row, enum row_base_verdict *verdict,
                     uint64_t *until, struct error *e)
{
    uint32_t i = row_base_recipe(b, row, until);
    *verdict = ROW_BASE_POINT;
    if (b->recipes[i].plain)
        return 0;
    if (load(b, i, e) < 0)
        return -1;
    const struct recipe *r = &b->current.resolved;
    uint64_t first = b->recipes[i].first_row;
    uint32_t extent = recipe_find(r, (uint32_t)(row - first), b->hint);
    b->hint = extent;
    *verdict = extent_verdict(b, extent, false);
    *until = first + r->extents[extent].row + recipe_extent_rows(r, extent);
    return 0;
}

bool row_base_is_near(const struct row_base *b, uint64_t row)
{
    uint64_t end;
    return b->loaded && b->loaded_at == row_base_recipe(b, row, &end);
}

/* Bytes that have to be decoded for a chunk now. It is at hand while little else was decoded
 * since it was last touched. */
static uint64_t touch(struct row_base *b, struct recipe_flags *flags, uint32_t chunk)
{
    uint64_t since = flags->stamps[chunk];
    uint64_t bytes = b->current.resolved.chunks[chunk].ref.plain;
    bool at_hand = since > 0 && b->decoded - (since - 1) < AT_HAND;
    if (!at_hand)
        b->decoded += bytes;
    flags->stamps[chunk] = b->decoded + 1;
    return at_hand ? 0 : bytes;
}

int row_base_charge(struct row_base *b, uint64_t row, uint64_t *bytes, struct error *e)
{
    uint64_t end;
    uint32_t i = row_base_recipe(b, row, &end);
    struct recipe_flags *flags = &b->recipes[i];
    if (load(b, i, e) < 0)
        return -1;
    if (!flags->stamps &&
        !(flags->stamps = calloc((size_t)flags->count + 1, sizeof *flags->stamps)))
        return error_memory(e, "chunks of a table");
    const struct recipe *r = &b->current.resolved;
    b->hint = recipe_find(r, (uint32_t)(row - flags->first_row), b->hint);
    const struct recipe_extent *x = &r->extents[b->hint];
    *bytes = 0;
    for (uint32_t k = 0; k < recipe_sources(r, x->projection); k++)
        *bytes += touch(b, flags, r->sources[x->source + k].chunk);
    return 0;
}
