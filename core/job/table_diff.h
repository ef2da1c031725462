/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that differ between a table of two backups, whatever their order: rows that are only
 * in one, equal ones counted, and those with the same primary key as one change. What is
 * compared are the columns that both have, by name.
 *
 * Both tables are read twice: for the difference of their row hashes (rows/row_tally, on disk
 * 16 bytes a row where they do not fit), and to tell the rows whose hashes were left. Memory
 * whatever the tables' size: TABLE_DIFF_TALLY, then TABLE_DIFF_PAIRS, one row up to
 * TABLE_DIFF_ROW, and what a reader takes. */
#ifndef JOB_TABLE_DIFF_H
#define JOB_TABLE_DIFF_H

#include "core/job/table_rows.h"

#define TABLE_DIFF_TALLY (64 * MIB) /* for hashes */
#define TABLE_DIFF_PAIRS (64 * MIB) /* rows that wait for the other one with their key */
#define TABLE_DIFF_ROW (16 * MIB)   /* of a longer row only so much is told */

/* A row in the columns that are compared, in their order: a line of COPY text with its LF. */
struct table_diff_row {
    struct bytes text; /* where is_cut: the first bytes of the row as its backup has it */
    uint64_t len;      /* of the whole row */
    bool is_cut;
};
/* before or after is NULL where there is no such row. A negative answer ends it with -1. */
typedef int table_diff_visit(void *arg, const struct table_diff_row *before,
                             const struct table_diff_row *after, struct error *e);

struct table_diff_options {
    struct table_rows *before, *after;
    const char *path;        /* a file beside which nameless ones may be made */
    table_diff_visit *visit; /* NULL: rows are only counted, and read once */
    void *arg;
    size_t tally_bytes, pair_bytes; /* other limits than those above; 0: these */
};

struct table_diff;

/* What o points at is borrowed. ERROR_UNSUPPORTED: no column is in both; ERROR_MEMORY. */
MUST_CHECK struct table_diff *table_diff_new(const struct table_diff_options *o,
                                             struct error *e);
void table_diff_free(struct table_diff *d);

enum table_diff_columns {
    TABLE_DIFF_COMPARED, /* in the order of the table before */
    TABLE_DIFF_ONLY_BEFORE,
    TABLE_DIFF_ONLY_AFTER
};
/* Views of d. */
const struct column_names *table_diff_columns(const struct table_diff *d,
                                              enum table_diff_columns which);

struct table_diff_counts {
    uint64_t removed, added;
    uint64_t changed; /* rows with one key before and after; not among the other two */
    uint64_t same;    /* in the columns that are compared */
    uint64_t cut;     /* rows longer than TABLE_DIFF_ROW, told in part */
    uint64_t alone;   /* rows that found no room, and were told before all others */
    bool has_key;     /* there is a primary key to pair rows by */
};
/* Tell all rows that differ: those that find no room to wait first; then those of the table
 * before in its order, each with the one of the same key after; then the others after. Tables
 * whose recorded sums are equal are not read. Once. ERROR_CORRUPT, ERROR_IO and what reading a
 * backup fails with. */
MUST_CHECK int table_diff_run(struct table_diff *d, struct table_diff_counts *counts,
                              struct error *e);

#endif
