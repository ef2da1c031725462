/* SPDX-License-Identifier: Apache-2.0 */
/* Packs from one store into another, by a few workers: each pack is read whole, its SHA-256
 * compared with its name, and put under a name of its own (docs/FORMAT.md 3.7). */
#ifndef JOB_COPY_PACKS_H
#define JOB_COPY_PACKS_H

#include "core/repo/closure.h"
#include "core/repo/packs.h"

#define COPY_PACKS_WORKERS 2 /* each holds one pack */

struct copy_packs_options {
    struct packs *from;
    struct store *to;
    const struct closure *closure;
    const uint32_t *places; /* in the closure: what is to be copied */
    size_t count;
    /* Called a few times a second with the bytes that are there by now, from the calling
     * thread; -1 ends all. */
    int (*tick)(void *arg, uint64_t bytes, struct error *e);
    void *tick_arg;
};

struct copy_packs_totals {
    uint64_t packs, bytes;
    bool of_source; /* what failed was reading a pack */
};

/* All of them, not synced. ERROR_CORRUPT names the pack that is damaged or missing; the others
 * that are on their way are finished then. *out is filled in also on failure. */
MUST_CHECK int copy_packs_send(const struct copy_packs_options *o,
                               struct copy_packs_totals *out, struct error *e);

#endif
