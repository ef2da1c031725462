/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/objects.h"

#include "catalog/internal.h"
#include "core/base/str.h"

#define PACK_COLUMNS "sha256, suffix, size, pack_id, owner"

enum { PACK_WIDTH = 5 };

bool objects_read_pack(const struct sql *q, int column, struct closure_pack *pack)
{
    return sql_blob(q, column, pack->object.sha256, sizeof pack->object.sha256) &&
           sql_blob(q, column + 1, pack->object.suffix, sizeof pack->object.suffix) &&
           sql_u32(q, column + 2, &pack->object.size) &&
           sql_blob(q, column + 3, pack->pack_id, sizeof pack->pack_id) &&
           sql_blob(q, column + 4, pack->owner, sizeof pack->owner);
}

static void put_object(struct sql *q, const struct ref_object *object)
{
    sql_put_blob(q, object->sha256, sizeof object->sha256);
    sql_put_blob(q, object->suffix, sizeof object->suffix);
}

static bool read_ref(const struct sql *q, int column, struct ref *ref)
{
    uint32_t codec, kind;
    if (!sql_u32(q, column, &ref->record) || !sql_u32(q, column + 1, &ref->offset) ||
        !sql_u32(q, column + 2, &ref->stored) || !sql_u32(q, column + 3, &ref->plain) ||
        !sql_u32(q, column + 4, &codec) || !sql_u32(q, column + 5, &kind) ||
        codec > UINT8_MAX || kind > UINT8_MAX)
        return false;
    ref->codec = (uint8_t)codec;
    ref->kind = (uint8_t)kind;
    return ref_allowed(ref);
}

int objects_lookup(struct catalog *c, const uint8_t chunk_id[FORMAT_HASH_LEN], struct ref *ref,
                   struct closure_pack *pack, struct error *e)
{
    int result = -1;
    struct sql *q = &c->lookup;
    catalog_lock(c);
    if (sql_open(q, c,
                 "SELECT " PACK_COLUMNS ", record, offset, stored, plain, codec, kind"
                 " FROM chunk JOIN pack USING (pack_no) WHERE chunk_id = ?1"
                 " ORDER BY pack_no DESC LIMIT 1",
                 e) < 0)
        goto out;
    sql_put_blob(q, chunk_id, FORMAT_HASH_LEN);
    result = sql_step(q, e);
    if (result == SQL_ROW && objects_read_pack(q, 0, pack) && read_ref(q, PACK_WIDTH, ref)) {
        memcpy(ref->chunk_id, chunk_id, sizeof ref->chunk_id);
        memcpy(ref->pack_id, pack->pack_id, sizeof ref->pack_id);
        result = 0;
    } else if (result == SQL_ROW) {
        result = sql_damaged(c, "chunk", e);
    } else if (result == 0) {
        result = CATALOG_ABSENT;
    }
    sql_reset(q);
out:
    catalog_unlock(c);
    return result;
}

/* The number of the pack that is known under the object's name, with what is known of it.
 * Answers CATALOG_ABSENT. */
static int find_pack(struct catalog *c, const struct ref_object *object,
                     struct closure_pack *known, int64_t *number, struct error *e)
{
    struct sql *q = &c->find_pack;
    if (sql_open(q, c,
                 "SELECT pack_no, " PACK_COLUMNS " FROM pack WHERE sha256 = ?1 AND suffix = ?2",
                 e) < 0)
        return -1;
    put_object(q, object);
    int result = sql_step(q, e);
    if (result == SQL_ROW) {
        *number = sql_int(q, 0);
        result = objects_read_pack(q, 1, known) ? 0 : sql_damaged(c, "pack", e);
    } else if (result == 0) {
        result = CATALOG_ABSENT;
    }
    sql_reset(q);
    return result;
}

static int insert_pack(struct catalog *c, const struct closure_pack *pack, int64_t *number,
                       struct error *e)
{
    struct sql *q = &c->add_pack;
    if (sql_open(q, c,
                 "INSERT INTO pack (" PACK_COLUMNS ", indexed) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
                 e) < 0)
        return -1;
    put_object(q, &pack->object);
    sql_put_int(q, pack->object.size);
    sql_put_blob(q, pack->pack_id, sizeof pack->pack_id);
    sql_put_blob(q, pack->owner, sizeof pack->owner);
    if (sql_run(q, e) < 0)
        return -1;
    *number = sqlite3_last_insert_rowid(c->db);
    return 0;
}

