/* SPDX-License-Identifier: Apache-2.0 */
/* Hash chains as in LZ77 matchers: a row is put in front of the chain of its hash, and is gone
 * when the ring of chain links comes round to it, so nothing is ever taken out. A link is the
 * low 24 bits of a row and 8 bits of its hash. Chains run from later to earlier rows; a link
 * that does not, or leaves the window, is an old one and ends the chain; one that is old and
 * looks young does no harm, as hashes are compared in full. Of equal rows near each other only
 * the first is put in: chains stay short, and a long run can follow a jump. */
#include "core/rows/row_window.h"

#include <stdlib.h>

#define DEPTH 16
#define LINK_ROWS ((UINT32_C(1) << 24) - 1)
#define HEADS_MIN ((uint64_t)256)

void row_window_done(struct row_window *w)
{
    free(w->head);
    *w = (struct row_window){0};
}

void row_window_clear(struct row_window *w)
{
    w->from = w->to = 0;
}

static inline uint32_t *chain_of(const struct row_window *w, uint64_t row)
{
    return &w->chain[row & (ROW_WINDOW_SPAN - 1)];
}

static inline uint32_t link_to(uint64_t row, const struct row_hash *h)
{
    return (uint32_t)row << 8 | (uint8_t)h->high;
}

static inline bool may_be(uint32_t link, const struct row_hash *h)
{
    return (uint8_t)link == (uint8_t)h->high;
}

/* Rows from that of the link to row `to`. */
static inline uint64_t back(uint64_t to, uint32_t link)
{
    return ((uint32_t)to - (link >> 8)) & LINK_ROWS;
}

static inline uint32_t *head_of(const struct row_window *w, const struct row_hash *h)
{
    return &w->head[h->low & (w->heads - 1)];
}

/* Is an equal row so near that row w->to is not needed? */
static inline bool is_known(const struct row_window *w, const uint8_t *hashes, uint32_t link,
                            const struct row_hash *h)
{
    uint64_t distance = back(w->to, link);
    return distance > 0 && distance <= w->to - w->from && distance <= ROW_WINDOW_AHEAD &&
           row_match_is(hashes, w->to - distance, h);
}

/* Add row w->to. */
static inline void add(struct row_window *w, const uint8_t *hashes)
{
    const struct row_hash h = row_match_load(hashes + w->to * ROW_MATCH_HASH_LEN);
    uint32_t *head = head_of(w, &h);
    if (may_be(*head, &h) && is_known(w, hashes, *head, &h))
        return;
    *chain_of(w, w->to) = *head;
    *head = link_to(w->to, &h);
}

static void add_up_to(struct row_window *w, const uint8_t *hashes, uint64_t to)
{
    for (; w->to < to; w->to++) {
        add(w, hashes);
        if (w->to - w->from == ROW_WINDOW_SPAN)
            w->from++;
    }
}

/* Start anew at row from. */
static bool start(struct row_window *w, uint64_t rows, uint64_t from)
{
    if (!w->head) {
        w->head = malloc(2 * ROW_WINDOW_SPAN * sizeof *w->head);
        if (!w->head)
            return false;
        w->chain = w->head + ROW_WINDOW_SPAN;
        memset(w->chain, 0, ROW_WINDOW_SPAN * sizeof *w->chain);
    }
    w->heads = HEADS_MIN;
    while (w->heads < rows && w->heads < ROW_WINDOW_SPAN)
        w->heads *= 2;
    memset(w->head, 0, w->heads * sizeof *w->head);
    w->from = w->to = from;
    return true;
}

static inline uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t row_window_cover(struct row_window *w, const uint8_t *hashes, uint64_t rows,
                          uint64_t at, uint64_t max_rows)
{
    at = least(at, rows);
    uint64_t to = rows <= ROW_WINDOW_SPAN ? rows : least(rows, at + ROW_WINDOW_AHEAD);
    if (w->from < w->to && at >= w->from && at <= w->to) {
        if (w->to == rows || at + ROW_WINDOW_AHEAD / 2 <= w->to)
            return 0;
        to = w->to + least(to - w->to, max_rows);
    } else {
        uint64_t from =
            rows <= ROW_WINDOW_SPAN || at < ROW_WINDOW_BEHIND ? 0 : at - ROW_WINDOW_BEHIND;
        if (to - from > max_rows || !start(w, rows, from))
            return 0;
    }
    uint64_t first = w->to;
    add_up_to(w, hashes, to);
    return to - first;
}

uint64_t row_window_find(const struct row_window *w, const uint8_t *hashes,
                         const struct row_hash *h, uint64_t at)
{
    uint64_t found = ROW_MATCH_NONE;
    uint64_t found_off = UINT64_MAX;
    if (w->from == w->to)
        return ROW_MATCH_NONE;
    uint32_t link = *head_of(w, h);
    for (int i = 0; i < DEPTH; i++) {
        uint64_t distance = back(w->to, link);
        if (distance == 0 || distance > w->to - w->from)
            break;
        uint64_t row = w->to - distance;
        uint64_t off = row < at ? at - row : row - at;
        if (may_be(link, h) && off < found_off && row_match_is(hashes, row, h)) {
            found = row;
            found_off = off;
        }
        link = *chain_of(w, row);
    }
    return found;
}
