/* SPDX-License-Identifier: Apache-2.0 */
/* Dumps of any size, written to a file as pg_dump -Fc -Z0 does: tables of a public schema and
 * their rows, a piece a row. Running out of memory ends the program; failing to write is told
 * by dump_file_close. */
#ifndef SUPPORT_DUMP_FILE_H
#define SUPPORT_DUMP_FILE_H

#include <stdio.h>

#include "core/base/buf.h"

struct dump_file {
    FILE *file;
    struct buf waiting; /* not written yet */
    bool whole;         /* all was written so far */
    size_t tables;
};

struct dump_file_table {
    char name[24];
    const char *columns; /* "id, name": as COPY names them; all are text */
};

/* Make or replace the file and write all up to the end of the TOC. false: it cannot be made. */
MUST_CHECK bool dump_file_begin(struct dump_file *d, const char *path,
                                const struct dump_file_table *tables, size_t count);
/* The data of table i, in the order of the TOC: rows with their LF between begin and end. */
void dump_file_data_begin(struct dump_file *d, size_t i);
void dump_file_row(struct dump_file *d, struct bytes row);
void dump_file_data_end(struct dump_file *d);
/* false, with a line on stderr: not all is in the file. */
MUST_CHECK bool dump_file_close(struct dump_file *d);

/* Formatted text behind what is in a row. */
void dump_file_print(struct buf *row, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
