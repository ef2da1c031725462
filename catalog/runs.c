/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/runs.h"

#include "catalog/internal.h"
#include "core/base/clock.h"

enum { CONFIRMED = 1, VERIFIED, REHEARSED };

static int rank_of(const char *level)
{
    static const struct {
        const char *level;
        int rank;
    } ranks[] = {{"objects", CONFIRMED},  {"confirmed", CONFIRMED}, {"data", VERIFIED},
                 {"list", VERIFIED},      {"verified", VERIFIED},   {"rehearse", REHEARSED},
                 {"rehearsed", REHEARSED}};
    for (size_t i = 0; i < ARRAY_SIZE(ranks); i++)
        if (strcmp(ranks[i].level, level) == 0)
            return ranks[i].rank;
    return 0;
}

int runs_begin(struct catalog *c, const char *command, int64_t *run_id, struct error *e)
{
    struct sql q = {0};
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = sql_open(&q, c, "INSERT INTO run (command, started_us) VALUES (?1, ?2)", e);
    if (result == 0) {
        sql_put_text(&q, command);
        sql_put_int(&q, clock_now_us());
        result = sql_run(&q, e);
        *run_id = sqlite3_last_insert_rowid(c->db);
    }
    sql_close(&q);
    return catalog_end(c, result, e);
}

int runs_end(struct catalog *c, int64_t run_id, int exit_code, const char *summary,
             const uint8_t *backup_id, struct error *e)
{
    struct sql q = {0};
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = sql_open(&q, c,
                          "UPDATE run SET ended_us = ?1, exit_code = ?2, summary = ?3,"
                          " backup_id = ?4 WHERE run_no = ?5",
                          e);
    if (result == 0) {
        sql_put_int(&q, clock_now_us());
        sql_put_int(&q, exit_code);
        sql_put_text(&q, summary);
        sql_put_blob(&q, backup_id, FORMAT_ID_LEN);
        sql_put_int(&q, run_id);
        result = sql_run(&q, e);
    }
    if (result == 0 && sqlite3_changes64(c->db) == 0)
        result =
            error_set(e, ERROR_ABSENT, "catalog %s: no run %lld", c->path, (long long)run_id);
    sql_close(&q);
    return catalog_end(c, result, e);
}

int runs_event(struct catalog *c, const char *type, const uint8_t *backup_id, const char *text,
               struct error *e)
{
    struct sql q = {0};
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = sql_open(&q, c,
                          "INSERT INTO event (at_us, type, backup_id, text)"
                          " VALUES (?1, ?2, ?3, ?4)",
                          e);
    if (result == 0) {
        sql_put_int(&q, clock_now_us());
        sql_put_text(&q, type);
        sql_put_blob(&q, backup_id, FORMAT_ID_LEN);
        sql_put_text(&q, text);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    return catalog_end(c, result, e);
}

int runs_verified(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN], const char *level,
                  bool ok, const char *text, struct error *e)
{
    struct sql q = {0};
    int rank = rank_of(level);
    if (rank == 0)
        return error_set(e, ERROR_USAGE,
                         "level of verification %s: objects, data, list or rehearse", level);
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = sql_open(&q, c,
                          "INSERT INTO verification (at_us, backup_id, level, rank, ok, text)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                          e);
    if (result == 0) {
        sql_put_int(&q, clock_now_us());
        sql_put_blob(&q, backup_id, FORMAT_ID_LEN);
        sql_put_text(&q, level);
        sql_put_int(&q, rank);
        sql_put_int(&q, ok);
        sql_put_text(&q, text);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    return catalog_end(c, result, e);
}
