/* SPDX-License-Identifier: Apache-2.0 */
/* A row state that was lost, made anew from a backup: for hosts that have a key that reads. */
#ifndef JOB_ROW_REBUILD_H
#define JOB_ROW_REBUILD_H

#include <signal.h>

#include "core/job/row_state.h"
#include "core/repo/repo.h"

struct row_rebuild_options {
    struct repo *repo;
    const struct manifest *manifest; /* open, with its content key at hand */
    unsigned workers;
    const volatile sig_atomic_t *stop;
};

/* Read the dumps of the backup and leave the state at path. Everything in o is borrowed.
 * ERROR_KEY; what reading a backup fails with. */
MUST_CHECK int row_rebuild(const struct row_rebuild_options *o, const char *path,
                           const struct row_state_id *id, struct error *e);

#endif
