/* SPDX-License-Identifier: Apache-2.0 */
/* One table of a backup, whose rows are read as often as need be: the table that a name means,
 * or all partitions of a partitioned one, one after the other. */
#ifndef JOB_TABLE_ROWS_H
#define JOB_TABLE_ROWS_H

#include <signal.h>

#include "core/repo/repo.h"
#include "core/rows/column_names.h"

struct table_rows_options {
    struct repo *repo;
    const struct manifest *manifest; /* open */
    const char *name;                /* as in dump/toc_name; one table */
    const char *option;              /* what messages call where the name came from */
    unsigned workers;
    const volatile sig_atomic_t *stop;
};

struct table_rows;

#define TABLE_ROWS_ABSENT 1
/* What o points at is borrowed until table_rows_close. Answers TABLE_ROWS_ABSENT when the
 * backup has no such table; e then tells so, with the nearest names. ERROR_USAGE: the name is
 * none, or that of several tables; ERROR_UNSUPPORTED: the backup has no rows of it that can be
 * read (a view; the schema alone; INSERT commands; stored as bytes); ERROR_KEY, ERROR_CORRUPT.
 */
MUST_CHECK int table_rows_open(const struct table_rows_options *o, struct table_rows **out,
                               struct error *e);
void table_rows_close(struct table_rows *t);

struct table_rows_facts {
    struct bytes schema, name;
    size_t part_count; /* tables that hold rows: at least 1 */
    uint64_t rows, bytes;
    /* Of the rows of all parts, in any order, under the row key of the backup's domain: equal
     * sums, rows and bytes mean equal rows. */
    uint8_t sum[16];
    const struct column_names *key; /* of the primary key; NULL: there is none */
};
/* Views of t. */
struct table_rows_facts table_rows_facts(const struct table_rows *t);
/* In the order in which part's rows have them. */
const struct column_names *table_rows_columns(const struct table_rows *t, size_t part);

/* A negative answer ends the reading with -1. */
struct table_rows_visit {
    int (*begin)(void *arg, size_t part, struct error *e);
    /* COPY text of the part in pieces of any size. */
    int (*text)(void *arg, struct bytes text, struct error *e);
    int (*end)(void *arg, struct error *e);
    void *arg;
};
/* All rows, checked against what was stored. ERROR_CORRUPT. */
MUST_CHECK int table_rows_read(struct table_rows *t, const struct table_rows_visit *visit,
                               struct error *e);

#endif
