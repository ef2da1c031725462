/* SPDX-License-Identifier: Apache-2.0 */
/* COPY text that comes in pieces of any size, as rows: the hash of each in the columns that
 * count, and its text up to a limit. A row is a line with its LF; its fields are what tabs
 * separate. Memory: one row, up to the limit. One thread at a time. */
#ifndef ROWS_ROW_SCAN_H
#define ROWS_ROW_SCAN_H

#include "core/base/buf.h"
#include "core/rows/row_hash.h"

struct row_scan_row {
    struct row_hash hash;
    struct bytes text; /* with its LF; where is_cut the first bytes alone; good for the visit */
    uint64_t len;      /* of the whole row */
    bool is_cut;
};
typedef int row_scan_visit(void *arg, const struct row_scan_row *row, struct error *e);

/* Which columns count, in which order: column i of the rows is at places[i] of them, or
 * ROW_SCAN_LEFT_OUT. Rows whose columns differ in number and order have equal hashes when the
 * columns that count are equal. */
#define ROW_SCAN_LEFT_OUT UINT16_MAX
struct row_scan_options {
    const uint8_t *key;     /* ROW_HASH_KEY_LEN bytes */
    const uint16_t *places; /* NULL: the row as it stands is hashed, which is faster */
    size_t columns;         /* of the rows; with places only */
    size_t counting;        /* how many of them count */
    size_t held_bytes;      /* of a row's text at most */
    row_scan_visit *visit;
    void *arg;
};

struct row_scan;

/* What o points at is borrowed. ERROR_MEMORY. */
MUST_CHECK struct row_scan *row_scan_new(const struct row_scan_options *o, struct error *e);
void row_scan_free(struct row_scan *s);
/* A negative answer of the visit ends it with -1. ERROR_CORRUPT when a row has another number
 * of fields (with places only), ERROR_MEMORY. */
MUST_CHECK int row_scan_add(struct row_scan *s, struct bytes text, struct error *e);
/* Nothing follows. ERROR_CORRUPT when the text ends within a row. */
MUST_CHECK int row_scan_end(const struct row_scan *s, struct error *e);

#endif
