/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes from bytes. Numbers of things are believed only after the bytes that they must take
 * are seen to be there, so that memory is bounded by what was read. */
#include <inttypes.h>

#include <stdlib.h>

#include "core/repo/recipe_wire.h"
#include "core/repo/tlv.h"

struct reading {
    struct recipe *out;
    struct bytes values[RECIPE_WIRE_ADDED + 1]; /* by tag */
    uint64_t seen;                              /* bits of the tags that were there */
    uint64_t rows, bytes;                       /* tag 2 */
};

static bool has(const struct reading *r, enum recipe_wire_tag tag)
{
    return r->seen & UINT64_C(1) << tag;
}

/* As cursor_varint; most numbers are small, and there are millions. */
static inline uint64_t get(struct cursor *c)
{
    if (c->left.len > 0 && c->left.data[0] < 0x80) {
        c->at++;
        return bytes_take(&c->left, 1).data[0];
    }
    return cursor_varint(c);
}

/* A number that must be within 32 bits. */
static inline uint32_t get_u32(struct cursor *c)
{
    uint64_t value = get(c);
    c->bad = c->bad || value > UINT32_MAX;
    return (uint32_t)value;
}

/* May chunk i, the next one, have so many rows? */
static bool rows_fit(const struct recipe *r, const struct ref *ref, uint32_t rows, bool added)
{
    uint32_t i = r->count;
    if (r->kind == FORMAT_STREAM_BYTES)
        return rows == 0 && (ref->kind == FORMAT_KIND_BYTES || ref->kind == FORMAT_KIND_META);
    if (ref->kind == FORMAT_KIND_ROWS)
        return rows > 0 && rows <= ref->plain;
    if (added || ref->kind != FORMAT_KIND_BYTES)
        return false;
    return rows == 1 || (rows == 0 && i > 0 && r->chunks[i - 1].ref.kind == FORMAT_KIND_BYTES);
}

static int read_chunk(struct cursor *c, struct bytes packs, struct recipe *out, bool added,
                      struct error *e)
{
    struct ref ref = {0};
    cursor_copy(c, ref.chunk_id, FORMAT_HASH_LEN);
    uint64_t place = get(c);
    ref.record = get_u32(c);
    ref.offset = get_u32(c);
    ref.stored = get_u32(c);
    ref.plain = get_u32(c);
    ref.codec = cursor_u8(c);
    ref.kind = cursor_u8(c);
    uint32_t rows = get_u32(c);
    if (c->bad || place >= packs.len / FORMAT_ID_LEN || !ref_allowed(&ref) ||
        !rows_fit(out, &ref, rows, added))
        return error_set(e, ERROR_CORRUPT, "recipe: chunk %u is malformed", out->count);
    memcpy(ref.pack_id, packs.data + place * FORMAT_ID_LEN, FORMAT_ID_LEN);
    return added ? recipe_add_added(out, &ref, rows, e) : recipe_add_chunk(out, &ref, rows, e);
}

/* rows: of all its chunks. */
static int read_directory(const struct reading *r, enum recipe_wire_tag tag, uint64_t *rows,
                          struct error *e)
{
    struct cursor c = cursor_of(r->values[tag]);
    *rows = 0;
    while (c.left.len > 0) {
        if (read_chunk(&c, r->values[RECIPE_WIRE_PACKS], r->out, tag == RECIPE_WIRE_ADDED, e) <
            0)
            return -1;
        *rows += r->out->chunks[r->out->count - 1].rows;
    }
    return 0;
}

static int read_projections(const struct reading *r, struct error *e)
{
    struct cursor c = cursor_of(r->values[RECIPE_WIRE_PROJECTIONS]);
    struct recipe_column columns[RECIPE_MAX_COLUMNS];
    while (c.left.len > 0) {
        uint32_t before = r->out->projection_count;
        uint64_t sources = get(&c);
        uint64_t count = get(&c);
        if (c.bad || sources == 0 || sources > RECIPE_MAX_SOURCES || count == 0 ||
            count > RECIPE_MAX_COLUMNS)
            return error_set(e, ERROR_CORRUPT, "recipe: projection %u is malformed",
                             before + 1);
        for (uint64_t i = 0; i < count; i++) {
            uint64_t source = get(&c);
            uint64_t column = get(&c);
            c.bad = c.bad || source >= sources || column >= RECIPE_MAX_COLUMNS;
            columns[i].source = (uint16_t)source;
            columns[i].column = (uint16_t)column;
        }
        uint32_t number = 0;
        if (!c.bad && recipe_add_projection(r->out, (uint16_t)sources, columns, (uint16_t)count,
                                            &number, e) < 0)
            return -1;
        if (number != before + 1)
            return error_set(e, ERROR_CORRUPT, "recipe: projection %u is malformed or twice",
                             before + 1);
    }
    return 0;
}

