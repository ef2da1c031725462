/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/toc_select.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/dump/toc_closure.h"
#include "core/dump/toc_name.h"

#define NEAREST 3 /* names in a hint */

struct choosing {
    const struct toc_list *l;
    const struct toc_select_options *o;
    struct toc_select *s;
    struct toc_name *names; /* tables, then schemas */
    bool *in_schema;        /* by ordinal: the entry is in a schema that was asked for */
};

void toc_select_done(struct toc_select *s)
{
    free(s->marks);
    free(s->answers);
    *s = (struct toc_select){0};
}

/* ---- names that are not there ------------------------------------------------------ */

struct near {
    uint32_t ordinal;
    unsigned distance;
};

/* What the name is compared with: with a dot in it, the whole of schema and table. */
static unsigned distance(const struct choosing *c, const struct toc_name *n, uint32_t i,
                         bool schema)
{
    struct bytes table = buf_view(&n->table);
    unsigned d = toc_name_distance(table, toc_list_tag(c->l, i));
    if (!schema && n->has_schema)
        d += toc_name_distance(buf_view(&n->schema), toc_list_schema(c->l, i));
    return d;
}

static void note_near(struct near *nearest, size_t *count, struct near candidate)
{
    size_t at = *count < NEAREST ? (*count)++ : NEAREST;
    for (; at > 0 && nearest[at - 1].distance > candidate.distance; at--)
        if (at < NEAREST)
            nearest[at] = nearest[at - 1];
    if (at < NEAREST)
        nearest[at] = candidate;
}

static bool is_candidate(const struct choosing *c, uint32_t i, bool schema)
{
    const struct toc_kind_facts *facts = c->l->entries[i].facts;
    if (schema)
        return facts->kind == TOC_KIND_SCHEMA;
    return (facts->flags & TOC_KIND_RELATION) || facts->kind == TOC_KIND_TABLE_DATA;
}

static bool is_listed(const struct choosing *c, const struct near *nearest, size_t count,
                      uint32_t i)
{
    for (size_t k = 0; k < count; k++)
        if (bytes_equal(toc_list_tag(c->l, nearest[k].ordinal), toc_list_tag(c->l, i)) &&
            bytes_equal(toc_list_schema(c->l, nearest[k].ordinal), toc_list_schema(c->l, i)))
            return true;
    return false;
}

static int hint(const struct choosing *c, const struct toc_name *n, bool schema,
                struct error *e)
{
    struct near nearest[NEAREST];
    char text[NEAREST * 200] = "";
    size_t count = 0;
    size_t used = 0;
    for (uint32_t i = 0; i < c->l->count; i++)
        if (is_candidate(c, i, schema) && !is_listed(c, nearest, count, i))
            note_near(nearest, &count,
                      (struct near){.ordinal = i, .distance = distance(c, n, i, schema)});
    for (size_t k = 0; k < count; k++) {
        char name[90];
        char in[90];
        str_safe(in, sizeof in, toc_list_schema(c->l, nearest[k].ordinal));
        str_safe(name, sizeof name, toc_list_tag(c->l, nearest[k].ordinal));
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s%s", k ? ", " : "", in,
                                 *in ? "." : "", name);
    }
    if (count == 0)
        return error_hint(e, "the backup has no %s at all", schema ? "schemas" : "tables");
    return error_hint(e, "the nearest %s: %s", schema ? "schemas" : "tables", text);
}

static const char *option(const struct choosing *c, bool schema)
{
    if (schema)
        return "-n";
    return c->o->table_option ? c->o->table_option : "-t";
}

static int absent(const struct choosing *c, const struct toc_name *n, bool schema,
                  struct error *e)
{
    char name[120];
    str_safe(name, sizeof name, bytes_text(n->text));
    if (!schema && c->o->schema_count > 0)
        (void)error_set(e, ERROR_USAGE, "%s %s: no such table in the schemas of -n",
                        option(c, false), name);
    else
        (void)error_set(e, ERROR_USAGE, "%s %s: the backup has no such %s", option(c, schema),
                        name, schema ? "schema" : "table");
    return hint(c, n, schema, e);
}

/* ---- what was asked for ------------------------------------------------------------ */

static void ask(const struct choosing *c, uint32_t i)
{
    c->s->marks[i] = (struct toc_select_mark){
        .why = TOC_SELECT_ASKED, .whole = true, .by = TOC_SELECT_NOBODY};
}

/* Relations, exactly or by the pattern; rows alone where the dump has no definitions. */
static uint32_t ask_tables(const struct choosing *c, const struct toc_name *n, bool exactly,
                           bool data)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < c->l->count; i++) {
        const struct toc_kind_facts *facts = c->l->entries[i].facts;
        bool fits =
            data ? facts->kind == TOC_KIND_TABLE_DATA : (facts->flags & TOC_KIND_RELATION) != 0;
        struct bytes schema = toc_list_schema(c->l, i);
        struct bytes tag = toc_list_tag(c->l, i);
        if (!fits || (c->o->schema_count > 0 && !c->in_schema[i]) ||
            !(exactly ? toc_name_is(n, schema, tag) : toc_name_matches(n, schema, tag)))
            continue;
        ask(c, i);
        found++;
    }
    return found;
}

static int choose_tables(const struct choosing *c, struct error *e)
{
    for (size_t k = 0; k < c->o->table_count; k++) {
        const struct toc_name *n = &c->names[k];
        struct toc_select_answer *answer = &c->s->answers[k];
        for (int data = 0; data < 2 && answer->found == 0; data++) {
            answer->found = ask_tables(c, n, true, data);
            answer->pattern = answer->found == 0 && n->wild;
            if (answer->found == 0)
                answer->found = ask_tables(c, n, false, data);
        }
        if (answer->found == 0)
            return absent(c, n, false, e);
    }
    return 0;
}

