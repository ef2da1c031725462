/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes to bytes. In the full form chunks and projections get new numbers in the order of
 * first use, so that most sources are one byte: the next chunk, or one named just before. */
#include <assert.h>
#include <stdlib.h>

#include "core/repo/id_table.h"
#include "core/repo/recipe_wire.h"
#include "core/repo/tlv.h"

struct writing {
    const struct recipe *r;
    struct buf packs;
    struct id_table pack_table;
    uint32_t last_pack;
    struct buf columns[4];
    struct buf value; /* of the tag that is written */
    /* Full form. */
    struct recipe_wire_use *uses; /* by r's numbers, as are the next two's values */
    uint32_t *order;
    uint32_t *projection_order;
    uint32_t order_count, projection_order_count;
    uint32_t *projections; /* new numbers; 0: not met yet */
    struct recipe_wire_recent recent;
};

/* As buf_varint; most numbers are small, and there are millions. */
static inline int put(struct buf *b, uint64_t value, struct error *e)
{
    if (value < 0x80 && b->len < b->cap) {
        b->data[b->len++] = (uint8_t)value;
        return 0;
    }
    return buf_varint(b, value, e);
}

static bool pack_is(const struct writing *w, uint32_t place, const uint8_t *id)
{
    const uint8_t *packs = w->packs.data;
    return packs && memcmp(packs + place * FORMAT_ID_LEN, id, FORMAT_ID_LEN) == 0;
}

/* The place of a pack in tag 3. */
static int pack_place(struct writing *w, const uint8_t *id, uint32_t *place, struct error *e)
{
    uint32_t count = (uint32_t)(w->packs.len / FORMAT_ID_LEN);
    *place = w->last_pack;
    if (pack_is(w, *place, id)) /* chunks of one pack come in runs */
        return 0;
    size_t at = id_table_start(&w->pack_table, id);
    while (id_table_next(&w->pack_table, &at, place))
        if (pack_is(w, *place, id)) {
            w->last_pack = *place;
            return 0;
        }
    *place = w->last_pack = count;
    if (id_table_add(&w->pack_table, id, count, e) < 0)
        return -1;
    return buf_append(&w->packs, id, FORMAT_ID_LEN, e);
}

static int write_chunk(struct writing *w, const struct recipe_chunk *chunk, struct error *e)
{
    struct buf *b = &w->value;
    const struct ref *ref = &chunk->ref;
    uint32_t place;
    if (pack_place(w, ref->pack_id, &place, e) < 0 ||
        buf_append(b, ref->chunk_id, FORMAT_HASH_LEN, e) < 0 || put(b, place, e) < 0 ||
        put(b, ref->record, e) < 0 || put(b, ref->offset, e) < 0 ||
        put(b, ref->stored, e) < 0 || put(b, ref->plain, e) < 0 ||
        buf_byte(b, ref->codec, e) < 0 || buf_byte(b, ref->kind, e) < 0)
        return -1;
    return put(b, chunk->rows, e);
}

/* Chunks from first to end - 1 of order, or of r itself, as w->value. */
static int write_chunks(struct writing *w, const uint32_t *order, uint32_t first, uint32_t end,
                        struct error *e)
{
    w->value.len = 0;
    for (uint32_t i = first; i < end; i++)
        if (write_chunk(w, &w->r->chunks[order ? order[i] : i], e) < 0)
            return -1;
    return 0;
}

static int write_counts(struct writing *w, struct buf *out, struct error *e)
{
    w->value.len = 0;
    if (put(&w->value, w->r->rows, e) < 0 || put(&w->value, w->r->bytes, e) < 0 ||
        tlv_uint(out, RECIPE_WIRE_KIND, w->r->kind, e) < 0)
        return -1;
    return tlv_put(out, RECIPE_WIRE_COUNTS, buf_view(&w->value), e);
}

/* Tags 1 to 4, the chunks in this order. */
static int write_head(struct writing *w, const uint32_t *order, uint32_t count, struct buf *out,
                      struct error *e)
{
    if (write_counts(w, out, e) < 0 || write_chunks(w, order, 0, count, e) < 0 ||
        tlv_put(out, RECIPE_WIRE_PACKS, buf_view(&w->packs), e) < 0)
        return -1;
    return tlv_put(out, RECIPE_WIRE_CHUNKS, buf_view(&w->value), e);
}

