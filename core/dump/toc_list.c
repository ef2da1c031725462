/* SPDX-License-Identifier: Apache-2.0 */
/* Read once, entry by entry, with the dependencies as dump ids; then the ids become ordinals
 * by binary search in a sorted copy, since they ascend neither in the TOC nor anywhere. */
#include "core/dump/toc_list.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/dump/toc_walk.h"

struct place {
    uint32_t dump_id;
    uint32_t ordinal;
};

struct edge {
    uint32_t from;    /* ordinal */
    uint32_t dump_id; /* of what it depends on */
};

struct reading {
    struct toc_list *list;
    size_t entry_cap;
    struct edge *edges;
    size_t edge_count, edge_cap;
    struct place *places; /* sorted by dump id */
};

void toc_list_done(struct toc_list *l)
{
    struct toc_list_edges *edges[] = {&l->needs, &l->needed_by};
    for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
        free(edges[i]->items);
        free(edges[i]->start);
    }
    free(l->entries);
    buf_done(&l->texts);
    *l = (struct toc_list){0};
}

/* ---- entries ----------------------------------------------------------------------- */

static int add_edges(struct reading *r, struct bytes dependencies, struct error *e)
{
    uint32_t dump_id;
    while (dump_reader_dependency(&dependencies, &dump_id)) {
        if (r->edge_count == r->edge_cap) {
            size_t cap = r->edge_cap ? r->edge_cap * 2 : 256;
            struct edge *edges = reallocarray(r->edges, cap, sizeof *edges);
            if (!edges)
                return error_memory(e, "dependencies of a TOC");
            r->edges = edges;
            r->edge_cap = cap;
        }
        r->edges[r->edge_count++] = (struct edge){.from = r->list->count, .dump_id = dump_id};
    }
    return 0;
}

/* Only the statement's first line is looked at: names of columns and comments come later. */
static bool is_partition_of(const struct dump_entry *n)
{
    static const char words[] = " PARTITION OF ";
    const uint8_t *lf = n->defn.len > 0 ? memchr(n->defn.data, '\n', n->defn.len) : NULL;
    size_t len = lf ? (size_t)(lf - n->defn.data) : n->defn.len;
    return len > 0 && memmem(n->defn.data, len, words, strlen(words)) != NULL;
}

static int add_entry(struct reading *r, const struct dump_entry *n, struct error *e)
{
    struct toc_list *l = r->list;
    if (l->count == r->entry_cap) {
        size_t cap = r->entry_cap ? r->entry_cap * 2 : 64;
        struct toc_list_entry *entries = reallocarray(l->entries, cap, sizeof *entries);
        if (!entries)
            return error_memory(e, "entries of a TOC");
        l->entries = entries;
        r->entry_cap = cap;
    }
    const struct toc_kind_facts *facts = toc_kind_of(n->desc);
    l->entries[l->count] = (struct toc_list_entry){
        .facts = facts,
        .dump_id = n->dump_id,
        .section = n->section,
        .has_data = n->has_data,
        .has_schema = n->schema.data != NULL,
        .partition_of = facts->kind == TOC_KIND_TABLE && is_partition_of(n),
        .at = l->texts.len,
        .schema_len = (uint32_t)n->schema.len,
        .tag_len = (uint32_t)n->tag.len,
        .desc_len = (uint32_t)n->desc.len,
    };
    const struct bytes texts[] = {n->schema, n->tag, n->desc};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].len > 0 && buf_append(&l->texts, texts[i].data, texts[i].len, e) < 0)
            return -1;
    if (add_edges(r, n->dependencies, e) < 0)
        return -1;
    l->count++;
    return 0;
}

static int visit_event(void *arg, const struct dump_event *ev, struct error *e)
{
    return ev->type == DUMP_ENTRY ? add_entry(arg, ev->entry, e) : 0;
}

/* ---- edges ------------------------------------------------------------------------- */

static int by_dump_id(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    return (x->dump_id > y->dump_id) - (x->dump_id < y->dump_id);
}

