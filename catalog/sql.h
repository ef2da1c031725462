/* SPDX-License-Identifier: Apache-2.0 */
/* One prepared statement: fill its parameters in order, step, read columns, close. Private to
 * the catalog room; the caller holds the catalog's lock. What goes wrong with a parameter is
 * kept and reported by the next step. */
#ifndef CATALOG_SQL_H
#define CATALOG_SQL_H

#include <sqlite3.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

#define SQL_ROW 1 /* a step's answer: there is a row to read */

struct catalog;

/* Zeroed memory is one that is not prepared. */
struct sql {
    struct catalog *catalog;
    sqlite3_stmt *statement;
    int parameter; /* filled so far */
    int refused;   /* why a parameter could not be, or SQLITE_OK */
};

/* text stays constant. One that is prepared already starts anew: so those that live in struct
 * catalog are prepared once. */
MUST_CHECK int sql_open(struct sql *q, struct catalog *c, const char *text, struct error *e);
/* Free again for other parameters; nothing stays locked. */
void sql_reset(struct sql *q);
void sql_close(struct sql *q);

void sql_put_int(struct sql *q, int64_t value);
/* An amount; above 2^63 - 1 is ERROR_CORRUPT. */
void sql_put_size(struct sql *q, uint64_t value);
/* NULL stores NULL. data and text are borrowed until the reset. */
void sql_put_blob(struct sql *q, const void *data, size_t len);
void sql_put_text(struct sql *q, const char *text);

/* SQL_ROW, or 0 at the end. Errors as sql_failed. */
MUST_CHECK int sql_step(struct sql *q, struct error *e);
/* A step that gives no row of interest, and a reset. */
MUST_CHECK int sql_run(struct sql *q, struct error *e);
/* Prepare, step and close for a statement that takes nothing and gives one number or none. */
MUST_CHECK int sql_number(struct catalog *c, const char *text, int64_t *value, struct error *e);
/* A constant script. */
MUST_CHECK int sql_script(struct catalog *c, const char *text, struct error *e);

/* Columns from 0. Text is good until the next step; NULL for NULL. */
int64_t sql_int(const struct sql *q, int column);
const char *sql_text(const struct sql *q, int column);
/* False when the column is not a blob of len bytes, or not a number of 32 bits: damage. */
MUST_CHECK bool sql_blob(const struct sql *q, int column, void *out, size_t len);
MUST_CHECK bool sql_u32(const struct sql *q, int column, uint32_t *out);

/* What SQLite said last as our error: ERROR_BUSY, ERROR_MEMORY, ERROR_IO, else ERROR_CORRUPT
 * with the hint to rebuild. -1. */
int sql_failed(const struct catalog *c, struct error *e);
/* ERROR_CORRUPT with the same hint: a row of table is not what we wrote. -1. */
int sql_damaged(const struct catalog *c, const char *table, struct error *e);

#endif