/* varint n and so many columns; 0 when that is all there is. */
static int read_columns(struct bytes value, uint32_t *n, struct cursor *columns, size_t count,
                        struct error *e)
{
    struct cursor c = cursor_of(value);
    uint64_t number = get(&c);
    for (size_t i = 0; i < count; i++) {
        uint64_t len = get(&c);
        c.bad = c.bad || len > c.left.len;
        columns[i] = cursor_of(cursor_bytes(&c, c.bad ? 0 : (size_t)len));
    }
    if (!cursor_ended(&c))
        return error_set(e, ERROR_CORRUPT, "recipe: columns at byte %zu are malformed", c.at);
    /* Each thing has a number in the third column, in both forms. */
    if (number > columns[2].left.len)
        return error_set(e, ERROR_CORRUPT, "recipe: %" PRIu64 " extents in %zu bytes", number,
                         columns[2].left.len);
    if (number > RECIPE_MAX_EXTENTS)
        return error_set(e, ERROR_UNSUPPORTED, "recipe: %" PRIu64 " extents, at most %u",
                         number, RECIPE_MAX_EXTENTS);
    *n = (uint32_t)number;
    return 0;
}

/* ---- full row recipes ---- */

/* Reads extents against the directory. */
struct extents {
    struct recipe *r;
    struct cursor columns[4];
    struct recipe_wire_use *uses;
    struct recipe_wire_recent recent;
    uint32_t next; /* chunks before this one are named, or cannot be */
};

/* Column 4: sets the projection of each of the n extents; *sources is what they all have. */
static int read_runs(struct extents *x, uint32_t n, uint64_t *sources, struct error *e)
{
    struct cursor *c = &x->columns[3];
    struct recipe *r = x->r;
    bool none = c->left.len == 0;
    uint32_t at = 0;
    *sources = 0;
    while (!c->bad && at < n) {
        uint64_t run = none ? n : get(c);
        uint64_t projection = none ? 0 : get(c);
        if (c->bad || run == 0 || run > n - at || projection > r->projection_count)
            break;
        *sources += run * recipe_sources(r, (uint32_t)projection);
        for (; run > 0; run--)
            r->extents[at++].projection = (uint32_t)projection;
    }
    if (at < n || !cursor_ended(c))
        return error_set(e, ERROR_CORRUPT, "recipe: projection of extent %u is malformed", at);
    return 0;
}

/* The chunk that a selector means; UINT32_MAX for none. */
static uint32_t selected(struct extents *x, uint64_t selector)
{
    struct recipe *r = x->r;
    if (selector > RECIPE_WIRE_RECENT) {
        selector -= RECIPE_WIRE_RECENT + 1;
        return selector < r->count ? (uint32_t)selector : UINT32_MAX;
    }
    if (selector > 0)
        return selector <= x->recent.count ? x->recent.chunks[selector - 1] : UINT32_MAX;
    while (x->next < r->count && (x->uses[x->next].named || recipe_wire_goes_on(r, x->next)))
        x->next++;
    return x->next < r->count ? x->next : UINT32_MAX;
}

static bool read_source(struct extents *x, uint32_t rows, struct recipe_source *s)
{
    uint64_t selector = get(&x->columns[0]);
    uint64_t zigzag = get(&x->columns[1]);
    if (x->columns[0].bad || x->columns[1].bad || zigzag > 2 * (uint64_t)UINT32_MAX)
        return false;
    s->chunk = selected(x, selector);
    if (s->chunk == UINT32_MAX)
        return false;
    struct recipe_wire_use *use = &x->uses[s->chunk];
    uint32_t has_rows = x->r->chunks[s->chunk].rows;
    int64_t first = use->expected + recipe_wire_unzigzag(zigzag);
    if (first < 0 || first > has_rows || rows > has_rows - first)
        return false;
    s->first = (uint32_t)first;
    use->expected = s->first + rows;
    uint32_t at = selector > 0 && selector <= RECIPE_WIRE_RECENT
                      ? (uint32_t)selector - 1
                      : recipe_wire_find(&x->recent, x->uses, s->chunk);
    recipe_wire_name(&x->recent, x->uses, s->chunk, at);
    return true;
}

