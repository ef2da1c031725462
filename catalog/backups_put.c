/* SPDX-License-Identifier: Apache-2.0 */
/* How a backup is written down; what is asked about it is in backups.c. */
#include <stdio.h>

#include "catalog/backups.h"
#include "catalog/internal.h"
#include "core/base/digest.h"
#include "core/base/str.h"

/* The number of a backup and the digest it is known with. Answers CATALOG_ABSENT. */
static int find_backup(struct catalog *c, const uint8_t *backup_id, int64_t *number,
                       uint8_t digest[FORMAT_HASH_LEN], struct error *e)
{
    struct sql q = {0};
    int result =
        sql_open(&q, c, "SELECT backup_no, digest FROM backup WHERE backup_id = ?1", e);
    if (result == 0) {
        sql_put_blob(&q, backup_id, FORMAT_ID_LEN);
        result = sql_step(&q, e);
        if (result == SQL_ROW) {
            *number = sql_int(&q, 0);
            result = sql_blob(&q, 1, digest, FORMAT_HASH_LEN) ? 0 : sql_damaged(c, "backup", e);
        } else if (result == 0) {
            result = CATALOG_ABSENT;
        }
    }
    sql_close(&q);
    return result;
}

static int insert_backup(struct catalog *c, const struct manifest *m, int64_t *number,
                         struct error *e)
{
    struct sql q = {0};
    int result = sql_open(&q, c,
                          "INSERT INTO backup (backup_id, digest, host_id, sequence, previous,"
                          " source_mac, domain_id, kind, flags, compat, ro_compat, incompat,"
                          " set_id, set_ordinal, set_planned, started_us, committed_us) VALUES"
                          " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
                          " CASE WHEN ?13 IS NULL THEN NULL ELSE ?14 END,"
                          " CASE WHEN ?13 IS NULL THEN NULL ELSE ?15 END, ?16, ?17)",
                          e);
    if (result == 0) {
        sql_put_blob(&q, m->backup_id, sizeof m->backup_id);
        sql_put_blob(&q, m->digest, sizeof m->digest);
        sql_put_blob(&q, m->host_id, sizeof m->host_id);
        sql_put_size(&q, m->sequence);
        sql_put_blob(&q, m->has_previous ? m->previous : NULL, sizeof m->previous);
        sql_put_blob(&q, m->source_mac, sizeof m->source_mac);
        sql_put_blob(&q, m->domain_id, sizeof m->domain_id);
        sql_put_int(&q, m->kind);
        sql_put_int(&q, (int64_t)m->flags);
        sql_put_int(&q, (int64_t)m->compat);
        sql_put_int(&q, (int64_t)m->ro_compat);
        sql_put_int(&q, (int64_t)m->incompat);
        sql_put_blob(&q, m->has_set ? m->set_id : NULL, sizeof m->set_id);
        sql_put_int(&q, m->set_ordinal);
        sql_put_int(&q, m->set_planned);
        sql_put_int(&q, m->started_us);
        sql_put_int(&q, m->committed_us);
        result = sql_run(&q, e);
        *number = sqlite3_last_insert_rowid(c->db);
    }
    sql_close(&q);
    return result;
}

