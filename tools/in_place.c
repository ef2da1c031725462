/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/in_place.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/dump/toc_extra.h"
#include "core/dump/toc_walk.h"

void in_place_drops_done(struct in_place_drops *d)
{
    for (size_t i = 0; i < d->count; i++) {
        union {
            const char *in;
            char *out;
        } texts[] = {{d->items[i].desc}, {d->items[i].statement}};
        free(texts[0].out);
        free(texts[1].out);
    }
    free(d->items);
    *d = (struct in_place_drops){0};
}

/* desc: empty for a statement that is run as it is. */
static int add(struct in_place_drops *d, struct bytes desc, struct bytes statement,
               struct error *e)
{
    if (d->count == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 64;
        struct toc_replace_drop *items = reallocarray(d->items, cap, sizeof *items);
        if (!items)
            return error_memory(e, "objects of a database");
        d->items = items;
        d->cap = cap;
    }
    struct toc_replace_drop *item = &d->items[d->count++];
    *item = (struct toc_replace_drop){.statement = str_copy_bytes(statement, e)};
    if (desc.len > 0 && item->statement)
        item->desc = str_copy_bytes(desc, e);
    return item->statement && (desc.len == 0 || item->desc) ? 0 : -1;
}

/* ---- what goes --------------------------------------------------------------------- */

struct dropping {
    struct in_place_drops *drops;
    const struct toc_list *list;
    const enum toc_stage *stages;
    bool last; /* this time those of the last stage */
};

static bool ends_with_word(struct bytes text, struct bytes word)
{
    return text.len > word.len && text.data[text.len - word.len - 1] == ' ' &&
           memcmp(text.data + text.len - word.len, word.data, word.len) == 0;
}

/* An index, or a constraint with one, that is attached to its parent's: it cannot go by itself,
 * and goes with that. The tag of an INDEX ATTACH is the index's name. */
static bool is_attached(const struct toc_list *l, const struct dump_entry *n)
{
    bool index = bytes_equal(n->desc, bytes_text("INDEX"));
    if (!index && !bytes_equal(n->desc, bytes_text("CONSTRAINT")))
        return false;
    for (uint32_t i = 0; i < l->count; i++) {
        struct bytes tag = toc_list_tag(l, i);
        if (bytes_equal(toc_list_desc(l, i), bytes_text("INDEX ATTACH")) &&
            bytes_equal(toc_list_schema(l, i), n->schema) &&
            (index ? bytes_equal(n->tag, tag) : ends_with_word(n->tag, tag)))
            return true;
    }
    return false;
}

/* The database itself stays. */
static bool stays(const struct toc_list *l, const struct dump_entry *n)
{
    return bytes_equal(n->desc, bytes_text("DATABASE")) ||
           bytes_equal(n->desc, bytes_text("DATABASE PROPERTIES")) || is_attached(l, n);
}

static int add_drop(void *arg, const struct dump_event *ev, struct error *e)
{
    const struct dropping *d = arg;
    if (ev->type != DUMP_ENTRY || ev->entry->drop.len == 0 ||
        (d->stages[ev->entry->ordinal] == TOC_STAGE_LAST) != d->last ||
        stays(d->list, ev->entry))
        return 0;
    return add(d->drops, ev->entry->desc, ev->entry->drop, e);
}

/* Statements that lead back to what a new database has; the later ones are run first. */
static const char *const resets[] = {
    "SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT ALL ON %s TO %s;',"
    " pg_get_userbyid(d.defaclrole), CASE d.defaclobjtype WHEN 'r' THEN 'TABLES'"
    " WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES'"
    " WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,"
    " CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)"
    " FROM pg_default_acl d, LATERAL (SELECT DISTINCT grantee FROM aclexplode(acldefault("
    " CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole))) a"
    " WHERE d.defaclnamespace = 0",
    "SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I %sREVOKE ALL ON %s FROM %s;',"
    " pg_get_userbyid(d.defaclrole),"
    " coalesce('IN SCHEMA ' || quote_ident(n.nspname) || ' ', ''), CASE d.defaclobjtype"
    " WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'"
    " WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,"
    " CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)"
    " FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace,"
    " LATERAL (SELECT DISTINCT grantee FROM aclexplode(d.defaclacl)) a",
    "SELECT format('GRANT %s ON SCHEMA public TO %s;', a.privilege_type,"
    " CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)"
    " FROM pg_init_privs i, pg_namespace n, LATERAL aclexplode(i.initprivs) a"
    " WHERE n.nspname = 'public' AND i.objoid = n.oid AND i.classoid = 'pg_namespace'::regclass"
    " AND n.nspacl IS DISTINCT FROM i.initprivs",
    "SELECT format('REVOKE ALL ON SCHEMA public FROM %s;',"
    " CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)"
    " FROM pg_init_privs i, pg_namespace n,"
    " LATERAL (SELECT DISTINCT grantee FROM aclexplode(n.nspacl)) a"
    " WHERE n.nspname = 'public' AND i.objoid = n.oid AND i.classoid = 'pg_namespace'::regclass"
    " AND n.nspacl IS DISTINCT FROM i.initprivs",
};

static int add_resets(struct server *s, struct in_place_drops *out, struct error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(resets); i++) {
        struct member_texts statements = {0};
        rc = server_list(s, resets[i], NULL, &statements, e);
        for (size_t k = 0; rc == 0 && k < statements.count; k++)
            rc = add(out, (struct bytes){0}, bytes_text(statements.items[k]), e);
        member_texts_done(&statements);
    }
    return rc;
}

