/* SPDX-License-Identifier: Apache-2.0 */
/* Where tonight's rows stand in last night's table, whose row hashes lie in memory in row order
 * (a mapped file as a rule). Asked for one row after the other: the row after the last answer,
 * rows near by, an index of a window of rows, an index of the whole table as far as its memory
 * allows. One thread at a time. */
#ifndef ROWS_ROW_MATCH_H
#define ROWS_ROW_MATCH_H

#include <endian.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/rows/row_hash.h"

/* A stored hash: low, then the low half of high, little-endian. */
#define ROW_MATCH_HASH_LEN 12
#define ROW_MATCH_NONE UINT64_MAX
/* What a jump (an answer that is not the row after the last one) costs a recipe, in bytes; a
 * row that is matched saves about a quarter of its length. What was saved, up
 * to a bound, is a credit that jumps are paid from. */
#define ROW_MATCH_JUMP_COST 8

static inline void row_match_store(uint8_t out[ROW_MATCH_HASH_LEN], const struct row_hash *h)
{
    const uint64_t low = htole64(h->low);
    const uint32_t high = htole32((uint32_t)h->high);
    memcpy(out, &low, sizeof low);
    memcpy(out + 8, &high, sizeof high);
}

/* The upper half of high is 0. */
static inline struct row_hash row_match_load(const uint8_t stored[ROW_MATCH_HASH_LEN])
{
    uint64_t low;
    uint32_t high;
    memcpy(&low, stored, sizeof low);
    memcpy(&high, stored + 8, sizeof high);
    return (struct row_hash){.low = le64toh(low), .high = le32toh(high)};
}

/* Is base row `row` one with hash h, in all 96 bits? */
static inline bool row_match_is(const uint8_t *hashes, uint64_t row, const struct row_hash *h)
{
    const struct row_hash base = row_match_load(hashes + row * ROW_MATCH_HASH_LEN);
    return base.low == h->low && base.high == (uint32_t)h->high;
}

/* How rows were found. */
struct row_match_counts {
    uint64_t in_order; /* the row after the last answer */
    uint64_t ahead;    /* near it, or near where the last long run would stand by now */
    uint64_t window;
    uint64_t whole;
    uint64_t none; /* not at all, or a jump would have cost more than it saves */
};

/* Hears which base hashes were read and will not be for some time: when they lie in a mapped
 * file, their memory may go. */
typedef void row_match_rest(void *arg, struct bytes hashes);

/* The front of the matcher, for the inline part below. */
struct row_match {
    const uint8_t *hashes;
    uint64_t rows;
    uint64_t next;   /* the expected row */
    uint64_t credit; /* bytes */
    struct row_match_counts counts;
};

/* A matcher for any number of tables, one after the other. It holds about 1 MiB for the window
 * once a row was not where it was expected. budget_bytes: an index of the whole table is made
 * only when it and the base hashes (12 bytes a row) fit; a larger table gets a sparse one, of
 * every 16th to every 4096th row by hash, in at most an eighth of the budget: far runs are
 * found by it after some rows, single far rows are not. 0: neither. ERROR_MEMORY. */
MUST_CHECK struct row_match *row_match_new(size_t budget_bytes, struct error *e);
void row_match_free(struct row_match *m);

/* The next table: its stored hashes, borrowed until the next begin; rows may be 0. ERROR_MEMORY
 * when so many hashes cannot lie in memory. */
MUST_CHECK int row_match_begin(struct row_match *m, const uint8_t *hashes, uint64_t rows,
                               struct error *e);

/* For the base that was begun. */
void row_match_tell(struct row_match *m, row_match_rest *rest, void *arg);

/* The part of row_match_find for rows that are not the expected one. */
uint64_t row_match_search(struct row_match *m, const struct row_hash *h, size_t row_len);

/* The base row whose hash is h, or ROW_MATCH_NONE. row_len: bytes of the row. Of equal rows
 * the one that is nearest to the expected place is preferred. Where memory for an index cannot
 * be had, matching goes on without it. */
static inline uint64_t row_match_find(struct row_match *m, const struct row_hash *h,
                                      size_t row_len)
{
    if (m->next >= m->rows || !row_match_is(m->hashes, m->next, h))
        return row_match_search(m, h, row_len);
    m->credit += row_len / 4;
    m->counts.in_order++;
    return m->next++;
}

/* What was found so far, since begin. */
static inline const struct row_match_counts *row_match_counts(const struct row_match *m)
{
    return &m->counts;
}

#endif
