/* SPDX-License-Identifier: Apache-2.0 */
/* The old file may be damaged anywhere: it is read row by row, what cannot be read ends its
 * table, and what the new file's rules refuse is left out. */
#include "catalog/internal.h"

struct history {
    const char *select;
    const char *insert;
    int columns;
};

/* The first column is the row's number. */
static const struct history histories[] = {
    {"SELECT run_no, command, started_us, ended_us, exit_code, summary, backup_id FROM run"
     " ORDER BY run_no",
     "INSERT INTO run (run_no, command, started_us, ended_us, exit_code, summary, backup_id)"
     " SELECT CASE WHEN EXISTS (SELECT 1 FROM run WHERE run_no = ?1) THEN NULL ELSE ?1 END,"
     " ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (SELECT 1 FROM run WHERE run_no = ?1"
     " AND command IS ?2 AND started_us IS ?3 AND ended_us IS ?4 AND exit_code IS ?5"
     " AND summary IS ?6 AND backup_id IS ?7)",
     7},
    {"SELECT event_no, at_us, type, backup_id, text FROM event ORDER BY event_no",
     "INSERT INTO event (event_no, at_us, type, backup_id, text)"
     " SELECT CASE WHEN EXISTS (SELECT 1 FROM event WHERE event_no = ?1) THEN NULL ELSE ?1 END,"
     " ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM event WHERE event_no = ?1"
     " AND at_us IS ?2 AND type IS ?3 AND backup_id IS ?4 AND text IS ?5)",
     5},
    {"SELECT verification_no, at_us, backup_id, level, rank, ok, text FROM verification"
     " ORDER BY verification_no",
     "INSERT INTO verification (verification_no, at_us, backup_id, level, rank, ok, text)"
     " SELECT CASE WHEN EXISTS (SELECT 1 FROM verification WHERE verification_no = ?1)"
     " THEN NULL ELSE ?1 END, ?2, ?3, ?4, ?5, ?6, ?7"
     " WHERE NOT EXISTS (SELECT 1 FROM verification WHERE verification_no = ?1"
     " AND at_us IS ?2 AND backup_id IS ?3 AND level IS ?4 AND rank IS ?5 AND ok IS ?6"
     " AND text IS ?7)",
     7},
};

/* One row over. Answers CATALOG_PARTIAL when the new file's rules refuse it. */
static int copy_row(const struct sql *from, struct sql *to, int columns, struct error *e)
{
    int rc = SQLITE_OK;
    for (int i = 0; i < columns && rc == SQLITE_OK; i++)
        rc = sqlite3_bind_value(to->statement, i + 1, sqlite3_column_value(from->statement, i));
    if (rc == SQLITE_OK)
        rc = sqlite3_step(to->statement);
    int result = 0;
    if ((rc & 0xff) == SQLITE_CONSTRAINT || (rc & 0xff) == SQLITE_MISMATCH)
        result = CATALOG_PARTIAL;
    else if (rc != SQLITE_DONE)
        result = sql_failed(to->catalog, e);
    sql_reset(to);
    return result;
}

/* 0 all, CATALOG_PARTIAL, or -1 when the new file fails; *copied counts. */
static int copy_history(struct catalog *to, struct catalog *from, const struct history *h,
                        uint64_t *copied, struct error *e)
{
    struct sql read = {0}, write = {0};
    struct error ignored;
    int answer = 0;
    int result = sql_open(&write, to, h->insert, e);
    int step = sql_open(&read, from, h->select, &ignored);
    while (result >= 0 && step == 0 && (step = sql_step(&read, &ignored)) == SQL_ROW) {
        step = 0;
        result = copy_row(&read, &write, h->columns, e);
        if (result == CATALOG_PARTIAL)
            answer = CATALOG_PARTIAL;
        else
            ++*copied;
    }
    if (step < 0)
        answer = CATALOG_PARTIAL;
    sql_close(&read);
    sql_close(&write);
    return result < 0 ? -1 : answer;
}

/* Both files name the repository that they are about; one that cannot be read is let pass. */
static int check_same(struct catalog *to, struct catalog *from, struct error *e)
{
    uint8_t ids[2][FORMAT_ID_LEN];
    bool known[2] = {false, false};
    struct catalog *files[2] = {to, from};
    for (size_t i = 0; i < 2; i++) {
        struct error ignored;
        struct sql q = {0};
        if (sql_open(&q, files[i], "SELECT repository_id FROM repository", &ignored) == 0 &&
            sql_step(&q, &ignored) == SQL_ROW)
            known[i] = sql_blob(&q, 0, ids[i], FORMAT_ID_LEN);
        sql_close(&q);
    }
    if (known[0] && known[1] && memcmp(ids[0], ids[1], FORMAT_ID_LEN) != 0)
        return error_set(e, ERROR_USAGE, "catalog %s: about another repository than %s",
                         from->path, to->path);
    return 0;
}

int catalog_adopt_history(struct catalog *to, const char *from_path, struct error *e)
{
    int64_t things = 0;
    uint64_t copied = 0;
    bool partial = false;
    struct error ignored;
    struct catalog *from = catalog_open_raw(from_path, &ignored);
    if (!from ||
        sql_number(from, "SELECT count(*) FROM sqlite_schema", &things, &ignored) < 0) {
        catalog_close(from);
        return CATALOG_ABSENT;
    }
    if (catalog_begin(to, e) < 0) {
        catalog_close(from);
        return -1;
    }
    int result = check_same(to, from, e);
    for (size_t i = 0; result >= 0 && i < ARRAY_SIZE(histories); i++) {
        result = copy_history(to, from, &histories[i], &copied, e);
        partial = partial || result == CATALOG_PARTIAL;
    }
    result = catalog_end(to, result < 0 ? -1 : 0, e);
    catalog_close(from);
    if (result < 0 || !partial)
        return result;
    return copied > 0 ? CATALOG_PARTIAL : CATALOG_ABSENT;
}
