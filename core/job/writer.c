/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/writer.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/queue.h"
#include "core/flow/compress.h"
#include "core/repo/recipe.h"

#define PACKS 2       /* one is filled while the other is stored */
#define SPARE_SLOTS 3 /* beyond one a worker: keeps reader and packer from waiting in turns */

enum task { TASK_CHUNK, TASK_ROW_END, TASK_STREAM_END, TASK_SETTLE };

/* What moves through the queue. */
struct slot {
    enum task task;
    struct writer_stream *stream;
    struct writer_chunk chunk;
    struct buf plain;
    struct buf stored; /* compressed; empty: store plain as it is */
    struct ref ref;
    bool known; /* ref and pack were found in the index */
    struct closure_pack pack;
};

struct writer_stream {
    enum format_stream kind;
    struct recipe recipe;
    struct buf row_parts; /* struct ref: the pieces of the long row that is open */
    struct stream_part part;
};

struct writer {
    struct writer_options o;
    pthread_mutex_t lock; /* of all down to own */
    pthread_cond_t settled_change;
    uint64_t settles_asked, settles_done;
    bool failed;
    struct error first_error;
    struct closure own; /* packs that are in the store */
    struct writer_totals totals;

    struct queue *chunks;
    struct slot *slots;
    size_t slot_count;
    struct queue *full_packs;
    struct pack *packs[PACKS];
    struct pack *current;  /* the packer's */
    struct pack *previous; /* the one before: perhaps not in the index yet */
    struct closure known;  /* old packs that were pointed into; the packer's */
    struct compress *packer_compress;
    struct digest_hmac *packer_hmac;
    struct buf recipe_plain, recipe_stored;
    pthread_t *threads;
    size_t thread_count;
    bool joined;
};

/* ---- errors ------------------------------------------------------------------------ */

static void fail(struct writer *w, const struct error *e)
{
    (void)pthread_mutex_lock(&w->lock);
    if (!w->failed) {
        w->failed = true;
        w->first_error = *e;
    }
    (void)pthread_cond_broadcast(&w->settled_change);
    (void)pthread_mutex_unlock(&w->lock);
    queue_stop(w->chunks);
    queue_stop(w->full_packs);
}

static int stopped(struct writer *w, struct error *e)
{
    (void)pthread_mutex_lock(&w->lock);
    if (w->failed)
        *e = w->first_error;
    else
        (void)error_set(e, ERROR_INTERRUPTED, "storing was stopped");
    (void)pthread_mutex_unlock(&w->lock);
    return -1;
}

/* ---- workers ----------------------------------------------------------------------- */

static int name_chunk(struct digest_hmac *hmac, uint8_t kind, struct bytes plain,
                      uint8_t id[FORMAT_HASH_LEN], struct error *e)
{
    return digest_hmac_of(hmac, bytes_of(&kind, 1), plain, id, e);
}

/* Fill codec and lengths of ref; compressed bytes go to stored, which is empty for raw. */
static int squeeze(struct compress *c, struct bytes plain, struct buf *stored, struct ref *ref,
                   struct error *e)
{
    int rc = compress_block(c, plain, stored, e);
    if (rc < 0)
        return -1;
    ref->plain = (uint32_t)plain.len;
    ref->codec = rc == COMPRESS_NO_GAIN ? FORMAT_CODEC_RAW : FORMAT_CODEC_ZSTD;
    ref->stored = rc == COMPRESS_NO_GAIN ? ref->plain : (uint32_t)stored->len;
    return 0;
}

/* Decompress and compare: a compressor's bug or a bad memory cell must not be found at
 * restore. */
static int prove(struct compress *c, const struct slot *s, struct buf *scratch, struct error *e)
{
    if (s->ref.codec == FORMAT_CODEC_RAW)
        return 0;
    scratch->len = 0;
    if (buf_reserve(scratch, s->plain.len, e) < 0 ||
        compress_undo(c, buf_view(&s->stored), scratch->data, s->plain.len, e) < 0)
        return -1;
    if (memcmp(scratch->data, s->plain.data, s->plain.len) != 0)
        return error_set(e, ERROR_CORRUPT,
                         "a chunk of %zu bytes came back different from compression",
                         s->plain.len);
    return 0;
}

