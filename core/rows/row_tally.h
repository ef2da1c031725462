/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of two tables are in only one of them, equal rows counted: the difference of two
 * multisets of row hashes, in any order.
 *
 * Memory is bounded, whatever the tables' size: hashes are gathered with a count, 16 bytes
 * each, up to half of memory_bytes (sorting may take the other half); then they are sorted,
 * equal ones become one, and they go to a nameless file as a run. At the end the runs are
 * merged, through buffers of memory_bytes / 2 in all, so that what is on both sides goes away.
 * What is left goes to another such file, which is mapped and searched: its pages are the
 * system's to take back. Where all fit in memory there is no file. On disk that is 16 bytes a
 * row of both tables. 96 bits of a hash are kept: the key of the hashes must be drawn for this
 * one comparison, and then two of 10^10 rows are taken for one with a chance below 10^-8. One
 * thread at a time. */
#ifndef ROWS_ROW_TALLY_H
#define ROWS_ROW_TALLY_H

#include "core/base/error.h"
#include "core/rows/row_hash.h"

enum row_tally_side { ROW_TALLY_BEFORE, ROW_TALLY_AFTER };

struct row_tally;

#define ROW_TALLY_LEAST (8 * KIB) /* of memory_bytes */

/* path: a file beside which nameless ones may be made; copied. ERROR_MEMORY. */
MUST_CHECK struct row_tally *row_tally_new(const char *path, size_t memory_bytes,
                                           struct error *e);
void row_tally_free(struct row_tally *t);

/* One row more. ERROR_IO, ERROR_MEMORY. */
MUST_CHECK int row_tally_add(struct row_tally *t, enum row_tally_side side,
                             const struct row_hash *hash, struct error *e);

/* All rows were added: from here on only the functions below. ERROR_UNSUPPORTED when a row is
 * there 2^31 times more often on one side; ERROR_IO, ERROR_MEMORY. */
MUST_CHECK int row_tally_settle(struct row_tally *t, struct error *e);
/* How many rows are on this side alone. */
uint64_t row_tally_only(const struct row_tally *t, enum row_tally_side side);
/* Is a row with this hash on this side alone? Takes it: of a row that is there three times
 * more often than on the other side the first three are. */
bool row_tally_take(struct row_tally *t, enum row_tally_side side, const struct row_hash *hash);

#endif
