/* SPDX-License-Identifier: Apache-2.0 */
/* The journey of backups from one store into another, a replica, without decrypting anything
 * (docs/FORMAT.md 3.7). It begins where an earlier one was interrupted; several may run at
 * once, beside backups and collections on either side. */
#ifndef JOB_COPY_H
#define JOB_COPY_H

#include <signal.h>

#include "core/repo/repo.h"

enum copy_outcome {
    COPY_DONE,   /* it was not there, or not whole: now it is */
    COPY_THERE,  /* nothing was missing */
    COPY_GONE,   /* forgotten: at the source meanwhile, or at the target for good */
    COPY_FAILED, /* see why; the others go on */
};

/* What came of one backup. */
struct copy_result {
    const uint8_t *backup_id;
    enum copy_outcome outcome;
    const struct error *why; /* NULL unless it failed */
    uint64_t packs, bytes;   /* that were sent for it */
};

struct copy_totals {
    bool made; /* the target was no replica before */
    uint8_t replica_id[FORMAT_ID_LEN];
    uint64_t copied, there, gone, failed; /* backups */
    uint64_t packs, bytes;
    uint64_t small; /* envelopes and marks */
};

struct copy_options {
    struct repo *from; /* with the bundle of a writer in use */
    struct store *to;
    bool chosen;                       /* the backups of ids only, else all */
    struct bytes ids;                  /* FORMAT_ID_LEN bytes each */
    const volatile sig_atomic_t *stop; /* may be NULL */
    /* For every backup, in the order of their commits, from the calling thread; -1 ends all.
     * May be NULL. */
    int (*settled)(void *arg, const struct copy_result *result, struct error *e);
    void *settled_arg;
    /* Now and then, with the bytes of packs; may be NULL. */
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *progress_arg;
};

/* 0 when all was tried: backups that failed were told by settled and are counted. -1 for what
 * ends all: a target that is another repository or the same store (ERROR_USAGE) or not empty
 * (ERROR_EXISTS), a host that may not write (ERROR_KEY), a store out of reach or full, a
 * signal. */
MUST_CHECK int copy_run(const struct copy_options *o, struct copy_totals *out, struct error *e);

#endif
