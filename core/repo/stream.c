/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/stream.h"

#include <stdlib.h>

#include "core/repo/tlv.h"

enum { TAG_KIND = 1, TAG_PART };
enum { PART_ROWS = 1, PART_BYTES, PART_DIGEST, PART_RECIPE };

void stream_done(struct stream *s)
{
    for (uint32_t i = 0; i < s->part_count; i++)
        free(s->parts[i].recipes);
    free(s->parts);
    *s = (struct stream){0};
}

uint64_t stream_rows(const struct stream *s)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < s->part_count; i++)
        rows += s->parts[i].rows;
    return rows;
}

uint64_t stream_bytes(const struct stream *s)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < s->part_count; i++)
        bytes += s->parts[i].bytes;
    return bytes;
}

struct stream_part *stream_add_part(struct stream *s, struct error *e)
{
    struct stream_part *parts = reallocarray(s->parts, s->part_count + 1, sizeof *parts);
    if (!parts) {
        (void)error_memory(e, "stream");
        return NULL;
    }
    s->parts = parts;
    parts[s->part_count] = (struct stream_part){0};
    return &parts[s->part_count++];
}

int stream_add_recipe(struct stream_part *p, const struct ref *recipe, struct error *e)
{
    struct ref *recipes = reallocarray(p->recipes, p->recipe_count + 1, sizeof *recipes);
    if (!recipes)
        return error_memory(e, "stream");
    p->recipes = recipes;
    recipes[p->recipe_count++] = *recipe;
    return 0;
}

static int write_part(const struct stream_part *p, struct buf *out, struct error *e)
{
    if (tlv_uint(out, PART_ROWS, p->rows, e) < 0 ||
        tlv_uint(out, PART_BYTES, p->bytes, e) < 0 ||
        tlv_put(out, PART_DIGEST, bytes_of(p->digest, sizeof p->digest), e) < 0)
        return -1;
    for (uint32_t i = 0; i < p->recipe_count; i++)
        if (buf_varint(out, PART_RECIPE, e) < 0 || buf_varint(out, REF_LEN, e) < 0 ||
            ref_write(out, &p->recipes[i], e) < 0)
            return -1;
    return 0;
}

int stream_write(const struct stream *s, struct buf *out, struct error *e)
{
    struct buf part = {0};
    int rc = tlv_uint(out, TAG_KIND, s->kind, e);
    for (uint32_t i = 0; i < s->part_count && rc == 0; i++) {
        part.len = 0;
        rc = write_part(&s->parts[i], &part, e);
        if (rc == 0)
            rc = tlv_put(out, TAG_PART, buf_view(&part), e);
    }
    buf_done(&part);
    return rc;
}

int stream_put(const struct stream *s, uint64_t tag, struct buf *out, struct error *e)
{
    struct buf value = {0};
    int rc = s->kind == 0 ? 0 : stream_write(s, &value, e);
    if (rc == 0 && s->kind != 0)
        rc = tlv_put(out, tag, buf_view(&value), e);
    buf_done(&value);
    return rc;
}

static int read_part(struct bytes raw, struct stream_part *p, struct error *e)
{
    struct tlv_reader r = tlv_reader_of(raw);
    struct tlv t;
    while (tlv_next(&r, &t)) {
        if (t.tag == PART_ROWS) {
            p->rows = tlv_get_uint(&r, &t, UINT64_MAX);
        } else if (t.tag == PART_BYTES) {
            p->bytes = tlv_get_uint(&r, &t, UINT64_MAX);
        } else if (t.tag == PART_DIGEST) {
            tlv_get_fixed(&r, &t, p->digest, sizeof p->digest);
        } else if (t.tag == PART_RECIPE) {
            struct cursor c = cursor_of(t.value);
            struct ref ref;
            if (!ref_read(&c, &ref) || !cursor_ended(&c) || ref.kind != FORMAT_KIND_RECIPE)
                r.bad = true;
            else if (stream_add_recipe(p, &ref, e) < 0)
                return -1;
        }
    }
    return tlv_end(&r, "stream part", e);
}

int stream_read(struct bytes raw, struct stream *out, struct error *e)
{
    struct tlv_reader r = tlv_reader_of(raw);
    struct tlv t;
    while (tlv_next(&r, &t)) {
        if (t.tag == TAG_KIND) {
            out->kind = (uint8_t)tlv_get_uint(&r, &t, FORMAT_STREAM_BYTES);
        } else if (t.tag == TAG_PART) {
            struct stream_part *part = stream_add_part(out, e);
            if (!part || read_part(t.value, part, e) < 0)
                return -1;
        }
    }
    if (out->kind == 0)
        r.bad = true;
    return tlv_end(&r, "stream", e);
}