static bool read_extent(struct extents *x, struct recipe_extent *extent)
{
    struct recipe *r = x->r;
    uint64_t rows = get(&x->columns[2]);
    uint32_t n = recipe_sources(r, extent->projection);
    if (x->columns[2].bad || rows == 0 || rows > UINT32_MAX - r->rows)
        return false;
    extent->row = (uint32_t)r->rows;
    extent->source = r->source_count;
    r->rows += rows;
    for (uint32_t i = 0; i < n; i++)
        if (!read_source(x, (uint32_t)rows, &r->sources[r->source_count++]))
            return false;
    return true;
}

static int read_all_extents(struct extents *x, uint32_t n, struct error *e)
{
    struct recipe *r = x->r;
    uint64_t sources;
    if (recipe_reserve(r, n, 0, e) < 0 || read_runs(x, n, &sources, e) < 0)
        return -1;
    if (sources > x->columns[0].left.len || sources > x->columns[1].left.len)
        return error_set(e, ERROR_CORRUPT, "recipe: %" PRIu64 " sources in %zu bytes", sources,
                         x->columns[0].left.len);
    if (sources > RECIPE_MAX_ALL_SOURCES)
        return error_set(e, ERROR_UNSUPPORTED, "recipe: more than %u sources",
                         RECIPE_MAX_ALL_SOURCES);
    if (recipe_reserve(r, 0, (uint32_t)sources, e) < 0)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        if (!read_extent(x, &r->extents[i]))
            return error_set(e, ERROR_CORRUPT, "recipe: extent %u does not fit", i);
    r->extent_count = n;
    for (size_t i = 0; i < ARRAY_SIZE(x->columns); i++)
        if (!cursor_ended(&x->columns[i]))
            return error_set(e, ERROR_CORRUPT, "recipe: column %zu is too long", i + 1);
    return 0;
}

static int read_full(const struct reading *r, struct error *e)
{
    struct extents x = {.r = r->out};
    uint64_t rows;
    uint32_t n = 0;
    if (has(r, RECIPE_WIRE_OPS) || has(r, RECIPE_WIRE_ADDED))
        return error_set(e, ERROR_CORRUPT, "recipe: operations without a base");
    if (read_directory(r, RECIPE_WIRE_CHUNKS, &rows, e) < 0 || read_projections(r, e) < 0 ||
        read_columns(r->values[RECIPE_WIRE_SEGMENTS], &n, x.columns, 4, e) < 0)
        return -1;
    x.uses = calloc(r->out->count + (size_t)1, sizeof *x.uses);
    if (!x.uses)
        return error_memory(e, "recipe");
    int rc = read_all_extents(&x, n, e);
    free(x.uses);
    return rc;
}

/* ---- row recipes with a base ---- */

static int read_op(struct cursor *columns, uint32_t *expected, struct recipe_op *op)
{
    uint64_t zigzag = get(&columns[0]);
    op->copy = get_u32(&columns[1]);
    op->take = get_u32(&columns[2]);
    if (columns[0].bad || columns[1].bad || columns[2].bad ||
        zigzag > 2 * (uint64_t)UINT32_MAX || (op->copy == 0 && (zigzag > 0 || op->take == 0)))
        return -1;
    int64_t from = op->copy > 0 ? *expected + recipe_wire_unzigzag(zigzag) : 0;
    if (from < 0 || from + op->copy > UINT32_MAX)
        return -1;
    op->from = (uint32_t)from;
    if (op->copy > 0)
        *expected = op->from + op->copy;
    return 0;
}

static int read_ops(const struct reading *r, uint64_t *copied, uint64_t *taken, struct error *e)
{
    struct cursor columns[3];
    uint32_t n = 0;
    uint32_t expected = 0;
    *copied = *taken = 0;
    if (read_columns(r->values[RECIPE_WIRE_OPS], &n, columns, 3, e) < 0)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        struct recipe_op op;
        if (read_op(columns, &expected, &op) < 0)
            return error_set(e, ERROR_CORRUPT, "recipe: operation %u is malformed", i);
        if (recipe_add_op(r->out, &op, e) < 0)
            return -1;
        *copied += op.copy;
        *taken += op.take;
    }
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        if (!cursor_ended(&columns[i]))
            return error_set(e, ERROR_CORRUPT, "recipe: column %zu is too long", i + 1);
    return 0;
}

