/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/rows_out.h"

#include <stdlib.h>

#include "core/base/str.h"

#define END_MARK "\\.\n\n\n"
#define END_MARK_LEN 5

struct rows_out {
    struct writer *writer;
    const struct chunker *chunker;
    uint8_t row_key[ROW_HASH_KEY_LEN];
    struct writer_stream *stream;
    struct row_digest digest;
    struct buf held;  /* rows of the chunk that is filled, then an unfinished row */
    size_t row_start; /* where in held the unfinished row begins */
    uint64_t held_rows;
    bool in_long_row;
    struct row_hash_state long_hash;
    struct bytes_out long_row;
    unsigned end_mark; /* bytes of it that were seen; 0 while rows come */
    struct rows_out_totals totals;
};

struct rows_out *rows_out_new(struct writer *w, const struct chunker *chunker,
                              const uint8_t row_key[ROW_HASH_KEY_LEN], struct error *e)
{
    struct rows_out *o = calloc(1, sizeof *o);
    if (!o) {
        (void)error_memory(e, "row stream");
        return NULL;
    }
    o->writer = w;
    o->chunker = chunker;
    memcpy(o->row_key, row_key, sizeof o->row_key);
    if (row_digest_init(&o->digest, e) == 0)
        return o;
    rows_out_free(o);
    return NULL;
}

void rows_out_free(struct rows_out *o)
{
    if (!o)
        return;
    row_digest_done(&o->digest);
    o->long_row.stream = NULL; /* the same as o->stream */
    writer_stream_free(o->stream);
    bytes_out_done(&o->long_row);
    buf_done(&o->held);
    explicit_bzero(o->row_key, sizeof o->row_key);
    free(o);
}

int rows_out_begin(struct rows_out *o, struct error *e)
{
    o->held.len = 0;
    o->row_start = 0;
    o->held_rows = 0;
    o->in_long_row = false;
    o->end_mark = 0;
    o->totals = (struct rows_out_totals){0};
    writer_stream_free(o->stream);
    o->stream = writer_stream_new(FORMAT_STREAM_ROWS, e);
    return o->stream ? row_digest_begin(&o->digest, e) : -1;
}

static int count_row(struct rows_out *o, const struct row_hash *hash, uint64_t len,
                     struct error *e)
{
    o->totals.rows++;
    o->totals.bytes += len;
    return row_digest_add(&o->digest, hash, e);
}

/* Hand over the whole rows of held; the unfinished one stays. */
static int put_rows(struct rows_out *o, struct error *e)
{
    struct writer_chunk chunk = {.kind = FORMAT_KIND_ROWS, .rows = o->held_rows};
    struct buf tail = {0};
    if (o->held_rows == 0)
        return 0;
    if (buf_append(&tail, o->held.data + o->row_start, o->held.len - o->row_start, e) < 0)
        return -1;
    o->held.len = o->row_start;
    int rc = writer_put(o->writer, o->stream, &chunk, &o->held, e);
    if (rc == 0)
        rc = buf_append(&o->held, tail.data, tail.len, e);
    buf_done(&tail);
    o->row_start = 0;
    o->held_rows = 0;
    return rc;
}

/* The row from row_start to the end of held is whole, its LF with it. */
static int end_row(struct rows_out *o, struct error *e)
{
    struct row_hash hash;
    size_t len = o->held.len - o->row_start;
    if (len == 3 && memcmp(o->held.data + o->row_start, END_MARK, 3) == 0) {
        o->held.len = o->row_start;
        o->end_mark = 3;
        return 0;
    }
    row_hash_of(o->row_key, o->held.data + o->row_start, len, &hash);
    if (count_row(o, &hash, len, e) < 0 ||
        (chunker_row_overflows(o->row_start, len) && put_rows(o, e) < 0))
        return -1;
    o->held_rows++;
    o->row_start = o->held.len;
    return chunker_row_ends(o->held.len, len, &hash) ? put_rows(o, e) : 0;
}

/* The unfinished row is too long to be held: its bytes become chunks of their own. */
static int begin_long_row(struct rows_out *o, struct error *e)
{
    if (put_rows(o, e) < 0)
        return -1;
    o->in_long_row = true;
    row_hash_begin(&o->long_hash, o->row_key);
    row_hash_add(&o->long_hash, o->held.data, o->held.len);
    o->long_row = (struct bytes_out){
        .writer = o->writer,
        .chunker = o->chunker,
        .stream = o->stream,
        .chunk = {.kind = FORMAT_KIND_BYTES, .part_of_row = true},
    };
    int rc = bytes_out_add(&o->long_row, buf_view(&o->held), e);
    o->held.len = 0;
    return rc;
}

static int end_long_row(struct rows_out *o, struct error *e)
{
    struct row_hash hash;
    row_hash_end(&o->long_hash, &hash);
    o->in_long_row = false;
    if (count_row(o, &hash, o->long_row.bytes, e) < 0 || bytes_out_flush(&o->long_row, e) < 0)
        return -1;
    o->long_row.stream = NULL; /* it is this object's */
    bytes_out_done(&o->long_row);
    return writer_row_end(o->writer, o->stream, e);
}

/* Bytes up to and with the next LF, or all. */
static int add_part(struct rows_out *o, struct bytes part, bool ends, struct error *e)
{
    if (!o->in_long_row && o->held.len - o->row_start + part.len > FORMAT_LONG_ROW &&
        begin_long_row(o, e) < 0)
        return -1;
    if (o->in_long_row) {
        row_hash_add(&o->long_hash, part.data, part.len);
        if (bytes_out_add(&o->long_row, part, e) < 0)
            return -1;
        return ends ? end_long_row(o, e) : 0;
    }
    if (buf_append(&o->held, part.data, part.len, e) < 0)
        return -1;
    return ends ? end_row(o, e) : 0;
}

static int add_end_mark(struct rows_out *o, struct bytes b, struct error *e)
{
    for (size_t i = 0; i < b.len; i++) {
        if (o->end_mark == END_MARK_LEN || b.data[i] != '\n')
            return error_set(e, ERROR_INCOMPLETE, "data behind the end mark");
        o->end_mark++;
    }
    return 0;
}

int rows_out_add(struct rows_out *o, struct bytes b, struct error *e)
{
    while (b.len > 0) {
        if (o->end_mark > 0)
            return add_end_mark(o, b, e);
        const uint8_t *lf = memchr(b.data, '\n', b.len);
        size_t len = lf ? (size_t)(lf - b.data) + 1 : b.len;
        if (add_part(o, bytes_take(&b, len), lf, e) < 0)
            return -1;
    }
    return 0;
}

bool rows_out_at_line(const struct rows_out *o)
{
    return !o->in_long_row && o->held.len == o->row_start &&
           (o->end_mark == 0 || o->end_mark == END_MARK_LEN);
}

uint64_t rows_out_lines(const struct rows_out *o)
{
    return o->totals.rows + (o->end_mark == END_MARK_LEN);
}

int rows_out_end(struct rows_out *o, struct rows_out_totals *totals, struct error *e)
{
    if (o->end_mark != END_MARK_LEN)
        return error_set(e, ERROR_INCOMPLETE, "table data without its end mark");
    if (put_rows(o, e) < 0 ||
        row_digest_end(&o->digest, o->totals.digest, o->totals.sum, e) < 0)
        return -1;
    *totals = o->totals;
    return writer_stream_end(o->writer, o->stream, e);
}

struct writer_stream *rows_out_take_stream(struct rows_out *o)
{
    struct writer_stream *s = o->stream;
    o->stream = NULL;
    return s;
}
