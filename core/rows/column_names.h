/* SPDX-License-Identifier: Apache-2.0 */
/* Names of columns, out of the SQL that pg_dump writes. */
#ifndef ROWS_COLUMN_NAMES_H
#define ROWS_COLUMN_NAMES_H

#include "core/base/buf.h"

#define COLUMN_NAMES_MAX 1664 /* PostgreSQL's own limit is 1600 */

#define COLUMN_NAMES_NONE 1 /* the statement is of another kind, or not understood */

/* Names as they are without quotes, back to back. Zeroed memory is an empty list. */
struct column_names {
    struct buf text;
    uint32_t ends[COLUMN_NAMES_MAX];
    size_t count;
};
void column_names_done(struct column_names *n);

/* The columns of `COPY table (a, "B") FROM stdin;`; a table without columns has no list. Into
 * an empty list. ERROR_MEMORY. */
MUST_CHECK int column_names_of_copy(struct bytes statement, struct column_names *n,
                                    struct error *e);
/* The columns of `ALTER TABLE ONLY table ADD CONSTRAINT name PRIMARY KEY (a, "B")`, where tag,
 * of the statement's TOC entry, is the table's name, a blank and the constraint's; that of
 * another table is COLUMN_NAMES_NONE too. Into an empty list. ERROR_MEMORY. */
MUST_CHECK int column_names_of_key(struct bytes statement, struct bytes tag, struct bytes table,
                                   struct column_names *n, struct error *e);

/* A view of n. */
struct bytes column_names_at(const struct column_names *n, size_t i);

#define COLUMN_NAMES_NOWHERE UINT16_MAX
/* Where a column of this name stands in n, or COLUMN_NAMES_NOWHERE; the place `guess` is looked
 * at first. */
uint16_t column_names_place(const struct column_names *n, struct bytes name, size_t guess);

MUST_CHECK int column_names_add(struct column_names *n, struct bytes name, struct error *e);
bool column_names_equal(const struct column_names *a, const struct column_names *b);

#endif
