/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of COPY text put together from fields of other rows, and the way back: tonight's rows as
 * they would look in a table with last night's columns. A row is a line with its LF; its fields
 * are what tabs separate (a tab within a value is escaped). */
#ifndef ROWS_PROJECTION_H
#define ROWS_PROJECTION_H

#include "core/rows/column_names.h"

#define PROJECTION_MAX_SOURCES 64
#define PROJECTION_MAX_COLUMNS COLUMN_NAMES_MAX

#define PROJECTION_SAME 1 /* the shapes are one */
#define PROJECTION_LOST 2 /* it cannot be put in the old shape */

struct projection_column {
    uint16_t source; /* which row */
    uint16_t column; /* which of its fields */
};

/* One row, made of the columns, appended to out. rows has `sources` rows; count is at least 1;
 * both are within the limits above. ERROR_CORRUPT when a row has too few fields or no LF, or
 * when there is no such row; out is then as it was. Any thread. */
MUST_CHECK int projection_join(const struct projection_column *columns, size_t count,
                               const struct bytes *rows, size_t sources, struct buf *out,
                               struct error *e);

/* New rows, split into the row as it was (old columns) and a row of the fields that were
 * added. Where old columns are gone, the row as it was means the ones that are left, in their
 * old order. Zeroed memory is an empty shape; many threads may use one that is filled. */
struct projection_shape {
    size_t old_count, new_count, added_count;
    size_t lost_count;      /* columns that are gone; old_count is without them */
    bool is_appended;       /* the added columns stand behind all others, which are in order */
    uint16_t *old_places;   /* per old column: its place in the new row */
    uint16_t *kept_places;  /* per old column: its place in the whole old row */
    uint16_t *added_places; /* the other places, ascending */
    struct projection_column *columns; /* per new column: what projection_join takes to make
                                          the row of the whole old row (0) and the added one */
};

/* Compares two COPY statements of one table, as pg_dump writes them. 0: columns were added,
 * reordered or dropped, out (empty) is filled, the caller's to free; PROJECTION_SAME: nothing
 * changed but names; PROJECTION_LOST: they have no column in common, or a statement is not
 * understood. ERROR_MEMORY. */
MUST_CHECK int projection_match(struct bytes old_columns, struct bytes new_columns,
                                struct projection_shape *out, struct error *e);
void projection_shape_done(struct projection_shape *s);

/* A new row into the old one and the added one, both replaced (added_row is left alone when
 * nothing was added). PROJECTION_LOST when row has not exactly the fields of s, or no LF: both
 * are then as they were. ERROR_MEMORY. */
MUST_CHECK int projection_split(const struct projection_shape *s, struct bytes row,
                                struct buf *old_row, struct buf *added_row, struct error *e);

/* A whole old row, without the columns that are gone, replaces out: what projection_split gives
 * as the old row. PROJECTION_LOST when row has not exactly the fields of the old row, or no LF;
 * out is then as it was. ERROR_MEMORY. */
MUST_CHECK int projection_narrow(const struct projection_shape *s, struct bytes row,
                                 struct buf *out, struct error *e);

#endif
