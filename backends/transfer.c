/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/transfer.h"

#include <pthread.h>

#include "core/base/clock.h"

static void start_libcurl(void)
{
    /* Counted by libcurl; others of the program may have done it as well. */
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

void transfer_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, start_libcurl);
}

/* What one of the running requests may use of a limit; libcurl takes 0 for none. */
static curl_off_t share_of(uint64_t limit, unsigned sharers)
{
    uint64_t share = limit / sharers;
    if (limit > 0 && share == 0)
        share = 1;
    return share > INT64_MAX ? INT64_MAX : (curl_off_t)share;
}

static void share_bandwidth(struct transfer *t)
{
    const struct store_options *o = &t->of->o;
    unsigned sharers = atomic_load(&t->of->running);
    if (sharers == t->sharers)
        return;
    t->sharers = sharers;
    (void)curl_easy_setopt(t->curl, CURLOPT_MAX_SEND_SPEED_LARGE,
                           share_of(o->up_per_second, sharers));
    (void)curl_easy_setopt(t->curl, CURLOPT_MAX_RECV_SPEED_LARGE,
                           share_of(o->down_per_second, sharers));
}

void transfer_begin(struct transfer *t)
{
    atomic_fetch_add(&t->of->running, 1);
    t->moved = 0;
    t->moved_ms = clock_monotonic_ms();
    t->sharers = 0; /* the limits may be others than at the handle's last request */
    t->stalled = t->stopped = false;
    share_bandwidth(t);
}

void transfer_end(struct transfer *t)
{
    atomic_fetch_sub(&t->of->running, 1);
}

void transfer_moved(struct transfer *t)
{
    t->moved_ms = clock_monotonic_ms();
}

int transfer_watch(void *transfer, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                   curl_off_t up)
{
    struct transfer *t = transfer;
    const volatile sig_atomic_t *stop = t->of->o.stop;
    (void)down_total;
    (void)up_total;
    share_bandwidth(t);
    if (down + up != t->moved) {
        t->moved = down + up;
        transfer_moved(t);
    }
    t->stopped = stop && *stop != 0;
    t->stalled = clock_monotonic_ms() - t->moved_ms >= t->stall_ms;
    return t->stopped || t->stalled;
}
