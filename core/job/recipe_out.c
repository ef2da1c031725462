/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/recipe_out.h"

#include <stdlib.h>

#include "core/base/log.h"

/* Everything is resolved, for tomorrow's state and to see what it comes to. What fits in one
 * recipe is written in the shortest form that may be used; what does not becomes several full
 * ones, cut where the limits are met. */

#define NOT_YET UINT32_MAX
#define STEP_EXTENTS 64 /* between looks at the limits */

static const struct recipe_out_limits usual_limits = {
    .extents = 1u << 18,
    .chunks = 2 * RECIPE_TARGET_CHUNKS,
    /* A chunk of recipe has at most 8 MiB; the longest form of all that is counted. */
    .bytes = 4 * MIB, /* a long row may still add as much */
};

/* What became of the chunks of one recipe of the base. */
struct base_map {
    uint32_t *map; /* base chunk -> chunk of resolved */
    uint32_t *generations;
    uint32_t count;
};

enum form { FORM_NONE, FORM_SAME, FORM_DELTA, FORM_FULL };

/* How far the operations have been resolved. */
struct cut {
    size_t op;             /* the one that is being looked at */
    uint32_t copied, took; /* rows of it that are done */
    uint32_t taken;        /* rows of tonight's chunks that are done */
    struct recipe_copy own;
    uint32_t *added_map;
    uint32_t added_chunk, added_row;
    uint32_t hint; /* in the base that is loaded */
};

struct recipe_out {
    struct recipe_out_options o;
    struct buf ops;      /* struct recipe_out_op */
    struct recipe taken; /* tonight's chunks, an extent each */
    struct recipe added; /* chunks of added columns, likewise */
    struct recipe_column *columns;
    struct base_map *maps; /* one for each recipe of the base */
    uint32_t map_count;
    struct row_state_recipe base; /* the one that was loaded last */
    bool loaded;
    uint32_t loaded_at;
    uint64_t placed_rows;
    /* From recipe_out_end on. */
    enum form form;
    uint32_t base_index;
    struct cut cut;
    struct recipe resolved; /* the rows from the last cut on */
    uint32_t *generations;
    struct recipe ordered, delta;
    /* What is written next: resolved, or ordered where chunks of added columns are not yet in
     * the order of their first use. */
    const struct recipe *next;
    uint32_t *next_generations;
    struct buf plain;
};

static uint32_t tonight(const struct recipe_out *r)
{
    return r->o.base ? row_base_table(r->o.base)->generation + 1 : 1;
}

void recipe_out_drop(const struct recipe_out_options *o)
{
    row_base_free(o->base);
    if (o->shape)
        projection_shape_done(o->shape);
    free(o->shape);
}

struct recipe_out *recipe_out_new(const struct recipe_out_options *o, struct error *e)
{
    struct recipe_out *r = calloc(1, sizeof *r);
    if (!r) {
        recipe_out_drop(o);
        (void)error_memory(e, "recipes of a table");
        return NULL;
    }
    r->o = *o;
    if (!r->o.limits)
        r->o.limits = &usual_limits;
    recipe_clear(&r->taken, FORMAT_STREAM_ROWS);
    recipe_clear(&r->added, FORMAT_STREAM_ROWS);
    r->map_count = o->base ? row_base_table(o->base)->recipe_count : 0;
    r->maps = calloc((size_t)r->map_count + 1, sizeof *r->maps);
    r->columns = o->shape ? calloc(o->shape->new_count + 1, sizeof *r->columns) : NULL;
    if (!r->maps || (o->shape && !r->columns)) {
        (void)error_memory(e, "recipes of a table");
        recipe_out_free(r);
        return NULL;
    }
    for (size_t i = 0; o->shape && i < o->shape->new_count; i++)
        r->columns[i] = (struct recipe_column){.source = o->shape->columns[i].source,
                                               .column = o->shape->columns[i].column};
    return r;
}

static void forget_maps(struct recipe_out *r)
{
    for (uint32_t i = 0; i < r->map_count; i++) {
        free(r->maps[i].map);
        free(r->maps[i].generations);
        r->maps[i] = (struct base_map){0};
    }
}

void recipe_out_free(struct recipe_out *r)
{
    if (!r)
        return;
    recipe_out_drop(&r->o);
    if (r->maps)
        forget_maps(r);
    free(r->maps);
    free(r->columns);
    if (r->next_generations != r->generations)
        free(r->next_generations);
    free(r->generations);
    free(r->cut.own.map);
    free(r->cut.added_map);
    row_state_recipe_done(&r->base);
    recipe_done(&r->taken);
    recipe_done(&r->added);
    recipe_done(&r->resolved);
    recipe_done(&r->ordered);
    recipe_done(&r->delta);
    buf_done(&r->ops);
    buf_done(&r->plain);
    free(r);
}