#define KNOWN 1

/* Does the index know a chunk like ref (id, kind, plain), in a pack that this backup may point
 * into? KNOWN: ref and pack are filled in. */
static int find_known(struct writer *w, struct ref *ref, struct closure_pack *pack,
                      struct error *e)
{
    struct ref found;
    if (!w->o.index)
        return 0;
    int rc = w->o.index->lookup(w->o.index->arg, ref->chunk_id, &found, pack, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    bool own = memcmp(pack->owner, w->o.keys->backup_id, FORMAT_ID_LEN) == 0;
    if (found.kind != ref->kind || found.plain != ref->plain ||
        (!own && !session_allows(w->o.session, &pack->object)))
        return 0;
    *ref = found;
    return KNOWN;
}

static int work_on(struct writer *w, struct slot *s, struct compress *c,
                   struct digest_hmac *hmac, struct buf *scratch, struct error *e)
{
    struct bytes plain = buf_view(&s->plain);
    s->ref = (struct ref){.kind = s->chunk.kind, .plain = (uint32_t)plain.len};
    if (name_chunk(hmac, s->chunk.kind, plain, s->ref.chunk_id, e) < 0)
        return -1;
    int known = find_known(w, &s->ref, &s->pack, e);
    s->known = known == KNOWN;
    if (known != 0)
        return known < 0 ? -1 : 0;
    if (squeeze(c, plain, &s->stored, &s->ref, e) < 0)
        return -1;
    return prove(c, s, scratch, e);
}

static void *worker_main(void *arg)
{
    struct writer *w = arg;
    struct error e = {0};
    struct buf scratch = {0};
    struct compress *c = compress_new(w->o.level, &e);
    struct digest_hmac *hmac = c ? digest_hmac_new(&w->o.domain->chunk_id, &e) : NULL;
    bool ok = hmac;
    for (struct slot *s; ok && (s = queue_work(w->chunks)) != NULL; queue_done(w->chunks, s))
        if (s->task == TASK_CHUNK && work_on(w, s, c, hmac, &scratch, &e) < 0)
            ok = false;
    if (!ok)
        fail(w, &e);
    digest_hmac_free(hmac);
    compress_free(c);
    buf_done(&scratch);
    return NULL;
}

/* ---- uploader ---------------------------------------------------------------------- */

static int store_pack(struct writer *w, struct pack *p, struct error *e)
{
    struct closure_pack name;
    struct bytes content;
    char text[FORMAT_NAME_MAX];
    if (pack_seal(p, &name, &content, e) < 0)
        return -1;
    ref_pack_name(text, &name.object);
    if (store_put_new(repo_store(w->o.repo), text, content, e) < 0)
        return -1;
    log_debug("stored %s, %zu bytes, %u chunks", text, content.len, pack_count(p));
    if (w->o.index &&
        w->o.index->add(w->o.index->arg, &name, pack_ref(p, 0), pack_count(p), e) < 0)
        return -1;
    (void)pthread_mutex_lock(&w->lock);
    int rc = closure_add(&w->own, &name, e);
    w->totals.packs++;
    w->totals.stored_bytes += content.len;
    (void)pthread_mutex_unlock(&w->lock);
    return rc;
}

static void *uploader_main(void *arg)
{
    struct writer *w = arg;
    struct error e = {0};
    for (struct pack *p; (p = queue_work(w->full_packs)) != NULL;) {
        if (store_pack(w, p, &e) < 0) {
            fail(w, &e);
            break;
        }
        queue_done(w->full_packs, p);
        queue_return(w->full_packs, queue_take(w->full_packs));
    }
    return NULL;
}

/* ---- packer ------------------------------------------------------------------------ */

/* Hand the current pack to the uploader and begin the next. The one before it is in the index
 * by then: there are but two. */
static int roll_pack(struct writer *w, struct error *e)
{
    struct pack *full = w->current;
    queue_give(w->full_packs);
    w->current = queue_claim(w->full_packs);
    if (!w->current)
        return stopped(w, e);
    w->previous = full;
    return pack_begin(w->current, e);
}

/* Is the chunk in a pack that the index may not know yet? The uploader reads these tables too,
 * but only the packer writes them. */
static bool find_pending(const struct writer *w, struct ref *ref)
{
    const struct ref *found = pack_find(w->current, ref->chunk_id);
    if (!found && w->previous)
        found = pack_find(w->previous, ref->chunk_id);
    if (found)
        *ref = *found;
    return found;
}

/* Give the chunk its place: an old one, or the next record of the current pack. */
static int place_chunk(struct writer *w, struct ref *ref, struct bytes stored, struct error *e)
{
    if (find_pending(w, ref))
        return 0;
    if (pack_count(w->current) > 0 &&
        (pack_size(w->current) + stored.len > FORMAT_PACK_TARGET ||
         pack_count(w->current) == FORMAT_MAX_RECORDS) &&
        roll_pack(w, e) < 0)
        return -1;
    w->totals.new_chunks++;
    return pack_add(w->current, ref, stored, e);
}

/* Recipes are looked up like any chunk: an unchanged stream names last night's. */
static int end_recipe(struct writer *w, struct writer_stream *s, struct error *e)
{
    struct closure_pack pack;
    if (s->recipe.count == 0)
        return 0;
    w->recipe_plain.len = 0;
    if (recipe_write(&s->recipe, &w->recipe_plain, e) < 0)
        return -1;
    struct bytes plain = buf_view(&w->recipe_plain);
    struct ref ref = {.kind = FORMAT_KIND_RECIPE, .plain = (uint32_t)plain.len};
    if (name_chunk(w->packer_hmac, ref.kind, plain, ref.chunk_id, e) < 0)
        return -1;
    int known = find_known(w, &ref, &pack, e);
    if (known < 0 || (known == KNOWN && closure_add(&w->known, &pack, e) < 0))
        return -1;
    if (known == 0) {
        struct buf *stored = &w->recipe_stored;
        if (squeeze(w->packer_compress, plain, stored, &ref, e) < 0 ||
            place_chunk(w, &ref, ref.codec == FORMAT_CODEC_RAW ? plain : buf_view(stored), e) <
                0)
            return -1;
    }
    recipe_clear(&s->recipe, s->kind);
    return stream_add_recipe(&s->part, &ref, e);
}

static int pack_slot(struct writer *w, struct slot *s, struct error *e)
{
    struct writer_stream *stream = s->stream;
    if (s->known) {
        if (closure_add(&w->known, &s->pack, e) < 0)
            return -1;
    } else {
        bool raw = s->ref.codec == FORMAT_CODEC_RAW;
        if (place_chunk(w, &s->ref, raw ? buf_view(&s->plain) : buf_view(&s->stored), e) < 0)
            return -1;
    }
    w->totals.chunks++;
    if (s->chunk.part_of_row)
        return buf_append(&stream->row_parts, &s->ref, sizeof s->ref, e);
    if (recipe_full(&stream->recipe, 1) && end_recipe(w, stream, e) < 0)
        return -1;
    if (stream->kind == FORMAT_STREAM_ROWS)
        return recipe_add_rows(&stream->recipe, &s->ref, s->chunk.rows, e);
    return recipe_add_bytes(&stream->recipe, &s->ref, e);
}

static int pack_long_row(struct writer *w, struct writer_stream *s, struct error *e)
{
    uint32_t n = (uint32_t)(s->row_parts.len / sizeof(struct ref));
    const struct ref *refs = (const struct ref *)(const void *)s->row_parts.data;
    if (n > FORMAT_MAX_RECIPE_CHUNKS)
        return error_set(e, ERROR_UNSUPPORTED, "a row of more than %d chunks",
                         FORMAT_MAX_RECIPE_CHUNKS);
    if (recipe_full(&s->recipe, n) && end_recipe(w, s, e) < 0)
        return -1;
    if (recipe_add_long_row(&s->recipe, refs, n, e) < 0)
        return -1;
    s->row_parts.len = 0;
    return 0;
}

static int do_task(struct writer *w, struct slot *s, struct error *e)
{
    switch (s->task) {
    case TASK_CHUNK:
        return pack_slot(w, s, e);
    case TASK_ROW_END:
        return pack_long_row(w, s->stream, e);
    case TASK_STREAM_END:
        if (end_recipe(w, s->stream, e) < 0)
            return -1;
        recipe_done(&s->stream->recipe);
        buf_done(&s->stream->row_parts);
        return 0;
    case TASK_SETTLE:
        (void)pthread_mutex_lock(&w->lock);
        w->settles_done++;
        (void)pthread_cond_broadcast(&w->settled_change);
        (void)pthread_mutex_unlock(&w->lock);
        return 0;
    default:
        return error_set(e, ERROR_CORRUPT, "unknown task %d", (int)s->task);
    }
}

static void *packer_main(void *arg)
{
    struct writer *w = arg;
    struct error e = {0};
    int rc = 0;
    w->current = queue_claim(w->full_packs);
    if (!w->current || pack_begin(w->current, &e) < 0)
        rc = w->current ? -1 : stopped(w, &e);
    for (struct slot *s; rc == 0 && (s = queue_take(w->chunks)) != NULL;
         queue_return(w->chunks, s))
        rc = do_task(w, s, &e);
    if (rc == 0 && !queue_stopped(w->chunks)) {
        if (pack_count(w->current) > 0)
            queue_give(w->full_packs);
        queue_close(w->full_packs);
    }
    if (rc < 0)
        fail(w, &e);
    return NULL;
}

/* ---- the handle -------------------------------------------------------------------- */

static int make_queues(struct writer *w, struct error *e)
{
    void *slots[64];
    void *packs[PACKS];
    w->slot_count = w->o.workers + SPARE_SLOTS;
    if (w->slot_count > ARRAY_SIZE(slots))
        return error_set(e, ERROR_USAGE, "%u worker threads, at most %zu", w->o.workers,
                         ARRAY_SIZE(slots) - SPARE_SLOTS);
    w->slots = calloc(w->slot_count, sizeof *w->slots);
    if (!w->slots)
        return error_memory(e, "chunk slots");
    for (size_t i = 0; i < w->slot_count; i++)
        slots[i] = &w->slots[i];
    for (size_t i = 0; i < PACKS; i++) {
        w->packs[i] = pack_new(w->o.keys, e);
        if (!w->packs[i])
            return -1;
        packs[i] = w->packs[i];
    }
    w->chunks = queue_new(slots, w->slot_count, e);
    w->full_packs = w->chunks ? queue_new(packs, PACKS, e) : NULL;
    return w->full_packs ? 0 : -1;
}

static int start(struct writer *w, void *(*run)(void *), struct error *e)
{
    int rc = pthread_create(&w->threads[w->thread_count], NULL, run, w);
    if (rc != 0)
        return error_set(e, ERROR_MEMORY, "thread %zu cannot be started", w->thread_count);
    w->thread_count++;
    return 0;
}

static int start_all(struct writer *w, struct error *e)
{
    w->threads = calloc((size_t)w->o.workers + 2, sizeof *w->threads);
    if (!w->threads)
        return error_memory(e, "threads");
    if (start(w, packer_main, e) < 0 || start(w, uploader_main, e) < 0)
        return -1;
    for (unsigned i = 0; i < w->o.workers; i++)
        if (start(w, worker_main, e) < 0)
            return -1;
    return 0;
}

struct writer *writer_new(const struct writer_options *o, struct error *e)
{
    struct writer *w = calloc(1, sizeof *w);
    if (!w) {
        (void)error_memory(e, "writer");
        return NULL;
    }
    w->o = *o;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->settled_change, NULL);
    w->packer_compress = compress_new(o->level, e);
    w->packer_hmac = w->packer_compress ? digest_hmac_new(&o->domain->chunk_id, e) : NULL;
    if (!w->packer_hmac || make_queues(w, e) < 0 || start_all(w, e) < 0) {
        writer_free(w);
        return NULL;
    }
    return w;
}

