/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/recipe.h"

#include <stdlib.h>

#include "core/repo/tlv.h"

enum { TAG_KIND = 1, TAG_COUNTS, TAG_PACKS, TAG_CHUNKS, TAG_SEGMENTS, TAG_BASE, TAG_OPS };

void recipe_done(struct recipe *r)
{
    free(r->chunks);
    buf_done(&r->segments);
    *r = (struct recipe){0};
}

void recipe_clear(struct recipe *r, enum format_stream kind)
{
    r->kind = kind;
    r->rows = r->bytes = 0;
    r->count = 0;
    r->segments.len = 0;
}

static int add_chunk(struct recipe *r, const struct ref *ref, uint64_t rows, struct error *e)
{
    if (r->count == r->cap) {
        uint32_t cap = r->cap ? r->cap * 2 : 8;
        struct recipe_chunk *chunks = reallocarray(r->chunks, cap, sizeof *chunks);
        if (!chunks)
            return error_memory(e, "recipe");
        r->chunks = chunks;
        r->cap = cap;
    }
    r->chunks[r->count++] = (struct recipe_chunk){.ref = *ref, .rows = rows};
    r->bytes += ref->plain;
    return 0;
}

int recipe_add_rows(struct recipe *r, const struct ref *ref, uint64_t rows, struct error *e)
{
    struct buf *s = &r->segments;
    if (buf_varint(s, RECIPE_ROWS, e) < 0 || buf_varint(s, rows, e) < 0 ||
        buf_varint(s, 1, e) < 0 || buf_varint(s, r->count, e) < 0 || buf_varint(s, 0, e) < 0 ||
        buf_varint(s, 0, e) < 0)
        return -1;
    r->rows += rows;
    return add_chunk(r, ref, rows, e);
}

int recipe_add_bytes(struct recipe *r, const struct ref *ref, struct error *e)
{
    struct buf *s = &r->segments;
    if (buf_varint(s, RECIPE_BYTES, e) < 0 || buf_varint(s, r->count, e) < 0 ||
        buf_varint(s, 0, e) < 0 || buf_varint(s, ref->plain, e) < 0)
        return -1;
    return add_chunk(r, ref, 0, e);
}

int recipe_add_long_row(struct recipe *r, const struct ref *refs, uint32_t n, struct error *e)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < n; i++)
        bytes += refs[i].plain;
    struct buf *s = &r->segments;
    if (buf_varint(s, RECIPE_LONG_ROW, e) < 0 || buf_varint(s, bytes, e) < 0 ||
        buf_varint(s, n, e) < 0)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        if (buf_varint(s, r->count, e) < 0 || add_chunk(r, &refs[i], 0, e) < 0)
            return -1;
    r->rows++;
    return 0;
}

/* The place of a pack id in the list, which is searched from its end: chunks of one pack
 * come in runs. */
static int pack_place(struct buf *packs, const uint8_t *pack_id, uint64_t *place,
                      struct error *e)
{
    size_t count = packs->len / FORMAT_ID_LEN;
    for (size_t i = count; i-- > 0;)
        if (memcmp(packs->data + i * FORMAT_ID_LEN, pack_id, FORMAT_ID_LEN) == 0) {
            *place = i;
            return 0;
        }
    *place = count;
    return buf_append(packs, pack_id, FORMAT_ID_LEN, e);
}

static int write_directory(const struct recipe *r, struct buf *packs, struct buf *directory,
                           struct error *e)
{
    for (uint32_t i = 0; i < r->count; i++) {
        const struct ref *ref = &r->chunks[i].ref;
        uint64_t place;
        if (pack_place(packs, ref->pack_id, &place, e) < 0 ||
            buf_append(directory, ref->chunk_id, FORMAT_HASH_LEN, e) < 0 ||
            buf_varint(directory, place, e) < 0 || buf_varint(directory, ref->record, e) < 0 ||
            buf_varint(directory, ref->offset, e) < 0 ||
            buf_varint(directory, ref->stored, e) < 0 ||
            buf_varint(directory, ref->plain, e) < 0 ||
            buf_byte(directory, ref->codec, e) < 0 || buf_byte(directory, ref->kind, e) < 0 ||
            buf_varint(directory, r->chunks[i].rows, e) < 0)
            return -1;
    }
    return 0;
}

