/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/bytes_out.h"

/* Cut when so much is held: several chunks at once, so that what is left over is seldom moved
 * to the front. */
#define HELD_TARGET (3 * CHUNKER_MAX)

int bytes_out_begin(struct bytes_out *o, struct writer *w, const struct chunker *c,
                    enum format_kind kind, struct error *e)
{
    *o = (struct bytes_out){.writer = w, .chunker = c, .chunk = {.kind = (uint8_t)kind}};
    o->digest = digest_new(e);
    o->stream = o->digest ? writer_stream_new(w, NULL, e) : NULL;
    if (o->stream)
        return 0;
    bytes_out_done(o);
    return -1;
}

static int put_front(struct bytes_out *o, size_t len, struct buf *scratch, struct error *e)
{
    scratch->len = 0;
    if (buf_append(scratch, o->held.data, len, e) < 0 ||
        writer_put(o->writer, o->stream, &o->chunk, scratch, e) < 0)
        return -1;
    return 0;
}

/* Cut chunks off the front while more than keep bytes are held. */
static int cut(struct bytes_out *o, size_t keep, struct error *e)
{
    struct buf scratch = {0};
    struct buf all = o->held;
    size_t at = 0;
    int rc = 0;
    while (rc == 0 && all.len - at > keep) {
        o->held = (struct buf){.data = all.data + at, .len = all.len - at};
        size_t len = chunker_cut(o->chunker, buf_view(&o->held));
        rc = put_front(o, len, &scratch, e);
        at += len;
    }
    o->held = all;
    buf_consume(&o->held, at < all.len ? at : all.len);
    buf_done(&scratch);
    return rc;
}

int bytes_out_add(struct bytes_out *o, struct bytes b, struct error *e)
{
    o->bytes += b.len;
    if (o->digest && digest_add(o->digest, b, e) < 0)
        return -1;
    while (b.len > 0) {
        size_t room = HELD_TARGET - o->held.len;
        struct bytes front = bytes_take(&b, b.len < room ? b.len : room);
        if (buf_append(&o->held, front.data, front.len, e) < 0)
            return -1;
        if (o->held.len == HELD_TARGET && cut(o, CHUNKER_MAX, e) < 0)
            return -1;
    }
    return 0;
}

int bytes_out_flush(struct bytes_out *o, struct error *e)
{
    return cut(o, 0, e);
}

int bytes_out_end(struct bytes_out *o, struct error *e)
{
    if (cut(o, 0, e) < 0)
        return -1;
    buf_done(&o->held);
    if (digest_take(o->digest, o->value, e) < 0)
        return -1;
    digest_free(o->digest);
    o->digest = NULL;
    return writer_stream_end(o->writer, o->stream, e);
}

int bytes_out_take(struct bytes_out *o, struct stream *out, struct error *e)
{
    out->kind = FORMAT_STREAM_BYTES;
    struct stream_part *part = stream_add_part(out, e);
    if (!part)
        return -1;
    part->bytes = o->bytes;
    memcpy(part->digest, o->value, sizeof part->digest);
    writer_stream_take(o->stream, part);
    bytes_out_done(o);
    return 0;
}

void bytes_out_done(struct bytes_out *o)
{
    digest_free(o->digest);
    writer_stream_free(o->stream);
    buf_done(&o->held);
    *o = (struct bytes_out){0};
}
