/* SPDX-License-Identifier: Apache-2.0 */
/* The recovery code: the recovery seed as people write it down.
 *
 * 37 bytes: version 1 | seed 32 | the first 4 bytes of SHA-256 over those 33. As 60 symbols of
 * Crockford's base 32, highest bit first (the last 4 bits are zero), in 4 lines of 15:
 *
 *   04002-0G30G-2GC1R-P
 *
 * The last symbol of a line is its check: the 15 values as a polynomial over GF(32)
 * (x^5 + x^2 + 1), times x, plus the line's number from 0. It finds every wrong symbol, every
 * two that changed places, and lines in another order. */
#ifndef REPO_RECOVERY_H
#define REPO_RECOVERY_H

#include "core/base/error.h"
#include "core/base/secret.h"

#define RECOVERY_SIZE 81 /* 4 lines of 19 characters and a newline; a terminator */

/* The code into out, which has size >= RECOVERY_SIZE bytes (else ERROR_USAGE) and is the
 * caller's to wipe. ERROR_MEMORY. */
MUST_CHECK int recovery_write(const struct secret *seed, char *out, size_t size,
                              struct error *e);
/* The seed of a code as typed: blanks, dashes, line breaks and case do not count, O is read as
 * 0, I and L as 1. ERROR_KEY names the line that is mistyped; ERROR_UNSUPPORTED for another
 * version. The seed is wiped on failure. */
MUST_CHECK int recovery_read(const char *text, struct secret *seed, struct error *e);

#endif