static int read_based(const struct reading *r, struct error *e)
{
    struct recipe *out = r->out;
    struct cursor c = cursor_of(r->values[RECIPE_WIRE_BASE]);
    uint64_t rows;
    uint64_t added;
    uint64_t copied;
    uint64_t taken;
    out->has_base = true;
    if (!ref_read(&c, &out->base) || !cursor_ended(&c) ||
        out->base.kind != FORMAT_KIND_RECIPE || has(r, RECIPE_WIRE_SEGMENTS))
        return error_set(e, ERROR_CORRUPT, "recipe: base is malformed");
    if (read_directory(r, RECIPE_WIRE_CHUNKS, &rows, e) < 0 ||
        read_directory(r, RECIPE_WIRE_ADDED, &added, e) < 0 || read_projections(r, e) < 0 ||
        read_ops(r, &copied, &taken, e) < 0)
        return -1;
    uint16_t sources = out->projection_count == 1 ? out->projections[0].sources : 1;
    if (out->projection_count != has(r, RECIPE_WIRE_PROJECTIONS) || sources > 2 ||
        (sources == 1 && has(r, RECIPE_WIRE_ADDED)))
        return error_set(e, ERROR_CORRUPT, "recipe: projection of a base is malformed");
    if (taken != rows || (sources == 2 && copied != added))
        return error_set(e, ERROR_CORRUPT,
                         "recipe: takes %" PRIu64 " rows of %" PRIu64
                         " and adds columns to %" PRIu64 " of %" PRIu64,
                         taken, rows, added, copied);
    return 0;
}

/* ---- all ---- */

static int read_bytes(const struct reading *r, struct error *e)
{
    uint64_t rows;
    if (r->seen >> RECIPE_WIRE_SEGMENTS & 0x1f)
        return error_set(e, ERROR_CORRUPT, "recipe: rows in a recipe of bytes");
    return read_directory(r, RECIPE_WIRE_CHUNKS, &rows, e);
}

static int read_head(struct bytes raw, struct reading *r, enum format_stream *kind,
                     struct error *e)
{
    struct tlv_reader in = tlv_reader_of(raw);
    struct tlv t;
    uint64_t number = 0;
    while (tlv_next(&in, &t)) {
        if (t.tag == RECIPE_WIRE_KIND) {
            number = tlv_get_uint(&in, &t, FORMAT_STREAM_BYTES);
        } else if (t.tag < ARRAY_SIZE(r->values)) {
            tlv_once(&in, &t);
            r->values[t.tag] = t.value;
        }
    }
    if (tlv_end(&in, "recipe", e) < 0)
        return -1;
    r->seen = in.seen;
    struct cursor c = cursor_of(r->values[RECIPE_WIRE_COUNTS]);
    r->rows = cursor_varint(&c);
    r->bytes = cursor_varint(&c);
    if (!cursor_ended(&c) || number == 0 ||
        r->values[RECIPE_WIRE_PACKS].len % FORMAT_ID_LEN != 0)
        return error_set(e, ERROR_CORRUPT, "recipe: head is malformed");
    *kind = (enum format_stream)number;
    return 0;
}

int recipe_read(struct bytes raw, struct recipe *out, struct error *e)
{
    struct reading r = {.out = out};
    enum format_stream kind = FORMAT_STREAM_BYTES;
    if (read_head(raw, &r, &kind, e) < 0)
        return -1;
    recipe_clear(out, kind);
    int rc = kind == FORMAT_STREAM_BYTES ? read_bytes(&r, e)
             : has(&r, RECIPE_WIRE_BASE) ? read_based(&r, e)
                                         : read_full(&r, e);
    if (rc < 0)
        return -1;
    if (out->rows != r.rows || (kind == FORMAT_STREAM_BYTES && out->bytes != r.bytes))
        return error_set(e, ERROR_CORRUPT,
                         "recipe: yields %" PRIu64 " rows and %" PRIu64
                         " bytes, should be %" PRIu64 " and %" PRIu64,
                         out->rows, out->bytes, r.rows, r.bytes);
    out->bytes = r.bytes;
    return 0;
}