int recipe_out_chunk(struct recipe_out *r, const struct ref *ref, uint32_t rows, bool added,
                     struct error *e)
{
    struct recipe *list = added ? &r->added : &r->taken;
    const struct recipe_source source = {.chunk = list->count};
    if (recipe_add_chunk(list, ref, rows, e) < 0)
        return -1;
    return rows > 0 ? recipe_add_extent(list, rows, 0, &source, e) : 0;
}

int recipe_out_ops(struct recipe_out *r, const struct recipe_out_op *ops, size_t count,
                   struct error *e)
{
    return buf_append(&r->ops, ops, count * sizeof *ops, e);
}

static const struct recipe_out_op *all_ops(const struct recipe_out *r, size_t *count)
{
    *count = r->ops.len / sizeof(struct recipe_out_op);
    return (const struct recipe_out_op *)(const void *)r->ops.data;
}

/* ---- resolving ----------------------------------------------------------------------- */

static uint32_t *new_map(uint32_t count)
{
    uint32_t *map = malloc(((size_t)count + 1) * sizeof *map);
    for (uint32_t i = 0; map && i < count; i++)
        map[i] = NOT_YET;
    return map;
}

static int load_base(struct recipe_out *r, uint32_t i, struct error *e)
{
    struct base_map *m = &r->maps[i];
    if (!r->loaded || r->loaded_at != i) {
        row_state_recipe_done(&r->base);
        r->base = (struct row_state_recipe){0};
        r->loaded = false;
        if (row_base_load(r->o.base, i, &r->base, e) < 0)
            return -1;
        r->loaded = true;
        r->loaded_at = i;
    }
    if (m->map)
        return 0;
    m->count = r->base.resolved.count;
    m->map = new_map(m->count);
    m->generations = malloc(((size_t)m->count + 1) * sizeof *m->generations);
    if (!m->map || !m->generations)
        return error_memory(e, "chunks of a table");
    memcpy(m->generations, r->base.generations, m->count * sizeof *m->generations);
    return 0;
}

/* Generations of the chunks of resolved: tonight's, unless they are the base's. */
static int date_chunks(struct recipe_out *r, struct error *e)
{
    bool shared = r->next_generations == r->generations;
    free(r->generations);
    r->generations = malloc(((size_t)r->resolved.count + 1) * sizeof *r->generations);
    if (shared)
        r->next_generations = NULL;
    if (!r->generations)
        return error_memory(e, "chunks of a table");
    for (uint32_t i = 0; i < r->resolved.count; i++)
        r->generations[i] = tonight(r);
    for (uint32_t i = 0; i < r->map_count; i++)
        for (uint32_t k = 0; k < r->maps[i].count; k++)
            if (r->maps[i].map[k] != NOT_YET)
                r->generations[r->maps[i].map[k]] = r->maps[i].generations[k];
    return 0;
}

/* Is resolved as large as one recipe may become? Bytes are counted as if every number of the
 * encoding took its longest form. */
static bool is_full(const struct recipe_out *r)
{
    const struct recipe *x = &r->resolved;
    const struct recipe_out_limits *l = r->o.limits;
    uint64_t bytes = (uint64_t)x->count * 80 + (uint64_t)x->source_count * 8 +
                     (uint64_t)x->extent_count * 5 + (uint64_t)x->column_count * 5;
    return x->extent_count >= l->extents || x->count >= l->chunks || bytes >= l->bytes;
}

/* Let c name the next added row; *n is cut to what its chunk has. */
static int next_added(struct recipe_out *r, struct recipe_copy *c, uint32_t *n, struct error *e)
{
    struct cut *k = &r->cut;
    if (k->added_chunk < r->added.count &&
        k->added_row == r->added.chunks[k->added_chunk].rows) {
        k->added_chunk++;
        k->added_row = 0;
    }
    if (k->added_chunk == r->added.count)
        return error_set(e, ERROR_CORRUPT, "fewer added rows than rows");
    const struct recipe_chunk *chunk = &r->added.chunks[k->added_chunk];
    if (k->added_map[k->added_chunk] == NOT_YET) {
        k->added_map[k->added_chunk] = r->resolved.count;
        if (recipe_add_chunk(&r->resolved, &chunk->ref, chunk->rows, e) < 0)
            return -1;
    }
    *n = *n < chunk->rows - k->added_row ? *n : chunk->rows - k->added_row;
    c->has_added = true;
    c->added =
        (struct recipe_source){.chunk = k->added_map[k->added_chunk], .first = k->added_row};
    k->added_row += *n;
    return 0;
}

