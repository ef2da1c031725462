/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/frame.h"

#include "core/dump/dump_writer.h"

#define HELD_SIZE (256 * KIB)

int frame_init(struct frame *f, struct error *e)
{
    *f = (struct frame){.sha256 = digest_new(e)};
    if (f->sha256 && buf_reserve(&f->held, HELD_SIZE, e) == 0)
        return 0;
    frame_done(f);
    return -1;
}

void frame_done(struct frame *f)
{
    digest_free(f->sha256);
    buf_done(&f->held);
    *f = (struct frame){0};
}

static int deliver(struct frame *f, struct bytes b, struct error *e)
{
    f->total += b.len;
    if (digest_add(f->sha256, b, e) < 0)
        return -1;
    return f->write && b.len > 0 ? f->write(f->write_arg, b, e) : 0;
}

static int flush(struct frame *f, struct error *e)
{
    int rc = deliver(f, buf_view(&f->held), e);
    f->held.len = 0;
    return rc;
}

int frame_bytes(struct frame *f, struct bytes b, struct error *e)
{
    if (f->held.len + b.len > HELD_SIZE && flush(f, e) < 0)
        return -1;
    if (b.len > HELD_SIZE)
        return deliver(f, b, e);
    return buf_append(&f->held, b.data, b.len, e);
}

int frame_int(struct frame *f, int64_t value, struct error *e)
{
    uint8_t raw[DUMP_WRITER_INT_LEN];
    dump_writer_int(raw, value);
    return frame_bytes(f, bytes_of(raw, sizeof raw), e);
}

int frame_lines(struct frame *f, struct bytes text, struct error *e)
{
    while (text.len > 0) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        size_t len = lf ? (size_t)(lf - text.data) + 1 : text.len;
        if (frame_int(f, (int64_t)len, e) < 0 || frame_bytes(f, bytes_take(&text, len), e) < 0)
            return -1;
    }
    return 0;
}

int frame_end(struct frame *f, uint8_t sha256[DIGEST_LEN], uint64_t *total, struct error *e)
{
    if (flush(f, e) < 0)
        return -1;
    *total = f->total;
    f->total = 0;
    return digest_take(f->sha256, sha256, e);
}
