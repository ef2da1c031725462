/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/evidence.h"

#include "catalog/internal.h"
#include "core/base/str.h"

#define EVIDENCE_SQL                                                                           \
    "WITH alike AS (SELECT b.backup_id, p.system_id, b.committed_us, b.flags & 1 AS suspect,"  \
    "  EXISTS (SELECT 1 FROM mark a WHERE a.backup_id = b.backup_id AND a.type = 3) AS acked"  \
    "  FROM backup_private p JOIN backup b USING (backup_no)"                                  \
    "  WHERE p.source = ?1 AND p.filters = ?2 AND b.flags & 8 = 0"                             \
    "  AND EXISTS (SELECT 1 FROM backup_table t WHERE t.backup_no = b.backup_no)),"            \
    " good AS (SELECT * FROM alike WHERE suspect = 0 OR acked"                                 \
    "  ORDER BY committed_us DESC, backup_id LIMIT ?3)"                                        \
    " SELECT backup_id, system_id, acked, suspect AND NOT acked FROM alike"                    \
    " WHERE backup_id IN (SELECT backup_id FROM good) OR (suspect AND NOT acked"               \
    "  AND committed_us > (SELECT min(committed_us) FROM good)"                                \
    "  AND committed_us < (SELECT max(committed_us) FROM good))"                               \
    " ORDER BY committed_us DESC, backup_id"

static int visit_row(const struct sql *q, evidence_visitor visit, void *arg, struct error *e)
{
    struct evidence_backup b = {.acked = sql_int(q, 2) != 0, .doubted = sql_int(q, 3) != 0};
    const char *system_id = sql_text(q, 1);
    if (!sql_blob(q, 0, b.backup_id, sizeof b.backup_id) || !system_id ||
        !str_u64(system_id, UINT64_MAX, &b.system_id))
        return sql_damaged(q->catalog, "backup_private", e);
    return visit(arg, &b, e);
}

int evidence_visit(struct catalog *c, const struct evidence_query *query,
                   evidence_visitor visit, void *arg, struct error *e)
{
    struct sql q = {0};
    catalog_enter(c);
    int result = sql_open(&q, c, EVIDENCE_SQL, e);
    if (result == 0) {
        sql_put_text(&q, query->source);
        sql_put_text(&q, query->filters);
        sql_put_int(&q, query->most);
    }
    while (result == 0 && (result = sql_step(&q, e)) == SQL_ROW)
        result = visit_row(&q, visit, arg, e);
    sql_close(&q);
    catalog_leave(c);
    return result;
}
