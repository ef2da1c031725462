/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/backups.h"

#include <ctype.h>
#include <stdlib.h>

#include "catalog/internal.h"
#include "core/base/str.h"

void backups_row_done(struct backups_row *row)
{
    free(row->source);
    free(row->database);
    free(row->server_version);
    free(row->host_name);
    free(row->state);
    free(row->tags);
    *row = (struct backups_row){0};
}

/* A copy of text, which may be NULL; false without memory. */
static bool copy_text(char **to, const char *text, struct error *e)
{
    *to = text ? str_copy(text, e) : NULL;
    return *to || !text;
}

int backups_row_copy(const struct backups_row *from, struct backups_row *to, struct error *e)
{
    *to = *from;
    to->source = to->database = to->server_version = NULL;
    to->host_name = to->state = to->tags = NULL;
    if (copy_text(&to->source, from->source, e) &&
        copy_text(&to->database, from->database, e) &&
        copy_text(&to->server_version, from->server_version, e) &&
        copy_text(&to->host_name, from->host_name, e) &&
        copy_text(&to->state, from->state, e) && copy_text(&to->tags, from->tags, e))
        return 0;
    backups_row_done(to);
    return -1;
}

#define VISIT_SQL                                                                              \
    "SELECT b.backup_id, b.host_id, b.digest, b.kind, b.sequence, b.flags, b.started_us,"      \
    " b.committed_us, s.state, s.state_us, p.backup_no, p.source, p.database,"                 \
    " p.server_version, p.host_name, p.rows, p.payload_bytes, p.stored_bytes, p.dump_bytes,"   \
    " (SELECT count(*) FROM backup_table t WHERE t.backup_no = b.backup_no),"                  \
    " (SELECT group_concat(tag, ',') FROM (SELECT tag FROM backup_tag t"                       \
    "  WHERE t.backup_no = b.backup_no ORDER BY ordinal)),"                                    \
    " EXISTS (SELECT 1 FROM mark a WHERE a.backup_id = b.backup_id AND a.type = 3),"           \
    " EXISTS (SELECT 1 FROM hold h WHERE h.backup_id = b.backup_id)"                           \
    " FROM backup b JOIN backup_state s USING (backup_no)"                                     \
    " LEFT JOIN backup_private p USING (backup_no)"                                            \
    " WHERE (?1 IS NULL OR p.source = ?1) AND (?2 IS NULL OR p.database = ?2)"                 \
    " AND (?3 = 0 OR b.kind = ?3) AND (?4 = 0 OR b.committed_us < ?4)"                         \
    " AND b.backup_id BETWEEN ?5 AND ?6"                                                       \
    " AND (?7 IS NULL OR EXISTS (SELECT 1 FROM backup_tag t WHERE t.backup_no = b.backup_no"   \
    "  AND (t.tag = ?7 OR (instr(?7, '=') = 0"                                                 \
    "   AND substr(t.tag, 1, length(?7) + 1) = ?7 || '='))))"                                  \
    " ORDER BY b.committed_us, b.backup_id"

static bool read_numbers(const struct sql *q, struct backups_row *row)
{
    uint32_t kind;
    if (!sql_blob(q, 0, row->backup_id, sizeof row->backup_id) ||
        !sql_blob(q, 1, row->host_id, sizeof row->host_id) ||
        !sql_blob(q, 2, row->digest, sizeof row->digest) || !sql_u32(q, 3, &kind) ||
        kind > UINT8_MAX)
        return false;
    row->kind = (uint8_t)kind;
    row->sequence = (uint64_t)sql_int(q, 4);
    row->flags = (uint64_t)sql_int(q, 5);
    row->started_us = sql_int(q, 6);
    row->committed_us = sql_int(q, 7);
    row->state_us = sql_int(q, 9);
    row->is_open = sql_text(q, 10) != NULL;
    row->rows = (uint64_t)sql_int(q, 15);
    row->payload_bytes = (uint64_t)sql_int(q, 16);
    row->stored_bytes = (uint64_t)sql_int(q, 17);
    row->dump_bytes = (uint64_t)sql_int(q, 18);
    row->table_count = (uint64_t)sql_int(q, 19);
    row->acked = sql_int(q, 21) != 0;
    row->held = sql_int(q, 22) != 0;
    return true;
}

