/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sync.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/backups.h"
#include "catalog/objects.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/job/restore.h"
#include "core/repo/pack.h"
#include "tools/sync_marks.h"

/* ---- tables ------------------------------------------------------------------------ */

static void free_text(const char *text)
{
    /* Owned here, const for those who look. */
    free((void *)(uintptr_t)text);
}

void sync_tables_done(struct sync_tables *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free_text(t->items[i].schema);
        free_text(t->items[i].name);
        free_text(t->items[i].desc);
        free_text(t->items[i].oid);
        free_text(t->items[i].root_schema);
        free_text(t->items[i].root_name);
    }
    free(t->items);
    *t = (struct sync_tables){0};
}

int sync_tables_add(struct sync_tables *t, const struct entry *entry, struct error *e)
{
    struct backups_table *items = reallocarray(t->items, t->count + 1, sizeof *items);
    if (!items)
        return error_memory(e, "tables");
    t->items = items;
    struct backups_table *table = &items[t->count++];
    *table = (struct backups_table){
        .schema = str_copy(entry->schema ? entry->schema : "", e),
        .name = str_copy(entry->name, e),
        .desc = str_copy(entry->desc, e),
        .rows = entry->rows,
        .bytes = stream_bytes(&entry->payload),
        .is_rows = entry->payload.kind == FORMAT_STREAM_ROWS,
        .counted = !entry->uncounted,
        .oid = str_copy(entry->oid ? entry->oid : "", e),
        .root_schema = str_copy(entry->root_schema ? entry->root_schema : "", e),
        .root_name = str_copy(entry->root_name ? entry->root_name : "", e),
    };
    if (entry->payload.part_count > 0)
        memcpy(table->digest, entry->payload.parts[0].digest, sizeof table->digest);
    buf_store_u64(table->content, entry->rows);
    memcpy(table->content + 8, entry->sum, sizeof entry->sum);
    return table->schema && table->name && table->desc && table->oid && table->root_schema &&
                   table->root_name
               ? 0
               : -1;
}

static int visit_entry(void *arg, const struct entry *entry, struct error *e)
{
    return sync_tables_add(arg, entry, e);
}

/* Tables of a dump need the metadata key only. */
static int load_tables(struct context *c, const struct manifest *m, struct sync_tables *tables,
                       struct error *e)
{
    const struct restore_options options = {.repo = c->repo, .manifest = m, .workers = 1};
    struct restore *r = restore_new(&options, e);
    int rc = r ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < m->private_part.member_count; i++)
        if (m->private_part.members[i].kind == FORMAT_MEMBER_DUMP)
            rc = restore_entries(r, &m->private_part.members[i], visit_entry, tables, e);
    restore_free(r);
    return rc;
}

/* ---- backups ----------------------------------------------------------------------- */

struct ids {
    uint8_t (*items)[FORMAT_ID_LEN];
    size_t count;
};

static int ids_add(struct ids *ids, const uint8_t id[FORMAT_ID_LEN], struct error *e)
{
    void *items = reallocarray(ids->items, ids->count + 1, sizeof *ids->items);
    if (!items)
        return error_memory(e, "list of backups");
    ids->items = items;
    memcpy(ids->items[ids->count++], id, FORMAT_ID_LEN);
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, FORMAT_ID_LEN);
}

static int visit_stored(void *arg, const struct store_item *item, struct error *e)
{
    uint8_t id[FORMAT_ID_LEN];
    if (!repo_name_known(item->name) ||
        !str_unhex(id, sizeof id, item->name + strlen("backups/")))
        return 0;
    return ids_add(arg, id, e);
}

static int visit_recorded(void *arg, const uint8_t id[FORMAT_ID_LEN], struct error *e)
{
    return ids_add(arg, id, e);
}

static int record(struct context *c, const uint8_t id[FORMAT_ID_LEN], struct error *e)
{
    struct manifest m = {0};
    struct sync_tables tables = {0};
    int rc = repo_manifest(c->repo, id, true, &m, e);
    if (rc == STORE_ABSENT) /* forgotten between the listing and now */
        return 0;
    if (rc == 0 && m.is_open && load_tables(c, &m, &tables, e) < 0) {
        /* A part of it lies in the packs of a backup that this host may not look into: the
         * clear part now, the rest when there is a key for all. */
        rc = e->kind == ERROR_KEY ? 0 : -1;
        m.is_open = false;
    }
    if (rc == 0)
        rc = backups_put(c->catalog, &m, tables.items, tables.count, e);
    sync_tables_done(&tables);
    manifest_done(&m);
    return rc;
}

