/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting between attempts: full jitter (a random time from 0 to a bound that doubles, so that
 * many clients of one broken server do not come back together), until patience ends. The clock
 * starts at the first failure, not with the work: a large object may take longer than patience
 * and still deserves a second attempt. */
#ifndef BACKENDS_BACKOFF_H
#define BACKENDS_BACKOFF_H

#include <signal.h>
#include <stdatomic.h>

#include "core/base/error.h"

#define BACKOFF_PATIENCE_MS 300000
#define BACKOFF_FIRST_MS 250 /* bound of the first wait */
#define BACKOFF_MOST_MS 20000
/* Patience of what is asked of a store that has just been given up: a failed run still takes
 * its session back. */
#define BACKOFF_GAVE_UP_MS 5000

/* Of a store, for all that is asked of it; any thread. */
struct backoff_patience {
    int64_t ms;
    const volatile sig_atomic_t *stop; /* not 0: waiting ends; may be NULL */
    atomic_bool gave_up;               /* and there was no answer since */
};

/* What PGKEEP_STORE_PATIENCE says (whole seconds, at most a day), else 5 minutes. ERROR_USAGE
 * when that is no such number. */
MUST_CHECK int backoff_read_patience(struct backoff_patience *p, struct error *e);
/* The store has answered as it should. */
void backoff_answered(struct backoff_patience *p);

/* Of one operation; one thread at a time. */
struct backoff {
    struct backoff_patience *of;
    int64_t patience_ms;
    int64_t end_ms; /* by clock_monotonic_ms; 0: nothing has failed yet */
    unsigned failures;
};

void backoff_begin(struct backoff *b, struct backoff_patience *p);
/* What is left of patience; all of it before the first failure. */
int64_t backoff_left_ms(const struct backoff *b);

/* After a failed attempt, whose cause e holds (it may be NULL): sleep, at least at_least_ms
 * where the server asked for it (Retry-After; 0: it did not). -1 with ERROR_BUSY and the cause,
 * at once, when patience would end before the sleep; error_stopped. */
MUST_CHECK int backoff_wait(struct backoff *b, int64_t at_least_ms, struct error *e);

#endif