static int visit_row(const struct sql *q, backups_visitor visit, void *arg, struct error *e)
{
    int result = -1;
    struct backups_row row = {0};
    if (!read_numbers(q, &row))
        (void)sql_damaged(q->catalog, "backup", e);
    else if (copy_text(&row.state, sql_text(q, 8), e) &&
             copy_text(&row.source, sql_text(q, 11), e) &&
             copy_text(&row.database, sql_text(q, 12), e) &&
             copy_text(&row.server_version, sql_text(q, 13), e) &&
             copy_text(&row.host_name, sql_text(q, 14), e) &&
             copy_text(&row.tags, sql_text(q, 20), e))
        result = visit(arg, &row, e);
    backups_row_done(&row);
    return result;
}

/* The lowest and the highest id that begin with the hex digits of prefix. */
static int id_range(const char *prefix, uint8_t low[FORMAT_ID_LEN], uint8_t high[FORMAT_ID_LEN],
                    struct error *e)
{
    char first[2 * FORMAT_ID_LEN + 1], last[2 * FORMAT_ID_LEN + 1];
    char shown[80];
    size_t len = strlen(prefix);
    bool fits = len < sizeof first;
    memset(first, '0', sizeof first);
    memset(last, 'f', sizeof last);
    first[2 * FORMAT_ID_LEN] = last[2 * FORMAT_ID_LEN] = '\0';
    for (size_t i = 0; fits && i < len; i++)
        first[i] = last[i] = (char)tolower((unsigned char)prefix[i]);
    if (fits && str_unhex(low, FORMAT_ID_LEN, first) && str_unhex(high, FORMAT_ID_LEN, last))
        return 0;
    str_safe(shown, sizeof shown, bytes_text(prefix));
    return error_set(e, ERROR_USAGE, "backup id %s: at most %d hex digits", shown,
                     2 * FORMAT_ID_LEN);
}

int backups_visit(struct catalog *c, const struct backups_filter *f, backups_visitor visit,
                  void *arg, struct error *e)
{
    static const struct backups_filter all = {0};
    uint8_t low[FORMAT_ID_LEN], high[FORMAT_ID_LEN];
    struct sql q = {0};
    if (!f)
        f = &all;
    if (id_range(f->id_prefix ? f->id_prefix : "", low, high, e) < 0)
        return -1;
    catalog_enter(c);
    int result = sql_open(&q, c, VISIT_SQL, e);
    if (result == 0) {
        sql_put_text(&q, f->source);
        sql_put_text(&q, f->database);
        sql_put_int(&q, f->kind);
        sql_put_int(&q, f->before_us);
        sql_put_blob(&q, low, sizeof low);
        sql_put_blob(&q, high, sizeof high);
        sql_put_text(&q, f->tag);
    }
    while (result == 0 && (result = sql_step(&q, e)) == SQL_ROW)
        result = visit_row(&q, visit, arg, e);
    sql_close(&q);
    catalog_leave(c);
    return result;
}

static int visit_table(const struct sql *q, backups_table_visitor visit, void *arg,
                       struct error *e)
{
    struct backups_table t = {.schema = sql_text(q, 0),
                              .name = sql_text(q, 1),
                              .desc = sql_text(q, 2),
                              .rows = (uint64_t)sql_int(q, 3),
                              .bytes = (uint64_t)sql_int(q, 4),
                              .is_rows = sql_int(q, 7) != 0,
                              .counted = sql_int(q, 8) != 0,
                              .oid = sql_text(q, 9),
                              .root_schema = sql_text(q, 10),
                              .root_name = sql_text(q, 11)};
    if (!t.schema || !t.name || !t.desc || !t.oid || !t.root_schema || !t.root_name ||
        !sql_blob(q, 5, t.digest, sizeof t.digest) ||
        !sql_blob(q, 6, t.content, sizeof t.content))
        return sql_damaged(q->catalog, "table_state", e);
    return visit(arg, &t, e);
}