int recipe_write(const struct recipe *r, struct buf *out, struct error *e)
{
    struct buf packs = {0};
    struct buf directory = {0};
    struct buf counts = {0};
    int rc = -1;
    if (write_directory(r, &packs, &directory, e) < 0 || buf_varint(&counts, r->rows, e) < 0 ||
        buf_varint(&counts, r->bytes, e) < 0 || tlv_uint(out, TAG_KIND, r->kind, e) < 0 ||
        tlv_put(out, TAG_COUNTS, buf_view(&counts), e) < 0 ||
        tlv_put(out, TAG_PACKS, buf_view(&packs), e) < 0 ||
        tlv_put(out, TAG_CHUNKS, buf_view(&directory), e) < 0 ||
        tlv_put(out, TAG_SEGMENTS, buf_view(&r->segments), e) < 0)
        goto out;
    rc = 0;
out:
    buf_done(&packs);
    buf_done(&directory);
    buf_done(&counts);
    return rc;
}

static int read_directory(struct bytes raw, struct bytes packs, struct recipe *out,
                          struct error *e)
{
    struct cursor c = cursor_of(raw);
    while (c.left.len > 0) {
        struct ref ref = {0};
        cursor_copy(&c, ref.chunk_id, FORMAT_HASH_LEN);
        uint64_t place = cursor_varint(&c);
        uint64_t numbers[4];
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
            numbers[i] = cursor_varint(&c);
            c.bad = c.bad || numbers[i] > UINT32_MAX;
        }
        ref.record = (uint32_t)numbers[0];
        ref.offset = (uint32_t)numbers[1];
        ref.stored = (uint32_t)numbers[2];
        ref.plain = (uint32_t)numbers[3];
        ref.codec = cursor_u8(&c);
        ref.kind = cursor_u8(&c);
        uint64_t rows = cursor_varint(&c);
        if (c.bad || place >= packs.len / FORMAT_ID_LEN || !ref_allowed(&ref) ||
            out->count == FORMAT_MAX_RECIPE_CHUNKS || rows > ref.plain)
            return error_set(e, ERROR_CORRUPT, "recipe: chunk %u is malformed", out->count);
        memcpy(ref.pack_id, packs.data + place * FORMAT_ID_LEN, FORMAT_ID_LEN);
        if (add_chunk(out, &ref, rows, e) < 0)
            return -1;
    }
    return 0;
}

/* A chunk's place; one beyond all directories stays beyond them. */
static uint32_t read_place(struct cursor *c)
{
    uint64_t place = cursor_varint(c);
    return place < UINT32_MAX ? (uint32_t)place : UINT32_MAX;
}

static bool read_rows(struct cursor *c, struct recipe_segment *s)
{
    s->rows = cursor_varint(c);
    uint64_t sources = cursor_varint(c);
    s->chunk = read_place(c);
    s->first = cursor_varint(c);
    uint64_t projection = cursor_varint(c);
    return sources == 1 && projection == 0;
}

static void read_long_row(struct cursor *c, struct recipe_segment *s)
{
    s->bytes = cursor_varint(c);
    uint64_t n = cursor_varint(c);
    struct bytes start = c->left;
    c->bad = c->bad || n == 0 || n > FORMAT_MAX_RECIPE_CHUNKS;
    for (uint64_t i = 0; i < n && !c->bad; i++) {
        uint32_t chunk = read_place(c);
        s->chunk = i == 0 ? chunk : s->chunk;
    }
    s->list = bytes_of(start.data, start.len - c->left.len);
}

bool recipe_next(struct cursor *c, struct recipe_segment *s)
{
    if (c->bad || c->left.len == 0)
        return false;
    uint64_t op = cursor_varint(c);
    *s = (struct recipe_segment){0};
    if (op == RECIPE_ROWS) {
        s->op = RECIPE_ROWS;
        c->bad = !read_rows(c, s) || c->bad;
    } else if (op == RECIPE_LONG_ROW) {
        s->op = RECIPE_LONG_ROW;
        read_long_row(c, s);
    } else if (op == RECIPE_BYTES) {
        s->op = RECIPE_BYTES;
        s->chunk = read_place(c);
        s->first = cursor_varint(c);
        s->bytes = cursor_varint(c);
    } else {
        c->bad = true;
    }
    return !c->bad;
}

