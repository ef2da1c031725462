/* SPDX-License-Identifier: Apache-2.0 */
/* The file only grows, and is written under the lock: nobody waits long for 16 bytes a row.
 * Readers map what there is, so that rows which lie here and there cost no system call each.
 */
#include "core/job/verify_kept.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/file_map.h"
#include "core/repo/id_table.h"

#define ERRORS_MAX 1024 /* damaged chunks beyond so many are looked at again each time */

enum state { IDLE, BUSY, THERE, BEYOND, BAD };

struct kept {
    struct recipe_chunk chunk;
    enum state state;
    uint64_t offset;   /* THERE: in the file */
    struct error *why; /* BAD */
};

struct verify_kept {
    int fd;
    uint64_t limit;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t done;  /* a chunk is not busy any more */
    struct kept *chunks;
    size_t count, cap;
    struct id_table table; /* by chunk id */
    uint64_t used;         /* of the limit */
    uint64_t end;          /* of the file */
    bool full;             /* no more is written */
    size_t errors;
    uint64_t there;
};

struct verify_kept *verify_kept_new(const char *path, uint64_t limit, struct error *e)
{
    struct verify_kept *k = calloc(1, sizeof *k);
    if (!k) {
        (void)error_memory(e, "row hashes");
        return NULL;
    }
    k->limit = limit;
    (void)pthread_mutex_init(&k->lock, NULL);
    (void)pthread_cond_init(&k->done, NULL);
    k->fd = file_temporary(path, e);
    if (k->fd >= 0)
        return k;
    verify_kept_free(k);
    return NULL;
}

void verify_kept_free(struct verify_kept *k)
{
    if (!k)
        return;
    if (k->fd >= 0)
        (void)close(k->fd);
    for (size_t i = 0; i < k->count; i++)
        free(k->chunks[i].why);
    free(k->chunks);
    id_table_done(&k->table);
    (void)pthread_cond_destroy(&k->done);
    (void)pthread_mutex_destroy(&k->lock);
    free(k);
}

/* ---- claims ------------------------------------------------------------------------ */

static bool same_chunk(const struct recipe_chunk *a, const struct recipe_chunk *b)
{
    return a->rows == b->rows && a->ref.record == b->ref.record &&
           a->ref.offset == b->ref.offset && a->ref.stored == b->ref.stored &&
           a->ref.plain == b->ref.plain && a->ref.codec == b->ref.codec &&
           a->ref.kind == b->ref.kind &&
           memcmp(a->ref.pack_id, b->ref.pack_id, sizeof a->ref.pack_id) == 0 &&
           memcmp(a->ref.chunk_id, b->ref.chunk_id, sizeof a->ref.chunk_id) == 0;
}

static struct kept *find(struct verify_kept *k, const struct recipe_chunk *chunk)
{
    uint32_t place;
    size_t at = id_table_start(&k->table, chunk->ref.chunk_id);
    while (id_table_next(&k->table, &at, &place))
        if (same_chunk(&k->chunks[place].chunk, chunk))
            return &k->chunks[place];
    return NULL;
}

static int grow(struct verify_kept *k, struct error *e)
{
    size_t cap = k->cap ? k->cap * 2 : 256;
    struct kept *chunks = reallocarray(k->chunks, cap, sizeof *chunks);
    if (!chunks)
        return error_memory(e, "row hashes");
    k->chunks = chunks;
    k->cap = cap;
    return 0;
}

/* A chunk that nobody has asked for. Answers VERIFY_KEPT_FULL. */
static int add(struct verify_kept *k, const struct recipe_chunk *chunk, struct kept **out,
               struct error *e)
{
    uint64_t cost = sizeof **out + sizeof(struct row_hash) * (uint64_t)chunk->rows;
    if (k->full || k->count == UINT32_MAX - 1 || cost > k->limit - k->used)
        return VERIFY_KEPT_FULL;
    if ((k->count == k->cap && grow(k, e) < 0) ||
        id_table_add(&k->table, chunk->ref.chunk_id, (uint32_t)k->count, e) < 0)
        return -1;
    *out = &k->chunks[k->count++];
    **out = (struct kept){.chunk = *chunk};
    k->used += cost;
    return 0;
}

