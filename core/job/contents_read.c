/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/contents_read.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/digest.h"
#include "core/dump/payload.h"
#include "core/job/rows_seen.h"
#include "core/rows/projection.h"

#define READ_BYTES MIB
#define END_MARK_LEN 5
/* A row in another order of columns is held whole. */
#define MOST_ROW (256 * MIB)

struct reading {
    const struct contents_read_options *o;
    struct contents *out;
    struct dump_reader *reader;
    struct payload *payload;
    struct digest *digest;
    struct rows_seen rows;
    struct buf toc; /* header and TOC; empty once they are taken */
    bool compressed;
    struct contents_data *current;
    bool objects; /* the block is of large objects */
    /* Of a table whose columns stand in another order. */
    bool is_reordered;
    struct projection_shape shape;
    struct buf row, as_there, added;
};

/* ---- tables ------------------------------------------------------------------------ */

static int begin_order(struct reading *r, struct error *e)
{
    const struct contents_data *there =
        r->o->like ? contents_find_data(r->o->like, r->current) : NULL;
    projection_shape_done(&r->shape);
    r->shape = (struct projection_shape){0};
    r->row.len = 0;
    r->is_reordered = false;
    if (!there || there->copy.len == 0 || r->current->copy.len == 0)
        return 0;
    int rc = projection_match(there->copy, r->current->copy, &r->shape, e);
    r->is_reordered = rc == 0 && r->shape.added_count == 0 && r->shape.lost_count == 0;
    return rc < 0 ? -1 : 0;
}

/* One whole line, the end mark too, which has no columns to change. */
static int add_reordered(struct reading *r, struct bytes line, struct error *e)
{
    int rc = projection_split(&r->shape, line, &r->as_there, &r->added, e);
    if (rc < 0)
        return -1;
    return rows_seen_add(&r->rows, rc == 0 ? buf_view(&r->as_there) : line, e);
}

static int add_rows(struct reading *r, struct bytes text, struct error *e)
{
    if (!r->is_reordered)
        return rows_seen_add(&r->rows, text, e);
    while (text.len > 0) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        struct bytes part = bytes_take(&text, lf ? (size_t)(lf - text.data) + 1 : text.len);
        if (r->row.len + part.len > MOST_ROW)
            return error_set(e, ERROR_UNSUPPORTED,
                             "a row above %llu MiB in a table whose columns have another order",
                             (unsigned long long)(MOST_ROW / MIB));
        if (buf_append(&r->row, part.data, part.len, e) < 0)
            return -1;
        if (!lf)
            return 0;
        if (add_reordered(r, buf_view(&r->row), e) < 0)
            return -1;
        r->row.len = 0;
    }
    return 0;
}

static int see(void *arg, struct bytes plain, struct error *e)
{
    struct reading *r = arg;
    r->current->bytes += plain.len;
    if (r->current->copy.len > 0)
        return add_rows(r, plain, e);
    return digest_add(r->digest, plain, e);
}

/* ---- events ------------------------------------------------------------------------ */

static int take_toc(struct reading *r, struct error *e)
{
    int rc = contents_take_toc(r->out, buf_view(&r->toc), e);
    buf_done(&r->toc);
    return rc;
}

static int begin_block(struct reading *r, const struct dump_event *ev, struct error *e)
{
    assert(ev->data_index < r->out->data_count);
    r->current = &r->out->data[ev->data_index];
    r->objects = ev->large_objects;
    if (rows_seen_begin(&r->rows, e) < 0 || begin_order(r, e) < 0)
        return -1;
    if (r->objects)
        return 0;
    if (payload_begin(r->payload, r->current->copy.len > 0, e) < 0)
        return -1;
    payload_watch(r->payload, see, r);
    return 0;
}

static int begin_object(struct reading *r, struct error *e)
{
    if (payload_begin(r->payload, false, e) < 0)
        return -1;
    payload_watch(r->payload, see, r);
    return 0;
}

static int end_block(struct reading *r, struct error *e)
{
    struct contents_data *d = r->current;
    if (!r->objects && payload_end(r->payload, e) < 0)
        return -1;
    if (d->copy.len > 0) {
        d->counted = true;
        d->has_sum = true;
        d->bytes -= d->bytes < END_MARK_LEN ? d->bytes : END_MARK_LEN;
        return rows_seen_end(&r->rows, &d->rows, d->sum, e);
    }
    d->has_digest = !r->compressed;
    return digest_take(r->digest, d->digest, e);
}

static int on_event(struct reading *r, const struct dump_event *ev, struct error *e)
{
    switch (ev->type) {
    case DUMP_HEADER:
        r->compressed = ev->header->codec != DUMP_CODEC_NONE;
        r->payload = payload_new(ev->header->codec, e);
        return r->payload ? 0 : -1;
    case DUMP_RAW:
        return ev->part == DUMP_PART_TAIL ? 0
                                          : buf_append(&r->toc, ev->raw.data, ev->raw.len, e);
    case DUMP_TOC_END:
        return take_toc(r, e);
    case DUMP_BLOCK:
        return begin_block(r, ev, e);
    case DUMP_OBJECT:
        return begin_object(r, e);
    case DUMP_DATA:
        return payload_feed(r->payload, ev->raw, e);
    case DUMP_OBJECT_END:
        return payload_end(r->payload, e);
    case DUMP_BLOCK_END:
        return end_block(r, e);
    case DUMP_ENTRY:
    case DUMP_END:
    default:
        return 0;
    }
}

static int read_all(struct reading *r, uint8_t *buffer, struct error *e)
{
    struct dump_event ev = {0};
    uint64_t bytes = 0;
    for (size_t got = 1; got > 0;) {
        if (source_read(r->o->source, buffer, READ_BYTES, &got, e) < 0)
            return -1;
        struct bytes in = bytes_of(buffer, got);
        bytes += got;
        int rc = 0;
        while (rc == 0 && ev.type != DUMP_END) {
            rc = dump_reader_step(r->reader, &in, got == 0, &ev, e);
            if (rc == DUMP_READER_NEWER)
                return error_set(e, ERROR_UNSUPPORTED,
                                 "pg_dump is of a version that is newer "
                                 "than this program");
            if (rc < 0 || (rc == 0 && on_event(r, &ev, e) < 0))
                return -1;
        }
        if (r->o->progress)
            r->o->progress(r->o->progress_arg, bytes);
    }
    return 0;
}

int contents_read(const struct contents_read_options *o, struct contents *out, struct error *e)
{
    struct reading r = {.o = o, .out = out};
    struct error why;
    uint8_t *buffer = malloc(READ_BYTES);
    int rc = buffer ? 0 : error_memory(e, "read buffer");
    if (rc == 0)
        rc = rows_seen_init(&r.rows, o->row_key, e);
    r.digest = rc == 0 ? digest_new(e) : NULL;
    r.reader = r.digest ? dump_reader_new(NULL, e) : NULL;
    rc = r.reader ? read_all(&r, buffer, e) : -1;
    if (rc < 0 && e->kind == ERROR_INCOMPLETE && source_finish(o->source, &why) < 0)
        *e = why; /* the program's words are the better ones */
    else if (rc == 0)
        rc = source_finish(o->source, e);
    if (rc == 0)
        contents_sort(out);
    dump_reader_free(r.reader);
    payload_free(r.payload);
    digest_free(r.digest);
    rows_seen_done(&r.rows);
    projection_shape_done(&r.shape);
    buf_done(&r.toc);
    buf_done(&r.row);
    buf_done(&r.as_there);
    buf_done(&r.added);
    free(buffer);
    return rc;
}
