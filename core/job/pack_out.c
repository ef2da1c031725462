/* SPDX-License-Identifier: Apache-2.0 */
/* A full pack goes to a thread that has nothing to do. If there is none it goes into the spool,
 * and its memory is filled again: a slow store does not slow the dump down. What is known of a
 * pack's chunks stays until the index knows them; how much that is bounds the spool, too. */
#include "core/job/pack_out.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/log.h"
#include "core/repo/id_table.h"

#define MAX_UPLOADS 8
#define MAX_SPOOLED 32768         /* packs: 512 GiB */
#define MAX_PENDING (512 * 1024u) /* chunks in packs that wait: about 130 bytes each */
#define FEW_SPOTS 4096            /* not worth to be forgotten */

/* A pack on its way. */
struct place {
    struct place *next; /* in the line */
    struct pack *pack;
    struct closure_pack name;
    struct bytes content; /* the pack's, unless it is spooled */
    struct spool_place blob;
    bool used; /* from its first chunk until it is in the index */
    bool spooled;
};

/* Where a chunk was placed. Stays after its pack has given up its place; whoever finds it
 * compares the id of the chunk that is there now. */
struct spot {
    uint32_t place, record;
};

struct pack_out {
    struct pack_out_options o;
    /* The placing thread's. */
    struct place *places;
    size_t place_count;
    struct place *current, *previous; /* the one that was filled before; may be NULL */
    uint64_t placed;
    struct buf spots;      /* struct spot */
    struct id_table table; /* of spots, by chunk id */
    struct spool *spool;   /* NULL: none */
    pthread_t uploaders[MAX_UPLOADS];
    unsigned started;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct place *first, *last; /* the line of packs that wait for a thread */
    size_t waiting;             /* in it */
    size_t in_memory;           /* of them, those not spooled */
    size_t pending;             /* chunks in full packs that are not in the index */
    uint64_t unstored;          /* bytes of these packs */
    unsigned uploads;           /* threads that run */
    unsigned busy;              /* of them, those that have a pack */
    bool closed, stopped;
    struct closure stored;
    uint64_t stored_packs, stored_bytes;
};

/* ---- uploaders --------------------------------------------------------------------- */