static bool in_schema(const struct choosing *c, const struct toc_name *n, uint32_t i,
                      bool exactly)
{
    const struct toc_kind_facts *facts = c->l->entries[i].facts;
    struct bytes none = {0};
    struct bytes schema =
        facts->kind == TOC_KIND_SCHEMA ? toc_list_tag(c->l, i) : toc_list_schema(c->l, i);
    return schema.data &&
           (exactly ? toc_name_is(n, none, schema) : toc_name_matches(n, none, schema));
}

/* How many schemas match is counted by their entries; public has none. */
static uint32_t mark_schema(const struct choosing *c, const struct toc_name *n, bool exactly)
{
    uint32_t entries = 0;
    uint32_t schemas = 0;
    for (uint32_t i = 0; i < c->l->count; i++) {
        if (!in_schema(c, n, i, exactly))
            continue;
        c->in_schema[i] = true;
        entries++;
        schemas += c->l->entries[i].facts->kind == TOC_KIND_SCHEMA;
    }
    return schemas > 0 ? schemas : entries > 0;
}

static int choose_schemas(const struct choosing *c, struct error *e)
{
    for (size_t k = 0; k < c->o->schema_count; k++) {
        const struct toc_name *n = &c->names[c->o->table_count + k];
        struct toc_select_answer *answer = &c->s->answers[c->o->table_count + k];
        answer->found = mark_schema(c, n, true);
        answer->pattern = answer->found == 0 && n->wild;
        if (answer->found == 0)
            answer->found = mark_schema(c, n, false);
        if (answer->found == 0)
            return absent(c, n, true, e);
    }
    for (uint32_t i = 0; c->o->table_count == 0 && i < c->l->count; i++)
        if (c->in_schema[i] && !(c->l->entries[i].facts->flags & TOC_KIND_JOINT))
            ask(c, i);
    return 0;
}

static void choose_large_objects(const struct choosing *c)
{
    for (uint32_t i = 0; c->o->large_objects && i < c->l->count; i++)
        if (c->l->entries[i].facts->kind == TOC_KIND_LARGE_OBJECT)
            ask(c, i);
}

/* ---- content ----------------------------------------------------------------------- */

static bool is_about_large_object(const struct toc_list *l, uint32_t i)
{
    struct bytes about = bytes_text("LARGE OBJECT ");
    struct bytes tag = toc_list_tag(l, i);
    return (l->entries[i].facts->flags & TOC_KIND_NOTE) && tag.len > about.len &&
           memcmp(tag.data, about.data, about.len) == 0;
}

static bool is_content(const struct toc_list *l, uint32_t i, enum toc_select_content content)
{
    unsigned flags = l->entries[i].facts->flags;
    if (l->entries[i].facts->kind == TOC_KIND_SETTING || content == TOC_SELECT_ALL)
        return true;
    if (content == TOC_SELECT_DATA_ONLY)
        return (flags & TOC_KIND_ROWS) || is_about_large_object(l, i);
    return !(flags & TOC_KIND_CONTENT) && !is_about_large_object(l, i);
}

static void finish(const struct choosing *c)
{
    c->s->kept = 0;
    for (uint32_t i = 0; i < c->l->count; i++) {
        if (!is_content(c->l, i, c->o->content))
            c->s->marks[i] = (struct toc_select_mark){.by = TOC_SELECT_NOBODY};
        c->s->kept += toc_select_keeps(c->s, i);
    }
}

/* ---- the whole --------------------------------------------------------------------- */

static int parse_names(struct choosing *c, struct error *e)
{
    size_t tables = c->o->table_count;
    for (size_t k = 0; k < tables + c->o->schema_count; k++) {
        bool table = k < tables;
        if (toc_name_parse(table ? c->o->tables[k] : c->o->schemas[k - tables], table,
                           &c->names[k], e) < 0)
            return error_wrap(e, "%s", option(c, !table));
    }
    return 0;
}

static int choose(struct choosing *c, struct error *e)
{
    if (c->o->table_count + c->o->schema_count == 0) {
        for (uint32_t i = 0; i < c->l->count; i++)
            ask(c, i);
        return 0;
    }
    if (parse_names(c, e) < 0 || choose_schemas(c, e) < 0 || choose_tables(c, e) < 0)
        return -1;
    choose_large_objects(c);
    return toc_closure_complete(c->l, c->s, e);
}

int toc_select_run(const struct toc_list *l, const struct toc_select_options *o,
                   struct toc_select *s, struct error *e)
{
    struct choosing c = {.l = l, .o = o, .s = s};
    size_t names = o->table_count + o->schema_count;
    int rc = -1;
    s->count = l->count;
    s->marks = calloc((size_t)l->count + 1, sizeof *s->marks);
    s->answers = calloc(names + 1, sizeof *s->answers);
    c.names = calloc(names + 1, sizeof *c.names);
    c.in_schema = calloc((size_t)l->count + 1, sizeof *c.in_schema);
    if (!s->marks || !s->answers || !c.names || !c.in_schema)
        (void)error_memory(e, "choice of TOC entries");
    else
        rc = choose(&c, e);
    if (rc == 0)
        finish(&c);
    for (size_t k = 0; c.names && k < names; k++)
        toc_name_done(&c.names[k]);
    free(c.names);
    free(c.in_schema);
    return rc;
}
