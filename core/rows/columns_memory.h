/* SPDX-License-Identifier: Apache-2.0 */
/* Memory taken like a stack and given back in one go; what was given back is kept and taken
 * again, so that a second chunk allocates nothing. Zeroed memory is a valid empty one. */
#ifndef ROWS_COLUMNS_MEMORY_H
#define ROWS_COLUMNS_MEMORY_H

#include "core/base/error.h"

struct columns_memory_block;

struct columns_memory {
    struct columns_memory_block *first;
    struct columns_memory_block *at; /* the block that is being filled; none: not begun */
    size_t used;                     /* of it */
};

void columns_memory_done(struct columns_memory *m);
/* len bytes, not cleared, aligned to 16, with COLUMNS_SLACK bytes behind that may be read and
 * written; never moves. ERROR_MEMORY. */
MUST_CHECK void *columns_memory_take(struct columns_memory *m, size_t len, struct error *e);
/* Give back all that was taken since *mark was copied from *m, or everything without mark. */
void columns_memory_back(struct columns_memory *m, const struct columns_memory *mark);

#endif