static int is_open(void *arg, const struct backups_row *row, struct error *e)
{
    (void)e;
    *(bool *)arg = row->is_open;
    return 0;
}

/* Is there more to learn about this backup than the catalog knows? */
static int wants_record(struct context *c, const uint8_t id[FORMAT_ID_LEN], bool have_key,
                        bool *wants, struct error *e)
{
    char hex[2 * FORMAT_ID_LEN + 1];
    bool open = false;
    int have = backups_have(c->catalog, id, e);
    *wants = have == 0;
    if (have != 1 || !have_key)
        return have < 0 ? -1 : 0;
    str_hex(hex, id, FORMAT_ID_LEN);
    const struct backups_filter filter = {.id_prefix = hex};
    if (backups_visit(c->catalog, &filter, is_open, &open, e) < 0)
        return -1;
    *wants = !open;
    return 0;
}

/* Nothing forgets backups yet, so one that is gone is a loss. */
static int forget(struct context *c, const uint8_t id[FORMAT_ID_LEN], struct error *e)
{
    char hex[2 * FORMAT_ID_LEN + 1];
    str_hex(hex, id, FORMAT_ID_LEN);
    log_warning("backup %s was in the repository and is gone; nobody has forgotten it", hex);
    return backups_remove(c->catalog, id, e);
}

int sync_backups(struct context *c, size_t *bad, struct error *e)
{
    struct ids stored = {0};
    struct ids recorded = {0};
    const struct bundle *b = repo_bundle(c->repo);
    bool have_key = repo_has_seed(c->repo) || (b && b->has_keeper_key);
    size_t unreadable = 0;
    int rc = store_list(c->store, "backups/", visit_stored, &stored, e);
    if (rc == 0)
        rc = backups_ids(c->catalog, visit_recorded, &recorded, e);
    if (stored.count > 0)
        qsort(stored.items, stored.count, FORMAT_ID_LEN, compare_ids);
    for (size_t i = 0; rc == 0 && i < recorded.count; i++)
        if (stored.count == 0 ||
            !bsearch(recorded.items[i], stored.items, stored.count, FORMAT_ID_LEN, compare_ids))
            rc = forget(c, recorded.items[i], e);
    for (size_t i = 0; rc == 0 && i < stored.count; i++) {
        bool wants;
        rc = wants_record(c, stored.items[i], have_key, &wants, e);
        if (rc < 0 || !wants)
            continue;
        rc = record(c, stored.items[i], e);
        if (rc < 0 && (e->kind == ERROR_CORRUPT || e->kind == ERROR_UNSUPPORTED)) {
            log_warning("%s", e->text);
            error_clear(e);
            unreadable++;
            rc = 0;
        }
    }
    if (rc == 0)
        rc = sync_marks(c, have_key, e);
    free(stored.items);
    free(recorded.items);
    if (bad)
        *bad = unreadable;
    return rc;
}

/* ---- packs ------------------------------------------------------------------------- */

struct pack_sync {
    struct context *c;
    struct secret index_key;
    struct ref_object *known;
    bool *seen; /* each of them, in the listing */
    size_t known_count;
    struct buf whole;
    struct buf refs;
    size_t read;
};

static int compare_objects(const void *a, const void *b)
{
    const struct ref_object *x = a;
    const struct ref_object *y = b;
    int order = memcmp(x->sha256, y->sha256, sizeof x->sha256);
    return order ? order : memcmp(x->suffix, y->suffix, sizeof x->suffix);
}

static int visit_indexed(void *arg, const struct closure_pack *pack, struct error *e)
{
    struct pack_sync *s = arg;
    struct ref_object *known = reallocarray(s->known, s->known_count + 1, sizeof *known);
    if (!known)
        return error_memory(e, "list of packs");
    s->known = known;
    known[s->known_count++] = pack->object;
    return 0;
}

static int collect_ref(void *arg, const struct ref *ref, struct error *e)
{
    return buf_append(arg, ref, sizeof *ref, e);
}

