/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_fault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/store_proxy.h"

#define DELAY_US 20000

struct store_fault_store {
    struct store_proxy proxy;
    enum store_fault fault;
    unsigned at;
    atomic_uint calls;
    atomic_bool crashed;
};

static struct store_fault_store *self_of(struct store_proxy *p)
{
    return (struct store_fault_store *)(void *)p;
}

/* What is to happen to this call. */
static enum store_fault next_call(struct store_fault_store *f)
{
    unsigned n = atomic_fetch_add(&f->calls, 1) + 1;
    if (atomic_load(&f->crashed))
        return STORE_FAULT_CRASH;
    if (n != f->at)
        return STORE_FAULT_NONE;
    if (f->fault == STORE_FAULT_CRASH)
        atomic_store(&f->crashed, true);
    if (f->fault == STORE_FAULT_DELAY)
        (void)usleep(DELAY_US);
    return f->fault;
}

static void put_half(struct store *inner, const struct store_call *call)
{
    struct error ignored = {0};
    char half[200];
    (void)snprintf(half, sizeof half, "%s.half", call->name);
    (void)!store_put(inner, half, bytes_of(call->content.data, call->content.len / 2),
                     &ignored);
    error_clear(&ignored);
}

static int before(struct store_proxy *p, struct store_call *call, struct error *e)
{
    struct store_fault_store *f = self_of(p);
    bool was_up = !atomic_load(&f->crashed);
    enum store_fault fault = next_call(f);
    call->mark = (int)fault;
    if (fault == STORE_FAULT_BEFORE)
        return error_set(e, ERROR_BUSY, "fault: refused before it was done");
    if (fault != STORE_FAULT_CRASH)
        return 0;
    if (was_up && strcmp(call->what, "put") == 0)
        put_half(p->inner, call);
    return error_set(e, ERROR_IO, "fault: the store is gone");
}

static int after(struct store_proxy *p, const struct store_call *call, int rc, struct error *e)
{
    (void)p;
    if (call->mark == STORE_FAULT_AFTER && rc >= 0)
        return error_set(e, ERROR_BUSY, "fault: done, but the answer is lost");
    return rc;
}

static void close_store(struct store *s)
{
    free(s);
}

struct store *store_fault_new(struct store *inner, enum store_fault fault, unsigned at,
                              struct error *e)
{
    struct store_fault_store *f = calloc(1, sizeof *f);
    if (!f) {
        (void)error_memory(e, "store");
        return NULL;
    }
    store_proxy_init(&f->proxy, inner);
    f->proxy.ops.close = close_store;
    f->proxy.before = before;
    f->proxy.after = after;
    f->fault = fault;
    f->at = at;
    return &f->proxy.base;
}

bool store_fault_met(struct store *s)
{
    struct store_fault_store *f = (struct store_fault_store *)(void *)s;
    return atomic_load(&f->calls) >= f->at;
}
