/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/mark_rows.h"

#include "catalog/internal.h"

int mark_rows_put(struct catalog *c, const struct mark_rows_row *row, struct error *e)
{
    struct sql q = {0};
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = sql_open(&q, c,
                          "INSERT INTO mark (backup_id, nonce, type, at_us, host_id, refers_to,"
                          " of_replica, has_text, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                          " ?9) ON CONFLICT DO UPDATE SET text = coalesce(text, excluded.text)",
                          e);
    if (result == 0) {
        sql_put_blob(&q, row->backup_id, FORMAT_ID_LEN);
        sql_put_blob(&q, row->nonce, FORMAT_ID_LEN);
        sql_put_size(&q, row->type);
        sql_put_int(&q, row->at_us);
        sql_put_blob(&q, row->host_id, FORMAT_ID_LEN);
        sql_put_blob(&q, row->refers ? row->refers_to : NULL, FORMAT_ID_LEN);
        sql_put_int(&q, row->of_replica);
        sql_put_int(&q, row->has_text);
        sql_put_text(&q, row->text);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    return catalog_end(c, result, e);
}

int mark_rows_remove(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN],
                     const uint8_t nonce[FORMAT_ID_LEN], struct error *e)
{
    struct sql q = {0};
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = sql_open(&q, c, "DELETE FROM mark WHERE backup_id = ?1 AND nonce = ?2", e);
    if (result == 0) {
        sql_put_blob(&q, backup_id, FORMAT_ID_LEN);
        sql_put_blob(&q, nonce, FORMAT_ID_LEN);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    return catalog_end(c, result, e);
}

static int visit_row(const struct sql *q, mark_rows_visitor visit, void *arg, struct error *e)
{
    struct mark_rows_row row = {.type = (uint64_t)sql_int(q, 2),
                                .at_us = sql_int(q, 3),
                                .refers = sql_int(q, 5) != 0,
                                .of_replica = sql_int(q, 7) != 0,
                                .has_text = sql_int(q, 8) != 0,
                                .text = sql_text(q, 9)};
    if (!sql_blob(q, 0, row.backup_id, FORMAT_ID_LEN) ||
        !sql_blob(q, 1, row.nonce, FORMAT_ID_LEN) ||
        !sql_blob(q, 4, row.host_id, FORMAT_ID_LEN) ||
        (row.refers && !sql_blob(q, 6, row.refers_to, FORMAT_ID_LEN)))
        return sql_damaged(q->catalog, "mark", e);
    return visit(arg, &row, e);
}

int mark_rows_visit(struct catalog *c, const uint8_t *backup_id, mark_rows_visitor visit,
                    void *arg, struct error *e)
{
    struct sql q = {0};
    catalog_enter(c);
    int result = sql_open(&q, c,
                          "SELECT backup_id, nonce, type, at_us, host_id,"
                          " refers_to IS NOT NULL, refers_to, of_replica, has_text, text"
                          " FROM mark WHERE ?1 IS NULL OR backup_id = ?1"
                          " ORDER BY backup_id, nonce",
                          e);
    if (result == 0)
        sql_put_blob(&q, backup_id, FORMAT_ID_LEN);
    while (result == 0 && (result = sql_step(&q, e)) == SQL_ROW)
        result = visit_row(&q, visit, arg, e);
    sql_close(&q);
    catalog_leave(c);
    return result;
}
