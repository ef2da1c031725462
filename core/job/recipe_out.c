/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/recipe_out.h"

#include <stdlib.h>

#include "core/base/log.h"

/* Everything is resolved first, for tomorrow's state and to see what it comes to; then the
 * shortest form that may be used is written. */

#define NOT_YET UINT32_MAX
/* A full recipe with more than this is written as several. */
#define SPLIT_EXTENTS (1u << 18)
#define SPLIT_CHUNKS (2 * RECIPE_TARGET_CHUNKS)
#define SPLIT_STEP 1024

/* What became of the chunks of one recipe of the base. */
struct base_map {
    uint32_t *map; /* base chunk -> chunk of resolved */
    uint32_t *generations;
    uint32_t count;
};

enum form { FORM_NONE, FORM_SAME, FORM_DELTA, FORM_FULL };

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
    uint64_t first_row; /* of the recipe, in tonight's table */
    /* From recipe_out_end on. */
    enum form form;
    uint32_t base_index;
    struct recipe resolved;
    uint32_t *generations;
    uint64_t next_row; /* of resolved: the first that is in no recipe yet */
    struct recipe slice, delta;
    uint32_t *slice_generations;
    /* What is written next: slice, or all of resolved where that will do. */
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
    free(r->generations);
    free(r->slice_generations);
    row_state_recipe_done(&r->base);
    recipe_done(&r->taken);
    recipe_done(&r->added);
    recipe_done(&r->resolved);
    recipe_done(&r->slice);
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

/* Where the resolving of the added columns is. */
struct added_state {
    uint32_t *map;
    uint32_t chunk, row;
};

/* Let c name the next added row; *n is cut to what its chunk has. */
static int next_added(struct recipe_out *r, struct added_state *a, struct recipe_copy *c,
                      uint32_t *n, struct error *e)
{
    if (a->chunk < r->added.count && a->row == r->added.chunks[a->chunk].rows) {
        a->chunk++;
        a->row = 0;
    }
    if (a->chunk == r->added.count)
        return error_set(e, ERROR_CORRUPT, "fewer added rows than rows");
    const struct recipe_chunk *chunk = &r->added.chunks[a->chunk];
    if (a->map[a->chunk] == NOT_YET) {
        a->map[a->chunk] = r->resolved.count;
        if (recipe_add_chunk(&r->resolved, &chunk->ref, chunk->rows, e) < 0)
            return -1;
    }
    *n = *n < chunk->rows - a->row ? *n : chunk->rows - a->row;
    c->has_added = true;
    c->added = (struct recipe_source){.chunk = a->map[a->chunk], .first = a->row};
    a->row += *n;
    return 0;
}

/* Copy rows of the base, from one of its recipes after another. */
static int copy_rows(struct recipe_out *r, const struct recipe_out_op *op,
                     struct added_state *a, uint32_t *hint, struct error *e)
{
    uint64_t row = op->from;
    uint64_t end = op->from + op->copy;
    while (row < end) {
        uint64_t recipe_end;
        uint32_t i = row_base_recipe(r->o.base, row, &recipe_end);
        uint32_t n = (uint32_t)((recipe_end < end ? recipe_end : end) - row);
        bool same = r->loaded && r->loaded_at == i;
        if (load_base(r, i, e) < 0)
            return -1;
        struct recipe_copy c = {.base = &r->base.resolved,
                                .map = r->maps[i].map,
                                .columns = r->columns,
                                .column_count =
                                    r->columns ? (uint16_t)r->o.shape->new_count : 0,
                                .hint = same ? *hint : 0};
        if (r->columns && r->o.shape->added_count > 0 && next_added(r, a, &c, &n, e) < 0)
            return -1;
        if (recipe_copy(&r->resolved, &c, (uint32_t)(row - r->base.first_row), n, e) < 0)
            return -1;
        *hint = c.hint;
        row += n;
    }
    return 0;
}

static int resolve_ops(struct recipe_out *r, struct recipe_copy *own, struct added_state *a,
                       struct error *e)
{
    size_t count;
    const struct recipe_out_op *ops = all_ops(r, &count);
    uint32_t taken = 0;
    uint32_t hint = 0;
    for (size_t i = 0; i < count; i++) {
        if (ops[i].copy > 0 && copy_rows(r, &ops[i], a, &hint, e) < 0)
            return -1;
        if (ops[i].take > 0 && recipe_copy(&r->resolved, own, taken, ops[i].take, e) < 0)
            return -1;
        taken += ops[i].take;
    }
    return 0;
}

