/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of COPY text, the way PostgreSQL prints them: one sort of value for every encoding of
 * typed columns. Running out of memory ends the program. */
#ifndef SUPPORT_MADE_COLUMNS_H
#define SUPPORT_MADE_COLUMNS_H

#include "core/base/buf.h"
#include "core/rows/columns_format.h"

struct made_sort {
    const char *name;
    enum columns_kind kind; /* what a column of 300 such values becomes */
    /* Value i; random differs from one i to the next. */
    void (*value)(struct buf *b, unsigned i, uint64_t random);
};

extern const struct made_sort made_columns_sorts[];
extern const size_t made_columns_sort_count;

/* Value i of a sort. */
void made_columns_value(struct buf *b, const struct made_sort *sort, unsigned i);
/* A table of one column of this sort. */
struct buf made_columns_column(const struct made_sort *sort, unsigned rows);
/* A table of random columns, rows and values (some of them nulls, some of another sort); the
 * same for one seed. */
struct buf made_columns_table(uint64_t seed);

#endif
