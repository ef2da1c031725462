/* SPDX-License-Identifier: Apache-2.0 */
/* An index of the base rows around a place, for row_match: it slides along with that place, and
 * is exact as far as it goes. Hashes are those of row_match.h. */
#ifndef ROWS_ROW_WINDOW_H
#define ROWS_ROW_WINDOW_H

#include "core/rows/row_match.h"

#define ROW_WINDOW_SPAN ((uint64_t)128 * 1024) /* rows that it holds; a power of two */
#define ROW_WINDOW_AHEAD (ROW_WINDOW_SPAN / 2) /* of the place, at least half of it */
#define ROW_WINDOW_BEHIND (ROW_WINDOW_SPAN / 4)

/* Zeroed memory is an empty window without memory. */
struct row_window {
    uint32_t *head;    /* by hash: the last row */
    uint32_t *chain;   /* by row: the row before it with the same head */
    uint64_t heads;    /* a power of two */
    uint64_t from, to; /* the rows that it holds; none: both 0 */
};

void row_window_done(struct row_window *w);
/* Forget all, for another base; keeps the memory. */
void row_window_clear(struct row_window *w);

/* Make the window stand around row `at`, if that takes at most max_rows rows to be read. A base
 * of up to ROW_WINDOW_SPAN rows is held whole. Answers the rows read. Without memory: 0. */
uint64_t row_window_cover(struct row_window *w, const uint8_t *hashes, uint64_t rows,
                          uint64_t at, uint64_t max_rows);

/* The row in the window whose hash is h, near `at` rather than far; or ROW_MATCH_NONE. */
uint64_t row_window_find(const struct row_window *w, const uint8_t *hashes,
                         const struct row_hash *h, uint64_t at);

#endif
