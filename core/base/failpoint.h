/* SPDX-License-Identifier: Apache-2.0 */
/* Places where a test can let the program crash or the system refuse. Every durable step
 * (content written, fsync, link, rename, mkdir, commit) passes one. Built only with
 * PGKEEP_FAILPOINTS; otherwise a hit costs nothing. The environment is read at the first hit:
 *   PGKEEP_FAIL_AT=N          the N-th hit ends the process with _exit(137), as a crash would
 *   PGKEEP_FAIL_ERRNO=E:N,... the N-th hit is refused with errno E (both decimal)
 *   PGKEEP_FAIL_COUNT=FILE    every hit is appended to FILE as "n what" and a newline
 *   PGKEEP_FAIL_DELAY=MS:WHAT every hit called WHAT takes so many milliseconds
 * Hits are counted from 1 over all threads of the process. */
#ifndef BASE_FAILPOINT_H
#define BASE_FAILPOINT_H

#include "core/base/attr.h"

#ifdef PGKEEP_FAILPOINTS
/* 0 go on; -1 the step about to be done is refused and errno says why. Any thread. */
MUST_CHECK int failpoint_hit(const char *what);
#else
MUST_CHECK static inline int failpoint_hit(const char *what)
{
    (void)what;
    return 0;
}
#endif

#endif
