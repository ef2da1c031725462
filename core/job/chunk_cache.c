/* SPDX-License-Identifier: Apache-2.0 */
/* Slots are few (some hundred), so they are searched from end to end where a chunk is not
 * there: that is nothing beside decoding one. A chunk that is there is found by its place,
 * which holds good while the slot's stamp is the same. Orders go to the workers and come back
 * in the order of the first need, through base/queue. */
#include "core/job/chunk_cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/queue.h"
#include "core/rows/row_ends.h"

#define SLOTS 512
/* Orders beyond one a worker: they keep reader and workers from waiting in turns. */
#define ORDERS_SPARE 3
#define ORDERS_MAX 64

struct slot {
    struct ref ref;
    uint32_t rows;
    bool used;  /* ref is of a chunk that is here, or on order */
    bool ready; /* decoded and taken back */
    uint32_t pins;
    uint32_t stamp;   /* changes when the slot is given to another chunk */
    uint64_t used_at; /* 0: of no more use */
    size_t room;      /* what memory takes; the reader's, while workers fill it */
    struct buf mem;   /* the plain bytes, then the row ends */
    uint32_t *ends;
};

struct order {
    struct slot *slot;
};

struct chunk_cache {
    struct fetch *fetch;
    size_t limit;
    size_t total; /* room of all slots */
    size_t held;  /* room of those that are pinned or on order */
    uint64_t now;
    struct chunk_cache_counts counts;
    struct slot slots[SLOTS];
    struct order orders[ORDERS_MAX];
    size_t order_count;
    size_t ordered; /* given and not taken */
    struct queue *queue;
    pthread_t *threads;
    size_t thread_count;
    pthread_mutex_t lock; /* of the two below */
    bool failed;
    struct error first_error;
};

/* ---- workers ----------------------------------------------------------------------- */

static void fail(struct chunk_cache *c, const struct error *e)
{
    (void)pthread_mutex_lock(&c->lock);
    if (!c->failed) {
        c->failed = true;
        c->first_error = *e;
    }
    (void)pthread_mutex_unlock(&c->lock);
    queue_stop(c->queue);
}

static int stopped(struct chunk_cache *c, struct error *e)
{
    (void)pthread_mutex_lock(&c->lock);
    if (c->failed)
        *e = c->first_error;
    else
        (void)error_set(e, ERROR_INTERRUPTED, "reading was stopped");
    (void)pthread_mutex_unlock(&c->lock);
    return -1;
}

static bool has_ends(const struct slot *s)
{
    return s->ref.kind == FORMAT_KIND_ROWS;
}

int chunk_cache_decode(struct fetch *f, struct fetch_scratch *scratch,
                       const struct recipe_chunk *chunk, struct buf *plain, uint32_t *ends,
                       struct error *e)
{
    if (fetch_chunk(f, scratch, &chunk->ref, plain, e) < 0)
        return -1;
    if (chunk->ref.kind != FORMAT_KIND_ROWS)
        return 0;
    size_t count = row_ends_find(buf_view(plain), ends, chunk->rows);
    if (count > chunk->rows)
        return error_set(e, ERROR_CORRUPT, "chunk has more rows than the %u of its recipe",
                         chunk->rows);
    if (count < chunk->rows)
        return error_set(e, ERROR_CORRUPT, "chunk has %zu rows, its recipe says %u", count,
                         chunk->rows);
    if (count == 0 || ends[count - 1] != plain->len)
        return error_set(e, ERROR_CORRUPT, "a chunk of rows does not end in a line end");
    return 0;
}

static int decode(struct chunk_cache *c, struct fetch_scratch *scratch, struct slot *s,
                  struct error *e)
{
    const struct recipe_chunk chunk = {.ref = s->ref, .rows = s->rows};
    return chunk_cache_decode(c->fetch, scratch, &chunk, &s->mem, s->ends, e);
}

static void *worker_main(void *arg)
{
    struct chunk_cache *c = arg;
    struct error e = {0};
    struct fetch_scratch scratch;
    if (fetch_scratch_init(&scratch, c->fetch, &e) < 0) {
        fail(c, &e);
        return NULL;
    }
    for (struct order *o; (o = queue_work(c->queue)) != NULL; queue_done(c->queue, o))
        if (decode(c, &scratch, o->slot, &e) < 0) {
            fail(c, &e);
            break;
        }
    fetch_scratch_done(&scratch);
    return NULL;
}

/* ---- the handle -------------------------------------------------------------------- */

