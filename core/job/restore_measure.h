/* SPDX-License-Identifier: Apache-2.0 */
/* What a restore is going to take, before it is done: the recipes are read for it, the rows and
 * bytes are not. */
#ifndef JOB_RESTORE_MEASURE_H
#define JOB_RESTORE_MEASURE_H

#include "core/job/restore.h"

/* A chunk that two tables share counts once; one that has to be read twice, because what is
 * decoded may not take all memory, does so too. */
struct restore_measure {
    uint64_t fetch_bytes; /* TOC, entry table, recipes, chunks and the heads of packs */
    uint64_t fetch_reads; /* calls of the store */
    uint64_t rows;
    uint64_t payload_bytes;
};

/* Of restore_member with a handle that has this selection (NULL: of the whole member). r is
 * fresh: what it read before counts too. ERROR_CORRUPT for damage met on the way. */
MUST_CHECK int restore_measure_member(struct restore *r, const struct member *m,
                                      const struct toc_select *selection,
                                      struct restore_measure *out, struct error *e);

#endif