static void join_all(struct writer *w)
{
    for (size_t i = 0; i < w->thread_count; i++)
        (void)pthread_join(w->threads[i], NULL);
    w->thread_count = 0;
    w->joined = true;
}

void writer_free(struct writer *w)
{
    if (!w)
        return;
    if (w->chunks)
        queue_stop(w->chunks);
    if (w->full_packs)
        queue_stop(w->full_packs);
    join_all(w);
    queue_free(w->chunks);
    queue_free(w->full_packs);
    for (size_t i = 0; w->slots && i < w->slot_count; i++) {
        buf_done(&w->slots[i].plain);
        buf_done(&w->slots[i].stored);
    }
    for (size_t i = 0; i < PACKS; i++)
        pack_free(w->packs[i]);
    free(w->slots);
    free(w->threads);
    closure_done(&w->own);
    closure_done(&w->known);
    compress_free(w->packer_compress);
    digest_hmac_free(w->packer_hmac);
    buf_done(&w->recipe_plain);
    buf_done(&w->recipe_stored);
    (void)pthread_cond_destroy(&w->settled_change);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

struct writer_stream *writer_stream_new(enum format_stream kind, struct error *e)
{
    struct writer_stream *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "stream");
        return NULL;
    }
    s->kind = kind;
    recipe_clear(&s->recipe, kind);
    return s;
}

