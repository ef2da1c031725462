/* SPDX-License-Identifier: Apache-2.0 */
/* A ring: blobs lie one behind the other, from the front on again when the end is reached.
 * Room is given back in the order of the blobs, so that what is free is always one piece. */
#include "core/job/spool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/failpoint.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/str.h"

struct piece {
    struct piece *next;
    uint64_t offset, len;
    bool taken;
};

struct spool {
    char *path;
    uint64_t capacity, spare;
    /* The putting thread's; those that take have a place from it. */
    int fd;
    bool is_shut; /* the disk refused */
    bool said;    /* that it takes no more */
    pthread_mutex_t lock;
    struct piece *first, *last; /* what is held or was taken out of its turn */
    uint64_t held;
};

struct spool *spool_new(const struct spool_options *o, struct error *e)
{
    struct spool *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "spool");
        return NULL;
    }
    s->fd = -1;
    s->capacity = o->capacity;
    s->spare = o->spare;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->path = str_copy(o->path, e);
    if (s->path) {
        /* Of another run's that has just been made this takes only the name, as it does. */
        file_draft_sweep(s->path);
        return s;
    }
    spool_free(s);
    return NULL;
}

void spool_free(struct spool *s)
{
    if (!s)
        return;
    for (struct piece *p = s->first, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    if (s->fd >= 0)
        (void)close(s->fd);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->path);
    free(s);
}

/* Where len bytes may go; false when they may not. */
static bool find_room(const struct spool *s, uint64_t len, uint64_t *offset)
{
    *offset = 0;
    if (len > s->capacity)
        return false;
    if (!s->first)
        return true;
    uint64_t begin = s->first->offset;
    uint64_t end = s->last->offset + s->last->len;
    if (end <= begin) { /* the ring has gone round */
        *offset = end;
        return begin - end >= len;
    }
    if (s->capacity - end >= len) {
        *offset = end;
        return true;
    }
    return begin >= len;
}

/* Reserve room for a blob; NULL when there is none. */
static struct piece *reserve(struct spool *s, uint64_t len)
{
    uint64_t offset;
    struct piece *p = NULL;
    (void)pthread_mutex_lock(&s->lock);
    if (find_room(s, len, &offset))
        p = calloc(1, sizeof *p);
    if (p) {
        p->offset = offset;
        p->len = len;
        if (s->last)
            s->last->next = p;
        else
            s->first = p;
        s->last = p;
        s->held += len;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return p;
}

/* The pieces at the front that were taken are free. The one that was put last stays while it
 * is held, or the ring is empty. */
static void release(struct spool *s, uint64_t offset)
{
    (void)pthread_mutex_lock(&s->lock);
    for (struct piece *p = s->first; p; p = p->next)
        if (p->offset == offset && !p->taken) {
            p->taken = true;
            s->held -= p->len;
            break;
        }
    while (s->first && s->first->taken) {
        struct piece *p = s->first;
        s->first = p->next;
        if (!s->first)
            s->last = NULL;
        free(p);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

/* The piece at offset is not needed any more, on the disk first: as soon as it is released a
 * put may write there. */
static void give_back(struct spool *s, uint64_t offset, uint64_t len)
{
    file_punch(s->fd, offset, len);
    release(s, offset);
}

/* It was only to save time: not an error. */
static int take_no_more(struct spool *s, const char *why)
{
    if (!s->said)
        log_warning("the spool takes no more, so that a slow store slows the dump down: %s",
                    why);
    s->said = true;
    return SPOOL_FULL;
}

/* Does the disk have room for len more bytes, which are reserved, and for what others need of
 * it? They write while this file lies there, so both get the same share. */
static bool disk_has_room(struct spool *s, uint64_t len)
{
    uint64_t room = file_room(s->fd);
    uint64_t mine = spool_held(s);
    return room >= len && room - len >= (mine > s->spare ? mine : s->spare);
}

static int write_at(struct spool *s, struct bytes b, uint64_t offset, struct error *e)
{
    if (failpoint_hit("spool write") < 0 || lseek(s->fd, (off_t)offset, SEEK_SET) < 0)
        return error_system(e, "spool");
    return file_write_full(s->fd, b, e);
}

int spool_put(struct spool *s, struct bytes blob, const uint8_t sha256[DIGEST_LEN],
              struct spool_place *place, struct error *e)
{
    struct error why;
    if (blob.len == 0 || blob.len > UINT32_MAX)
        return error_set(e, ERROR_UNSUPPORTED, "spool: a blob of %zu bytes", blob.len);
    if (s->is_shut)
        return SPOOL_FULL;
    if (s->fd < 0 && (s->fd = file_temporary(s->path, &why)) < 0) {
        s->is_shut = true;
        return take_no_more(s, why.text);
    }
    struct piece *p = reserve(s, blob.len);
    if (!p)
        return SPOOL_FULL;
    uint64_t offset = p->offset;
    if (!disk_has_room(s, blob.len)) {
        release(s, offset);
        return take_no_more(s, "its disk has little room left");
    }
    if (write_at(s, blob, offset, &why) < 0) {
        s->is_shut = true;
        give_back(s, offset, blob.len);
        return take_no_more(s, why.text);
    }
    *place = (struct spool_place){.offset = offset, .len = (uint32_t)blob.len};
    memcpy(place->sha256, sha256, DIGEST_LEN);
    return 0;
}

int spool_take(struct spool *s, const struct spool_place *place, struct buf *out,
               struct error *e)
{
    uint8_t found[DIGEST_LEN];
    size_t got;
    out->len = 0;
    if (buf_reserve(out, place->len, e) < 0 ||
        file_read_at(s->fd, place->offset, out->data, place->len, &got, e) < 0)
        return -1;
    out->len = got;
    give_back(s, place->offset, place->len);
    if (digest_sha256(buf_view(out), found, e) < 0)
        return -1;
    if (got != place->len || memcmp(found, place->sha256, sizeof found) != 0)
        return error_set(e, ERROR_CORRUPT,
                         "spool: a pack of %u bytes is not what was written there", place->len);
    return 0;
}

uint64_t spool_held(struct spool *s)
{
    (void)pthread_mutex_lock(&s->lock);
    uint64_t held = s->held;
    (void)pthread_mutex_unlock(&s->lock);
    return held;
}
