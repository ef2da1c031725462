/* SPDX-License-Identifier: Apache-2.0 */
/* Are the packs of a closure there, and are they what their names say? Needs no key, but to
 * decode what is in them. */
#ifndef JOB_VERIFY_H
#define JOB_VERIFY_H

#include <signal.h>

#include "core/repo/closure.h"
#include "core/repo/repo.h"

struct verify_packs; /* remembers what was read, so that shared packs are read once */

struct verify_packs_options {
    struct repo *repo;
    uint32_t part, parts; /* only packs of that part of all, 1 to parts; 0, 0: all packs */
    const volatile sig_atomic_t *stop;
};

/* What o points at is borrowed. */
MUST_CHECK struct verify_packs *verify_packs_new(const struct verify_packs_options *o,
                                                 struct error *e);
void verify_packs_free(struct verify_packs *v);
/* Packs that were read and are right. */
size_t verify_packs_good(const struct verify_packs *v);

/* A closure to check, and what came of it. */
struct verify_packs_item {
    const struct closure *closure;
    const struct secret *chunk_id_key; /* of its domain: decode all chunks; NULL: do not */
    bool failed;
    struct error why;      /* ERROR_CORRUPT names the first pack that is missing or damaged */
    bool has_bad;          /* it is about a pack that is damaged or missing, */
    struct ref_object bad; /* this one */
};
/* Begin to check closures, in a thread beside the caller; items are his to read after the end.
 * Between begin and end nothing else is asked of v. */
void verify_packs_begin(struct verify_packs *v, struct verify_packs_item *items, size_t count);
/* Wait for it; nothing is done when it has ended already. */
void verify_packs_end(struct verify_packs *v);

#endif
