/* SPDX-License-Identifier: Apache-2.0 */
/* A body back into rows of text. First the columns' heads are read and every stream is found;
 * then the rows are put together, a batch at a time. */
#ifndef ROWS_COLUMNS_READ_H
#define ROWS_COLUMNS_READ_H

#include "core/base/bytes.h"
#include "core/rows/columns_memory.h"

/* body, with COLUMNS_SLACK bytes behind that may be read, as text_len bytes to out. m gives
 * working memory. ERROR_CORRUPT, ERROR_MEMORY. */
MUST_CHECK int columns_read(struct bytes body, struct columns_memory *m, uint8_t *out,
                            size_t text_len, struct error *e);

#endif