void writer_stream_free(struct writer_stream *s)
{
    if (!s)
        return;
    recipe_done(&s->recipe);
    buf_done(&s->row_parts);
    free(s->part.recipes);
    free(s);
}

static int hand_over(struct writer *w, enum task task, struct writer_stream *stream,
                     const struct writer_chunk *chunk, struct buf *plain, struct error *e)
{
    struct slot *s = queue_claim(w->chunks);
    if (!s)
        return stopped(w, e);
    s->task = task;
    s->stream = stream;
    if (chunk) {
        struct buf empty = s->plain;
        s->chunk = *chunk;
        s->plain = *plain;
        *plain = empty;
        plain->len = 0;
    }
    queue_give(w->chunks);
    return 0;
}

int writer_put(struct writer *w, struct writer_stream *s, const struct writer_chunk *chunk,
               struct buf *plain, struct error *e)
{
    return hand_over(w, TASK_CHUNK, s, chunk, plain, e);
}

int writer_row_end(struct writer *w, struct writer_stream *s, struct error *e)
{
    return hand_over(w, TASK_ROW_END, s, NULL, NULL, e);
}

int writer_stream_end(struct writer *w, struct writer_stream *s, struct error *e)
{
    return hand_over(w, TASK_STREAM_END, s, NULL, NULL, e);
}