/* varint n and the columns. */
static int write_columns(struct writing *w, uint32_t n, size_t columns, uint64_t tag,
                         struct buf *out, struct error *e)
{
    w->value.len = 0;
    if (put(&w->value, n, e) < 0)
        return -1;
    for (size_t i = 0; i < columns; i++)
        if (put(&w->value, w->columns[i].len, e) < 0 ||
            buf_append(&w->value, w->columns[i].data, w->columns[i].len, e) < 0)
            return -1;
    return tlv_put(out, tag, buf_view(&w->value), e);
}

/* The projections in this order, as tag 8; no tag when there are none. */
static int write_projections(struct writing *w, const uint32_t *order, uint32_t count,
                             struct buf *out, struct error *e)
{
    if (count == 0)
        return 0;
    w->value.len = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct recipe_projection *p = &w->r->projections[order ? order[i] : i];
        const struct recipe_column *columns = w->r->columns + p->column;
        if (put(&w->value, p->sources, e) < 0 || put(&w->value, p->count, e) < 0)
            return -1;
        for (uint32_t k = 0; k < p->count; k++)
            if (put(&w->value, columns[k].source, e) < 0 ||
                put(&w->value, columns[k].column, e) < 0)
                return -1;
    }
    return tlv_put(out, RECIPE_WIRE_PROJECTIONS, buf_view(&w->value), e);
}

/* A chunk that no source named before: it comes next, with what goes on with it. */
static void name_first(struct writing *w, uint32_t chunk)
{
    uint32_t n = recipe_long_row(w->r, chunk);
    w->uses[chunk].place = w->order_count;
    for (uint32_t i = 0; i < n; i++)
        w->order[w->order_count++] = chunk + i;
}

static int write_source(struct writing *w, const struct recipe_source *s, uint32_t rows,
                        struct error *e)
{
    struct recipe_wire_use *use = &w->uses[s->chunk];
    uint32_t at = recipe_wire_find(&w->recent, w->uses, s->chunk);
    uint64_t selector = 0;
    if (!use->named)
        name_first(w, s->chunk);
    else if (at < w->recent.count)
        selector = at + UINT64_C(1);
    else
        selector = UINT64_C(1) + RECIPE_WIRE_RECENT + use->place;
    recipe_wire_name(&w->recent, w->uses, s->chunk, at);
    int64_t ahead = (int64_t)s->first - use->expected;
    use->expected = s->first + rows;
    if (put(&w->columns[0], selector, e) < 0)
        return -1;
    return put(&w->columns[1], recipe_wire_zigzag(ahead), e);
}

/* The new number of a projection. */
static uint32_t projection_number(struct writing *w, uint32_t projection)
{
    if (projection == 0)
        return 0;
    uint32_t *number = &w->projections[projection - 1];
    if (*number == 0) {
        w->projection_order[w->projection_order_count++] = projection - 1;
        *number = w->projection_order_count;
    }
    return *number;
}

/* Column 4: runs of extents of one projection. */
static int write_runs(struct writing *w, struct error *e)
{
    const struct recipe *r = w->r;
    for (uint32_t i = 0, end; i < r->extent_count; i = end) {
        for (end = i + 1; end < r->extent_count; end++)
            if (r->extents[end].projection != r->extents[i].projection)
                break;
        uint32_t number = projection_number(w, r->extents[i].projection);
        if (end - i == r->extent_count && number == 0)
            return 0;
        if (put(&w->columns[3], end - i, e) < 0 || put(&w->columns[3], number, e) < 0)
            return -1;
    }
    return 0;
}

static int write_extents(struct writing *w, struct error *e)
{
    const struct recipe *r = w->r;
    for (uint32_t i = 0; i < r->extent_count; i++) {
        const struct recipe_extent *x = &r->extents[i];
        uint32_t rows = recipe_extent_rows(r, i);
        uint32_t sources = recipe_sources(r, x->projection);
        for (uint32_t k = 0; k < sources; k++)
            if (write_source(w, &r->sources[x->source + k], rows, e) < 0)
                return -1;
        if (put(&w->columns[2], rows, e) < 0)
            return -1;
    }
    return write_runs(w, e);
}

