/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/sql.h"

#include <errno.h>
#include <limits.h>

#include "catalog/internal.h"

int sql_failed(const struct catalog *c, struct error *e)
{
    const char *why = sqlite3_errmsg(c->db);
    int system = sqlite3_system_errno(c->db);
    switch (sqlite3_errcode(c->db) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(e, ERROR_BUSY, "catalog %s: another process is using it: %s", c->path,
                         why);
    case SQLITE_NOMEM:
        return error_memory(e, "catalog");
    case SQLITE_FULL:
        errno = ENOSPC;
        return error_system(e, "catalog %s", c->path);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        errno = system ? system : EIO;
        return error_system(e, "catalog %s: %s", c->path, why);
    default:
        (void)error_set(e, ERROR_CORRUPT, "catalog %s: %s", c->path, why);
        return error_hint(e, "pgkeep catalog rebuild");
    }
}

int sql_damaged(const struct catalog *c, const char *table, struct error *e)
{
    (void)error_set(e, ERROR_CORRUPT, "catalog %s: damaged row in table %s", c->path, table);
    return error_hint(e, "pgkeep catalog rebuild");
}

int sql_open(struct sql *q, struct catalog *c, const char *text, struct error *e)
{
    if (q->statement) {
        sql_reset(q);
        return 0;
    }
    *q = (struct sql){.catalog = c};
    if (sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, &q->statement, NULL))
        return sql_failed(c, e);
    return 0;
}

void sql_reset(struct sql *q)
{
    /* Its answer is that of the last step, which was reported then. */
    (void)sqlite3_reset(q->statement);
    (void)sqlite3_clear_bindings(q->statement);
    q->parameter = 0;
    q->refused = SQLITE_OK;
}

void sql_close(struct sql *q)
{
    (void)sqlite3_finalize(q->statement);
    *q = (struct sql){0};
}

static void keep_refusal(struct sql *q, int rc)
{
    if (q->refused == SQLITE_OK)
        q->refused = rc;
}

void sql_put_int(struct sql *q, int64_t value)
{
    keep_refusal(q, sqlite3_bind_int64(q->statement, ++q->parameter, value));
}

void sql_put_size(struct sql *q, uint64_t value)
{
    if (value > INT64_MAX)
        keep_refusal(q, SQLITE_MISMATCH);
    sql_put_int(q, (int64_t)(value & INT64_MAX));
}

void sql_put_blob(struct sql *q, const void *data, size_t len)
{
    keep_refusal(q,
                 sqlite3_bind_blob64(q->statement, ++q->parameter, data, len, SQLITE_STATIC));
}

void sql_put_text(struct sql *q, const char *text)
{
    keep_refusal(q, sqlite3_bind_text(q->statement, ++q->parameter, text, -1, SQLITE_STATIC));
}

int sql_step(struct sql *q, struct error *e)
{
    if (q->refused == SQLITE_MISMATCH)
        return error_set(e, ERROR_CORRUPT, "an amount above 2^63 - 1 for the catalog");
    if (q->refused != SQLITE_OK)
        return sql_failed(q->catalog, e);
    int rc = sqlite3_step(q->statement);
    if (rc == SQLITE_ROW)
        return SQL_ROW;
    return rc == SQLITE_DONE ? 0 : sql_failed(q->catalog, e);
}

int sql_run(struct sql *q, struct error *e)
{
    int result = sql_step(q, e);
    sql_reset(q);
    return result < 0 ? -1 : 0;
}

int sql_number(struct catalog *c, const char *text, int64_t *value, struct error *e)
{
    struct sql q = {0};
    int result = sql_open(&q, c, text, e);
    if (result == 0)
        result = sql_step(&q, e);
    if (result == SQL_ROW)
        *value = sql_int(&q, 0);
    sql_close(&q);
    return result < 0 ? -1 : 0;
}

int sql_script(struct catalog *c, const char *text, struct error *e)
{
    return sqlite3_exec(c->db, text, NULL, NULL, NULL) ? sql_failed(c, e) : 0;
}

int64_t sql_int(const struct sql *q, int column)
{
    return sqlite3_column_int64(q->statement, column);
}

const char *sql_text(const struct sql *q, int column)
{
    return (const char *)sqlite3_column_text(q->statement, column);
}

bool sql_blob(const struct sql *q, int column, void *out, size_t len)
{
    if (sqlite3_column_type(q->statement, column) != SQLITE_BLOB ||
        sqlite3_column_bytes(q->statement, column) != (int)len)
        return false;
    memcpy(out, sqlite3_column_blob(q->statement, column), len);
    return true;
}

bool sql_u32(const struct sql *q, int column, uint32_t *out)
{
    int64_t value = sql_int(q, column);
    if (sqlite3_column_type(q->statement, column) != SQLITE_INTEGER || value < 0 ||
        value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}
