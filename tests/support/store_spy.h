/* SPDX-License-Identifier: Apache-2.0 */
/* A store that passes every call on to another one and writes down in which order they came. */
#ifndef SUPPORT_STORE_SPY_H
#define SUPPORT_STORE_SPY_H

#include <pthread.h>

#include "tests/support/store_proxy.h"

struct store_spy {
    struct store_proxy proxy;
    pthread_mutex_t lock; /* of log, got_bytes and trigger */
    struct buf log;       /* "put NAME", "get NAME", "list PREFIX", "remove NAME", "sync", a
                           * line each, with a terminator behind */
    uint64_t got_bytes;   /* that gets have given */
    const char *trigger;  /* once, after the first call whose line begins so; NULL: never */
    void (*hook)(void *arg);
    void *hook_arg;
};

/* inner is borrowed; store_spy_done when the spy is not used any more. */
void store_spy_init(struct store_spy *s, struct store *inner);
void store_spy_done(struct store_spy *s);

#endif