/* Of n rows of `from` from row on: as many as lie in a few extents, a long row alone. */
static uint32_t step(const struct recipe *from, uint32_t row, uint32_t n, uint32_t hint)
{
    uint32_t extent = recipe_find(from, row, hint);
    const struct recipe_source *first = &from->sources[from->extents[extent].source];
    bool is_long = from->chunks[first->chunk].ref.kind == FORMAT_KIND_BYTES;
    uint64_t last = (uint64_t)extent + (is_long ? 1 : STEP_EXTENTS);
    uint64_t end = last < from->extent_count ? from->extents[last].row : from->rows;
    return end - row < n ? (uint32_t)(end - row) : n;
}

/* A few more rows of the base. */
static int copy_some(struct recipe_out *r, const struct recipe_out_op *op, struct error *e)
{
    struct cut *k = &r->cut;
    uint64_t row = op->from + k->copied;
    uint64_t recipe_end;
    uint32_t i = row_base_recipe(r->o.base, row, &recipe_end);
    uint32_t n = op->copy - k->copied;
    bool same = r->loaded && r->loaded_at == i;
    if (load_base(r, i, e) < 0)
        return -1;
    if (recipe_end - row < n)
        n = (uint32_t)(recipe_end - row);
    struct recipe_copy c = {.base = &r->base.resolved,
                            .map = r->maps[i].map,
                            .columns = r->columns,
                            .column_count = r->columns ? (uint16_t)r->o.shape->new_count : 0,
                            .hint = same ? k->hint : 0};
    uint32_t base_row = (uint32_t)(row - r->base.first_row);
    n = step(c.base, base_row, n, c.hint);
    if (r->columns && r->o.shape->added_count > 0 && next_added(r, &c, &n, e) < 0)
        return -1;
    if (recipe_copy(&r->resolved, &c, base_row, n, e) < 0)
        return -1;
    k->hint = c.hint;
    k->copied += n;
    return 0;
}

/* A few more rows of tonight's chunks. */
static int take_some(struct recipe_out *r, const struct recipe_out_op *op, struct error *e)
{
    struct cut *k = &r->cut;
    uint32_t n = step(&r->taken, k->taken, op->take - k->took, k->own.hint);
    if (recipe_copy(&r->resolved, &k->own, k->taken, n, e) < 0)
        return -1;
    k->taken += n;
    k->took += n;
    return 0;
}

/* Chunks that were named are unknown to the next recipe. */
static void forget_names(struct recipe_out *r)
{
    struct cut *k = &r->cut;
    for (uint32_t i = 0; i < r->taken.count; i++)
        k->own.map[i] = NOT_YET;
    for (uint32_t i = 0; i < r->added.count; i++)
        k->added_map[i] = NOT_YET;
    for (uint32_t i = 0; i < r->map_count; i++)
        for (uint32_t b = 0; b < r->maps[i].count; b++)
            r->maps[i].map[b] = NOT_YET;
    k->own.projection_from = k->own.projection_to = 0;
    recipe_clear(&r->resolved, FORMAT_STREAM_ROWS);
}

/* Resolve from the last cut on, to the end or to what one recipe may hold. */
static int resolve(struct recipe_out *r, struct error *e)
{
    size_t count;
    const struct recipe_out_op *ops = all_ops(r, &count);
    struct cut *k = &r->cut;
    while (k->op < count && !is_full(r)) {
        const struct recipe_out_op *op = &ops[k->op];
        int rc = 0;
        if (k->copied < op->copy)
            rc = copy_some(r, op, e);
        else if (k->took < op->take)
            rc = take_some(r, op, e);
        if (rc < 0)
            return -1;
        if (k->copied == op->copy && k->took == op->take) {
            k->op++;
            k->copied = k->took = 0;
        }
    }
    return date_chunks(r, e);
}

static bool is_resolved(const struct recipe_out *r)
{
    return r->cut.op == r->ops.len / sizeof(struct recipe_out_op);
}

static int begin_cut(struct recipe_out *r, struct error *e)
{
    struct cut *k = &r->cut;
    free(k->own.map);
    free(k->added_map);
    *k = (struct cut){.own = {.base = &r->taken, .map = new_map(r->taken.count)},
                      .added_map = new_map(r->added.count)};
    recipe_clear(&r->resolved, FORMAT_STREAM_ROWS);
    return k->own.map && k->added_map ? 0 : error_memory(e, "chunks of a table");
}

