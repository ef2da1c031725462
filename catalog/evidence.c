/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/evidence.h"

#include "catalog/internal.h"
#include "core/base/str.h"

#define ACKED "EXISTS (SELECT 1 FROM mark a WHERE a.backup_id = b.backup_id AND a.type = 3)"

static int visit_row(const struct sql *q, evidence_visitor visit, void *arg, struct error *e)
{
    struct evidence_backup b = {.acked = sql_int(q, 2) != 0};
    const char *system_id = sql_text(q, 1);
    if (!sql_blob(q, 0, b.backup_id, sizeof b.backup_id) || !system_id ||
        !str_u64(system_id, UINT64_MAX, &b.system_id))
        return sql_damaged(q->catalog, "backup_private", e);
    return visit(arg, &b, e);
}

int evidence_visit(struct catalog *c, const char *source, const char *filters, unsigned most,
                   evidence_visitor visit, void *arg, struct error *e)
{
    struct sql q = {0};
    catalog_enter(c);
    int result = sql_open(&q, c,
                          "SELECT b.backup_id, p.system_id, " ACKED
                          " FROM backup_private p JOIN backup b USING (backup_no)"
                          " WHERE p.source = ?1 AND p.filters = ?2 AND b.flags & 8 = 0"
                          " AND (b.flags & 1 = 0 OR " ACKED ")"
                          " AND EXISTS (SELECT 1 FROM backup_table t"
                          "  WHERE t.backup_no = b.backup_no)"
                          " ORDER BY b.committed_us DESC, b.backup_id LIMIT ?3",
                          e);
    if (result == 0) {
        sql_put_text(&q, source);
        sql_put_text(&q, filters);
        sql_put_int(&q, most);
    }
    while (result == 0 && (result = sql_step(&q, e)) == SQL_ROW)
        result = visit_row(&q, visit, arg, e);
    sql_close(&q);
    catalog_leave(c);
    return result;
}
