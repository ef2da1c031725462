/* SPDX-License-Identifier: Apache-2.0 */
/* A stored TOC on its way out, whole or cut down to a selection; what it says of the data
 * blocks that follow it. */
#ifndef JOB_TOC_OUT_H
#define JOB_TOC_OUT_H

#include "core/dump/toc_select.h"
#include "core/job/frame.h"
#include "core/repo/entry.h"

struct toc_out_block {
    uint32_t dump_id;
    bool kept; /* its data follows */
};

/* Zeroed memory is ready. */
struct toc_out {
    struct toc_out_block *blocks; /* of the TOC entries with data */
    size_t count, cap;
};
void toc_out_done(struct toc_out *t);

/* Pass toc (header and TOC) on: as it is, or what selection (may be NULL) keeps of it, with
 * the positions of data not set, so that it streams. frame NULL: nothing is passed on, the
 * blocks are learnt. Blocks of an earlier one are forgotten.
 * ERROR_CORRUPT when it cannot be read or is not what the selection was made from. */
MUST_CHECK int toc_out_write(struct toc_out *t, struct bytes toc,
                             const struct toc_select *selection, struct frame *frame,
                             struct error *e);

/* Does any data follow? */
bool toc_out_keeps_any(const struct toc_out *t);

/* The block of an item of the entry table, the place-th there. NULL with ERROR_CORRUPT; good
 * until the next write. */
const struct toc_out_block *toc_out_find(const struct toc_out *t, const struct entry *entry,
                                         uint32_t place, struct error *e);

#endif
