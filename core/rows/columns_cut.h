/* SPDX-License-Identifier: Apache-2.0 */
/* Text into cells: where every tab and every LF stands. */
#ifndef ROWS_COLUMNS_CUT_H
#define ROWS_COLUMNS_CUT_H

#include "core/rows/columns_format.h"

struct columns_cut {
    /* ends[0] is UINT32_MAX, ends[i + 1] where cell i ends: cell i begins at ends[i] + 1. */
    uint32_t *ends;
    size_t rows;
    size_t columns;
};

/* What ends must have room for. */
#define COLUMNS_CUT_ENDS(text_len) ((text_len) + 80)

/* Cuts text, of 1 to 2^31 bytes with COLUMNS_SLACK bytes behind, into ends, which the caller
 * set. False: it is no table (lines of different numbers of cells, no LF at the end). */
bool columns_cut(struct bytes text, struct columns_cut *cut);

#endif
