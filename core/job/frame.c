/* SPDX-License-Identifier: Apache-2.0 */
/* A block is handed to the thread when it is full and taken back when a new one is wanted:
 * SHA-256 costs more than all the rest of framing, and only reads. */
#include "core/job/frame.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/queue.h"
#include "core/dump/dump_writer.h"

#define BLOCK_LEN (256 * KIB)
#define BLOCKS 16

struct frame {
    frame_write *write;
    void *write_arg;
    uint64_t total;
    struct buf blocks[BLOCKS]; /* cap is BLOCK_LEN at least */
    struct buf *block;         /* the one that is filled; NULL: none yet */
    size_t handed;             /* given to the thread and not taken back */
    struct queue *queue;
    struct digest *sha256; /* the thread's while it has blocks */
    struct error failure;  /* the thread's, before it stops the queue */
    pthread_t thread;
    bool has_thread;
};

static void *digest_main(void *arg)
{
    struct frame *f = arg;
    for (struct buf *b; (b = queue_work(f->queue)) != NULL; queue_done(f->queue, b))
        if (digest_add(f->sha256, buf_view(b), &f->failure) < 0) {
            queue_stop(f->queue);
            break;
        }
    return NULL;
}

struct frame *frame_new(frame_write *write, void *arg, struct error *e)
{
    void *places[BLOCKS];
    struct frame *f = calloc(1, sizeof *f);
    if (!f) {
        (void)error_memory(e, "frame");
        return NULL;
    }
    f->write = write;
    f->write_arg = arg;
    f->sha256 = digest_new(e);
    if (!f->sha256)
        goto fail;
    for (size_t i = 0; i < BLOCKS; i++) {
        if (buf_reserve(&f->blocks[i], BLOCK_LEN, e) < 0)
            goto fail;
        places[i] = &f->blocks[i];
    }
    f->queue = queue_new(places, BLOCKS, e);
    if (!f->queue)
        goto fail;
    f->has_thread = pthread_create(&f->thread, NULL, digest_main, f) == 0;
    if (f->has_thread)
        return f;
    (void)error_set(e, ERROR_MEMORY, "the thread of a digest cannot be started");
fail:
    frame_free(f);
    return NULL;
}

void frame_free(struct frame *f)
{
    if (!f)
        return;
    if (f->queue)
        queue_stop(f->queue);
    if (f->has_thread)
        (void)pthread_join(f->thread, NULL);
    queue_free(f->queue);
    for (size_t i = 0; i < BLOCKS; i++)
        buf_done(&f->blocks[i]);
    digest_free(f->sha256);
    free(f);
}

/* ---- blocks ------------------------------------------------------------------------ */

/* Only the thread's own failure stops the queue while frames are made. */
static int stopped(struct frame *f, struct error *e)
{
    *e = f->failure;
    return -1;
}

static int take_back(struct frame *f, struct error *e)
{
    struct buf *b = queue_take(f->queue);
    if (!b)
        return stopped(f, e);
    f->handed--;
    queue_return(f->queue, b);
    return 0;
}

static int flush(struct frame *f, struct error *e)
{
    struct buf *b = f->block;
    if (!b)
        return 0;
    f->block = NULL;
    f->total += b->len;
    f->handed++;
    queue_give(f->queue);
    return f->write && b->len > 0 ? f->write(f->write_arg, buf_view(b), e) : 0;
}

/* A block with room for `want` more bytes at least (up to BLOCK_LEN). */
static int make_room(struct frame *f, size_t want, struct error *e)
{
    if (f->block && BLOCK_LEN - f->block->len >= want)
        return 0;
    if (flush(f, e) < 0 || (f->handed == BLOCKS && take_back(f, e) < 0))
        return -1;
    f->block = queue_claim(f->queue);
    if (!f->block)
        return stopped(f, e);
    f->block->len = 0;
    return 0;
}

int frame_bytes(struct frame *f, struct bytes b, struct error *e)
{
    while (b.len > 0) {
        if (make_room(f, 1, e) < 0)
            return -1;
        size_t room = BLOCK_LEN - f->block->len;
        struct bytes part = bytes_take(&b, b.len < room ? b.len : room);
        memcpy(f->block->data + f->block->len, part.data, part.len);
        f->block->len += part.len;
    }
    return 0;
}

int frame_int(struct frame *f, int64_t value, struct error *e)
{
    uint8_t raw[DUMP_WRITER_INT_LEN];
    dump_writer_int(raw, value);
    return frame_bytes(f, bytes_of(raw, sizeof raw), e);
}

int frame_rows(struct frame *f, const uint8_t *data, const uint32_t *ends, uint64_t n,
               uint32_t base, struct error *e)
{
    for (uint64_t i = 0; i < n; i++) {
        uint32_t len = ends[i] - base;
        if (len > BLOCK_LEN - DUMP_WRITER_INT_LEN) {
            if (frame_int(f, len, e) < 0 || frame_bytes(f, bytes_of(data, len), e) < 0)
                return -1;
        } else {
            if (make_room(f, DUMP_WRITER_INT_LEN + len, e) < 0)
                return -1;
            uint8_t *to = f->block->data + f->block->len;
            dump_writer_int(to, len);
            memcpy(to + DUMP_WRITER_INT_LEN, data, len);
            f->block->len += DUMP_WRITER_INT_LEN + len;
        }
        data += len;
        base = ends[i];
    }
    return 0;
}

int frame_end(struct frame *f, uint8_t sha256[DIGEST_LEN], uint64_t *total, struct error *e)
{
    if (flush(f, e) < 0)
        return -1;
    while (f->handed > 0)
        if (take_back(f, e) < 0)
            return -1;
    *total = f->total;
    f->total = 0;
    return digest_take(f->sha256, sha256, e);
}