int in_place_list_drops(struct server *s, struct bytes toc, const struct toc_list *l,
                        struct in_place_drops *out, struct error *e)
{
    static const char objects[] =
        "SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata;\n";
    enum toc_stage *stages = calloc((size_t)l->count + 1, sizeof *stages);
    struct dropping d = {.drops = out, .list = l, .stages = stages};
    if (!stages)
        return error_memory(e, "objects of a database");
    toc_stage_assign(l, stages);
    int rc = add(out, (struct bytes){0}, bytes_text(objects), e);
    if (rc == 0)
        rc = toc_walk(toc, add_drop, &d, e);
    if (rc == 0)
        rc = add_resets(s, out, e);
    d.last = true;
    if (rc == 0)
        rc = toc_walk(toc, add_drop, &d, e);
    free(stages);
    return rc;
}

/* ---- what would be lost ------------------------------------------------------------- */

/* 1: there is such a table with rows of its own. */
static int has_rows(struct server *s, struct bytes schema, struct bytes name, struct error *e)
{
    uint64_t rows = 0;
    char *schema_text = str_copy_bytes(schema, e);
    char *name_text = schema_text ? str_copy_bytes(name, e) : NULL;
    char *schema_name = name_text ? server_identifier(s, schema_text, e) : NULL;
    char *table_name = schema_name ? server_identifier(s, name_text, e) : NULL;
    char *full = table_name ? str_format(e, "%s.%s", schema_name, table_name) : NULL;
    char *sql =
        full ? str_format(e, "SELECT count(*) FROM (SELECT FROM ONLY %s LIMIT 1) t", full)
             : NULL;
    int rc = sql ? server_number_of(s,
                                    "SELECT count(*) FROM pg_class WHERE oid = to_regclass($1)"
                                    " AND relkind = 'r'",
                                    full, &rows, e)
                 : -1;
    if (rc == 0 && rows > 0)
        rc = server_number_of(s, sql, NULL, &rows, e);
    char *texts[] = {schema_text, name_text, schema_name, table_name, full, sql};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    return rc < 0 ? -1 : rows > 0;
}

static int lost_rows(struct server *s, const struct restore_choice *choice,
                     struct member_texts *out, struct error *e)
{
    const struct toc_list *l = &choice->list;
    bool *bare = calloc((size_t)l->count + 1, sizeof *bare);
    if (!bare)
        return error_memory(e, "tables of a backup");
    int rc = toc_extra_bare(l, &choice->selection, bare, e);
    for (uint32_t i = 0; rc >= 0 && i < l->count; i++) {
        char text[TOC_LIST_TEXT];
        char *words = NULL;
        if (!bare[i])
            continue;
        rc = has_rows(s, toc_list_schema(l, i), toc_list_tag(l, i), e);
        if (rc != 1)
            continue;
        toc_list_text(l, i, text);
        words = str_format(e, "rows of %s", text);
        rc = words ? member_texts_add(out, words, e) : -1;
        free(words);
    }
    free(bare);
    return rc < 0 ? -1 : 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Oids of the backup's large objects, sorted; *all: entries stand for many, from 17 on, and
 * which ones is not known here. */
static uint64_t *known_objects(const struct restore_choice *choice, size_t *count, bool *all,
                               struct error *e)
{
    const struct toc_list *l = &choice->list;
    uint64_t *oids = calloc((size_t)l->count + 1, sizeof *oids);
    *count = 0;
    *all = false;
    if (!oids)
        (void)error_memory(e, "large objects");
    for (uint32_t i = 0; oids && i < l->count; i++) {
        char tag[24];
        struct bytes desc = toc_list_desc(l, i);
        if (!toc_select_keeps(&choice->selection, i))
            continue;
        *all = *all || bytes_equal(desc, bytes_text("BLOB METADATA"));
        str_safe(tag, sizeof tag, toc_list_tag(l, i));
        if (bytes_equal(desc, bytes_text("BLOB")) && str_u64(tag, UINT32_MAX, &oids[*count]))
            ++*count;
    }
    if (oids)
        qsort(oids, *count, sizeof *oids, by_number);
    return oids;
}

static int lost_objects(struct server *s, const struct restore_choice *choice,
                        struct member_texts *out, struct error *e)
{
    struct member_texts there = {0};
    size_t count;
    bool all;
    uint64_t *known = known_objects(choice, &count, &all, e);
    if (!known)
        return -1;
    int rc = all ? 0
                 : server_list(s, "SELECT oid FROM pg_largeobject_metadata ORDER BY oid", NULL,
                               &there, e);
    for (size_t i = 0; rc == 0 && i < there.count; i++) {
        uint64_t oid = 0;
        if (str_u64(there.items[i], UINT32_MAX, &oid) &&
            bsearch(&oid, known, count, sizeof oid, by_number))
            continue;
        char *words = str_format(e, "LARGE OBJECT %s", there.items[i]);
        rc = words ? member_texts_add(out, words, e) : -1;
        free(words);
    }
    member_texts_done(&there);
    free(known);
    return rc;
}

int in_place_lost(struct server *s, const struct restore_choice *choice,
                  struct member_texts *out, struct error *e)
{
    return lost_rows(s, choice, out, e) < 0 ? -1 : lost_objects(s, choice, out, e);
}
