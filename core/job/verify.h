/* SPDX-License-Identifier: Apache-2.0 */
/* Are the packs of a closure there, and are they what their names say? Needs no key. */
#ifndef JOB_VERIFY_H
#define JOB_VERIFY_H

#include <signal.h>

#include "core/repo/closure.h"
#include "core/repo/repo.h"

struct verify_packs; /* remembers what was read, so that shared packs are read once */

MUST_CHECK struct verify_packs *
verify_packs_new(struct repo *repo, const volatile sig_atomic_t *stop, struct error *e);
void verify_packs_free(struct verify_packs *v);

/* ERROR_CORRUPT names the first pack that is missing or damaged. */
MUST_CHECK int verify_packs_check(struct verify_packs *v, const struct closure *closure,
                                  struct error *e);

/* The pack that the last error was about; NULL when it was about something else. */
const struct ref_object *verify_packs_bad(const struct verify_packs *v);

#endif
