/* SPDX-License-Identifier: Apache-2.0 */
/* A TOC held in memory, as far as it is about which entry is what and depends on which: names
 * and dependencies without the definitions. Entries are meant by their ordinal (place in the
 * TOC, from 0). */
#ifndef DUMP_TOC_LIST_H
#define DUMP_TOC_LIST_H

#include "core/base/buf.h"
#include "core/dump/toc_kind.h"

struct toc_list_entry {
    const struct toc_kind_facts *facts;
    uint32_t dump_id;
    uint32_t section; /* as in dump_entry */
    bool has_data;
    bool has_schema;
    bool partition_of; /* CREATE TABLE … PARTITION OF, as pg_dump 10 has it */
    size_t at;         /* in texts: schema, tag, desc */
    uint32_t schema_len, tag_len, desc_len;
};

/* Ordinals of the entries that entry i is joined to: items[start[i]] up to start[i + 1]. */
struct toc_list_edges {
    uint32_t *items;
    uint32_t *start; /* count + 1 of them */
};

/* Zeroed memory is an empty list. */
struct toc_list {
    struct toc_list_entry *entries;
    uint32_t count;
    struct buf texts;
    struct toc_list_edges needs;     /* dependencies that are in the TOC */
    struct toc_list_edges needed_by; /* the other way */
};

/* toc: an archive's header and TOC; what follows is not looked at. Into an empty list, which
 * keeps nothing of toc. ERROR_CORRUPT when it cannot be read, ERROR_MEMORY; call toc_list_done
 * in every case. */
MUST_CHECK int toc_list_read(struct bytes toc, struct toc_list *l, struct error *e);
void toc_list_done(struct toc_list *l);

/* Views of l; the schema's data is NULL outside schemas. */
struct bytes toc_list_schema(const struct toc_list *l, uint32_t i);
struct bytes toc_list_tag(const struct toc_list *l, uint32_t i);
struct bytes toc_list_desc(const struct toc_list *l, uint32_t i);
/* "TABLE app.orders", for messages; control characters made visible. */
#define TOC_LIST_TEXT 400
void toc_list_text(const struct toc_list *l, uint32_t i, char out[TOC_LIST_TEXT]);

#endif