static int answer(struct kept *c, struct error *e)
{
    switch (c->state) {
    case THERE:
        return 0;
    case BUSY:
        return VERIFY_KEPT_BUSY;
    case BEYOND:
        return VERIFY_KEPT_FULL;
    case BAD:
        *e = *c->why;
        return -1;
    case IDLE:
        break;
    }
    c->state = BUSY;
    return VERIFY_KEPT_YOURS;
}

int verify_kept_claim(struct verify_kept *k, const struct recipe_chunk *chunk, uint32_t *place,
                      struct error *e)
{
    (void)pthread_mutex_lock(&k->lock);
    struct kept *c = find(k, chunk);
    int rc = c ? 0 : add(k, chunk, &c, e);
    if (rc == 0) {
        rc = answer(c, e);
        *place = (uint32_t)(c - k->chunks);
    }
    (void)pthread_mutex_unlock(&k->lock);
    return rc;
}

int verify_kept_wait(struct verify_kept *k, uint32_t place, struct error *e)
{
    (void)pthread_mutex_lock(&k->lock);
    while (k->chunks[place].state == BUSY)
        (void)pthread_cond_wait(&k->done, &k->lock);
    int rc = answer(&k->chunks[place], e);
    (void)pthread_mutex_unlock(&k->lock);
    return rc;
}

/* ---- what became of them ----------------------------------------------------------- */

int verify_kept_put(struct verify_kept *k, uint32_t place, const struct row_hash *hashes)
{
    (void)pthread_mutex_lock(&k->lock);
    struct kept *c = &k->chunks[place];
    size_t len = sizeof *hashes * c->chunk.rows;
    assert(c->state == BUSY);
    /* What a write left that failed is never read, nor written over: there is room no more. */
    k->full = k->full || file_write_full(k->fd, bytes_of(hashes, len), NULL) < 0;
    c->state = k->full ? BEYOND : THERE;
    c->offset = k->end;
    if (!k->full) {
        k->end += len;
        k->there++;
    }
    int rc = k->full ? VERIFY_KEPT_FULL : 0;
    (void)pthread_cond_broadcast(&k->done);
    (void)pthread_mutex_unlock(&k->lock);
    return rc;
}

void verify_kept_fail(struct verify_kept *k, uint32_t place, const struct error *why)
{
    (void)pthread_mutex_lock(&k->lock);
    struct kept *c = &k->chunks[place];
    assert(c->state == BUSY);
    c->state = IDLE;
    if (why->kind == ERROR_CORRUPT && k->errors < ERRORS_MAX) {
        c->why = malloc(sizeof *c->why);
        if (c->why) {
            *c->why = *why;
            c->state = BAD;
            k->errors++;
        }
    }
    (void)pthread_cond_broadcast(&k->done);
    (void)pthread_mutex_unlock(&k->lock);
}

/* ---- reading ----------------------------------------------------------------------- */

int verify_kept_map(struct verify_kept *k, struct bytes *map, struct error *e)
{
    char self[64];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", k->fd);
    int rc = file_map_open(self, map, e);
    return rc == FILE_MAP_ABSENT ? VERIFY_KEPT_FULL : rc;
}

int verify_kept_view(struct verify_kept *k, struct bytes map, uint32_t place,
                     const struct row_hash **hashes, struct error *e)
{
    (void)pthread_mutex_lock(&k->lock);
    const struct kept c = k->chunks[place];
    (void)pthread_mutex_unlock(&k->lock);
    size_t len = sizeof **hashes * c.chunk.rows;
    assert(c.state == THERE && c.offset <= map.len && len <= map.len - c.offset);
    const uint8_t *at = map.data + c.offset;
    *hashes = (const struct row_hash *)(const void *)at;
    return file_map_ready(bytes_of(at, len), e);
}

uint64_t verify_kept_chunks(struct verify_kept *k)
{
    (void)pthread_mutex_lock(&k->lock);
    uint64_t n = k->there;
    (void)pthread_mutex_unlock(&k->lock);
    return n;
}
