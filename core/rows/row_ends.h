/* SPDX-License-Identifier: Apache-2.0 */
/* Where the rows of a text end: one look at every byte, for all who walk the rows after. */
#ifndef ROWS_ROW_ENDS_H
#define ROWS_ROW_ENDS_H

#include "core/base/bytes.h"

/* The offsets behind every LF of text (below 4 GiB) into ends, which has room for max of them.
 * Answers how many there are; max + 1 when there are more than max. */
size_t row_ends_find(struct bytes text, uint32_t *ends, size_t max);

#endif
