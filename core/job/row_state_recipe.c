/* SPDX-License-Identifier: Apache-2.0 */
/* A resolved recipe in the row state file, both directions:
 *
 *   reference 68 | u8 depth | depth pack ids 16 | varint length | recipe (docs/FORMAT.md 6.1,
 *   full) | varint n | n varint generations
 *
 * Generations come in the order in which the rows name the chunks. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "core/job/row_state_wire.h"

void row_state_recipe_done(struct row_state_recipe *r)
{
    recipe_done(&r->resolved);
    free(r->generations);
    *r = (struct row_state_recipe){0};
}

static void name_chunk(const struct recipe *r, uint32_t chunk, bool *named, uint32_t *order,
                       uint32_t *count)
{
    if (named[chunk])
        return;
    /* What goes on with a long row has no rows to be named by. */
    for (uint32_t n = recipe_long_row(r, chunk); n > 0; n--, chunk++) {
        named[chunk] = true;
        order[(*count)++] = chunk;
    }
}

int row_state_recipe_order(const struct recipe *r, uint32_t *order, uint32_t *count,
                           struct error *e)
{
    bool *named = calloc(r->count + (size_t)1, sizeof *named);
    if (!named)
        return error_memory(e, "order of chunks");
    *count = 0;
    for (uint32_t i = 0; i < r->extent_count; i++) {
        const struct recipe_source *sources = r->sources + r->extents[i].source;
        uint32_t n = recipe_sources(r, r->extents[i].projection);
        for (uint32_t k = 0; k < n; k++)
            name_chunk(r, sources[k].chunk, named, order, count);
    }
    free(named);
    return 0;
}

/* ---- writing ---- */

static int write_generations(const struct row_state_recipe *r, struct buf *out, struct error *e)
{
    uint32_t count = 0;
    uint32_t *order = calloc(r->resolved.count + (size_t)1, sizeof *order);
    if (!order)
        return error_memory(e, "generations of chunks");
    int rc = row_state_recipe_order(&r->resolved, order, &count, e);
    if (rc == 0)
        rc = buf_varint(out, count, e);
    for (uint32_t i = 0; i < count && rc == 0; i++)
        rc = buf_varint(out, r->generations[order[i]], e);
    free(order);
    return rc;
}

int row_state_recipe_write(const struct row_state_recipe *r, struct buf *out, struct error *e)
{
    struct buf raw = {0};
    int rc = -1;
    assert(!r->resolved.has_base && r->depth > 0 && r->depth <= RECIPE_MAX_CHAIN);
    if (ref_write(out, &r->ref, e) == 0 && buf_byte(out, r->depth, e) == 0 &&
        buf_append(out, r->chain_packs, (size_t)r->depth * FORMAT_ID_LEN, e) == 0 &&
        recipe_write(&r->resolved, &raw, e) == 0 && buf_varint(out, raw.len, e) == 0 &&
        buf_append(out, raw.data, raw.len, e) == 0)
        rc = write_generations(r, out, e);
    buf_done(&raw);
    return rc;
}

/* ---- reading ---- */

/* Where the index says that recipe i is. */
struct place {
    struct bytes raw;
    struct bytes tag;
    uint64_t first;
    uint64_t rows;
};

static struct place place_of(const struct row_state *s, const struct row_state_entry *n,
                             uint32_t i)
{
    struct cursor c = cursor_of(n->recipes);
    (void)cursor_bytes(&c, (size_t)i * ROW_STATE_WIRE_RECIPE);
    uint64_t offset = cursor_u64(&c);
    uint32_t len = cursor_u32(&c);
    struct place p = {.raw = bytes_of(s->image.data + offset, len)};
    p.first = cursor_u64(&c);
    p.tag = cursor_bytes(&c, ROW_STATE_WIRE_TAG);
    uint64_t end = n->table.rows;
    if (c.left.len > 0) {
        (void)cursor_bytes(&c, 8 + 4);
        end = cursor_u64(&c);
    }
    p.rows = end - p.first;
    return p;
}