static int put_closure(struct catalog *c, int64_t number, const struct closure *closure,
                       struct error *e)
{
    struct sql q = {0};
    int result = sql_open(&q, c,
                          "INSERT INTO backup_pack (backup_no, pack_no) VALUES (?1, ?2)"
                          " ON CONFLICT DO NOTHING",
                          e);
    for (size_t i = 0; result == 0 && i < closure->count; i++) {
        int64_t pack;
        result = objects_pack_number(c, &closure->packs[i], &pack, e);
        if (result < 0)
            break;
        sql_put_int(&q, number);
        sql_put_int(&q, pack);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    return result;
}

static int put_tags(struct catalog *c, int64_t number, const struct member_texts *tags,
                    struct error *e)
{
    struct sql q = {0};
    int result = sql_open(
        &q, c, "INSERT INTO backup_tag (backup_no, ordinal, tag) VALUES (?1, ?2, ?3)", e);
    for (size_t i = 0; result == 0 && i < tags->count; i++) {
        sql_put_int(&q, number);
        sql_put_int(&q, (int64_t)i);
        sql_put_text(&q, tags->items[i]);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    return result;
}

static int put_members(struct catalog *c, int64_t number, const struct member_private *p,
                       struct error *e)
{
    struct sql q = {0};
    int result = sql_open(&q, c,
                          "INSERT INTO backup_member (backup_no, ordinal, kind, name, sha256,"
                          " length, toc_entries, data_entries, rows, payload_bytes, codec)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                          e);
    for (size_t i = 0; result == 0 && i < p->member_count; i++) {
        const struct member *m = &p->members[i];
        sql_put_int(&q, number);
        sql_put_int(&q, (int64_t)i);
        sql_put_int(&q, m->kind);
        sql_put_text(&q, m->name);
        sql_put_blob(&q, m->has_sha256 ? m->sha256 : NULL, sizeof m->sha256);
        sql_put_size(&q, m->length);
        sql_put_size(&q, m->toc_entries);
        sql_put_size(&q, m->data_entries);
        sql_put_size(&q, m->rows);
        sql_put_size(&q, m->payload_bytes);
        sql_put_int(&q, m->codec);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    return result;
}

/* Above 2^63 when the sum does not fit: sql_put_size then refuses it. */
static uint64_t dump_bytes(const struct member_private *p)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->member_count; i++)
        if (attr_add_overflows(sum, p->members[i].length, &sum))
            return UINT64_MAX;
    return sum;
}

static int insert_private(struct catalog *c, int64_t number, const struct member_private *p,
                          struct error *e)
{
    struct sql q = {0};
    struct buf filters = {0};
    char system_id[24];
    (void)snprintf(system_id, sizeof system_id, "%llu", (unsigned long long)p->system_id);
    int result =
        sql_open(&q, c,
                 "INSERT INTO backup_private (backup_no, source, database, server_version,"
                 " server_number, system_id, standby, encoding, server_host, server_port,"
                 " server_user, pgkeep_version, dump_version, host_name, time_zone, rows,"
                 " payload_bytes, stored_bytes, new_chunks, dump_bytes, filters) VALUES (?1,"
                 " ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
                 " ?18, ?19, ?20, ?21)",
                 e);
    if (result == 0)
        result = member_filters(p, &filters, e);
    if (result == 0)
        result = buf_byte(&filters, '\0', e);
    if (result == 0) {
        sql_put_int(&q, number);
        sql_put_text(&q, p->source);
        sql_put_text(&q, p->database);
        sql_put_text(&q, p->server_version);
        sql_put_size(&q, p->server_number);
        sql_put_text(&q, system_id);
        sql_put_int(&q, p->standby);
        sql_put_text(&q, p->encoding);
        sql_put_text(&q, p->server_host);
        sql_put_text(&q, p->server_port);
        sql_put_text(&q, p->server_user);
        sql_put_text(&q, p->pgkeep_version);
        sql_put_text(&q, p->dump_version);
        sql_put_text(&q, p->host_name);
        sql_put_text(&q, p->time_zone);
        sql_put_size(&q, p->rows);
        sql_put_size(&q, p->payload_bytes);
        sql_put_size(&q, p->stored_bytes);
        sql_put_size(&q, p->new_chunks);
        sql_put_size(&q, dump_bytes(p));
        sql_put_text(&q, (const char *)filters.data);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    buf_done(&filters);
    return result;
}

/* Signed with the rest of the manifest, so what is there already is the same. */
static int put_private(struct catalog *c, int64_t number, const struct member_private *p,
                       struct error *e)
{
    struct sql q = {0};
    int result = sql_open(&q, c, "SELECT 1 FROM backup_private WHERE backup_no = ?1", e);
    if (result == 0) {
        sql_put_int(&q, number);
        result = sql_step(&q, e);
    }
    sql_close(&q);
    if (result != 0)
        return result < 0 ? -1 : 0;
    if (insert_private(c, number, p, e) < 0 || put_tags(c, number, &p->tags, e) < 0)
        return -1;
    return put_members(c, number, p, e);
}

static int add_text(struct buf *b, const char *text, struct error *e)
{
    struct bytes t = bytes_text(text);
    return buf_varint(b, t.len, e) < 0 ? -1 : buf_append(b, t.data, t.len, e);
}

/* The name of a table's state: a digest over all that is said of it. */
static int table_key(const struct backups_table *t, struct buf *scratch,
                     uint8_t key[DIGEST_LEN], struct error *e)
{
    scratch->len = 0;
    if (add_text(scratch, t->schema, e) < 0 || add_text(scratch, t->name, e) < 0 ||
        add_text(scratch, t->desc, e) < 0 || add_text(scratch, t->oid, e) < 0 ||
        add_text(scratch, t->root_schema, e) < 0 || add_text(scratch, t->root_name, e) < 0 ||
        buf_u64(scratch, t->rows, e) < 0 || buf_u64(scratch, t->bytes, e) < 0 ||
        buf_append(scratch, t->digest, sizeof t->digest, e) < 0 ||
        buf_append(scratch, t->content, sizeof t->content, e) < 0 ||
        buf_byte(scratch, t->is_rows, e) < 0 || buf_byte(scratch, t->counted, e) < 0)
        return -1;
    return digest_sha256(buf_view(scratch), key, e);
}

static int add_state(struct sql *q, const struct backups_table *t, const uint8_t *key,
                     struct error *e)
{
    sql_put_blob(q, key, DIGEST_LEN);
    sql_put_text(q, t->schema);
    sql_put_text(q, t->name);
    sql_put_text(q, t->desc);
    sql_put_size(q, t->rows);
    sql_put_size(q, t->bytes);
    sql_put_blob(q, t->digest, sizeof t->digest);
    sql_put_blob(q, t->content, sizeof t->content);
    sql_put_int(q, t->is_rows);
    sql_put_int(q, t->counted);
    sql_put_text(q, t->oid);
    sql_put_text(q, t->root_schema);
    sql_put_text(q, t->root_name);
    return sql_run(q, e);
}

static int put_tables(struct catalog *c, int64_t number, const struct backups_table *tables,
                      size_t count, struct error *e)
{
    int result = -1;
    struct sql state = {0}, link = {0}, rest = {0};
    struct buf scratch = {0};
    if (sql_open(&state, c,
                 "INSERT INTO table_state (key, schema, name, entry, rows, bytes, digest,"
                 " content, is_rows, counted, oid, root_schema, root_name) VALUES (?1, ?2,"
                 " ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
                 " ON CONFLICT DO NOTHING",
                 e) < 0 ||
        sql_open(&link, c,
                 "INSERT INTO backup_table (backup_no, ordinal, table_no)"
                 " SELECT ?1, ?2, table_no FROM table_state WHERE key = ?3"
                 " ON CONFLICT DO UPDATE SET table_no = excluded.table_no",
                 e) < 0 ||
        sql_open(&rest, c, "DELETE FROM backup_table WHERE backup_no = ?1 AND ordinal >= ?2",
                 e) < 0)
        goto out;
    for (size_t i = 0; i < count; i++) {
        uint8_t key[DIGEST_LEN];
        if (table_key(&tables[i], &scratch, key, e) < 0 ||
            add_state(&state, &tables[i], key, e) < 0)
            goto out;
        sql_put_int(&link, number);
        sql_put_int(&link, (int64_t)i);
        sql_put_blob(&link, key, sizeof key);
        if (sql_run(&link, e) < 0)
            goto out;
    }
    sql_put_int(&rest, number);
    sql_put_int(&rest, (int64_t)count);
    result = sql_run(&rest, e);
out:
    sql_close(&state);
    sql_close(&link);
    sql_close(&rest);
    buf_done(&scratch);
    return result;
}

/* The row of the clear part, which must not be known otherwise. */
static int put_clear(struct catalog *c, const struct manifest *m, int64_t *number,
                     struct error *e)
{
    uint8_t digest[FORMAT_HASH_LEN];
    int result = find_backup(c, m->backup_id, number, digest, e);
    if (result == CATALOG_ABSENT)
        return insert_backup(c, m, number, e);
    if (result == 0 && memcmp(digest, m->digest, sizeof digest) != 0) {
        char id[2 * FORMAT_ID_LEN + 1], known[2 * FORMAT_HASH_LEN + 1];
        char found[2 * FORMAT_HASH_LEN + 1];
        str_hex(id, m->backup_id, FORMAT_ID_LEN);
        str_hex(known, digest, sizeof digest);
        str_hex(found, m->digest, sizeof m->digest);
        return error_set(e, ERROR_CORRUPT, "backups/%s: sha-256 %s, the catalog knows it as %s",
                         id, found, known);
    }
    return result;
}

int backups_put(struct catalog *c, const struct manifest *m, const struct backups_table *tables,
                size_t count, struct error *e)
{
    int64_t number = 0;
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = put_clear(c, m, &number, e);
    if (result == 0)
        result = put_closure(c, number, &m->closure, e);
    if (result == 0 && m->is_open)
        result = put_private(c, number, &m->private_part, e);
    if (result == 0 && count > 0)
        result = put_tables(c, number, tables, count, e);
    return catalog_end(c, result, e);
}
