/* SPDX-License-Identifier: Apache-2.0 */
/* Where chunks end, so that equal content is cut alike wherever it stands: rows by their
 * hash, bytes by FastCDC with a keyed gear table (docs/FORMAT.md 9). */
#ifndef ROWS_CHUNKER_H
#define ROWS_CHUNKER_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/secret.h"
#include "core/rows/row_hash.h"

/* How long chunks of rows get: at least min, mean beyond that on average, at most max. */
struct chunker_rows {
    size_t min, mean, max;
};

/* A table that is new; what is new in a table that was there before. */
static const struct chunker_rows CHUNKER_NEW = {512 * KIB, 256 * KIB, 896 * KIB};
static const struct chunker_rows CHUNKER_LATER = {128 * KIB, 64 * KIB, 224 * KIB};

#define CHUNKER_MIN (16 * KIB)
#define CHUNKER_NORMAL (64 * KIB)
#define CHUNKER_MAX (256 * KIB)

/* Does a chunk of chunk_len bytes end behind its last row, of row_len bytes? */
static inline bool chunker_row_ends(const struct chunker_rows *c, size_t chunk_len,
                                    size_t row_len, const struct row_hash *hash)
{
    if (chunk_len < c->min)
        return false;
    return hash->low >> 32 < ((uint64_t)row_len << 32) / c->mean;
}

/* Would the next row, of row_len bytes, make the chunk too large? */
static inline bool chunker_row_overflows(const struct chunker_rows *c, size_t chunk_len,
                                         size_t row_len)
{
    return chunk_len > 0 && chunk_len + row_len > c->max;
}

/* FastCDC for one domain. */
struct chunker {
    uint64_t gear[256];
};

MUST_CHECK int chunker_init(struct chunker *c, const struct secret *gear_key, struct error *e);
/* Length of the first chunk of b; b.len must be at least CHUNKER_MAX, or be all that is left
 * of the stream. */
size_t chunker_cut(const struct chunker *c, struct bytes b);

#endif