static int sort_places(struct reading *r, struct error *e)
{
    const struct toc_list *l = r->list;
    r->places = calloc((size_t)l->count + 1, sizeof *r->places);
    if (!r->places)
        return error_memory(e, "dump ids of a TOC");
    for (uint32_t i = 0; i < l->count; i++)
        r->places[i] = (struct place){.dump_id = l->entries[i].dump_id, .ordinal = i};
    qsort(r->places, l->count, sizeof *r->places, by_dump_id);
    return 0;
}

/* Dump ids into ordinals; those that name no entry go. */
static void resolve(struct reading *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->edge_count; i++) {
        const struct place key = {.dump_id = r->edges[i].dump_id};
        const struct place *found =
            bsearch(&key, r->places, r->list->count, sizeof key, by_dump_id);
        if (found && found->ordinal != r->edges[i].from)
            r->edges[kept++] =
                (struct edge){.from = r->edges[i].from, .dump_id = found->ordinal};
    }
    r->edge_count = kept;
}

/* Edges are resolved: dump_id is an ordinal. */
static int make_edges(const struct reading *r, bool backwards, struct toc_list_edges *out,
                      struct error *e)
{
    uint32_t count = r->list->count;
    out->items = calloc(r->edge_count + 1, sizeof *out->items);
    out->start = calloc((size_t)count + 2, sizeof *out->start);
    if (!out->items || !out->start)
        return error_memory(e, "dependencies of a TOC");
    /* Counted one place further on, so that filling leaves the starts where they belong. */
    for (size_t i = 0; i < r->edge_count; i++)
        out->start[(backwards ? r->edges[i].dump_id : r->edges[i].from) + 2]++;
    for (uint32_t i = 0; i < count; i++)
        out->start[i + 2] += out->start[i + 1];
    for (size_t i = 0; i < r->edge_count; i++) {
        const struct edge *x = &r->edges[i];
        uint32_t from = backwards ? x->dump_id : x->from;
        out->items[out->start[from + 1]++] = backwards ? x->from : x->dump_id;
    }
    return 0;
}

int toc_list_read(struct bytes toc, struct toc_list *l, struct error *e)
{
    struct reading r = {.list = l};
    int rc = toc_walk(toc, visit_event, &r, e);
    if (rc == 0)
        rc = sort_places(&r, e);
    if (rc == 0)
        resolve(&r);
    if (rc == 0)
        rc = make_edges(&r, false, &l->needs, e);
    if (rc == 0)
        rc = make_edges(&r, true, &l->needed_by, e);
    free(r.edges);
    free(r.places);
    return rc;
}

/* ---- names ------------------------------------------------------------------------- */

struct bytes toc_list_schema(const struct toc_list *l, uint32_t i)
{
    const struct toc_list_entry *n = &l->entries[i];
    return n->has_schema ? bytes_of(l->texts.data + n->at, n->schema_len) : (struct bytes){0};
}

struct bytes toc_list_tag(const struct toc_list *l, uint32_t i)
{
    const struct toc_list_entry *n = &l->entries[i];
    return bytes_of(l->texts.data + n->at + n->schema_len, n->tag_len);
}

struct bytes toc_list_desc(const struct toc_list *l, uint32_t i)
{
    const struct toc_list_entry *n = &l->entries[i];
    return bytes_of(l->texts.data + n->at + n->schema_len + n->tag_len, n->desc_len);
}

void toc_list_text(const struct toc_list *l, uint32_t i, char out[TOC_LIST_TEXT])
{
    char desc[60];
    char schema[140];
    char tag[180];
    str_safe(desc, sizeof desc, toc_list_desc(l, i));
    str_safe(schema, sizeof schema, toc_list_schema(l, i));
    str_safe(tag, sizeof tag, toc_list_tag(l, i));
    (void)snprintf(out, TOC_LIST_TEXT, "%s %s%s%s", desc, schema, *schema ? "." : "", tag);
}
