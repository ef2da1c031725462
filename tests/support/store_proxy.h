/* SPDX-License-Identifier: Apache-2.0 */
/* What stores of tests share that pass every call on to another one and add something of their
 * own before or after it. A store begins with a struct store_proxy and sets its hooks. */
#ifndef SUPPORT_STORE_PROXY_H
#define SUPPORT_STORE_PROXY_H

#include "core/repo/store.h"

struct store_call {
    const char *what;     /* "put", "get", "list", "remove", "sync" */
    const char *name;     /* of a list the prefix, of a sync "" */
    struct bytes content; /* of a put; for after: what a get gave that answers 0 */
    int mark;             /* for after, by before */
};

struct store_proxy {
    struct store base;
    struct store_ops ops;
    struct store *inner; /* borrowed */
    /* -1 with an error: the call is not passed on, and after is not called. NULL: nothing. */
    int (*before)(struct store_proxy *p, struct store_call *call, struct error *e);
    /* What the caller gets instead of rc. NULL: rc. */
    int (*after)(struct store_proxy *p, const struct store_call *call, int rc, struct error *e);
};

/* Sets base and ops; the rest is the caller's. close does nothing. */
void store_proxy_init(struct store_proxy *p, struct store *inner);

#endif