struct chunk_cache *chunk_cache_new(struct fetch *f, unsigned workers, size_t bytes,
                                    struct error *e)
{
    void *places[ORDERS_MAX];
    struct chunk_cache *c = calloc(1, sizeof *c);
    if (!c) {
        (void)error_memory(e, "cache of chunks");
        return NULL;
    }
    c->fetch = f;
    c->limit = bytes;
    (void)pthread_mutex_init(&c->lock, NULL);
    c->order_count = workers + ORDERS_SPARE < ORDERS_MAX ? workers + ORDERS_SPARE : ORDERS_MAX;
    for (size_t i = 0; i < c->order_count; i++)
        places[i] = &c->orders[i];
    c->queue = queue_new(places, c->order_count, e);
    if (!c->queue)
        goto fail;
    c->threads = calloc((size_t)workers + 1, sizeof *c->threads);
    if (!c->threads) {
        (void)error_memory(e, "cache of chunks");
        goto fail;
    }
    for (; c->thread_count < workers; c->thread_count++)
        if (pthread_create(&c->threads[c->thread_count], NULL, worker_main, c) != 0) {
            (void)error_set(e, ERROR_MEMORY, "thread %zu cannot be started", c->thread_count);
            goto fail;
        }
    return c;
fail:
    chunk_cache_free(c);
    return NULL;
}

