/* SPDX-License-Identifier: Apache-2.0 */
/* Values that look alike: fixed texts (the literals) and fields between them. JSON objects with
 * the same keys, addresses, keys with a number in them. */
#ifndef ROWS_COLUMNS_SHAPE_H
#define ROWS_COLUMNS_SHAPE_H

#include "core/rows/columns_format.h"
#include "core/rows/columns_memory.h"

#define COLUMNS_SHAPE_NONE 1
#define COLUMNS_SHAPE_MOST 9    /* that are looked for, with the one of values without shape */
#define COLUMNS_SHAPE_FIELDS 32 /* of one of them */

struct columns_shape {
    struct bytes literals[COLUMNS_SHAPE_FIELDS + 1]; /* before, between and behind the fields */
    uint8_t classes[COLUMNS_SHAPE_FIELDS];           /* how a field's end is found */
    size_t fields;
    size_t count;                  /* values that have this shape */
    struct columns_values *values; /* of each field */
};

struct columns_shapes {
    struct columns_shape shapes[COLUMNS_SHAPE_MOST];
    size_t count;
    uint64_t *codes; /* of every value: its shape */
};

/* The shapes of v's values, whose lengths add up to total. COLUMNS_SHAPE_NONE: they have too
 * little in common. Memory for the result is m's; literals are parts of the values.
 * ERROR_MEMORY. */
MUST_CHECK int columns_shape_find(const struct columns_values *v, size_t total,
                                  struct columns_memory *m, struct columns_shapes *out,
                                  struct error *e);

#endif
