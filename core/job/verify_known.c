/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/verify_known.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/repo/id_table.h"

#define MOST (64 * MIB) /* of the ids of packs */

struct known {
    uint8_t key[DIGEST_LEN];
    size_t at, len; /* in ids */
};

struct verify_known {
    pthread_mutex_t lock;
    struct buf ids;
    struct known *streams;
    size_t count, cap;
    struct id_table table; /* by key */
};

struct verify_known *verify_known_new(struct error *e)
{
    struct verify_known *k = calloc(1, sizeof *k);
    if (!k) {
        (void)error_memory(e, "streams that are known");
        return NULL;
    }
    (void)pthread_mutex_init(&k->lock, NULL);
    return k;
}

void verify_known_free(struct verify_known *k)
{
    if (!k)
        return;
    buf_done(&k->ids);
    free(k->streams);
    id_table_done(&k->table);
    (void)pthread_mutex_destroy(&k->lock);
    free(k);
}

int verify_known_key(const struct stream *stream, const struct entry *entry,
                     uint8_t key[DIGEST_LEN], struct error *e)
{
    struct buf b = {0};
    int rc = stream_write(stream, &b, e);
    if (rc == 0 && entry &&
        (buf_u64(&b, entry->rows, e) < 0 ||
         buf_append(&b, entry->sum, sizeof entry->sum, e) < 0))
        rc = -1;
    if (rc == 0)
        rc = digest_sha256(buf_view(&b), key, e);
    buf_done(&b);
    return rc;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, FORMAT_ID_LEN);
}

/* The ids at the end of k->ids, each once. */
static void sort_ids(struct verify_known *k, size_t at)
{
    size_t end = at;
    qsort(k->ids.data + at, (k->ids.len - at) / FORMAT_ID_LEN, FORMAT_ID_LEN, by_id);
    for (size_t i = at; i < k->ids.len; i += FORMAT_ID_LEN) {
        if (end > at && by_id(k->ids.data + end - FORMAT_ID_LEN, k->ids.data + i) == 0)
            continue;
        memmove(k->ids.data + end, k->ids.data + i, FORMAT_ID_LEN);
        end += FORMAT_ID_LEN;
    }
    k->ids.len = end;
}

static int add(struct verify_known *k, const uint8_t key[DIGEST_LEN], struct bytes packs,
               struct error *e)
{
    size_t at = k->ids.len;
    if (k->count == k->cap) {
        size_t cap = k->cap ? k->cap * 2 : 64;
        struct known *streams = reallocarray(k->streams, cap, sizeof *streams);
        if (!streams)
            return error_memory(e, "streams that are known");
        k->streams = streams;
        k->cap = cap;
    }
    if (buf_append(&k->ids, packs.data, packs.len, e) < 0 ||
        id_table_add(&k->table, key, (uint32_t)k->count, e) < 0)
        return -1;
    sort_ids(k, at);
    struct known *s = &k->streams[k->count++];
    *s = (struct known){.at = at, .len = k->ids.len - at};
    memcpy(s->key, key, sizeof s->key);
    return 0;
}

int verify_known_add(struct verify_known *k, const uint8_t key[DIGEST_LEN], struct bytes packs,
                     struct error *e)
{
    int rc = 0;
    (void)pthread_mutex_lock(&k->lock);
    if (packs.len <= MOST - k->ids.len && k->count < MOST / sizeof *k->streams)
        rc = add(k, key, packs, e);
    (void)pthread_mutex_unlock(&k->lock);
    return rc;
}

static bool lists_all(const struct verify_known *k, const struct known *s,
                      const struct closure *closure)
{
    for (size_t i = s->at; i < s->at + s->len; i += FORMAT_ID_LEN)
        if (!closure_find(closure, k->ids.data + i))
            return false;
    return true;
}

bool verify_known_find(struct verify_known *k, const uint8_t key[DIGEST_LEN],
                       const struct closure *closure)
{
    bool found = false;
    uint32_t place;
    (void)pthread_mutex_lock(&k->lock);
    size_t at = id_table_start(&k->table, key);
    while (!found && id_table_next(&k->table, &at, &place))
        found = memcmp(k->streams[place].key, key, DIGEST_LEN) == 0 &&
                lists_all(k, &k->streams[place], closure);
    (void)pthread_mutex_unlock(&k->lock);
    return found;
}
