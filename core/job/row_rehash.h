/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of COPY text, as a restore delivers them, into the hashes that a row state keeps. */
#ifndef JOB_ROW_REHASH_H
#define JOB_ROW_REHASH_H

#include "core/job/row_state.h"
#include "core/rows/projection.h"
#include "core/rows/row_hash.h"

#define ROW_REHASH_BATCH 256

struct row_rehash {
    const uint8_t *key;                   /* ROW_HASH_KEY_LEN bytes */
    const struct projection_shape *shape; /* rows are narrowed by it; NULL: as they are */
    /* Hears count hashes of ROW_STATE_HASH_LEN bytes. */
    int (*put)(void *arg, const uint8_t *hashes, size_t count, struct error *e);
    void *arg;
    /* Its own, zeroed before. */
    struct buf narrow;
    struct row_hash_state row;
    bool in_row;
    uint8_t hashes[ROW_REHASH_BATCH * ROW_STATE_HASH_LEN];
    size_t held;
    uint64_t rows;
};

/* Whole rows, or parts of a row that is too long to be held (which is never narrowed: its hash
 * is then that of no narrow row). rehash: a struct row_rehash, as restore_options wants it. */
MUST_CHECK int row_rehash_add(void *rehash, struct bytes text, struct error *e);
/* Hand over what is held. */
MUST_CHECK int row_rehash_flush(struct row_rehash *r, struct error *e);
void row_rehash_done(struct row_rehash *r);

#endif
