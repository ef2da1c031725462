/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of a table were dropped: the rows of last night's backup, read again with a key and
 * hashed without those columns, so that tonight's rows can still be matched. */
#ifndef JOB_ROW_NARROW_H
#define JOB_ROW_NARROW_H

#include <signal.h>

#include "core/job/row_state.h"
#include "core/repo/repo.h"
#include "core/rows/projection.h"

struct row_narrow_options {
    struct repo *repo; /* a key that reads is in use */
    struct row_state *state;
    const uint8_t *row_key; /* of the state's domain */
    const char *folder;     /* a file in it; the hashes go into a nameless one beside it */
    unsigned workers;
    const volatile sig_atomic_t *stop;
};

/* The hashes of table t's rows in the shape's old columns, in row order, as a mapping for
 * file_map_close. ERROR_ABSENT or ERROR_CORRUPT when the backup that the state is of is gone or
 * is not what the state says; ERROR_KEY; what reading a backup fails with. */
MUST_CHECK int row_narrow(const struct row_narrow_options *o, const struct row_state_table *t,
                          const struct projection_shape *shape, struct bytes *hashes,
                          struct error *e);

#endif