int writer_settle(struct writer *w, struct error *e)
{
    (void)pthread_mutex_lock(&w->lock);
    uint64_t mine = ++w->settles_asked;
    (void)pthread_mutex_unlock(&w->lock);
    if (hand_over(w, TASK_SETTLE, NULL, NULL, NULL, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&w->lock);
    while (!w->failed && w->settles_done < mine)
        (void)pthread_cond_wait(&w->settled_change, &w->lock);
    bool failed = w->failed;
    (void)pthread_mutex_unlock(&w->lock);
    return failed ? stopped(w, e) : 0;
}

void writer_stream_take(struct writer_stream *s, struct stream_part *part)
{
    part->recipes = s->part.recipes;
    part->recipe_count = s->part.recipe_count;
    s->part = (struct stream_part){0};
}

int writer_finish(struct writer *w, struct closure *closure, struct writer_totals *totals,
                  struct error *e)
{
    queue_close(w->chunks);
    join_all(w);
    if (w->failed)
        return stopped(w, e);
    if (store_sync(repo_store(w->o.repo), e) < 0)
        return -1;
    for (size_t i = 0; i < w->known.count; i++)
        if (closure_add(closure, &w->known.packs[i], e) < 0)
            return -1;
    for (size_t i = 0; i < w->own.count; i++)
        if (closure_add(closure, &w->own.packs[i], e) < 0)
            return -1;
    *totals = w->totals;
    return 0;
}
