/* SPDX-License-Identifier: Apache-2.0 */
/* A store that passes every call on to another one and writes down in which order they came. */
#ifndef SUPPORT_STORE_SPY_H
#define SUPPORT_STORE_SPY_H

#include <pthread.h>

#include "core/repo/store.h"

struct store_spy {
    struct store base;
    struct store *inner;  /* borrowed */
    pthread_mutex_t lock; /* of log and trigger */
    struct buf log;      /* "put NAME", "get NAME", "list PREFIX", "remove NAME", "sync", a line
                          * each,      with a terminator behind */
    const char *trigger; /* once, after the first call whose line begins so; NULL: never */
    void (*hook)(void *arg);
    void *hook_arg;
};

/* Zeroed before; store_spy_done when it is not used any more. */
void store_spy_init(struct store_spy *s);
void store_spy_done(struct store_spy *s);

#endif