/* Does a long row name whole chunks of kind 2 whose lengths add up? */
static bool long_row_fits(const struct recipe *r, const struct recipe_segment *s)
{
    struct cursor c = cursor_of(s->list);
    uint64_t bytes = 0;
    while (c.left.len > 0) {
        uint64_t chunk = cursor_varint(&c);
        if (c.bad || chunk >= r->count || r->chunks[chunk].ref.kind != FORMAT_KIND_BYTES)
            return false;
        bytes += r->chunks[chunk].ref.plain;
    }
    return bytes == s->bytes;
}

static bool segment_fits(const struct recipe *r, const struct recipe_segment *s)
{
    if (s->op == RECIPE_LONG_ROW)
        return r->kind == FORMAT_STREAM_ROWS && long_row_fits(r, s);
    if (s->chunk >= r->count)
        return false;
    const struct recipe_chunk *chunk = &r->chunks[s->chunk];
    uint64_t end;
    if (s->op == RECIPE_ROWS)
        return r->kind == FORMAT_STREAM_ROWS && chunk->ref.kind == FORMAT_KIND_ROWS &&
               s->rows > 0 && !attr_add_overflows(s->first, s->rows, &end) &&
               end <= chunk->rows;
    return r->kind == FORMAT_STREAM_BYTES && chunk->ref.kind != FORMAT_KIND_ROWS &&
           s->bytes > 0 && !attr_add_overflows(s->first, s->bytes, &end) &&
           end <= chunk->ref.plain;
}

static int check_segments(struct recipe *r, uint64_t rows, uint64_t bytes, struct error *e)
{
    struct cursor c = cursor_of(buf_view(&r->segments));
    struct recipe_segment s;
    uint64_t found = 0;
    uint64_t found_bytes = 0;
    while (recipe_next(&c, &s)) {
        if (!segment_fits(r, &s))
            return error_set(e, ERROR_CORRUPT, "recipe: segment at byte %zu does not fit",
                             c.at);
        found += s.op == RECIPE_LONG_ROW ? 1 : s.rows;
        found_bytes += s.bytes;
    }
    if (c.bad)
        return error_set(e, ERROR_UNSUPPORTED,
                         "recipe: segment at byte %zu is not known to this version", c.at);
    if (found != rows || (r->kind == FORMAT_STREAM_BYTES && found_bytes != bytes))
        return error_set(e, ERROR_CORRUPT, "recipe: segments do not add up");
    r->rows = rows;
    r->bytes = bytes;
    return 0;
}

int recipe_read(struct bytes raw, struct recipe *out, struct error *e)
{
    struct tlv_reader r = tlv_reader_of(raw);
    struct tlv t;
    struct bytes packs = {0};
    struct bytes chunks = {0};
    struct bytes segments = {0};
    struct bytes counts = {0};
    uint64_t kind = 0;
    while (tlv_next(&r, &t)) {
        struct bytes *place = t.tag == TAG_PACKS      ? &packs
                              : t.tag == TAG_CHUNKS   ? &chunks
                              : t.tag == TAG_SEGMENTS ? &segments
                              : t.tag == TAG_COUNTS   ? &counts
                                                      : NULL;
        if (t.tag == TAG_KIND)
            kind = tlv_get_uint(&r, &t, FORMAT_STREAM_BYTES);
        else if (t.tag == TAG_BASE || t.tag == TAG_OPS)
            return error_set(e, ERROR_UNSUPPORTED, "recipe: operations are not known here");
        else if (place) {
            tlv_once(&r, &t);
            *place = t.value;
        }
    }
    struct cursor c = cursor_of(counts);
    uint64_t rows = cursor_varint(&c);
    uint64_t bytes = cursor_varint(&c);
    if (tlv_end(&r, "recipe", e) < 0)
        return -1;
    if (!cursor_ended(&c) || kind == 0 || packs.len % FORMAT_ID_LEN != 0)
        return error_set(e, ERROR_CORRUPT, "recipe: head is malformed");
    recipe_clear(out, (enum format_stream)kind);
    if (read_directory(chunks, packs, out, e) < 0 ||
        buf_append(&out->segments, segments.data, segments.len, e) < 0)
        return -1;
    return check_segments(out, rows, bytes, e);
}