/* The next pack of the line; NULL at the end. */
static struct place *next_in_line(struct pack_out *p)
{
    (void)pthread_mutex_lock(&p->lock);
    while (!p->first && !p->closed && !p->stopped)
        (void)pthread_cond_wait(&p->changed, &p->lock);
    struct place *at = p->stopped ? NULL : p->first;
    if (at) {
        p->first = at->next;
        if (!p->first)
            p->last = NULL;
        p->waiting--;
        p->in_memory -= !at->spooled;
        p->busy++;
        (void)pthread_cond_broadcast(&p->changed);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return at;
}

static int put(struct pack_out *p, const struct place *at, struct buf *held, struct error *e)
{
    char text[FORMAT_NAME_MAX];
    const struct chunk_index *index = p->o.index;
    if (at->spooled && spool_take(p->spool, &at->blob, held, e) < 0)
        return -1;
    struct bytes content = at->spooled ? buf_view(held) : at->content;
    ref_pack_name(text, &at->name.object);
    if (store_put_new(repo_store(p->o.repo), text, content, e) < 0)
        return -1;
    log_debug("stored %s, %zu bytes, %u chunks", text, content.len, pack_count(at->pack));
    if (!index)
        return 0;
    return index->add(index->arg, &at->name, pack_ref(at->pack, 0), pack_count(at->pack), e);
}

static int store_pack(struct pack_out *p, struct place *at, struct error *e)
{
    struct buf held = {0};
    int rc = put(p, at, &held, e);
    buf_done(&held);
    if (rc < 0)
        return -1;
    pack_drop(at->pack);
    (void)pthread_mutex_lock(&p->lock);
    rc = closure_add(&p->stored, &at->name, e);
    p->stored_packs++;
    p->stored_bytes += at->name.object.size;
    p->unstored -= at->name.object.size;
    p->pending -= pack_count(at->pack);
    at->used = false;
    p->busy--;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    return rc;
}

static void *uploader_main(void *arg)
{
    struct pack_out *p = arg;
    struct error e = {0};
    for (struct place *at; (at = next_in_line(p)) != NULL;)
        if (store_pack(p, at, &e) < 0) {
            p->o.failed(p->o.failed_arg, &e);
            break;
        }
    (void)pthread_mutex_lock(&p->lock);
    p->uploads--;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- chunks of packs on their way --------------------------------------------------- */

/* Is the chunk in a pack that the index may not know yet? The uploaders read what is known of
 * its chunks too, but only this thread writes it. */
static bool find_pending(const struct pack_out *p, struct ref *ref)
{
    const struct spot *spots = (const struct spot *)(const void *)p->spots.data;
    size_t at = id_table_start(&p->table, ref->chunk_id);
    for (uint32_t i; id_table_next(&p->table, &at, &i);) {
        const struct pack *pack = p->places[spots[i].place].pack;
        if (spots[i].record >= pack_count(pack))
            continue;
        const struct ref *found = pack_ref(pack, spots[i].record);
        if (memcmp(found->chunk_id, ref->chunk_id, FORMAT_HASH_LEN) == 0) {
            *ref = *found;
            return true;
        }
    }
    return false;
}

static int remember(struct pack_out *p, size_t place, const struct ref *ref, struct error *e)
{
    const struct spot spot = {.place = (uint32_t)place, .record = ref->record};
    uint32_t i = (uint32_t)(p->spots.len / sizeof spot);
    if (buf_append(&p->spots, &spot, sizeof spot, e) < 0)
        return -1;
    return id_table_add(&p->table, ref->chunk_id, i, e);
}

/* Of packs in the index nothing need be known; the current one is empty. */
static int forget_stored(struct pack_out *p, struct error *e)
{
    (void)pthread_mutex_lock(&p->lock);
    size_t needed = p->pending;
    if (p->previous && !p->previous->used)
        needed += pack_count(p->previous->pack);
    (void)pthread_mutex_unlock(&p->lock);
    if (p->spots.len / sizeof(struct spot) < 2 * needed + FEW_SPOTS)
        return 0;
    p->spots.len = 0;
    id_table_clear(&p->table);
    for (size_t i = 0; i < p->place_count; i++) {
        const struct place *at = &p->places[i];
        (void)pthread_mutex_lock(&p->lock);
        bool keep = at->used || at == p->previous;
        (void)pthread_mutex_unlock(&p->lock);
        for (uint32_t k = 0; keep && k < pack_count(at->pack); k++)
            if (remember(p, i, pack_ref(at->pack, k), e) < 0)
                return -1;
    }
    return 0;
}

/* ---- places ------------------------------------------------------------------------ */

/* What is in memory goes first: the placing thread waits for it, not for the spool. */
static void stand_in_line(struct pack_out *p, struct place *at)
{
    at->next = at->spooled ? NULL : p->first;
    if (!p->first)
        p->first = p->last = at;
    else if (at->spooled)
        p->last = p->last->next = at;
    else
        p->first = at;
    p->waiting++;
    p->in_memory += !at->spooled;
    p->pending += pack_count(at->pack);
    p->unstored += at->name.object.size;
    (void)pthread_cond_broadcast(&p->changed);
}

/* The current pack is full: to a free thread, else into the spool while that has room. */
static int hand_over(struct pack_out *p, struct error *e)
{
    struct place *at = p->current;
    p->previous = at;
    p->current = NULL;
    if (pack_seal(at->pack, &at->name, &at->content, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&p->lock);
    bool has_thread = p->busy + p->waiting < p->started;
    bool may_wait = p->pending + pack_count(at->pack) <= MAX_PENDING;
    (void)pthread_mutex_unlock(&p->lock);
    if (!has_thread && may_wait && p->spool) {
        int rc = spool_put(p->spool, at->content, at->name.object.sha256, &at->blob, e);
        if (rc < 0)
            return -1;
        at->spooled = rc == 0;
        if (at->spooled)
            pack_drop(at->pack);
    }
    (void)pthread_mutex_lock(&p->lock);
    stand_in_line(p, at);
    (void)pthread_mutex_unlock(&p->lock);
    return 0;
}

/* The first that is free, so that no more are ever used than are needed; NULL: none. Not the
 * one before: whoever asked the index for its chunks may have done so too early. */
static struct place *free_place(struct pack_out *p)
{
    for (size_t i = 0; i < p->place_count; i++)
        if (!p->places[i].used && &p->places[i] != p->previous)
            return &p->places[i];
    return NULL;
}

static int begin_pack(struct pack_out *p, struct error *e)
{
    struct place *at = NULL;
    (void)pthread_mutex_lock(&p->lock);
    while (!p->stopped && (p->in_memory > 0 || !(at = free_place(p))))
        (void)pthread_cond_wait(&p->changed, &p->lock);
    if (p->stopped)
        at = NULL;
    if (at)
        at->used = true;
    (void)pthread_mutex_unlock(&p->lock);
    if (!at)
        return error_set(e, ERROR_INTERRUPTED, "storing was stopped");
    p->current = at;
    at->spooled = false;
    if (!at->pack && !(at->pack = pack_new(p->o.keys, e)))
        return -1;
    return pack_begin(at->pack, e) < 0 ? -1 : forget_stored(p, e);
}

int pack_out_place(struct pack_out *p, struct ref *ref, struct bytes stored, struct error *e)
{
    if (!p->current && begin_pack(p, e) < 0)
        return -1;
    if (find_pending(p, ref))
        return 0;
    const struct pack *pack = p->current->pack;
    if (pack_count(pack) > 0 && (pack_size(pack) + stored.len > FORMAT_PACK_TARGET ||
                                 pack_count(pack) == FORMAT_MAX_RECORDS)) {
        if (hand_over(p, e) < 0 || begin_pack(p, e) < 0)
            return -1;
    }
    p->placed++;
    if (pack_add(p->current->pack, ref, stored, e) < 0)
        return -1;
    return remember(p, (size_t)(p->current - p->places), ref, e);
}

int pack_out_close(struct pack_out *p, struct error *e)
{
    if (p->current && pack_count(p->current->pack) > 0 && hand_over(p, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&p->lock);
    p->closed = true;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    return 0;
}

/* ---- the end ----------------------------------------------------------------------- */

static void join(struct pack_out *p)
{
    for (unsigned i = 0; i < p->started; i++)
        (void)pthread_join(p->uploaders[i], NULL);
    p->started = 0;
}

/* Whether the uploaders go on after a second. */
static bool wait_a_second(struct pack_out *p)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    (void)pthread_mutex_lock(&p->lock);
    while (p->uploads > 0 && pthread_cond_timedwait(&p->changed, &p->lock, &until) == 0)
        continue;
    bool go_on = p->uploads > 0;
    (void)pthread_mutex_unlock(&p->lock);
    return go_on;
}

uint64_t pack_out_unstored(struct pack_out *p)
{
    (void)pthread_mutex_lock(&p->lock);
    uint64_t bytes = p->unstored;
    (void)pthread_mutex_unlock(&p->lock);
    return bytes;
}

int pack_out_join(struct pack_out *p, struct closure *closure, struct pack_out_totals *totals,
                  struct error *e)
{
    while (wait_a_second(p))
        if (p->o.beat && p->o.beat(p->o.beat_arg, e) < 0) {
            pack_out_stop(p);
            join(p);
            return -1;
        }
    join(p);
    for (size_t i = 0; i < p->stored.count; i++)
        if (closure_add(closure, &p->stored.packs[i], e) < 0)
            return -1;
    *totals = (struct pack_out_totals){
        .chunks = p->placed, .packs = p->stored_packs, .bytes = p->stored_bytes};
    return 0;
}

/* ---- the handle -------------------------------------------------------------------- */

void pack_out_stop(struct pack_out *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->stopped = true;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
}

static void init_lock(struct pack_out *p)
{
    pthread_condattr_t monotonic;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&p->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

static int start(struct pack_out *p, unsigned uploads, struct error *e)
{
    for (; p->started < uploads; p->started++) {
        (void)pthread_mutex_lock(&p->lock);
        p->uploads++;
        (void)pthread_mutex_unlock(&p->lock);
        if (pthread_create(&p->uploaders[p->started], NULL, uploader_main, p) == 0)
            continue;
        (void)pthread_mutex_lock(&p->lock);
        p->uploads--;
        (void)pthread_mutex_unlock(&p->lock);
        return error_set(e, ERROR_MEMORY, "an uploading thread cannot be started");
    }
    return 0;
}

static int make(struct pack_out *p, struct error *e)
{
    unsigned uploads = repo_store(p->o.repo)->ops->uploads;
    uint64_t spooled = p->o.spool.path ? p->o.spool.capacity / FORMAT_PACK_TARGET : 0;
    spooled = spooled > MAX_SPOOLED ? MAX_SPOOLED : spooled;
    uploads = uploads < 1 ? 1 : uploads > MAX_UPLOADS ? MAX_UPLOADS : uploads;
    /* One that is filled, one that may wait. */
    p->place_count = (size_t)spooled + uploads + 2;
    p->places = calloc(p->place_count, sizeof *p->places);
    if (!p->places)
        return error_memory(e, "packs");
    if (spooled > 0 && !(p->spool = spool_new(&p->o.spool, e)))
        return -1;
    return start(p, uploads, e);
}

struct pack_out *pack_out_new(const struct pack_out_options *o, struct error *e)
{
    struct pack_out *p = calloc(1, sizeof *p);
    if (!p) {
        (void)error_memory(e, "packs");
        return NULL;
    }
    p->o = *o;
    init_lock(p);
    if (make(p, e) == 0)
        return p;
    pack_out_free(p);
    return NULL;
}

void pack_out_free(struct pack_out *p)
{
    if (!p)
        return;
    pack_out_stop(p);
    join(p);
    for (size_t i = 0; p->places && i < p->place_count; i++)
        pack_free(p->places[i].pack);
    free(p->places);
    buf_done(&p->spots);
    id_table_done(&p->table);
    spool_free(p->spool);
    closure_done(&p->stored);
    (void)pthread_cond_destroy(&p->changed);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}
