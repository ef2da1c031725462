/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_proxy.h"

static struct store_proxy *self_of(struct store *s)
{
    return (struct store_proxy *)(void *)s;
}

static int begin(struct store_proxy *p, struct store_call *call, struct error *e)
{
    return p->before ? p->before(p, call, e) : 0;
}

static int end(struct store_proxy *p, const struct store_call *call, int rc, struct error *e)
{
    return p->after ? p->after(p, call, rc, e) : rc;
}

static int put(struct store *s, const char *name, struct bytes content, struct error *e)
{
    struct store_proxy *p = self_of(s);
    struct store_call call = {.what = "put", .name = name, .content = content};
    if (begin(p, &call, e) < 0)
        return -1;
    return end(p, &call, store_put(p->inner, name, content, e), e);
}

static int get(struct store *s, const char *name, uint64_t offset, size_t len, struct buf *out,
               struct error *e)
{
    struct store_proxy *p = self_of(s);
    struct store_call call = {.what = "get", .name = name};
    out->len = 0;
    if (begin(p, &call, e) < 0)
        return -1;
    int rc = store_get(p->inner, name, offset, len, out, e);
    if (rc == 0)
        call.content = buf_view(out);
    return end(p, &call, rc, e);
}

static int list(struct store *s, const char *prefix, store_visit *visit, void *arg,
                struct error *e)
{
    struct store_proxy *p = self_of(s);
    struct store_call call = {.what = "list", .name = prefix};
    if (begin(p, &call, e) < 0)
        return -1;
    return end(p, &call, store_list(p->inner, prefix, visit, arg, e), e);
}

static int remove_object(struct store *s, const char *name, struct error *e)
{
    struct store_proxy *p = self_of(s);
    struct store_call call = {.what = "remove", .name = name};
    if (begin(p, &call, e) < 0)
        return -1;
    return end(p, &call, store_remove(p->inner, name, e), e);
}

static int sync_store(struct store *s, struct error *e)
{
    struct store_proxy *p = self_of(s);
    struct store_call call = {.what = "sync", .name = ""};
    if (begin(p, &call, e) < 0)
        return -1;
    return end(p, &call, store_sync(p->inner, e), e);
}

static const char *describe(struct store *s)
{
    return store_describe(self_of(s)->inner);
}

static void close_store(struct store *s)
{
    (void)s;
}

void store_proxy_init(struct store_proxy *p, struct store *inner)
{
    p->ops = (struct store_ops){
        .put = put,
        .get = get,
        .list = list,
        .remove = remove_object,
        .sync = sync_store,
        .describe = describe,
        .close = close_store,
    };
    p->base.ops = &p->ops;
    p->inner = inner;
}
