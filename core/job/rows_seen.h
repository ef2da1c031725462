/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of COPY text that pass by without being stored row by row: their number and hashes, for
 * tables of dumps that are compressed inside. */
#ifndef JOB_ROWS_SEEN_H
#define JOB_ROWS_SEEN_H

#include "core/rows/row_digest.h"

/* Zeroed memory, then rows_seen_init. */
struct rows_seen {
    uint8_t row_key[ROW_HASH_KEY_LEN];
    struct row_digest digest;   /* rows counts them */
    struct row_hash_state open; /* the row that is not whole yet */
    uint8_t head[3];            /* its first bytes */
    uint64_t open_len;
    bool ended; /* the end mark was seen */
};

MUST_CHECK int rows_seen_init(struct rows_seen *s, const uint8_t row_key[ROW_HASH_KEY_LEN],
                              struct error *e);
void rows_seen_done(struct rows_seen *s);
MUST_CHECK int rows_seen_begin(struct rows_seen *s, struct error *e);
/* Text, cut anywhere; from the end mark on it is passed over: whether a payload is whole is
 * dump/payload's to say. */
MUST_CHECK int rows_seen_add(struct rows_seen *s, struct bytes text, struct error *e);
/* The number of rows and the sum of their hashes. */
MUST_CHECK int rows_seen_end(struct rows_seen *s, uint64_t *rows, uint8_t sum[16],
                             struct error *e);

#endif
