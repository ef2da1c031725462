/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of COPY text have a value: one that holds a text, or is it. Values are looked at
 * as they are in the database, escapes undone; NULL is no value. Text comes in pieces of any
 * size, and nothing of it is held. One thread at a time. */
#ifndef ROWS_COPY_MATCH_H
#define ROWS_COPY_MATCH_H

#include "core/base/bytes.h"
#include "core/base/error.h"

struct copy_match;

/* whole: the value is the text (which may be empty); else it holds it somewhere. text is
 * borrowed. ERROR_MEMORY. */
MUST_CHECK struct copy_match *copy_match_new(struct bytes text, bool whole, struct error *e);
void copy_match_free(struct copy_match *m);

#define COPY_MATCH_ANY UINT16_MAX
/* Rows of another table follow; what counts is this column, from 0, or any. */
void copy_match_begin(struct copy_match *m, uint16_t column);
void copy_match_add(struct copy_match *m, struct bytes text);
/* How many rows had such a value since the beginning of all. */
uint64_t copy_match_rows(const struct copy_match *m);

#endif
