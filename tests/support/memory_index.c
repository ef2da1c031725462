/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/memory_index.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/repo/id_table.h"

struct row {
    struct ref ref;
    struct closure_pack pack;
};

struct memory_index {
    struct chunk_index callbacks;
    pthread_mutex_t lock; /* of all below */
    struct id_table table;
    struct row *rows;
    size_t count, cap;
    unsigned calls, fail_at;
};

/* The lock is held. */
static int count_call(struct memory_index *m, struct error *e)
{
    m->calls++;
    if (m->fail_at != 0 && m->calls >= m->fail_at)
        return error_set(e, ERROR_IO, "fault: the index is gone");
    return 0;
}

static int lookup(void *arg, const uint8_t chunk_id[FORMAT_HASH_LEN], struct ref *ref,
                  struct closure_pack *pack, struct error *e)
{
    struct memory_index *m = arg;
    (void)pthread_mutex_lock(&m->lock);
    int rc = count_call(m, e) < 0 ? -1 : 1;
    size_t at = id_table_start(&m->table, chunk_id);
    for (uint32_t i; rc == 1 && id_table_next(&m->table, &at, &i);)
        if (memcmp(m->rows[i].ref.chunk_id, chunk_id, FORMAT_HASH_LEN) == 0) {
            *ref = m->rows[i].ref;
            *pack = m->rows[i].pack;
            rc = 0;
        }
    (void)pthread_mutex_unlock(&m->lock);
    return rc;
}

static int add_row(struct memory_index *m, const struct ref *ref,
                   const struct closure_pack *pack, struct error *e)
{
    if (m->count == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 64;
        struct row *rows = reallocarray(m->rows, cap, sizeof *rows);
        if (!rows)
            return error_memory(e, "index");
        m->rows = rows;
        m->cap = cap;
    }
    m->rows[m->count] = (struct row){.ref = *ref, .pack = *pack};
    return id_table_add(&m->table, ref->chunk_id, (uint32_t)m->count++, e);
}

static int add(void *arg, const struct closure_pack *pack, const struct ref *refs, size_t count,
               struct error *e)
{
    struct memory_index *m = arg;
    (void)pthread_mutex_lock(&m->lock);
    int rc = count_call(m, e);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add_row(m, &refs[i], pack, e);
    (void)pthread_mutex_unlock(&m->lock);
    return rc;
}

struct memory_index *memory_index_new(void)
{
    struct memory_index *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    m->callbacks = (struct chunk_index){.arg = m, .lookup = lookup, .add = add};
    (void)pthread_mutex_init(&m->lock, NULL);
    return m;
}

void memory_index_free(struct memory_index *m)
{
    if (!m)
        return;
    id_table_done(&m->table);
    free(m->rows);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

const struct chunk_index *memory_index_callbacks(const struct memory_index *m)
{
    return &m->callbacks;
}

size_t memory_index_count(struct memory_index *m)
{
    (void)pthread_mutex_lock(&m->lock);
    size_t n = m->count;
    (void)pthread_mutex_unlock(&m->lock);
    return n;
}

void memory_index_fail_at(struct memory_index *m, unsigned n)
{
    (void)pthread_mutex_lock(&m->lock);
    m->calls = 0;
    m->fail_at = n;
    (void)pthread_mutex_unlock(&m->lock);
}
