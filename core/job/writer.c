/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/digest.h"
#include "core/base/queue.h"
#include "core/job/chunk_codec.h"
#include "core/job/level.h"
#include "core/job/pack_out.h"

#define RECIPE_LEVEL 9
#define SPARE_SLOTS 2 /* beyond one a worker: keeps reader and packer from waiting in turns */

enum task { TASK_CHUNK, TASK_ROW_END, TASK_OPS, TASK_STREAM_END, TASK_SETTLE };

/* What moves through the queue. */
struct slot {
    enum task task;
    struct writer_stream *stream;
    struct writer_chunk chunk;
    bool keep;           /* TASK_ROW_END */
    enum writer_end end; /* TASK_OPS, and */
    uint32_t base_index;
    struct buf plain;  /* or the operations */
    struct buf stored; /* compressed; empty: store plain as it is */
    struct ref ref;
    bool known; /* ref and pack were found in the index */
    struct closure_pack pack;
};

struct writer_stream {
    struct recipe_out *rows; /* of a row stream, else NULL */
    bool later;              /* its table has a base */
    atomic_uint layout;      /* of its rows: enum chunk_codec_layout */
    atomic_uint asked;       /* row chunks that asked for it */
    struct recipe recipe;    /* of a byte stream: the chunks so far */
    struct buf row_parts;    /* struct ref: the pieces of the long row that is open */
    struct stream_part part;
    uint64_t recipe_rows; /* of a row stream that has ended */
};

struct writer {
    struct writer_options o;
    pthread_mutex_t lock; /* of all down to first_error */
    pthread_cond_t settled_change;
    uint64_t settles_asked, settles_done;
    bool failed;
    struct error first_error;
    struct writer_totals totals; /* the packer's */

    struct level level;
    struct queue *chunks;
    struct slot *slots;
    size_t slot_count;
    struct pack_out *packs;
    struct closure known; /* old packs that were pointed into; the packer's */
    struct chunk_codec *packer_codec;
    struct digest_hmac *packer_hmac;
    struct buf recipe_plain, recipe_stored;
    pthread_t *threads;
    size_t thread_count;
    bool joined;
};

/* ---- errors ------------------------------------------------------------------------ */

