/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_spy.h"

#include <stdlib.h>

#include "core/base/str.h"

static struct store_spy *self_of(struct store *s)
{
    return (struct store_spy *)(void *)s;
}

/* Is it the call that the hook waits for? */
static bool note(struct store_spy *s, const char *what, const char *name)
{
    (void)pthread_mutex_lock(&s->lock);
    size_t at = s->log.len;
    if (buf_printf(&s->log, NULL, "%s%s\n", what, name) < 0 || buf_byte(&s->log, 0, NULL) < 0)
        abort();
    s->log.len--;
    bool met = s->trigger && str_starts((const char *)s->log.data + at, s->trigger);
    if (met)
        s->trigger = NULL;
    (void)pthread_mutex_unlock(&s->lock);
    return met;
}

static int answer(struct store_spy *s, bool met, int rc)
{
    if (met)
        s->hook(s->hook_arg);
    return rc;
}

static int put(struct store *s, const char *name, struct bytes content, struct error *e)
{
    struct store_spy *spy = self_of(s);
    bool met = note(spy, "put ", name);
    return answer(spy, met, store_put(spy->inner, name, content, e));
}

static int get(struct store *s, const char *name, uint64_t offset, size_t len, struct buf *out,
               struct error *e)
{
    struct store_spy *spy = self_of(s);
    bool met = note(spy, "get ", name);
    return answer(spy, met, store_get(spy->inner, name, offset, len, out, e));
}

static int list(struct store *s, const char *prefix, store_visit *visit, void *arg,
                struct error *e)
{
    struct store_spy *spy = self_of(s);
    bool met = note(spy, "list ", prefix);
    return answer(spy, met, store_list(spy->inner, prefix, visit, arg, e));
}

static int remove_object(struct store *s, const char *name, struct error *e)
{
    struct store_spy *spy = self_of(s);
    bool met = note(spy, "remove ", name);
    return answer(spy, met, store_remove(spy->inner, name, e));
}

static int sync_store(struct store *s, struct error *e)
{
    struct store_spy *spy = self_of(s);
    bool met = note(spy, "sync", "");
    return answer(spy, met, store_sync(spy->inner, e));
}

static const char *describe(struct store *s)
{
    return store_describe(self_of(s)->inner);
}

static void close_store(struct store *s)
{
    (void)s;
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

void store_spy_init(struct store_spy *s)
{
    s->base.ops = &ops;
    (void)pthread_mutex_init(&s->lock, NULL);
}

void store_spy_done(struct store_spy *s)
{
    (void)pthread_mutex_destroy(&s->lock);
    buf_done(&s->log);
}