/* ---- which form ---------------------------------------------------------------------- */

static bool is_unchanged(const struct recipe_out *r, const struct recipe_out_op *ops,
                         size_t count)
{
    return count == 1 && ops[0].take == 0 && !r->columns && ops[0].from == r->base.first_row &&
           ops[0].copy == r->base.resolved.rows;
}

/* Do all copied rows lie in the base recipe, and are they most of the rows? */
static bool is_near(const struct recipe_out *r, const struct recipe_out_op *ops, size_t count)
{
    uint64_t first = r->base.first_row;
    uint64_t end = first + r->base.resolved.rows;
    uint64_t copied = 0;
    uint64_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        copied += ops[i].copy;
        taken += ops[i].take;
        if (ops[i].copy > 0 && (ops[i].from < first || ops[i].from + ops[i].copy > end))
            return false;
    }
    return copied > taken;
}

/* Is the recipe of the base, with base_index, there for tonight's to be like it? */
static bool has_base(const struct recipe_out *r)
{
    return r->o.base && r->base_index < r->map_count;
}

static int choose_form(struct recipe_out *r, struct error *e)
{
    size_t count;
    const struct recipe_out_op *ops = all_ops(r, &count);
    r->form = FORM_FULL;
    if (!has_base(r) || !is_resolved(r))
        return 0;
    if (load_base(r, r->base_index, e) < 0)
        return -1;
    if (r->base.depth < RECIPE_MAX_CHAIN && is_near(r, ops, count) &&
        row_base_chain_allowed(r->o.base, &r->base))
        r->form = FORM_DELTA;
    return 0;
}

static int know_pack(struct recipe_out *r, const uint8_t pack_id[FORMAT_ID_LEN],
                     struct error *e)
{
    const struct closure_pack *pack = row_base_pack(r->o.base, pack_id);
    return pack ? closure_add(r->o.known, pack, e) : 0;
}

/* The packs of all that is pointed at; tonight's own are known to the writer. */
static int know_packs(struct recipe_out *r, struct error *e)
{
    const struct recipe *x = r->form == FORM_SAME ? &r->base.resolved : &r->resolved;
    if (!r->o.base)
        return 0;
    for (uint32_t i = 0; i < x->count; i++)
        if (know_pack(r, x->chunks[i].ref.pack_id, e) < 0)
            return -1;
    if (r->form == FORM_SAME || r->form == FORM_DELTA)
        for (uint8_t i = 0; i < r->base.depth; i++)
            if (know_pack(r, r->base.chain_packs[i], e) < 0)
                return -1;
    return 0;
}

int recipe_out_end(struct recipe_out *r, uint32_t base_index, struct error *e)
{
    size_t count;
    const struct recipe_out_op *ops = all_ops(r, &count);
    r->base_index = base_index;
    r->form = FORM_NONE;
    if (count == 0)
        return 0;
    if (begin_cut(r, e) < 0 || (has_base(r) && load_base(r, base_index, e) < 0))
        return -1;
    if (has_base(r) && is_unchanged(r, ops, count) &&
        row_base_chain_allowed(r->o.base, &r->base)) {
        r->form = FORM_SAME;
        r->cut.op = count;
        return 0;
    }
    return resolve(r, e) < 0 ? -1 : choose_form(r, e);
}

/* ---- writing ------------------------------------------------------------------------- */