static void fail(void *arg, const struct error *e)
{
    struct writer *w = arg;
    (void)pthread_mutex_lock(&w->lock);
    if (!w->failed) {
        w->failed = true;
        w->first_error = *e;
    }
    (void)pthread_cond_broadcast(&w->settled_change);
    (void)pthread_mutex_unlock(&w->lock);
    queue_stop(w->chunks);
    pack_out_stop(w->packs);
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

/* Fill codec and lengths of ref; stored is empty for raw. */
static int squeeze(struct chunk_codec *c, struct bytes plain, enum chunk_codec_layout *layout,
                   struct buf *stored, struct ref *ref, struct error *e)
{
    struct chunk_codec_form form;
    if (chunk_codec_encode(c, plain, *layout, stored, &form, e) < 0)
        return -1;
    *layout = form.better;
    ref->codec = form.codec;
    ref->plain = (uint32_t)plain.len;
    ref->stored = ref->codec == FORMAT_CODEC_RAW ? ref->plain : (uint32_t)stored->len;
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

/* A table that has taken to one layout is asked again every so many chunks. */
#define ASK_AGAIN 32

static int squeeze_slot(struct writer *w, struct slot *s, struct chunk_codec *c,
                        struct error *e)
{
    struct writer_stream *stream = s->stream;
    enum chunk_codec_layout layout = CHUNK_CODEC_TEXT;
    unsigned asked = 0;
    int level =
        stream->later ? w->o.later_level : level_next(&w->level, queue_has_work(w->chunks));
    if (s->chunk.kind == FORMAT_KIND_ROWS) {
        asked = atomic_fetch_add(&stream->asked, 1);
        layout = asked % ASK_AGAIN == 0 ? CHUNK_CODEC_TRY
                                        : (enum chunk_codec_layout)atomic_load(&stream->layout);
    }
    if (chunk_codec_level(c, level, e) < 0 ||
        squeeze(c, buf_view(&s->plain), &layout, &s->stored, &s->ref, e) < 0)
        return -1;
    if (s->chunk.kind == FORMAT_KIND_ROWS)
        atomic_store(&stream->layout, (unsigned)layout);
    return 0;
}

static int work_on(struct writer *w, struct slot *s, struct chunk_codec *c,
                   struct digest_hmac *hmac, struct error *e)
{
    struct bytes plain = buf_view(&s->plain);
    s->ref = (struct ref){.kind = s->chunk.kind, .plain = (uint32_t)plain.len};
    if (name_chunk(hmac, s->chunk.kind, plain, s->ref.chunk_id, e) < 0)
        return -1;
    int known = find_known(w, &s->ref, &s->pack, e);
    s->known = known == KNOWN;
    if (known != 0)
        return known < 0 ? -1 : 0;
    return squeeze_slot(w, s, c, e);
}

static void *worker_main(void *arg)
{
    struct writer *w = arg;
    struct error e = {0};
    struct chunk_codec *c = chunk_codec_new(w->o.level, &e);
    struct digest_hmac *hmac = c ? digest_hmac_new(&w->o.domain->chunk_id, &e) : NULL;
    bool ok = hmac;
    for (struct slot *s; ok && (s = queue_work(w->chunks)) != NULL; queue_done(w->chunks, s))
        if (s->task == TASK_CHUNK && work_on(w, s, c, hmac, &e) < 0)
            ok = false;
    if (!ok)
        fail(w, &e);
    digest_hmac_free(hmac);
    chunk_codec_free(c);
    return NULL;
}

/* ---- packer ------------------------------------------------------------------------ */

/* Recipes are looked up like any chunk: an unchanged stream names last night's. */
static int place_recipe(struct writer *w, struct bytes plain, struct ref *ref, struct error *e)
{
    struct closure_pack pack;
    enum chunk_codec_layout layout = CHUNK_CODEC_TEXT;
    struct buf *stored = &w->recipe_stored;
    if (plain.len > FORMAT_MAX_CHUNK)
        return error_set(e, ERROR_UNSUPPORTED, "a recipe of %zu bytes, at most %zu", plain.len,
                         (size_t)FORMAT_MAX_CHUNK);
    *ref = (struct ref){.kind = FORMAT_KIND_RECIPE, .plain = (uint32_t)plain.len};
    if (name_chunk(w->packer_hmac, ref->kind, plain, ref->chunk_id, e) < 0)
        return -1;
    int known = find_known(w, ref, &pack, e);
    if (known != 0)
        return known < 0 ? -1 : closure_add(&w->known, &pack, e);
    if (squeeze(w->packer_codec, plain, &layout, stored, ref, e) < 0)
        return -1;
    return pack_out_place(w->packs, ref,
                          ref->codec == FORMAT_CODEC_RAW ? plain : buf_view(stored), e);
}

static int end_byte_recipe(struct writer *w, struct writer_stream *s, struct error *e)
{
    struct ref ref;
    if (s->recipe.count == 0)
        return 0;
    w->recipe_plain.len = 0;
    if (recipe_write(&s->recipe, &w->recipe_plain, e) < 0 ||
        place_recipe(w, buf_view(&w->recipe_plain), &ref, e) < 0)
        return -1;
    recipe_clear(&s->recipe, FORMAT_STREAM_BYTES);
    return stream_add_recipe(&s->part, &ref, e);
}

static int end_row_recipe(struct writer *w, struct writer_stream *s, uint32_t base_index,
                          struct error *e)
{
    struct bytes plain;
    struct ref ref;
    int rc;
    if (recipe_out_end(s->rows, base_index, e) < 0)
        return -1;
    while ((rc = recipe_out_next(s->rows, &plain, &ref, e)) == 0)
        if ((plain.len > 0 && place_recipe(w, plain, &ref, e) < 0) ||
            recipe_out_placed(s->rows, &ref, e) < 0 || stream_add_recipe(&s->part, &ref, e) < 0)
            return -1;
    return rc < 0 ? -1 : 0;
}

static int pack_slot(struct writer *w, struct slot *s, struct error *e)
{
    struct writer_stream *stream = s->stream;
    if (s->known) {
        if (closure_add(&w->known, &s->pack, e) < 0)
            return -1;
    } else {
        bool raw = s->ref.codec == FORMAT_CODEC_RAW;
        if (pack_out_place(w->packs, &s->ref, raw ? buf_view(&s->plain) : buf_view(&s->stored),
                           e) < 0)
            return -1;
    }
    w->totals.chunks++;
    if (s->chunk.part_of_row)
        return buf_append(&stream->row_parts, &s->ref, sizeof s->ref, e);
    if (stream->rows)
        return recipe_out_chunk(stream->rows, &s->ref, s->chunk.rows, s->chunk.added, e);
    if (stream->recipe.count >= RECIPE_TARGET_CHUNKS && end_byte_recipe(w, stream, e) < 0)
        return -1;
    return recipe_add_chunk(&stream->recipe, &s->ref, 0, e);
}

static int pack_long_row(struct writer_stream *s, bool keep, struct error *e)
{
    size_t n = s->row_parts.len / sizeof(struct ref);
    const struct ref *refs = (const struct ref *)(const void *)s->row_parts.data;
    if (n > FORMAT_MAX_RECIPE_CHUNKS - RECIPE_TARGET_CHUNKS)
        return error_set(e, ERROR_UNSUPPORTED, "a row of more than %d chunks",
                         FORMAT_MAX_RECIPE_CHUNKS - RECIPE_TARGET_CHUNKS);
    for (size_t i = 0; keep && i < n; i++)
        if (recipe_out_chunk(s->rows, &refs[i], i == 0, false, e) < 0)
            return -1;
    s->row_parts.len = 0;
    return 0;
}

static int end_stream(struct writer *w, struct writer_stream *s, struct error *e)
{
    if (!s->rows && end_byte_recipe(w, s, e) < 0)
        return -1;
    s->recipe_rows = s->rows ? recipe_out_rows(s->rows) : 0;
    recipe_out_free(s->rows);
    s->rows = NULL;
    recipe_done(&s->recipe);
    buf_done(&s->row_parts);
    return 0;
}

static int take_ops(struct writer *w, struct slot *s, struct error *e)
{
    struct writer_stream *stream = s->stream;
    if (recipe_out_ops(stream->rows, (const struct recipe_out_op *)(const void *)s->plain.data,
                       s->plain.len / sizeof(struct recipe_out_op), e) < 0)
        return -1;
    if (s->end == WRITER_GOES_ON)
        return 0;
    if (end_row_recipe(w, stream, s->base_index, e) < 0)
        return -1;
    return s->end == WRITER_STREAM_ENDS ? end_stream(w, stream, e) : 0;
}

static int do_task(struct writer *w, struct slot *s, struct error *e)
{
    switch (s->task) {
    case TASK_CHUNK:
        return pack_slot(w, s, e);
    case TASK_ROW_END:
        return pack_long_row(s->stream, s->keep, e);
    case TASK_OPS:
        return take_ops(w, s, e);
    case TASK_STREAM_END:
        return end_stream(w, s->stream, e);
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
    for (struct slot *s; rc == 0 && (s = queue_take(w->chunks)) != NULL;
         queue_return(w->chunks, s))
        rc = do_task(w, s, &e);
    if (rc == 0 && !queue_stopped(w->chunks))
        rc = pack_out_close(w->packs, &e);
    if (rc < 0)
        fail(w, &e);
    return NULL;
}

/* ---- the handle -------------------------------------------------------------------- */

static int make_queues(struct writer *w, struct error *e)
{
    void *slots[64];
    w->slot_count = w->o.workers + SPARE_SLOTS;
    if (w->slot_count > ARRAY_SIZE(slots))
        return error_set(e, ERROR_USAGE, "%u worker threads, at most %zu", w->o.workers,
                         ARRAY_SIZE(slots) - SPARE_SLOTS);
    w->slots = calloc(w->slot_count, sizeof *w->slots);
    if (!w->slots)
        return error_memory(e, "chunk slots");
    for (size_t i = 0; i < w->slot_count; i++)
        slots[i] = &w->slots[i];
    const struct pack_out_options packs = {
        .repo = w->o.repo,
        .keys = w->o.keys,
        .index = w->o.index,
        .spool = w->o.spool,
        .beat = w->o.beat,
        .beat_arg = w->o.beat_arg,
        .failed = fail,
        .failed_arg = w,
    };
    w->chunks = queue_new(slots, w->slot_count, e);
    w->packs = w->chunks ? pack_out_new(&packs, e) : NULL;
    return w->packs ? 0 : -1;
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
    w->threads = calloc((size_t)w->o.workers + 1, sizeof *w->threads);
    if (!w->threads)
        return error_memory(e, "threads");
    if (start(w, packer_main, e) < 0)
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
    level_init(&w->level, o->level, o->idle_level);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->settled_change, NULL);
    w->packer_codec = chunk_codec_new(RECIPE_LEVEL, e);
    w->packer_hmac = w->packer_codec ? digest_hmac_new(&o->domain->chunk_id, e) : NULL;
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
    if (w->packs)
        pack_out_stop(w->packs);
    join_all(w);
    queue_free(w->chunks);
    pack_out_free(w->packs);
    for (size_t i = 0; w->slots && i < w->slot_count; i++) {
        buf_done(&w->slots[i].plain);
        buf_done(&w->slots[i].stored);
    }
    free(w->slots);
    free(w->threads);
    closure_done(&w->known);
    chunk_codec_free(w->packer_codec);
    digest_hmac_free(w->packer_hmac);
    buf_done(&w->recipe_plain);
    buf_done(&w->recipe_stored);
    (void)pthread_cond_destroy(&w->settled_change);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

struct writer_stream *writer_stream_new(struct writer *w, const struct recipe_out_options *rows,
                                        struct error *e)
{
    struct writer_stream *s = calloc(1, sizeof *s);
    if (!s) {
        if (rows)
            recipe_out_drop(rows);
        (void)error_memory(e, "stream");
        return NULL;
    }
    recipe_clear(&s->recipe, FORMAT_STREAM_BYTES);
    if (!rows)
        return s;
    struct recipe_out_options options = *rows;
    options.known = &w->known;
    s->later = options.base;
    s->rows = recipe_out_new(&options, e);
    if (s->rows)
        return s;
    writer_stream_free(s);
    return NULL;
}

void writer_stream_free(struct writer_stream *s)
{
    if (!s)
        return;
    recipe_out_free(s->rows);
    recipe_done(&s->recipe);
    buf_done(&s->row_parts);
    free(s->part.recipes);
    free(s);
}

/* A slot for a task of stream s; *plain, if it is given, is swapped into it. */
static struct slot *claim(struct writer *w, enum task task, struct writer_stream *stream,
                          struct buf *plain, struct error *e)
{
    struct slot *s = queue_claim(w->chunks);
    if (!s) {
        (void)stopped(w, e);
        return NULL;
    }
    s->task = task;
    s->stream = stream;
    if (plain) {
        struct buf empty = s->plain;
        s->plain = *plain;
        *plain = empty;
        plain->len = 0;
    }
    return s;
}

static int hand_over(struct writer *w, enum task task, struct writer_stream *stream,
                     struct error *e)
{
    if (!claim(w, task, stream, NULL, e))
        return -1;
    queue_give(w->chunks);
    return 0;
}

int writer_put(struct writer *w, struct writer_stream *s, const struct writer_chunk *chunk,
               struct buf *plain, struct error *e)
{
    struct slot *slot = claim(w, TASK_CHUNK, s, plain, e);
    if (!slot)
        return -1;
    slot->chunk = *chunk;
    queue_give(w->chunks);
    return 0;
}

int writer_row_end(struct writer *w, struct writer_stream *s, bool keep, struct error *e)
{
    struct slot *slot = claim(w, TASK_ROW_END, s, NULL, e);
    if (!slot)
        return -1;
    slot->keep = keep;
    queue_give(w->chunks);
    return 0;
}

int writer_ops(struct writer *w, struct writer_stream *s, struct buf *ops, enum writer_end end,
               uint32_t base_index, struct error *e)
{
    struct slot *slot = claim(w, TASK_OPS, s, ops, e);
    if (!slot)
        return -1;
    slot->end = end;
    slot->base_index = base_index;
    queue_give(w->chunks);
    return 0;
}

int writer_stream_end(struct writer *w, struct writer_stream *s, struct error *e)
{
    return hand_over(w, TASK_STREAM_END, s, e);
}

int writer_settle(struct writer *w, struct error *e)
{
    (void)pthread_mutex_lock(&w->lock);
    uint64_t mine = ++w->settles_asked;
    (void)pthread_mutex_unlock(&w->lock);
    if (hand_over(w, TASK_SETTLE, NULL, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&w->lock);
    while (!w->failed && w->settles_done < mine)
        (void)pthread_cond_wait(&w->settled_change, &w->lock);
    bool failed = w->failed;
    (void)pthread_mutex_unlock(&w->lock);
    return failed ? stopped(w, e) : 0;
}

uint64_t writer_stream_take(struct writer_stream *s, struct stream_part *part)
{
    part->recipes = s->part.recipes;
    part->recipe_count = s->part.recipe_count;
    s->part = (struct stream_part){0};
    return s->recipe_rows;
}

uint64_t writer_unstored(struct writer *w)
{
    return pack_out_unstored(w->packs);
}

int writer_finish(struct writer *w, struct closure *closure, struct writer_totals *totals,
                  struct error *e)
{
    struct pack_out_totals packs;
    queue_close(w->chunks);
    join_all(w);
    if (pack_out_join(w->packs, closure, &packs, e) < 0)
        return -1;
    if (w->failed)
        return stopped(w, e);
    if (store_sync(repo_store(w->o.repo), e) < 0)
        return -1;
    for (size_t i = 0; i < w->known.count; i++)
        if (closure_add(closure, &w->known.packs[i], e) < 0)
            return -1;
    *totals = w->totals;
    totals->new_chunks = packs.chunks;
    totals->packs = packs.packs;
    totals->stored_bytes = packs.bytes;
    return 0;
}
