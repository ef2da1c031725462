/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_memory.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/str.h"

#define MAX_WHOLE (256 * MIB + KIB)

struct object {
    char *name;
    struct buf content;
    int64_t modified_us;
};

struct store_memory {
    struct store base;
    pthread_mutex_t lock; /* of all below */
    struct object *objects;
    size_t count, cap;
};

static struct store_memory *self_of(struct store *s)
{
    return (struct store_memory *)(void *)s;
}

/* The lock is held; NULL when there is none. */
static struct object *find(const struct store_memory *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->objects[i].name, name) == 0)
            return &m->objects[i];
    return NULL;
}

static int add(struct store_memory *m, const char *name, struct bytes content, struct error *e)
{
    if (m->count == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 16;
        struct object *objects = reallocarray(m->objects, cap, sizeof *objects);
        if (!objects)
            return error_memory(e, "objects");
        m->objects = objects;
        m->cap = cap;
    }
    struct object o = {.name = str_copy(name, e), .modified_us = clock_now_us()};
    if (!o.name || buf_append(&o.content, content.data, content.len, e) < 0) {
        free(o.name);
        return -1;
    }
    m->objects[m->count++] = o;
    return 0;
}

static int put(struct store *s, const char *name, struct bytes content, struct error *e)
{
    struct store_memory *m = self_of(s);
    (void)pthread_mutex_lock(&m->lock);
    int rc = find(m, name) ? STORE_EXISTS : add(m, name, content, e);
    (void)pthread_mutex_unlock(&m->lock);
    return rc;
}

static int get(struct store *s, const char *name, uint64_t offset, size_t len, struct buf *out,
               struct error *e)
{
    struct store_memory *m = self_of(s);
    int rc = STORE_ABSENT;
    out->len = 0;
    (void)pthread_mutex_lock(&m->lock);
    const struct object *o = find(m, name);
    if (o) {
        size_t from = offset < o->content.len ? (size_t)offset : o->content.len;
        size_t rest = o->content.len - from;
        rc = len == STORE_ALL && rest > MAX_WHOLE
                 ? error_set(e, ERROR_CORRUPT, "%s: %zu bytes are too many", name, rest)
                 : buf_append(out, o->content.data ? o->content.data + from : NULL,
                              len < rest ? len : rest, e);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return rc;
}

/* The names that begin with prefix, each with its terminator, one behind another. */
static int names_of(struct store_memory *m, const char *prefix, struct buf *out,
                    struct error *e)
{
    int rc = 0;
    (void)pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->count && rc == 0; i++)
        if (str_starts(m->objects[i].name, prefix))
            rc = buf_append(out, m->objects[i].name, strlen(m->objects[i].name) + 1, e);
    (void)pthread_mutex_unlock(&m->lock);
    return rc;
}

/* The visitor may use the store, so the lock is not held while he is asked. */
static int list(struct store *s, const char *prefix, store_visit *visit, void *arg,
                struct error *e)
{
    struct store_memory *m = self_of(s);
    struct buf names = {0};
    int rc = names_of(m, prefix, &names, e);
    for (size_t at = 0; at < names.len && rc == 0;) {
        struct store_item item = {.name = (const char *)names.data + at};
        at += strlen(item.name) + 1;
        (void)pthread_mutex_lock(&m->lock);
        const struct object *o = find(m, item.name);
        item.size = o ? o->content.len : 0;
        item.modified_us = o ? o->modified_us : 0;
        (void)pthread_mutex_unlock(&m->lock);
        if (o && visit(arg, &item, e) < 0)
            rc = -1;
    }
    buf_done(&names);
    return rc;
}

static int remove_object(struct store *s, const char *name, struct error *e)
{
    struct store_memory *m = self_of(s);
    (void)e;
    (void)pthread_mutex_lock(&m->lock);
    struct object *o = find(m, name);
    if (o) {
        free(o->name);
        buf_done(&o->content);
        *o = m->objects[--m->count];
    }
    (void)pthread_mutex_unlock(&m->lock);
    return 0;
}

static int sync_store(struct store *s, struct error *e)
{
    (void)s;
    (void)e;
    return 0;
}

static const char *describe(struct store *s)
{
    (void)s;
    return "memory; create-if-absent: yes; durable: no";
}

static void close_store(struct store *s)
{
    struct store_memory *m = self_of(s);
    for (size_t i = 0; i < m->count; i++) {
        free(m->objects[i].name);
        buf_done(&m->objects[i].content);
    }
    free(m->objects);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct store_ops ops = {
    .put = put,
    .get = get,
    .list = list,
    .remove = remove_object,
    .sync = sync_store,
    .describe = describe,
    .close = close_store,
};

struct store *store_memory_new(struct error *e)
{
    struct store_memory *m = calloc(1, sizeof *m);
    if (!m) {
        (void)error_memory(e, "store");
        return NULL;
    }
    m->base.ops = &ops;
    (void)pthread_mutex_init(&m->lock, NULL);
    return &m->base;
}

void store_memory_change(struct store *s, const char *name, struct bytes content)
{
    struct store_memory *m = self_of(s);
    (void)pthread_mutex_lock(&m->lock);
    struct object *o = find(m, name);
    if (!o)
        abort();
    o->content.len = 0;
    if (buf_append(&o->content, content.data, content.len, NULL) < 0)
        abort();
    (void)pthread_mutex_unlock(&m->lock);
}

size_t store_memory_count(struct store *s, const char *prefix)
{
    struct store_memory *m = self_of(s);
    size_t n = 0;
    (void)pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->count; i++)
        n += str_starts(m->objects[i].name, prefix);
    (void)pthread_mutex_unlock(&m->lock);
    return n;
}
