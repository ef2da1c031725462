/* SPDX-License-Identifier: Apache-2.0 */
/* The distinct values of a column, in the order of their first places. */
#ifndef ROWS_COLUMNS_DISTINCT_H
#define ROWS_COLUMNS_DISTINCT_H

#include "core/rows/columns_format.h"
#include "core/rows/columns_memory.h"

#define COLUMNS_DISTINCT_MANY 1

struct columns_distinct {
    struct columns_values entries;
    uint64_t *codes; /* of every value: its place among the entries */
};

/* What pays for a dictionary: at most `few` entries, or at most `most` and percent (up to 90)
 * of all values. */
struct columns_distinct_limits {
    size_t few, most;
    unsigned percent;
};

/* COLUMNS_DISTINCT_MANY: they do not keep the limits, or the first of them are so different
 * that all will not. Memory for the result is m's. ERROR_MEMORY. */
MUST_CHECK int columns_distinct_find(const struct columns_values *v,
                                     const struct columns_distinct_limits *limits,
                                     struct columns_memory *m, struct columns_distinct *out,
                                     struct error *e);

#endif
