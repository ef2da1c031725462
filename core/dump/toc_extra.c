/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/toc_extra.h"

#include <stdlib.h>
#include <string.h>

struct key {
    struct bytes parts[3]; /* kind, schema, name */
};

static struct key key_of(const struct toc_list *l, uint32_t i)
{
    return (struct key){{toc_list_desc(l, i), toc_list_schema(l, i), toc_list_tag(l, i)}};
}

static int by_key(const void *a, const void *b)
{
    const struct key *x = a;
    const struct key *y = b;
    int order = 0;
    for (size_t i = 0; order == 0 && i < ARRAY_SIZE(x->parts); i++)
        order = bytes_order(x->parts[i], y->parts[i]);
    return order;
}

static bool is_object(const struct toc_list *l, uint32_t i)
{
    static const char *const none[] = {"DATABASE", "DATABASE PROPERTIES",
                                       "MATERIALIZED VIEW DATA", "SEQUENCE OWNED BY"};
    const struct toc_kind_facts *facts = l->entries[i].facts;
    if (facts->kind == TOC_KIND_SETTING || facts->kind == TOC_KIND_LARGE_OBJECT ||
        (facts->flags & (TOC_KIND_NOTE | TOC_KIND_CONTENT)))
        return false;
    for (size_t k = 0; k < ARRAY_SIZE(none); k++)
        if (bytes_equal(toc_list_desc(l, i), bytes_text(none[k])))
            return false;
    return true;
}

int toc_extra_find(const struct toc_list *l, const struct toc_list *other,
                   const struct toc_select *selection, bool *extra, size_t *count,
                   struct error *e)
{
    size_t known = 0;
    struct key *keys = calloc((size_t)other->count + 1, sizeof *keys);
    *count = 0;
    if (!keys)
        return error_memory(e, "names of a TOC");
    for (uint32_t i = 0; i < other->count; i++)
        if (!selection || toc_select_keeps(selection, i))
            keys[known++] = key_of(other, i);
    qsort(keys, known, sizeof *keys, by_key);
    for (uint32_t i = 0; i < l->count; i++) {
        const struct key key = key_of(l, i);
        extra[i] = is_object(l, i) && !bsearch(&key, keys, known, sizeof key, by_key);
        *count += extra[i];
    }
    free(keys);
    return 0;
}

int toc_extra_bare(const struct toc_list *l, const struct toc_select *selection, bool *bare,
                   struct error *e)
{
    const struct bytes table = bytes_text("TABLE");
    size_t known = 0;
    struct key *keys = calloc((size_t)l->count + 1, sizeof *keys);
    if (!keys)
        return error_memory(e, "names of a TOC");
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->entries[i].facts->kind != TOC_KIND_TABLE_DATA || !toc_select_keeps(selection, i))
            continue;
        keys[known] = key_of(l, i);
        keys[known++].parts[0] = table;
    }
    qsort(keys, known, sizeof *keys, by_key);
    for (uint32_t i = 0; i < l->count; i++) {
        const struct key key = key_of(l, i);
        bare[i] = bytes_equal(key.parts[0], table) && toc_select_keeps(selection, i) &&
                  !bsearch(&key, keys, known, sizeof key, by_key);
    }
    free(keys);
    return 0;
}