/* Generations of the chunks of resolved: tonight's, unless they are the base's. */
static int date_chunks(struct recipe_out *r, struct error *e)
{
    free(r->generations);
    r->generations = malloc(((size_t)r->resolved.count + 1) * sizeof *r->generations);
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

/* A slice of resolved with its chunks in the order of their first use, which is how it will be
 * read back: rows from `from` on, up to the limits. */
static int cut_slice(struct recipe_out *r, uint32_t from, struct error *e)
{
    const struct recipe *all = &r->resolved;
    struct recipe_copy c = {.base = all, .map = new_map(all->count)};
    uint32_t extent = recipe_find(all, from, 0);
    int rc = c.map ? 0 : error_memory(e, "chunks of a table");
    recipe_clear(&r->slice, FORMAT_STREAM_ROWS);
    while (rc == 0 && extent < all->extent_count && r->slice.extent_count < SPLIT_EXTENTS &&
           r->slice.count < SPLIT_CHUNKS) {
        uint32_t next =
            extent + SPLIT_STEP < all->extent_count ? extent + SPLIT_STEP : all->extent_count;
        uint64_t end = next < all->extent_count ? all->extents[next].row : all->rows;
        rc = recipe_copy(&r->slice, &c, all->extents[extent].row,
                         (uint32_t)(end - all->extents[extent].row), e);
        extent = next;
    }
    free(r->slice_generations);
    r->slice_generations = malloc(((size_t)all->count + 1) * sizeof *r->slice_generations);
    if (rc == 0 && !r->slice_generations)
        rc = error_memory(e, "chunks of a table");
    for (uint32_t i = 0; rc == 0 && i < all->count; i++)
        if (c.map[i] != NOT_YET)
            r->slice_generations[c.map[i]] = r->generations[i];
    free(c.map);
    return rc;
}

static int resolve(struct recipe_out *r, struct error *e)
{
    struct recipe_copy own = {.base = &r->taken, .map = new_map(r->taken.count)};
    struct added_state added = {.map = new_map(r->added.count)};
    recipe_clear(&r->resolved, FORMAT_STREAM_ROWS);
    int rc = own.map && added.map ? 0 : error_memory(e, "chunks of a table");
    if (rc == 0)
        rc = resolve_ops(r, &own, &added, e);
    if (rc == 0)
        rc = date_chunks(r, e);
    free(own.map);
    free(added.map);
    return rc;
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

static int choose_form(struct recipe_out *r, struct error *e)
{
    size_t count;
    const struct recipe_out_op *ops = all_ops(r, &count);
    r->form = FORM_FULL;
    if (!r->o.base || r->base_index >= r->map_count)
        return 0;
    if (load_base(r, r->base_index, e) < 0)
        return -1;
    if (!row_base_chain_allowed(r->o.base, &r->base))
        return 0;
    if (is_unchanged(r, ops, count))
        r->form = FORM_SAME;
    else if (r->base.depth < RECIPE_MAX_CHAIN && is_near(r, ops, count) &&
             r->resolved.extent_count <= SPLIT_EXTENTS && r->resolved.count <= SPLIT_CHUNKS)
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
    if (!r->o.base)
        return 0;
    for (uint32_t i = 0; i < r->resolved.count; i++)
        if (know_pack(r, r->resolved.chunks[i].ref.pack_id, e) < 0)
            return -1;
    if (r->form == FORM_SAME || r->form == FORM_DELTA)
        for (uint8_t i = 0; i < r->base.depth; i++)
            if (know_pack(r, r->base.chain_packs[i], e) < 0)
                return -1;
    return 0;
}

int recipe_out_end(struct recipe_out *r, uint32_t base_index, struct error *e)
{
    r->base_index = base_index;
    r->next_row = 0;
    r->form = FORM_NONE;
    if (r->ops.len == 0)
        return 0;
    if (resolve(r, e) < 0 || choose_form(r, e) < 0)
        return -1;
    return know_packs(r, e);
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

/* Chunks of added columns stand in resolved before the extent that names them, not in the order
 * of first use; and a large one is cut. */
static int choose_next(struct recipe_out *r, struct error *e)
{
    if (r->added.count == 0 && r->resolved.extent_count <= SPLIT_EXTENTS &&
        r->resolved.count <= SPLIT_CHUNKS) {
        r->next = &r->resolved;
        r->next_generations = r->generations;
        return 0;
    }
    r->next = &r->slice;
    int rc = cut_slice(r, (uint32_t)r->next_row, e);
    r->next_generations = r->slice_generations;
    return rc;
}

int recipe_out_next(struct recipe_out *r, struct bytes *plain, struct ref *ref, struct error *e)
{
    *plain = (struct bytes){0};
    if (r->form == FORM_NONE || r->next_row == r->resolved.rows)
        return RECIPE_OUT_NONE;
    if (r->form == FORM_SAME) {
        *ref = r->base.ref;
        return 0;
    }
    if (choose_next(r, e) < 0)
        return -1;
    if (r->form == FORM_DELTA && fill_delta(r, e) < 0)
        return -1;
    r->plain.len = 0;
    if (recipe_write(r->form == FORM_DELTA ? &r->delta : r->next, &r->plain, e) < 0)
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
        .first_row = r->first_row + r->next_row,
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
    (void)e;
    if (r->o.draft)
        tell_state(r, ref);
    r->next_row += r->form == FORM_SAME ? r->base.resolved.rows : r->next->rows;
    if (r->next_row < r->resolved.rows)
        return 0;
    /* The next recipe begins with nothing. */
    r->first_row += r->resolved.rows;
    r->next_row = 0;
    r->form = FORM_NONE;
    r->ops.len = 0;
    recipe_clear(&r->taken, FORMAT_STREAM_ROWS);
    recipe_clear(&r->added, FORMAT_STREAM_ROWS);
    forget_maps(r);
    return 0;
}
