/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/stream_in.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/queue.h"
#include "core/repo/recipe.h"

#define SPARE_SLOTS 3

struct slot {
    struct ref ref;
    struct recipe_segment segment;
    uint64_t chunk_rows;
    bool row_begins, row_ends; /* of a long row */
    struct buf plain;
};

struct stream_in {
    struct fetch *fetch;
    struct queue *queue;
    struct slot *slots;
    size_t slot_count;
    pthread_t *threads;
    size_t thread_count;
    pthread_mutex_t lock; /* of the two below */
    bool failed;
    struct error first_error;

    const struct stream *stream; /* what is read; NULL: nothing */
    uint32_t part, recipe;       /* the recipe to load next */
    struct recipe current;
    struct cursor segments;
    struct recipe_segment long_row; /* being walked: list has what is left of it */
    bool in_long_row, long_row_begins;
    struct fetch_scratch scratch;
    struct buf recipe_plain;
    size_t ahead;      /* slots given and not taken */
    struct slot *held; /* the slot whose data the caller looks at */
};

/* ---- workers ----------------------------------------------------------------------- */

static void fail(struct stream_in *s, const struct error *e)
{
    (void)pthread_mutex_lock(&s->lock);
    if (!s->failed) {
        s->failed = true;
        s->first_error = *e;
    }
    (void)pthread_mutex_unlock(&s->lock);
    queue_stop(s->queue);
}

static int stopped(struct stream_in *s, struct error *e)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->failed)
        *e = s->first_error;
    else
        (void)error_set(e, ERROR_INTERRUPTED, "reading was stopped");
    (void)pthread_mutex_unlock(&s->lock);
    return -1;
}

static void *worker_main(void *arg)
{
    struct stream_in *s = arg;
    struct error e = {0};
    struct fetch_scratch scratch;
    if (fetch_scratch_init(&scratch, s->fetch, &e) < 0) {
        fail(s, &e);
        return NULL;
    }
    for (struct slot *slot; (slot = queue_work(s->queue)) != NULL; queue_done(s->queue, slot))
        if (fetch_chunk(s->fetch, &scratch, &slot->ref, &slot->plain, &e) < 0) {
            fail(s, &e);
            break;
        }
    fetch_scratch_done(&scratch);
    return NULL;
}

struct stream_in *stream_in_new(struct fetch *f, unsigned workers, struct error *e)
{
    void *places[64];
    struct stream_in *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "stream reader");
        return NULL;
    }
    s->fetch = f;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->slot_count =
        workers + SPARE_SLOTS < ARRAY_SIZE(places) ? workers + SPARE_SLOTS : ARRAY_SIZE(places);
    s->slots = calloc(s->slot_count, sizeof *s->slots);
    s->threads = calloc(workers + 1, sizeof *s->threads);
    if (!s->slots || !s->threads) {
        (void)error_memory(e, "stream reader");
        goto fail;
    }
    for (size_t i = 0; i < s->slot_count; i++)
        places[i] = &s->slots[i];
    s->queue = queue_new(places, s->slot_count, e);
    if (!s->queue || fetch_scratch_init(&s->scratch, f, e) < 0)
        goto fail;
    for (; s->thread_count < workers; s->thread_count++)
        if (pthread_create(&s->threads[s->thread_count], NULL, worker_main, s) != 0) {
            (void)error_set(e, ERROR_MEMORY, "thread %zu cannot be started", s->thread_count);
            goto fail;
        }
    return s;
fail:
    stream_in_free(s);
    return NULL;
}

