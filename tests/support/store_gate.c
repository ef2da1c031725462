/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_gate.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/str.h"

struct gate {
    struct store base;
    struct store_ops ops;
    struct store *inner;
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_open;
    size_t inside, most, done;
};

static struct gate *gate_of(struct store *s)
{
    return (struct gate *)(void *)s;
}

static void wait_for_gate(struct gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    g->inside++;
    g->most = g->inside > g->most ? g->inside : g->most;
    while (!g->is_open)
        (void)pthread_cond_wait(&g->opened, &g->lock);
    (void)pthread_mutex_unlock(&g->lock);
}

static int put(struct store *s, const char *name, struct bytes content, struct error *e)
{
    struct gate *g = gate_of(s);
    if (!str_starts(name, "packs/"))
        return store_put(g->inner, name, content, e);
    wait_for_gate(g);
    int rc = store_put(g->inner, name, content, e);
    (void)pthread_mutex_lock(&g->lock);
    g->inside--;
    g->done++;
    (void)pthread_mutex_unlock(&g->lock);
    return rc;
}

static int get(struct store *s, const char *name, uint64_t offset, size_t len, struct buf *out,
               struct error *e)
{
    return store_get(gate_of(s)->inner, name, offset, len, out, e);
}

static int list(struct store *s, const char *prefix, store_visit *visit, void *arg,
                struct error *e)
{
    return store_list(gate_of(s)->inner, prefix, visit, arg, e);
}

static int drop(struct store *s, const char *name, struct error *e)
{
    return store_remove(gate_of(s)->inner, name, e);
}

static int make_durable(struct store *s, struct error *e)
{
    return store_sync(gate_of(s)->inner, e);
}

static const char *describe(struct store *s)
{
    return store_describe(gate_of(s)->inner);
}

static void end(struct store *s)
{
    struct gate *g = gate_of(s);
    (void)pthread_cond_destroy(&g->opened);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}

struct store *store_gate_new(struct store *inner, unsigned uploads, struct error *e)
{
    struct gate *g = calloc(1, sizeof *g);
    if (!g) {
        (void)error_memory(e, "store");
        return NULL;
    }
    *g = (struct gate){.ops = {.put = put,
                               .get = get,
                               .list = list,
                               .remove = drop,
                               .sync = make_durable,
                               .describe = describe,
                               .close = end,
                               .uploads = uploads},
                       .inner = inner,
                       .is_open = true};
    g->base.ops = &g->ops;
    (void)pthread_mutex_init(&g->lock, NULL);
    (void)pthread_cond_init(&g->opened, NULL);
    return &g->base;
}

void store_gate_set(struct store *s, bool is_open)
{
    struct gate *g = gate_of(s);
    (void)pthread_mutex_lock(&g->lock);
    g->is_open = is_open;
    (void)pthread_cond_broadcast(&g->opened);
    (void)pthread_mutex_unlock(&g->lock);
}

size_t store_gate_done(struct store *s)
{
    struct gate *g = gate_of(s);
    (void)pthread_mutex_lock(&g->lock);
    size_t done = g->done;
    (void)pthread_mutex_unlock(&g->lock);
    return done;
}

size_t store_gate_most(struct store *s)
{
    struct gate *g = gate_of(s);
    (void)pthread_mutex_lock(&g->lock);
    size_t most = g->most;
    (void)pthread_mutex_unlock(&g->lock);
    return most;
}
