/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_fault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DELAY_US 20000

struct store_fault_store {
    struct store base;
    struct store *inner;
    enum store_fault fault;
    unsigned at;
    atomic_uint calls;
    atomic_bool crashed;
};

static struct store_fault_store *self_of(struct store *s)
{
    return (struct store_fault_store *)(void *)s;
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

/* Is the call to be passed on? If not, e says why. */
static bool passes(enum store_fault fault, struct error *e)
{
    if (fault == STORE_FAULT_BEFORE)
        (void)error_set(e, ERROR_BUSY, "fault: refused before it was done");
    if (fault == STORE_FAULT_CRASH)
        (void)error_set(e, ERROR_IO, "fault: the store is gone");
    return fault != STORE_FAULT_BEFORE && fault != STORE_FAULT_CRASH;
}

static int answer(enum store_fault fault, int rc, struct error *e)
{
    if (fault == STORE_FAULT_AFTER && rc >= 0)
        return error_set(e, ERROR_BUSY, "fault: done, but the answer is lost");
    return rc;
}

static int put(struct store *s, const char *name, struct bytes content, struct error *e)
{
    struct store_fault_store *f = self_of(s);
    bool was_up = !atomic_load(&f->crashed);
    enum store_fault fault = next_call(f);
    if (fault == STORE_FAULT_CRASH && was_up) {
        char half[200];
        (void)snprintf(half, sizeof half, "%s.half", name);
        (void)!store_put(f->inner, half, bytes_of(content.data, content.len / 2), e);
    }
    return passes(fault, e) ? answer(fault, store_put(f->inner, name, content, e), e) : -1;
}

static int get(struct store *s, const char *name, uint64_t offset, size_t len, struct buf *out,
               struct error *e)
{
    struct store_fault_store *f = self_of(s);
    enum store_fault fault = next_call(f);
    out->len = 0;
    return passes(fault, e) ? answer(fault, store_get(f->inner, name, offset, len, out, e), e)
                            : -1;
}

static int list(struct store *s, const char *prefix, store_visit *visit, void *arg,
                struct error *e)
{
    struct store_fault_store *f = self_of(s);
    enum store_fault fault = next_call(f);
    return passes(fault, e) ? answer(fault, store_list(f->inner, prefix, visit, arg, e), e)
                            : -1;
}

static int remove_object(struct store *s, const char *name, struct error *e)
{
    struct store_fault_store *f = self_of(s);
    enum store_fault fault = next_call(f);
    return passes(fault, e) ? answer(fault, store_remove(f->inner, name, e), e) : -1;
}

static int sync_store(struct store *s, struct error *e)
{
    struct store_fault_store *f = self_of(s);
    enum store_fault fault = next_call(f);
    return passes(fault, e) ? answer(fault, store_sync(f->inner, e), e) : -1;
}

static const char *describe(struct store *s)
{
    return store_describe(self_of(s)->inner);
}

static void close_store(struct store *s)
{
    free(self_of(s));
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

struct store *store_fault_new(struct store *inner, enum store_fault fault, unsigned at,
                              struct error *e)
{
    struct store_fault_store *f = calloc(1, sizeof *f);
    if (!f) {
        (void)error_memory(e, "store");
        return NULL;
    }
    f->base.ops = &ops;
    f->inner = inner;
    f->fault = fault;
    f->at = at;
    return &f->base;
}

bool store_fault_met(struct store *s)
{
    struct store_fault_store *f = self_of(s);
    return atomic_load(&f->calls) >= f->at;
}