void stream_in_free(struct stream_in *s)
{
    if (!s)
        return;
    if (s->queue)
        queue_stop(s->queue);
    for (size_t i = 0; s->threads && i < s->thread_count; i++)
        (void)pthread_join(s->threads[i], NULL);
    queue_free(s->queue);
    for (size_t i = 0; s->slots && i < s->slot_count; i++)
        buf_done(&s->slots[i].plain);
    free(s->slots);
    free(s->threads);
    recipe_done(&s->current);
    fetch_scratch_done(&s->scratch);
    buf_done(&s->recipe_plain);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- what comes next --------------------------------------------------------------- */

static int load_recipe(struct stream_in *s, const struct ref *ref, struct error *e)
{
    if (fetch_chunk(s->fetch, &s->scratch, ref, &s->recipe_plain, e) < 0)
        return -1;
    recipe_clear(&s->current, (enum format_stream)s->stream->kind);
    if (recipe_read(buf_view(&s->recipe_plain), &s->current, e) < 0)
        return -1;
    if (s->current.kind != s->stream->kind)
        return error_set(e, ERROR_CORRUPT, "recipe is of another kind than its stream");
    s->segments = cursor_of(buf_view(&s->current.segments));
    return 0;
}

/* The next chunk of the long row that is being walked. */
static void next_of_long_row(struct stream_in *s, struct slot *slot)
{
    struct cursor c = cursor_of(s->long_row.list);
    uint64_t chunk = cursor_varint(&c);
    s->long_row.list = c.left;
    slot->segment = s->long_row;
    slot->ref = s->current.chunks[chunk].ref;
    slot->row_begins = s->long_row_begins;
    slot->row_ends = c.left.len == 0;
    s->long_row_begins = false;
    s->in_long_row = c.left.len > 0;
}

/* Fill in what slot is to fetch. Answers STREAM_IN_END. */
static int next_slot(struct stream_in *s, struct slot *slot, struct error *e)
{
    for (;;) {
        if (s->in_long_row) {
            next_of_long_row(s, slot);
            return 0;
        }
        if (recipe_next(&s->segments, &slot->segment)) {
            if (slot->segment.op == RECIPE_LONG_ROW) {
                s->long_row = slot->segment;
                s->in_long_row = s->long_row_begins = true;
                continue;
            }
            slot->ref = s->current.chunks[slot->segment.chunk].ref;
            slot->chunk_rows = s->current.chunks[slot->segment.chunk].rows;
            return 0;
        }
        while (s->part < s->stream->part_count &&
               s->recipe == s->stream->parts[s->part].recipe_count) {
            s->part++;
            s->recipe = 0;
        }
        if (s->part == s->stream->part_count)
            return STREAM_IN_END;
        if (load_recipe(s, &s->stream->parts[s->part].recipes[s->recipe], e) < 0)
            return -1;
        s->recipe++;
    }
}

/* Keep the workers busy: one slot stays with the caller. */
static int fill_window(struct stream_in *s, struct error *e)
{
    while (s->ahead + 1 < s->slot_count) {
        /* Claimed only once there is something to fetch: a slot claimed is one to give. */
        struct slot wanted = {0};
        int rc = next_slot(s, &wanted, e);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
        struct slot *slot = queue_claim(s->queue);
        if (!slot)
            return stopped(s, e);
        wanted.plain = slot->plain;
        *slot = wanted;
        queue_give(s->queue);
        s->ahead++;
    }
    return 0;
}

static void release(struct stream_in *s)
{
    if (s->held)
        queue_return(s->queue, s->held);
    s->held = NULL;
}

int stream_in_begin(struct stream_in *s, const struct stream *stream, struct error *e)
{
    release(s);
    for (; s->ahead > 0; s->ahead--) {
        s->held = queue_take(s->queue);
        if (!s->held)
            return stopped(s, e);
        release(s);
    }
    s->stream = stream;
    s->part = s->recipe = 0;
    s->in_long_row = false;
    recipe_clear(&s->current, FORMAT_STREAM_BYTES);
    s->segments = cursor_of((struct bytes){0});
    return 0;
}

/* Rows first to first + count of a chunk. */
static int slice_rows(const struct slot *slot, struct bytes *out, struct error *e)
{
    struct bytes left = buf_view(&slot->plain);
    uint64_t skip = slot->segment.first;
    uint64_t count = slot->segment.rows;
    if (skip == 0 && count == slot->chunk_rows) {
        *out = left;
        return 0;
    }
    for (; skip > 0; skip--) {
        const uint8_t *lf = memchr(left.data, '\n', left.len);
        if (!lf)
            return error_set(e, ERROR_CORRUPT, "chunk has fewer rows than its recipe says");
        (void)bytes_take(&left, (size_t)(lf - left.data) + 1);
    }
    *out = (struct bytes){.data = left.data};
    for (; count > 0; count--) {
        const uint8_t *lf = memchr(left.data, '\n', left.len);
        if (!lf)
            return error_set(e, ERROR_CORRUPT, "chunk has fewer rows than its recipe says");
        size_t len = (size_t)(lf - left.data) + 1;
        (void)bytes_take(&left, len);
        out->len += len;
    }
    return 0;
}

static int describe(const struct slot *slot, struct stream_in_item *item, struct error *e)
{
    const struct recipe_segment *segment = &slot->segment;
    struct bytes plain = buf_view(&slot->plain);
    *item = (struct stream_in_item){.data = plain};
    switch (segment->op) {
    case RECIPE_ROWS:
        item->rows = segment->rows;
        return slice_rows(slot, &item->data, e);
    case RECIPE_LONG_ROW:
        item->long_row_bytes = segment->bytes;
        item->row_begins = slot->row_begins;
        item->row_ends = slot->row_ends;
        return 0;
    case RECIPE_BYTES:
        item->data = bytes_of(plain.data + segment->first, (size_t)segment->bytes);
        return 0;
    default:
        return error_set(e, ERROR_UNSUPPORTED, "recipe operation %d", (int)segment->op);
    }
}

int stream_in_next(struct stream_in *s, struct stream_in_item *item, struct error *e)
{
    release(s);
    if (fill_window(s, e) < 0)
        return -1;
    if (s->ahead == 0)
        return STREAM_IN_END;
    s->held = queue_take(s->queue);
    if (!s->held)
        return stopped(s, e);
    s->ahead--;
    return describe(s->held, item, e);
}

int stream_in_load(struct stream_in *s, const struct stream *stream, struct buf *out,
                   struct error *e)
{
    struct stream_in_item item;
    int rc = stream_in_begin(s, stream, e);
    while (rc == 0) {
        rc = stream_in_next(s, &item, e);
        if (rc == 0)
            rc = buf_append(out, item.data.data, item.data.len, e);
    }
    return rc < 0 ? -1 : 0;
}
