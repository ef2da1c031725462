/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_gate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "tests/support/store_proxy.h"

struct gate {
    struct store_proxy proxy;
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_open;
    size_t inside, most, done;
};

static struct gate *gate_of(struct store *s)
{
    return (struct gate *)(void *)s;
}

static int before(struct store_proxy *p, struct store_call *call, struct error *e)
{
    struct gate *g = gate_of(&p->base);
    (void)e;
    call->mark = strcmp(call->what, "put") == 0 && str_starts(call->name, "packs/");
    if (!call->mark)
        return 0;
    (void)pthread_mutex_lock(&g->lock);
    g->inside++;
    g->most = g->inside > g->most ? g->inside : g->most;
    while (!g->is_open)
        (void)pthread_cond_wait(&g->opened, &g->lock);
    (void)pthread_mutex_unlock(&g->lock);
    return 0;
}

static int after(struct store_proxy *p, const struct store_call *call, int rc, struct error *e)
{
    struct gate *g = gate_of(&p->base);
    (void)e;
    (void)pthread_mutex_lock(&g->lock);
    g->inside -= call->mark != 0;
    g->done += call->mark != 0 && rc >= 0;
    (void)pthread_mutex_unlock(&g->lock);
    return rc;
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
    store_proxy_init(&g->proxy, inner);
    g->proxy.ops.close = end;
    g->proxy.ops.uploads = uploads;
    g->proxy.before = before;
    g->proxy.after = after;
    g->is_open = true;
    (void)pthread_mutex_init(&g->lock, NULL);
    (void)pthread_cond_init(&g->opened, NULL);
    return &g->proxy.base;
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
