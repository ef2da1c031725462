/* SPDX-License-Identifier: Apache-2.0 */
/* Each question is asked in both directions: the key of the first row that one file has and the
 * other has not, or not so. Rows are named by what means something in both files, never by the
 * files' own numbers. The large tables are probed by their indexes; EXCEPT, which sorts, is for
 * the small ones. */
#include <stdlib.h>

#include "catalog/internal.h"
#include "core/base/str.h"

#define BACKUP_KEY "lower(hex(b.backup_id))"
#define PACK_KEY "lower(hex(p.sha256)) || '-' || lower(hex(p.suffix))"

/* Backups whose private part both files have; `b` is a backup of the file db. */
#define OPEN_IN_BOTH                                                                           \
    "b.backup_id IN (SELECT o.backup_id FROM main.backup o"                                    \
    "  JOIN main.backup_private USING (backup_no))"                                            \
    " AND b.backup_id IN (SELECT o.backup_id FROM other.backup o"                              \
    "  JOIN other.backup_private USING (backup_no))"

#define EXCEPT(rows, x, y) rows(x) " EXCEPT " rows(y) " LIMIT 1"

#define REPOSITORY_ROWS(db) "SELECT lower(hex(repository_id)) FROM " db ".repository"
#define PACK_ROWS(db)                                                                          \
    "SELECT " PACK_KEY ", p.size, p.pack_id, p.owner, p.indexed FROM " db ".pack p"
#define BACKUP_ROWS(db)                                                                        \
    "SELECT " BACKUP_KEY ", digest, host_id, sequence, previous, source_mac, domain_id, kind," \
    " flags, compat, ro_compat, incompat, set_id, set_ordinal, set_planned, started_us,"       \
    " committed_us FROM " db ".backup b"
#define PRIVATE_ROWS(db)                                                                       \
    "SELECT " BACKUP_KEY ", p.source, p.database, p.server_version, p.server_number,"          \
    " p.system_id, p.standby, p.encoding, p.server_host, p.server_port, p.server_user,"        \
    " p.pgkeep_version, p.dump_version, p.host_name, p.time_zone, p.rows, p.payload_bytes,"    \
    " p.stored_bytes, p.new_chunks, p.dump_bytes, p.filters"                                   \
    " FROM " db ".backup_private p JOIN " db ".backup b USING (backup_no)"                     \
    " WHERE " OPEN_IN_BOTH
#define TAG_ROWS(db)                                                                           \
    "SELECT " BACKUP_KEY ", t.ordinal, t.tag"                                                  \
    " FROM " db ".backup_tag t JOIN " db ".backup b USING (backup_no) WHERE " OPEN_IN_BOTH
#define MEMBER_ROWS(db)                                                                        \
    "SELECT " BACKUP_KEY ", m.ordinal, m.kind, m.name, m.sha256, m.length, m.toc_entries,"     \
    " m.data_entries, m.rows, m.payload_bytes, m.codec"                                        \
    " FROM " db ".backup_member m JOIN " db ".backup b USING (backup_no)"                      \
    " WHERE " OPEN_IN_BOTH
#define MARK_KEY "lower(hex(m.backup_id)) || '-' || lower(hex(m.nonce))"
#define MARK_ROWS(db)                                                                          \
    "SELECT " MARK_KEY ", type, at_us, host_id, refers_to, of_replica, has_text"               \
    " FROM " db ".mark m"

#define MARK_TEXTS(x, y)                                                                       \
    "SELECT " MARK_KEY " FROM " x ".mark m JOIN " y ".mark o USING (backup_id, nonce)"         \
    " WHERE m.text <> o.text LIMIT 1"
#define CHUNKS(x, y)                                                                           \
    "SELECT lower(hex(c.chunk_id)) FROM " x ".chunk c JOIN " x ".pack p USING (pack_no)"       \
    " WHERE NOT EXISTS (SELECT 1 FROM " y ".pack q JOIN " y ".chunk d"                         \
    "  ON d.chunk_id = c.chunk_id AND d.pack_no = q.pack_no"                                   \
    "  WHERE q.sha256 = p.sha256 AND q.suffix = p.suffix"                                      \
    "  AND (d.record, d.offset, d.stored, d.plain, d.codec, d.kind)"                           \
    "    = (c.record, c.offset, c.stored, c.plain, c.codec, c.kind)) LIMIT 1"
#define CLOSURES(x, y)                                                                         \
    "SELECT " BACKUP_KEY " || ' ' || " PACK_KEY " FROM " x ".backup_pack l"                    \
    " JOIN " x ".backup b USING (backup_no) JOIN " x ".pack p USING (pack_no)"                 \
    " WHERE NOT EXISTS (SELECT 1 FROM " y ".backup o JOIN " y ".pack q JOIN " y                \
    ".backup_pack k ON k.backup_no = o.backup_no AND k.pack_no = q.pack_no"                    \
    "  WHERE o.backup_id = b.backup_id AND q.sha256 = p.sha256 AND q.suffix = p.suffix)"       \
    " LIMIT 1"
