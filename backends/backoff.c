/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/backoff.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define DAY_S 86400
#define SLICE_MS 100
#define DOUBLINGS 16 /* beyond which the bound is at its most in any case */

int backoff_patience(int64_t *ms, struct error *e)
{
    uint64_t seconds;
    const char *text = getenv("PGKEEP_STORE_PATIENCE");
    *ms = BACKOFF_PATIENCE_MS;
    if (!text || !*text)
        return 0;
    if (!str_u64(text, DAY_S, &seconds))
        return error_set(e, ERROR_USAGE,
                         "PGKEEP_STORE_PATIENCE is not a number of seconds from 0 to %d",
                         DAY_S);
    *ms = (int64_t)seconds * 1000;
    return 0;
}

void backoff_begin(struct backoff *b, int64_t patience_ms)
{
    *b = (struct backoff){.patience_ms = patience_ms};
}

/* 0 to bound. Without randomness the bound itself: late, but no reason to fail. */
static int64_t jitter(int64_t bound)
{
    uint32_t r;
    if (secret_random(&r, sizeof r, NULL) < 0)
        return bound;
    return (int64_t)(r % (uint32_t)(bound + 1));
}

bool backoff_wait(struct backoff *b, int64_t at_least_ms, const volatile sig_atomic_t *stop)
{
    int64_t now = clock_monotonic_ms();
    if (b->failures == 0)
        b->end_ms = now + b->patience_ms;
    unsigned doublings = b->failures < DOUBLINGS ? b->failures : DOUBLINGS;
    b->failures++;
    int64_t bound = (int64_t)BACKOFF_FIRST_MS << doublings;
    int64_t wait = jitter(bound < BACKOFF_MOST_MS ? bound : BACKOFF_MOST_MS);
    if (wait < at_least_ms)
        wait = at_least_ms;
    if (b->end_ms - now < wait)
        return false;
    /* The signal may have come to another thread. */
    for (int64_t left = wait; left > 0 && !(stop && *stop); left -= SLICE_MS) {
        const struct timespec slice = {
            .tv_sec = 0, .tv_nsec = (left < SLICE_MS ? left : SLICE_MS) * 1000000};
        (void)nanosleep(&slice, NULL);
    }
    return true;
}