int objects_pack_number(struct catalog *c, const struct closure_pack *pack, int64_t *number,
                        struct error *e)
{
    struct closure_pack known = {0};
    int result = find_pack(c, &pack->object, &known, number, e);
    if (result == CATALOG_ABSENT)
        return insert_pack(c, pack, number, e);
    if (result < 0)
        return -1;
    /* The name says what the object's bytes are, so all who speak the truth say the same. */
    if (known.object.size != pack->object.size ||
        memcmp(known.pack_id, pack->pack_id, sizeof known.pack_id) != 0 ||
        memcmp(known.owner, pack->owner, sizeof known.owner) != 0) {
        char name[FORMAT_NAME_MAX];
        ref_pack_name(name, &pack->object);
        return error_set(e, ERROR_CORRUPT,
                         "%s: size %u, but the catalog knows it with size %u or another owner",
                         name, (unsigned)pack->object.size, (unsigned)known.object.size);
    }
    return 0;
}

static int add_chunk(struct catalog *c, int64_t pack_number, const struct ref *ref,
                     struct error *e)
{
    struct sql *q = &c->add_chunk;
    if (sql_open(q, c,
                 "INSERT INTO chunk"
                 " (chunk_id, pack_no, record, offset, stored, plain, codec, kind)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
                 e) < 0)
        return -1;
    sql_put_blob(q, ref->chunk_id, sizeof ref->chunk_id);
    sql_put_int(q, pack_number);
    sql_put_int(q, ref->record);
    sql_put_int(q, ref->offset);
    sql_put_int(q, ref->stored);
    sql_put_int(q, ref->plain);
    sql_put_int(q, ref->codec);
    sql_put_int(q, ref->kind);
    return sql_run(q, e);
}

/* One statement about one pack. */
static int run_for(struct catalog *c, const char *text, int64_t number, struct error *e)
{
    struct sql q = {0};
    int result = sql_open(&q, c, text, e);
    if (result == 0) {
        sql_put_int(&q, number);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    return result;
}

static int check_ref(const struct closure_pack *pack, const struct ref *ref, struct error *e)
{
    char name[FORMAT_NAME_MAX];
    if (ref_allowed(ref) && memcmp(ref->pack_id, pack->pack_id, sizeof ref->pack_id) == 0)
        return 0;
    ref_pack_name(name, &pack->object);
    return error_set(e, ERROR_CORRUPT, "%s: record %u: not a chunk of this pack", name,
                     (unsigned)ref->record);
}

int objects_add_pack(struct catalog *c, const struct closure_pack *pack, const struct ref *refs,
                     size_t count, struct error *e)
{
    int64_t number = 0;
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = objects_pack_number(c, pack, &number, e);
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = check_ref(pack, &refs[i], e);
        if (result == 0)
            result = add_chunk(c, number, &refs[i], e);
    }
    if (result == 0)
        result = run_for(c, "UPDATE pack SET indexed = 1 WHERE pack_no = ?1", number, e);
    return catalog_end(c, result, e);
}

int objects_drop_pack(struct catalog *c, const struct ref_object *object, struct error *e)
{
    struct closure_pack known = {0};
    int64_t number = 0;
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = find_pack(c, object, &known, &number, e);
    if (result == 0)
        result = run_for(c, "DELETE FROM chunk WHERE pack_no = ?1", number, e);
    if (result == 0)
        result = run_for(c, "UPDATE pack SET indexed = 0 WHERE pack_no = ?1", number, e);
    if (result == 0)
        result = run_for(c,
                         "DELETE FROM pack WHERE pack_no = ?1 AND NOT EXISTS"
                         " (SELECT 1 FROM backup_pack WHERE pack_no = ?1)",
                         number, e);
    return catalog_end(c, result < 0 ? -1 : 0, e);
}

int objects_holds(struct catalog *c, const struct ref_object *object, struct error *e)
{
    struct sql q = {0};
    catalog_enter(c);
    int result =
        sql_open(&q, c, "SELECT 1 FROM pack WHERE sha256 = ?1 AND indexed = 1 LIMIT 1", e);
    if (result == 0) {
        sql_put_blob(&q, object->sha256, sizeof object->sha256);
        result = sql_step(&q, e);
    }
    sql_close(&q);
    catalog_leave(c);
    return result == SQL_ROW ? 1 : result;
}

int objects_visit(struct catalog *c, objects_visitor visit, void *arg, struct error *e)
{
    struct sql q = {0};
    catalog_enter(c);
    int result = sql_open(&q, c,
                          "SELECT " PACK_COLUMNS " FROM pack WHERE indexed = 1"
                          " ORDER BY pack_no",
                          e);
    while (result == 0 && (result = sql_step(&q, e)) == SQL_ROW) {
        struct closure_pack pack = {0};
        result =
            objects_read_pack(&q, 0, &pack) ? visit(arg, &pack, e) : sql_damaged(c, "pack", e);
    }
    sql_close(&q);
    catalog_leave(c);
    return result;
}