static int index_pack(struct pack_sync *s, const char *name, struct closure_pack *pack,
                      struct error *e)
{
    struct pack_head head;
    s->refs.len = 0;
    int rc = store_get(s->c->store, name, 0, STORE_ALL, &s->whole, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    uint8_t sha256[DIGEST_LEN];
    if (digest_sha256(buf_view(&s->whole), sha256, e) < 0)
        return -1;
    if (memcmp(sha256, pack->object.sha256, sizeof sha256) != 0)
        return error_set(e, ERROR_CORRUPT, "its SHA-256 is not its name");
    if (pack_head_read(buf_view(&s->whole), &head, e) < 0 ||
        pack_index(buf_view(&s->whole), &s->index_key, collect_ref, &s->refs, e) < 0)
        return -1;
    memcpy(pack->pack_id, head.pack_id, FORMAT_ID_LEN);
    memcpy(pack->owner, head.backup_id, FORMAT_ID_LEN);
    s->read++;
    return objects_add_pack(s->c->catalog, pack, (const struct ref *)(const void *)s->refs.data,
                            s->refs.len / sizeof(struct ref), e);
}

static int visit_pack(void *arg, const struct store_item *item, struct error *e)
{
    struct pack_sync *s = arg;
    struct closure_pack pack = {0};
    struct error why;
    if (!ref_pack_parse(item->name, &pack.object) || item->size > FORMAT_MAX_PACK)
        return 0;
    pack.object.size = (uint32_t)item->size;
    const struct ref_object *known = NULL;
    if (s->known_count > 0)
        known = bsearch(&pack.object, s->known, s->known_count, sizeof pack.object,
                        compare_objects);
    if (known)
        s->seen[known - s->known] = true;
    if (known && known->size == pack.object.size)
        return 0;
    if (known) {
        log_warning("%s has %u bytes, and had %u: it is damaged", item->name, pack.object.size,
                    known->size);
        return objects_drop_pack(s->c->catalog, known, e);
    }
    if (index_pack(s, item->name, &pack, &why) == 0)
        return 0;
    if (why.kind != ERROR_CORRUPT && why.kind != ERROR_UNSUPPORTED) {
        *e = why;
        return -1;
    }
    /* Another domain's pack, or a damaged one: nothing is deduplicated against it. */
    log_info("%s is not pointed into: %s", item->name, why.text);
    return 0;
}

/* Nothing collects packs yet, so one that is gone is a loss. */
static int tell_missing(struct pack_sync *s, struct error *e)
{
    char name[FORMAT_NAME_MAX];
    size_t missing = 0;
    for (size_t i = 0; i < s->known_count; i++) {
        if (s->seen[i])
            continue;
        if (missing++ == 0)
            ref_pack_name(name, &s->known[i]);
        if (objects_drop_pack(s->c->catalog, &s->known[i], e) < 0)
            return -1;
    }
    if (missing > 0)
        log_warning("%s was in the repository and is gone%s: pgkeep verify tells which backups "
                    "need it",
                    name, missing > 1 ? ", as are others" : "");
    return 0;
}

/* Puts those that are known in order, to be found. */
static int order_known(struct pack_sync *s, struct error *e)
{
    if (s->known_count == 0)
        return 0;
    qsort(s->known, s->known_count, sizeof *s->known, compare_objects);
    s->seen = calloc(s->known_count, sizeof *s->seen);
    return s->seen ? 0 : error_memory(e, "list of packs");
}

int sync_packs(struct context *c, struct error *e)
{
    struct pack_sync s = {.c = c};
    const struct bundle *b = repo_bundle(c->repo);
    if (!b)
        return error_set(e, ERROR_KEY, "reading pack indexes needs this host's bundle");
    int rc = keyring_index_key(&b->domain.chunk_id, &s.index_key, e);
    if (rc == 0)
        rc = objects_visit(c->catalog, visit_indexed, &s, e);
    if (rc == 0)
        rc = order_known(&s, e);
    if (rc == 0)
        rc = store_list(c->store, "packs/", visit_pack, &s, e);
    if (rc == 0)
        rc = tell_missing(&s, e);
    if (s.read > 0)
        log_info("read the indexes of %zu packs", s.read);
    secret_wipe(&s.index_key);
    free(s.known);
    free(s.seen);
    buf_done(&s.whole);
    buf_done(&s.refs);
    return rc;
}
