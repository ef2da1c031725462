/* SPDX-License-Identifier: Apache-2.0 */
/* One column after another, each in the first encoding that gives all its values back and
 * promises to be small. */
#ifndef ROWS_COLUMNS_WRITE_H
#define ROWS_COLUMNS_WRITE_H

#include "core/rows/columns_cut.h"
#include "core/rows/columns_memory.h"
#include "core/rows/columns_sink.h"

/* The rows of text that cut found; the sink may be full afterwards. m gives working memory.
 * ERROR_MEMORY. */
MUST_CHECK int columns_write(const uint8_t *text, const struct columns_cut *cut,
                             struct columns_memory *m, struct columns_sink *sink,
                             struct error *e);

#endif