void chunk_cache_free(struct chunk_cache *c)
{
    if (!c)
        return;
    if (c->queue)
        queue_stop(c->queue);
    for (size_t i = 0; c->threads && i < c->thread_count; i++)
        (void)pthread_join(c->threads[i], NULL);
    queue_free(c->queue);
    for (size_t i = 0; i < SLOTS; i++)
        buf_done(&c->slots[i].mem);
    free(c->threads);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

void chunk_cache_resize(struct chunk_cache *c, size_t bytes)
{
    c->limit = bytes;
}

struct chunk_cache_counts chunk_cache_counts(const struct chunk_cache *c)
{
    return c->counts;
}

/* ---- orders ------------------------------------------------------------------------ */

static bool is_held(const struct slot *s)
{
    return s->used && (s->pins > 0 || !s->ready);
}

/* Wait for the oldest order. */
static int take_order(struct chunk_cache *c, struct error *e)
{
    struct order *o = queue_take(c->queue);
    if (!o)
        return stopped(c, e);
    struct slot *s = o->slot;
    s->ready = true;
    if (s->pins == 0)
        c->held -= s->room;
    c->ordered--;
    c->counts.chunks++;
    c->counts.rows += s->rows;
    queue_return(c->queue, o);
    return 0;
}

static int give_order(struct chunk_cache *c, struct slot *s, struct error *e)
{
    struct order *o = queue_claim(c->queue);
    if (!o)
        return stopped(c, e);
    o->slot = s;
    queue_give(c->queue);
    c->ordered++;
    return 0;
}

/* ---- room -------------------------------------------------------------------------- */

static bool same_ref(const struct ref *a, const struct ref *b)
{
    return a->record == b->record && a->offset == b->offset && a->stored == b->stored &&
           a->plain == b->plain && a->codec == b->codec && a->kind == b->kind &&
           memcmp(a->pack_id, b->pack_id, sizeof a->pack_id) == 0 &&
           memcmp(a->chunk_id, b->chunk_id, sizeof a->chunk_id) == 0;
}

static struct slot *find(struct chunk_cache *c, const struct recipe_chunk *chunk)
{
    for (struct slot *s = c->slots; s < c->slots + SLOTS; s++)
        if (s->used && s->rows == chunk->rows && same_ref(&s->ref, &chunk->ref))
            return s;
    return NULL;
}

static void forget(struct chunk_cache *c, struct slot *s)
{
    c->total -= s->room;
    s->used = false;
    s->room = 0;
    buf_done(&s->mem);
}

/* May a slot's memory serve for so many bytes? Some of it may lie idle: less where memory is
 * scarce. */
static bool fits(const struct chunk_cache *c, const struct slot *s, size_t bytes)
{
    size_t most = c->total <= c->limit / 2 ? bytes * 4 : bytes + bytes / 4;
    return s->room >= bytes && s->room <= most;
}

/* A slot for a chunk that takes so many bytes; its memory may have them already. NULL: none.
 * Memory grows only where nothing is of no more use. */
static struct slot *make_room(struct chunk_cache *c, size_t bytes, bool needed)
{
    for (;;) {
        struct slot *empty = NULL;
        struct slot *oldest = NULL;
        for (struct slot *s = c->slots; s < c->slots + SLOTS; s++) {
            if (s->room == 0)
                empty = empty ? empty : s;
            else if (!is_held(s) && (!oldest || s->used_at < oldest->used_at ||
                                     (s->used_at == oldest->used_at && fits(c, s, bytes))))
                oldest = s;
        }
        bool idle = oldest && oldest->used_at == 0;
        if (empty && !idle && c->total + bytes <= c->limit)
            return empty;
        if (oldest && c->total <= c->limit && fits(c, oldest, bytes))
            return oldest;
        if (!oldest)
            return needed ? empty : NULL;
        forget(c, oldest);
    }
}

static int fill(struct chunk_cache *c, struct slot *s, const struct recipe_chunk *chunk,
                size_t bytes, struct error *e)
{
    s->mem.len = 0;
    s->used = false;
    s->stamp += s->stamp == UINT32_MAX ? 2 : 1; /* 0 is nobody's */
    c->total -= s->room;
    s->room = 0;
    if (buf_reserve(&s->mem, bytes, e) < 0)
        return -1;
    s->room = s->mem.cap;
    c->total += s->room;
    s->ref = chunk->ref;
    s->rows = chunk->rows;
    s->used = true;
    s->ready = false;
    s->pins = 0;
    size_t aligned = (chunk->ref.plain + (size_t)3) & ~(size_t)3;
    s->ends = has_ends(s) ? (uint32_t *)(void *)(s->mem.data + aligned) : NULL;
    c->held += s->room;
    return give_order(c, s, e);
}

static int order(struct chunk_cache *c, const struct recipe_chunk *chunk,
                 struct chunk_cache_place *place, bool needed, struct error *e)
{
    size_t bytes = chunk->ref.plain + (size_t)3;
    if (chunk->ref.kind == FORMAT_KIND_ROWS)
        bytes += sizeof(uint32_t) * (size_t)chunk->rows;
    /* Asked again and again while it is so: before any search. */
    if (!needed && (c->ordered == c->order_count || c->held + bytes > c->limit))
        return CHUNK_CACHE_FULL;
    struct slot *s = find(c, chunk);
    if (!s) {
        if (c->ordered == c->order_count && take_order(c, e) < 0)
            return -1;
        s = make_room(c, bytes, needed);
        if (!s)
            return CHUNK_CACHE_FULL;
        if (fill(c, s, chunk, bytes, e) < 0)
            return -1;
    }
    *place = (struct chunk_cache_place){.slot = (uint32_t)(s - c->slots), .stamp = s->stamp};
    return 0;
}

int chunk_cache_pin(struct chunk_cache *c, const struct recipe_chunk *chunk,
                    struct chunk_cache_place *place, bool needed, struct error *e)
{
    if (place->stamp == 0 || c->slots[place->slot].stamp != place->stamp ||
        !c->slots[place->slot].used) {
        int rc = order(c, chunk, place, needed, e);
        if (rc != 0)
            return rc;
    }
    struct slot *s = &c->slots[place->slot];
    if (s->pins++ == 0 && s->ready)
        c->held += s->room;
    s->used_at = ++c->now;
    return 0;
}

static void let_go(struct chunk_cache *c, struct slot *s)
{
    if (s->ready)
        c->held -= s->room;
}

void chunk_cache_unpin(struct chunk_cache *c, const struct chunk_cache_place *place, bool last)
{
    struct slot *s = &c->slots[place->slot];
    assert(s->used && s->stamp == place->stamp && s->pins > 0);
    if (--s->pins > 0)
        return;
    let_go(c, s);
    if (last)
        s->used_at = 0;
}

void chunk_cache_unpin_all(struct chunk_cache *c)
{
    for (struct slot *s = c->slots; s < c->slots + SLOTS; s++) {
        if (s->pins > 0)
            let_go(c, s);
        s->pins = 0;
    }
}

int chunk_cache_view(struct chunk_cache *c, const struct chunk_cache_place *place,
                     struct chunk_cache_view *out, struct error *e)
{
    struct slot *s = &c->slots[place->slot];
    assert(s->used && s->stamp == place->stamp && s->pins > 0);
    while (!s->ready)
        if (take_order(c, e) < 0)
            return -1;
    out->plain = bytes_of(s->mem.data, s->ref.plain);
    out->ends = s->ends;
    return 0;
}
