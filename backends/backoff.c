/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/backoff.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define DAY_S 86400
#define SLICE_MS 50  /* how late a stop flag may be seen */
#define DOUBLINGS 16 /* beyond which the bound is at its most in any case */

int backoff_read_patience(struct backoff_patience *p, struct error *e)
{
    uint64_t seconds;
    const char *text = getenv("PGKEEP_STORE_PATIENCE");
    p->ms = BACKOFF_PATIENCE_MS;
    if (!text || !*text)
        return 0;
    if (!str_u64(text, DAY_S, &seconds))
        return error_set(e, ERROR_USAGE,
                         "PGKEEP_STORE_PATIENCE is not a number of seconds from 0 to %d",
                         DAY_S);
    p->ms = (int64_t)seconds * 1000;
    return 0;
}

void backoff_answered(struct backoff_patience *p)
{
    atomic_store(&p->gave_up, false);
}

void backoff_begin(struct backoff *b, struct backoff_patience *p)
{
    bool is_short = atomic_load(&p->gave_up) && p->ms > BACKOFF_GAVE_UP_MS;
    *b = (struct backoff){.of = p, .patience_ms = is_short ? BACKOFF_GAVE_UP_MS : p->ms};
}

int64_t backoff_left_ms(const struct backoff *b)
{
    if (b->end_ms == 0)
        return b->patience_ms;
    int64_t left = b->end_ms - clock_monotonic_ms();
    return left > 0 ? left : 0;
}

/* 0 to bound. Without randomness the bound itself: late, but no reason to fail. */
static int64_t jitter(int64_t bound)
{
    uint32_t r;
    if (secret_random(&r, sizeof r, NULL) < 0)
        return bound;
    return (int64_t)(r % (uint32_t)(bound + 1));
}

static int give_up(struct backoff *b, struct error *e)
{
    atomic_store(&b->of->gave_up, true);
    if (e)
        e->kind = ERROR_BUSY;
    int64_t spent_ms = clock_monotonic_ms() - (b->end_ms - b->patience_ms);
    (void)error_wrap(e, "gave up after %u attempt%s in %.1f s", b->failures,
                     b->failures == 1 ? "" : "s", (double)spent_ms / 1000);
    return error_hint(e, "the store is out of reach or overloaded: try again later");
}

int backoff_wait(struct backoff *b, int64_t at_least_ms, struct error *e)
{
    const volatile sig_atomic_t *stop = b->of->stop;
    int64_t now = clock_monotonic_ms();
    if (stop && *stop)
        return error_stopped(e, *stop);
    if (b->failures == 0) {
        b->end_ms = now + b->patience_ms;
        if (e)
            log_info("%s; trying again", e->text);
    }
    unsigned doublings = b->failures < DOUBLINGS ? b->failures : DOUBLINGS;
    b->failures++;
    int64_t bound = (int64_t)BACKOFF_FIRST_MS << doublings;
    int64_t wait = jitter(bound < BACKOFF_MOST_MS ? bound : BACKOFF_MOST_MS);
    if (wait < at_least_ms)
        wait = at_least_ms;
    if (b->end_ms - now <= wait)
        return give_up(b, e);
    /* In slices: the signal may have come to another thread. */
    for (int64_t left = wait; left > 0 && !(stop && *stop); left -= SLICE_MS) {
        const struct timespec slice = {.tv_nsec =
                                           (left < SLICE_MS ? left : SLICE_MS) * 1000000};
        (void)nanosleep(&slice, NULL);
    }
    return stop && *stop ? error_stopped(e, *stop) : 0;
}