static int read_generations(struct cursor *c, struct row_state_recipe *out, struct error *e)
{
    uint32_t count = 0;
    uint64_t stored = cursor_varint(c);
    uint32_t *order = calloc(out->resolved.count + (size_t)1, sizeof *order);
    out->generations = calloc(out->resolved.count + (size_t)1, sizeof *out->generations);
    int rc = -1;
    if (!order || !out->generations)
        (void)error_memory(e, "generations of chunks");
    else
        rc = row_state_recipe_order(&out->resolved, order, &count, e);
    c->bad = c->bad || stored != count;
    for (uint32_t i = 0; i < count && !c->bad && rc == 0; i++) {
        uint64_t generation = cursor_varint(c);
        c->bad = c->bad || generation > UINT32_MAX;
        out->generations[order[i]] = (uint32_t)generation;
    }
    free(order);
    return rc;
}

static int read_resolved(struct bytes raw, struct row_state_recipe *out, struct error *e)
{
    struct error why = {0};
    int rc = recipe_read(raw, &out->resolved, &why);
    if (rc < 0)
        return error_set(e, why.kind == ERROR_MEMORY ? ERROR_MEMORY : ERROR_CORRUPT, "%s",
                         why.text);
    if (out->resolved.kind != FORMAT_STREAM_ROWS || out->resolved.has_base)
        return error_set(e, ERROR_CORRUPT, "recipe: not one of rows, resolved");
    return 0;
}

static int read_recipe(struct cursor *c, struct row_state_recipe *out, struct error *e)
{
    bool found = ref_read(c, &out->ref);
    out->depth = cursor_u8(c);
    if (!found || out->depth == 0 || out->depth > RECIPE_MAX_CHAIN)
        return error_set(e, ERROR_CORRUPT, "reference of depth %u is malformed", out->depth);
    cursor_copy(c, out->chain_packs, (size_t)out->depth * FORMAT_ID_LEN);
    uint64_t len = cursor_varint(c);
    if (c->bad || len > c->left.len)
        return error_set(e, ERROR_CORRUPT, "%" PRIu64 " bytes of recipe in %zu", len,
                         c->left.len);
    if (read_resolved(cursor_bytes(c, (size_t)len), out, e) < 0 ||
        read_generations(c, out, e) < 0)
        return -1;
    if (!cursor_ended(c))
        return error_set(e, ERROR_CORRUPT, "generations of %u chunks are malformed",
                         out->resolved.count);
    return 0;
}

int row_state_recipe(const struct row_state *s, const struct row_state_table *t, uint32_t i,
                     struct row_state_recipe *out, struct error *e)
{
    uint8_t tag[ROW_STATE_WIRE_TAG];
    struct place p = place_of(s, (const struct row_state_entry *)t, i);
    struct cursor c = cursor_of(p.raw);
    /* Looked at again: who writes over the file meanwhile must not lead us out of it. */
    if (p.raw.data < s->image.data || p.raw.len > s->image.len ||
        (size_t)(p.raw.data - s->image.data) > s->image.len - p.raw.len) {
        (void)error_set(e, ERROR_CORRUPT, "it lies outside of the file");
        goto failed;
    }
    if (row_state_wire_ready(s, p.raw, e) < 0)
        goto failed;
    row_state_wire_tag_of(s->key, p.raw, tag);
    if (!bytes_equal(p.tag, bytes_of(tag, sizeof tag))) {
        (void)error_set(e, ERROR_CORRUPT, "its %zu bytes are damaged", p.raw.len);
        goto failed;
    }
    if (read_recipe(&c, out, e) < 0)
        goto failed;
    out->first_row = p.first;
    if (out->resolved.rows == p.rows)
        return 0;
    (void)error_set(e, ERROR_CORRUPT, "%" PRIu64 " rows, should be %" PRIu64,
                    out->resolved.rows, p.rows);
failed:
    row_state_recipe_done(out);
    (void)error_wrap(e, "recipe %u", i);
    return row_state_wire_about(t, e);
}
