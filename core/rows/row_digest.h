/* SPDX-License-Identifier: Apache-2.0 */
/* What many row hashes come to (docs/FORMAT.md 6.2, 7.3): SHA-256 over them in order, and
 * their number and sum, which do not depend on the order. */
#ifndef ROWS_ROW_DIGEST_H
#define ROWS_ROW_DIGEST_H

#include "core/base/digest.h"
#include "core/rows/row_hash.h"

/* Hashes are digested in batches: one call of SHA-256 for many rows. */
#define ROW_DIGEST_BATCH ((size_t)256 * 16)

struct row_digest {
    struct digest *digest;
    uint8_t hashes[ROW_DIGEST_BATCH];
    size_t hashes_len;
    uint64_t rows;
    uint64_t sum_low, sum_high; /* modulo 2^128 */
};

MUST_CHECK int row_digest_init(struct row_digest *d, struct error *e);
void row_digest_done(struct row_digest *d);
/* Forget what was added. ERROR_MEMORY, as below. */
MUST_CHECK int row_digest_begin(struct row_digest *d, struct error *e);
MUST_CHECK int row_digest_add(struct row_digest *d, const struct row_hash *hash,
                              struct error *e);
/* The same for n rows in order. */
MUST_CHECK int row_digest_add_many(struct row_digest *d, const struct row_hash *hashes,
                                   size_t n, struct error *e);
/* The digest and the sum (little-endian); rows stays in d until begin. */
MUST_CHECK int row_digest_end(struct row_digest *d, uint8_t digest[DIGEST_LEN], uint8_t sum[16],
                              struct error *e);

#endif
