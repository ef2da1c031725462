/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of a dump that comes from a program or a file, to be compared with those of a
 * backup. Nothing of it is kept but names, definitions and sums. */
#ifndef JOB_CONTENTS_READ_H
#define JOB_CONTENTS_READ_H

#include "core/dump/source.h"
#include "core/job/contents.h"
#include "core/rows/row_hash.h"

struct contents_read_options {
    struct source *source; /* read to its end and finished */
    const uint8_t *row_key;
    /* A table that is there too with the same columns in another order is summed as its rows
     * would look there; NULL: none. Sorted, as contents_load gives it. */
    const struct contents *like;
    void (*progress)(void *arg, uint64_t bytes); /* may be NULL */
    void *progress_arg;
};

/* Into empty contents (with_values aside); call contents_done in every case. ERROR_INCOMPLETE
 * when the dump is not whole. */
MUST_CHECK int contents_read(const struct contents_read_options *o, struct contents *out,
                             struct error *e);

#endif
