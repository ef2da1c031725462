/* SPDX-License-Identifier: Apache-2.0 */
/* An index of all base rows by hash, or of a sample of them, for row_match. Hashes are those of
 * row_match.h. */
#ifndef ROWS_ROW_INDEX_H
#define ROWS_ROW_INDEX_H

#include "core/rows/row_match.h"

struct row_index_line;

/* Zeroed memory is an empty index without memory. */
struct row_index {
    struct row_index_line *lines;
    uint64_t count;    /* of lines in use; 0: there is no index */
    uint64_t capacity; /* of lines */
    uint32_t others;   /* a hash is in the index when these bits of it are 0 */
    unsigned touched;  /* base hashes that were looked at; the caller's to set back */
};

void row_index_done(struct row_index *x);
/* Forget all, for another base; keeps the memory. */
void row_index_clear(struct row_index *x);

struct row_index_base {
    const uint8_t *hashes;
    uint64_t rows;
    size_t budget_bytes;
    bool sample;          /* a sample will do */
    row_match_rest *rest; /* hears of hashes that were read; may be NULL */
    void *rest_arg;
};
/* Index the base; of equal rows the first. About 7.2 bytes for each row. Of what the budget
 * does not allow, see row_match_new, a sample, which leaves out a few per cent of its rows that
 * seem to be there. False: no index, for want of budget or memory. */
bool row_index_build(struct row_index *x, const struct row_index_base *base);

static inline bool row_index_is_sample(const struct row_index *x)
{
    return x->others != 0;
}

/* The row whose hash is h, or ROW_MATCH_NONE. */
uint64_t row_index_find(struct row_index *x, const uint8_t *hashes, const struct row_hash *h);

#endif
