/* SPDX-License-Identifier: Apache-2.0 */
/* Time: UTC in microseconds since 1970 inside, RFC 3339 for machines, local for people. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "core/base/attr.h"

#define CLOCK_TEXT 32 /* bytes that a time in text may take */

/* UTC microseconds since 1970-01-01; may jump when an operator sets the clock. */
int64_t clock_now_us(void);
/* Milliseconds that only ever grow; for measuring and waiting. */
int64_t clock_monotonic_ms(void);

/* "2026-01-31T12:00:00Z", cut to the second. "-" for what no calendar can say. */
void clock_rfc3339(char out[CLOCK_TEXT], int64_t us);
/* "2026-01-31 13:00:00" in the local zone. */
void clock_local(char out[CLOCK_TEXT], int64_t us);

/* Reads RFC 3339 with a zone ("2026-01-31T12:00:00.25Z", "…+02:00"; a blank for the T is fine)
 * or "YYYY-MM-DD[ HH:MM[:SS]]" in the local zone. False for anything else, for dates that no
 * calendar has and for local times that a change of clocks leaves out. Years 1 to 9999. */
MUST_CHECK bool clock_parse(const char *text, int64_t *us);

#endif