#define TABLES(x, y)                                                                           \
    "SELECT " BACKUP_KEY " || ' ' || t.schema || '.' || t.name FROM " x ".backup_table l"      \
    " JOIN " x ".backup b USING (backup_no) JOIN " x ".table_state t USING (table_no)"         \
    " WHERE " OPEN_IN_BOTH " AND NOT EXISTS (SELECT 1 FROM " y ".backup o JOIN " y             \
    ".backup_table k ON k.backup_no = o.backup_no AND k.ordinal = l.ordinal"                   \
    "  JOIN " y ".table_state u ON u.table_no = k.table_no"                                    \
    "  WHERE o.backup_id = b.backup_id AND u.key = t.key) LIMIT 1"
#define OPENED(x, y)                                                                           \
    "SELECT " BACKUP_KEY " FROM " x ".backup b JOIN " x ".backup_private USING (backup_no)"    \
    " WHERE b.backup_id NOT IN (SELECT o.backup_id FROM " y ".backup o JOIN " y                \
    ".backup_private USING (backup_no)) LIMIT 1"

struct question {
    const char *table;
    const char *forth; /* in the first file, not in the second */
    const char *back;
};

#define BOTH_WAYS(ask) ask("main", "other"), ask("other", "main")
#define BOTH_EXCEPT(rows) EXCEPT(rows, "main", "other"), EXCEPT(rows, "other", "main")

static const struct question questions[] = {
    {"repository", BOTH_EXCEPT(REPOSITORY_ROWS)},
    {"pack", BOTH_EXCEPT(PACK_ROWS)},
    {"chunk", BOTH_WAYS(CHUNKS)},
    {"backup", BOTH_EXCEPT(BACKUP_ROWS)},
    {"backup_pack", BOTH_WAYS(CLOSURES)},
    {"backup_private", BOTH_EXCEPT(PRIVATE_ROWS)},
    {"backup_tag", BOTH_EXCEPT(TAG_ROWS)},
    {"backup_member", BOTH_EXCEPT(MEMBER_ROWS)},
    {"backup_table", BOTH_WAYS(TABLES)},
    {"mark", BOTH_EXCEPT(MARK_ROWS)},
    {"mark", BOTH_WAYS(MARK_TEXTS)},
};
static const struct question opened = {"backup_private", BOTH_WAYS(OPENED)};

/* Both ways; CATALOG_DIFFERENT with a sentence at the first row. */
static int ask(struct catalog *c, const struct question *question, const char *const paths[2],
               char **difference, struct error *e)
{
    const char *const texts[2] = {question->forth, question->back};
    int result = 0;
    for (int way = 0; result == 0 && way < 2; way++) {
        struct sql q = {0};
        result = sql_open(&q, c, texts[way], e);
        if (result == 0)
            result = sql_step(&q, e);
        if (result == SQL_ROW) {
            char key[200];
            const char *found = sql_text(&q, 0);
            str_safe(key, sizeof key, bytes_text(found ? found : "?"));
            *difference = str_format(e, "table %s, key %s: what %s says is not in %s",
                                     question->table, key, paths[way], paths[1 - way]);
            result = *difference ? CATALOG_DIFFERENT : -1;
        }
        sql_close(&q);
    }
    return result;
}

static int attach(struct catalog *c, const char *path, struct error *e)
{
    struct sql q = {0};
    char *plain = catalog_plain_path(path, e);
    if (!plain)
        return -1;
    int result = sql_open(&q, c, "ATTACH ?1 AS other", e);
    if (result == 0) {
        sql_put_text(&q, plain);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    free(plain);
    return result;
}

static int check_version(struct catalog *c, const char *text, const char *path, struct error *e)
{
    int64_t version = 0;
    if (sql_number(c, text, &version, e) < 0)
        return -1;
    if (version == catalog_version())
        return 0;
    return error_set(e, ERROR_UNSUPPORTED, "catalog %s: version %lld, expected %lld", path,
                     (long long)version, (long long)catalog_version());
}

int catalog_compare(const char *path_a, const char *path_b, char **difference, struct error *e)
{
    const char *const paths[2] = {path_a, path_b};
    int result = -1;
    *difference = NULL;
    struct catalog *c = catalog_open_raw(path_a, e);
    if (!c)
        return -1;
    if (attach(c, path_b, e) < 0 ||
        check_version(c, "PRAGMA main.user_version", path_a, e) < 0 ||
        check_version(c, "PRAGMA other.user_version", path_b, e) < 0 ||
        sql_script(c, "BEGIN", e) < 0)
        goto out;
    result = 0;
    for (size_t i = 0; result == 0 && i < ARRAY_SIZE(questions); i++)
        result = ask(c, &questions[i], paths, difference, e);
    if (result == 0 && ask(c, &opened, paths, difference, e) != 0)
        result = *difference ? CATALOG_PARTIAL : -1;
out:
    catalog_close(c);
    return result;
}