int backups_tables(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN],
                   backups_table_visitor visit, void *arg, struct error *e)
{
    struct sql q = {0};
    catalog_enter(c);
    int result = sql_open(&q, c,
                          "SELECT schema, name, entry, rows, bytes, t.digest, content, is_rows,"
                          " counted, oid, root_schema, root_name"
                          " FROM backup_table JOIN table_state t USING (table_no)"
                          " WHERE backup_no ="
                          " (SELECT backup_no FROM backup WHERE backup_id = ?1)"
                          " ORDER BY ordinal",
                          e);
    if (result == 0)
        sql_put_blob(&q, backup_id, FORMAT_ID_LEN);
    while (result == 0 && (result = sql_step(&q, e)) == SQL_ROW)
        result = visit_table(&q, visit, arg, e);
    sql_close(&q);
    catalog_leave(c);
    return result;
}

int backups_packs(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN],
                  backups_pack_visitor visit, void *arg, struct error *e)
{
    struct sql q = {0};
    catalog_enter(c);
    int result = sql_open(&q, c,
                          "SELECT sha256, suffix, size, pack_id, owner"
                          " FROM backup_pack JOIN pack USING (pack_no) WHERE backup_no ="
                          " (SELECT backup_no FROM backup WHERE backup_id = ?1)",
                          e);
    if (result == 0)
        sql_put_blob(&q, backup_id, FORMAT_ID_LEN);
    while (result == 0 && (result = sql_step(&q, e)) == SQL_ROW) {
        struct closure_pack pack = {0};
        result =
            objects_read_pack(&q, 0, &pack) ? visit(arg, &pack, e) : sql_damaged(c, "pack", e);
    }
    sql_close(&q);
    catalog_leave(c);
    return result;
}

int backups_ids(struct catalog *c, backups_id_visitor visit, void *arg, struct error *e)
{
    struct sql q = {0};
    catalog_enter(c);
    int result = sql_open(&q, c, "SELECT backup_id FROM backup ORDER BY backup_id", e);
    while (result == 0 && (result = sql_step(&q, e)) == SQL_ROW) {
        uint8_t id[FORMAT_ID_LEN];
        result =
            sql_blob(&q, 0, id, sizeof id) ? visit(arg, id, e) : sql_damaged(c, "backup", e);
    }
    sql_close(&q);
    catalog_leave(c);
    return result;
}

int backups_have(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN], struct error *e)
{
    struct sql q = {0};
    catalog_lock(c);
    int result = sql_open(&q, c, "SELECT 1 FROM backup WHERE backup_id = ?1", e);
    if (result == 0) {
        sql_put_blob(&q, backup_id, FORMAT_ID_LEN);
        result = sql_step(&q, e);
    }
    sql_close(&q);
    catalog_unlock(c);
    return result;
}

int backups_head(struct catalog *c, const uint8_t host_id[FORMAT_ID_LEN], uint64_t *sequence,
                 uint8_t digest[FORMAT_HASH_LEN], struct error *e)
{
    struct sql q = {0};
    catalog_lock(c);
    int result = sql_open(&q, c,
                          "SELECT sequence, digest FROM backup WHERE host_id = ?1"
                          " ORDER BY sequence DESC, digest LIMIT 1",
                          e);
    if (result == 0) {
        sql_put_blob(&q, host_id, FORMAT_ID_LEN);
        result = sql_step(&q, e);
        if (result == SQL_ROW) {
            *sequence = (uint64_t)sql_int(&q, 0);
            result = sql_blob(&q, 1, digest, FORMAT_HASH_LEN) ? 0 : sql_damaged(c, "backup", e);
        } else if (result == 0) {
            result = CATALOG_ABSENT;
        }
    }
    sql_close(&q);
    catalog_unlock(c);
    return result;
}

int backups_remove(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN], struct error *e)
{
    struct sql q = {0};
    if (catalog_begin(c, e) < 0)
        return -1;
    /* What hangs on it goes by cascade and triggers (schema.sql). */
    int result = sql_open(&q, c, "DELETE FROM backup WHERE backup_id = ?1", e);
    if (result == 0) {
        sql_put_blob(&q, backup_id, FORMAT_ID_LEN);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    return catalog_end(c, result, e);
}