static int fill_delta(struct recipe_out *r, struct error *e)
{
    struct recipe *d = &r->delta;
    size_t count;
    uint32_t projection;
    const struct recipe_out_op *ops = all_ops(r, &count);
    recipe_clear(d, FORMAT_STREAM_ROWS);
    d->has_base = true;
    d->base = r->base.ref;
    for (uint32_t i = 0; i < r->taken.count; i++)
        if (recipe_add_chunk(d, &r->taken.chunks[i].ref, r->taken.chunks[i].rows, e) < 0)
            return -1;
    for (uint32_t i = 0; i < r->added.count; i++)
        if (recipe_add_added(d, &r->added.chunks[i].ref, r->added.chunks[i].rows, e) < 0)
            return -1;
    if (r->columns &&
        recipe_add_projection(d, r->o.shape->added_count > 0 ? 2 : 1, r->columns,
                              (uint16_t)r->o.shape->new_count, &projection, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct recipe_op op = {.copy = ops[i].copy, .take = ops[i].take};
        op.from = op.copy > 0 ? (uint32_t)(ops[i].from - r->base.first_row) : 0;
        if (recipe_add_op(d, &op, e) < 0)
            return -1;
    }
    return 0;
}

/* All of resolved again, its chunks in the order of their first use, which is how it will be
 * read back: an added chunk was put down before the extent that names it. */
static int put_in_order(struct recipe_out *r, struct error *e)
{
    const struct recipe *all = &r->resolved;
    struct recipe_copy c = {.base = all, .map = new_map(all->count)};
    uint32_t *generations = malloc(((size_t)all->count + 1) * sizeof *generations);
    if (r->next_generations != r->generations)
        free(r->next_generations);
    r->next = &r->ordered;
    r->next_generations = generations;
    recipe_clear(&r->ordered, FORMAT_STREAM_ROWS);
    if (!c.map || !generations) {
        free(c.map);
        return error_memory(e, "chunks of a table");
    }
    int rc = recipe_copy(&r->ordered, &c, 0, (uint32_t)all->rows, e);
    for (uint32_t i = 0; rc == 0 && i < all->count; i++)
        if (c.map[i] != NOT_YET)
            generations[c.map[i]] = r->generations[i];
    free(c.map);
    return rc;
}

static int choose_next(struct recipe_out *r, struct error *e)
{
    if (r->added.count > 0)
        return put_in_order(r, e);
    if (r->next_generations != r->generations)
        free(r->next_generations);
    r->next = &r->resolved;
    r->next_generations = r->generations;
    return 0;
}

/* The bytes of the next recipe; operations that come out too long are written in full. */
static int write_next(struct recipe_out *r, struct error *e)
{
    r->plain.len = 0;
    if (r->form == FORM_DELTA) {
        if (fill_delta(r, e) < 0 || recipe_write(&r->delta, &r->plain, e) < 0)
            return -1;
        if (r->plain.len <= r->o.limits->bytes)
            return 0;
        r->form = FORM_FULL;
        r->plain.len = 0;
    }
    if (recipe_write(r->next, &r->plain, e) < 0)
        return -1;
    return 0;
}

int recipe_out_next(struct recipe_out *r, struct bytes *plain, struct ref *ref, struct error *e)
{
    *plain = (struct bytes){0};
    if (r->form == FORM_NONE)
        return RECIPE_OUT_NONE;
    if (know_packs(r, e) < 0)
        return -1;
    if (r->form == FORM_SAME) {
        *ref = r->base.ref;
        return 0;
    }
    if (choose_next(r, e) < 0 || write_next(r, e) < 0)
        return -1;
    *plain = buf_view(&r->plain);
    log_debug("recipe of %llu rows in %u extents of %u chunks: %s, %zu bytes",
              (unsigned long long)r->next->rows, r->next->extent_count, r->next->count,
              r->form == FORM_DELTA ? "operations" : "full", plain->len);
    return 0;
}

/* The rows of a recipe have a name now: tell tomorrow's state. */
static void tell_state(struct recipe_out *r, const struct ref *ref)
{
    bool same = r->form == FORM_SAME;
    struct row_state_recipe item = {
        .ref = *ref,
        .first_row = r->placed_rows,
        .depth = 1,
        .resolved = same ? r->base.resolved : *r->next,
        .generations = same ? r->base.generations : r->next_generations,
    };
    memcpy(item.chain_packs[0], ref->pack_id, FORMAT_ID_LEN);
    if (same)
        memcpy(item.chain_packs, r->base.chain_packs, sizeof item.chain_packs);
    if (r->form == FORM_DELTA)
        memcpy(item.chain_packs[1], r->base.chain_packs, (size_t)r->base.depth * FORMAT_ID_LEN);
    if (same || r->form == FORM_DELTA)
        item.depth = (uint8_t)(r->base.depth + (same ? 0 : 1));
    row_state_draft_recipe(r->o.draft, r->o.table, &item);
}

int recipe_out_placed(struct recipe_out *r, const struct ref *ref, struct error *e)
{
    if (r->o.draft)
        tell_state(r, ref);
    r->placed_rows += r->form == FORM_SAME ? r->base.resolved.rows : r->resolved.rows;
    if (!is_resolved(r)) {
        /* The rest, in full. */
        r->form = FORM_FULL;
        forget_names(r);
        return resolve(r, e);
    }
    /* The next recipe begins with nothing. */
    r->form = FORM_NONE;
    r->ops.len = 0;
    recipe_clear(&r->taken, FORMAT_STREAM_ROWS);
    recipe_clear(&r->added, FORMAT_STREAM_ROWS);
    forget_maps(r);
    return 0;
}

uint64_t recipe_out_rows(const struct recipe_out *r)
{
    return r->placed_rows;
}
