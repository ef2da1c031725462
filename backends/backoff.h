/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting between attempts: full jitter (a random time from 0 to a bound that doubles, so that
 * many clients of one broken server do not come back together), until patience ends. The clock
 * starts at the first failure, not with the work: a large object may take longer than patience
 * and still deserves a second attempt. One thread at a time. */
#ifndef BACKENDS_BACKOFF_H
#define BACKENDS_BACKOFF_H

#include <signal.h>

#include "core/base/error.h"

#define BACKOFF_PATIENCE_MS 300000
#define BACKOFF_FIRST_MS 250 /* bound of the first wait */
#define BACKOFF_MOST_MS 20000

struct backoff {
    int64_t patience_ms;
    int64_t end_ms; /* by clock_monotonic_ms; 0: nothing has failed yet */
    unsigned failures;
};

/* How long to try: PGKEEP_STORE_PATIENCE (whole seconds, at most a day), else 5 minutes.
 * ERROR_USAGE when that is no such number. */
MUST_CHECK int backoff_patience(int64_t *ms, struct error *e);

void backoff_begin(struct backoff *b, int64_t patience_ms);

/* After a failed attempt: sleep, at least at_least_ms where the server asked for it
 * (Retry-After; 0: it did not). False, at once, when patience would end before the sleep. A
 * flag that is not 0 (may be NULL) ends it early. */
MUST_CHECK bool backoff_wait(struct backoff *b, int64_t at_least_ms,
                             const volatile sig_atomic_t *stop);

#endif
