/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are gone and rows that are new, held until those with the same key can be told as
 * one change. Memory is bounded: what does not fit is the caller's to tell by itself. One
 * thread at a time. */
#ifndef ROWS_ROW_PAIRS_H
#define ROWS_ROW_PAIRS_H

#include "core/base/buf.h"
#include "core/rows/row_hash.h"

enum row_pairs_side { ROW_PAIRS_BEFORE, ROW_PAIRS_AFTER };

struct row_pairs;

/* budget_bytes: for each side half, texts and 32 bytes a row. ERROR_MEMORY. */
MUST_CHECK struct row_pairs *row_pairs_new(size_t budget_bytes, struct error *e);
void row_pairs_free(struct row_pairs *p);

#define ROW_PAIRS_FULL 1 /* no room on that side: the row is not held */
/* Hold a row, which is copied; key: the hash of its key's fields. ERROR_MEMORY. */
MUST_CHECK int row_pairs_hold(struct row_pairs *p, enum row_pairs_side side,
                              const struct row_hash *key, struct bytes text, struct error *e);

/* before or after is NULL where there is no such row. A negative answer ends it with -1. */
typedef int row_pairs_visit(void *arg, const struct bytes *before, const struct bytes *after,
                            struct error *e);
/* All rows before, each with the one after that has its key, in the order in which they came;
 * then the other rows after, in theirs. Rows with equal keys on one side are paired in their
 * order. Nothing is held then. ERROR_MEMORY. */
MUST_CHECK int row_pairs_tell(struct row_pairs *p, row_pairs_visit *visit, void *arg,
                              struct error *e);

#endif