static int write_full(struct writing *w, struct buf *out, struct error *e)
{
    const struct recipe *r = w->r;
    w->uses = calloc(r->count + (size_t)1, sizeof *w->uses);
    w->order = calloc(r->count + (size_t)1, sizeof *w->order);
    w->projections = calloc(r->projection_count + (size_t)1, sizeof *w->projections);
    w->projection_order = calloc(r->projection_count + (size_t)1, sizeof *w->projection_order);
    if (!w->uses || !w->order || !w->projections || !w->projection_order)
        return error_memory(e, "recipe");
    if (buf_reserve(&w->columns[0], r->source_count, e) < 0 ||
        buf_reserve(&w->columns[1], r->source_count, e) < 0 ||
        buf_reserve(&w->columns[2], r->extent_count, e) < 0 || write_extents(w, e) < 0 ||
        write_head(w, w->order, w->order_count, out, e) < 0 ||
        write_columns(w, r->extent_count, 4, RECIPE_WIRE_SEGMENTS, out, e) < 0)
        return -1;
    return write_projections(w, w->projection_order, w->projection_order_count, out, e);
}

static uint64_t rows_of(const struct recipe *r, uint32_t first, uint32_t end)
{
    uint64_t rows = 0;
    for (uint32_t i = first; i < end; i++)
        rows += r->chunks[i].rows;
    return rows;
}

static int write_ops(struct writing *w, struct error *e)
{
    const struct recipe *r = w->r;
    uint64_t copied = 0;
    uint64_t taken = 0;
    uint32_t expected = 0;
    for (uint32_t i = 0; i < r->op_count; i++) {
        const struct recipe_op *op = &r->ops[i];
        int64_t ahead = op->copy > 0 ? (int64_t)op->from - expected : 0;
        if (op->copy > 0)
            expected = op->from + op->copy;
        copied += op->copy;
        taken += op->take;
        if (put(&w->columns[0], recipe_wire_zigzag(ahead), e) < 0 ||
            put(&w->columns[1], op->copy, e) < 0 || put(&w->columns[2], op->take, e) < 0)
            return -1;
    }
    assert(taken == rows_of(r, 0, r->added) && taken + copied == r->rows);
    assert(r->added == r->count || copied == rows_of(r, r->added, r->count));
    return 0;
}

static int write_based(struct writing *w, struct buf *out, struct error *e)
{
    const struct recipe *r = w->r;
    struct buf added = {0};
    struct buf base = {0};
    int rc = -1;
    assert(r->projection_count <= 1);
    /* First, as it may add to the packs. */
    if (write_chunks(w, NULL, r->added, r->count, e) < 0 ||
        buf_append(&added, w->value.data, w->value.len, e) < 0)
        goto out;
    if (write_head(w, NULL, r->added, out, e) < 0 || write_ops(w, e) < 0 ||
        ref_write(&base, &r->base, e) < 0 ||
        tlv_put(out, RECIPE_WIRE_BASE, buf_view(&base), e) < 0 ||
        write_columns(w, r->op_count, 3, RECIPE_WIRE_OPS, out, e) < 0 ||
        write_projections(w, NULL, r->projection_count, out, e) < 0)
        goto out;
    bool has_added = r->projection_count > 0 && r->projections[0].sources == 2;
    assert(has_added || r->added == r->count);
    rc = has_added ? tlv_put(out, RECIPE_WIRE_ADDED, buf_view(&added), e) : 0;
out:
    buf_done(&added);
    buf_done(&base);
    return rc;
}

int recipe_write(const struct recipe *r, struct buf *out, struct error *e)
{
    struct writing w = {.r = r};
    int rc;
    if (r->kind == FORMAT_STREAM_BYTES)
        rc = write_head(&w, NULL, r->count, out, e);
    else
        rc = r->has_base ? write_based(&w, out, e) : write_full(&w, out, e);
    buf_done(&w.packs);
    id_table_done(&w.pack_table);
    for (size_t i = 0; i < ARRAY_SIZE(w.columns); i++)
        buf_done(&w.columns[i]);
    buf_done(&w.value);
    free(w.uses);
    free(w.order);
    free(w.projections);
    free(w.projection_order);
    return rc;
}
