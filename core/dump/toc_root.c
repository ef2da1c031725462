/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/toc_root.h"

#include <stdlib.h>

#include "core/dump/toc_list.h"

#define NOBODY UINT32_MAX
#define DEEPEST 64 /* levels of partitions; a TOC that is made up may run in a circle */

static bool same_name(const struct toc_list *l, uint32_t a, uint32_t b)
{
    return bytes_equal(toc_list_tag(l, a), toc_list_tag(l, b)) &&
           bytes_equal(toc_list_schema(l, a), toc_list_schema(l, b));
}

/* The table that entry i depends on and that has its name (same), or another one. */
static uint32_t table_of(const struct toc_list *l, uint32_t i, bool same)
{
    for (uint32_t k = l->needs.start[i]; k < l->needs.start[i + 1]; k++) {
        uint32_t on = l->needs.items[k];
        if (l->entries[on].facts->kind == TOC_KIND_TABLE && same_name(l, i, on) == same)
            return on;
    }
    return NOBODY;
}

static void find_parents(const struct toc_list *l, uint32_t *parents)
{
    for (uint32_t i = 0; i < l->count; i++)
        parents[i] = l->entries[i].partition_of ? table_of(l, i, false) : NOBODY;
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->entries[i].facts->kind != TOC_KIND_TABLE_ATTACH)
            continue;
        uint32_t child = table_of(l, i, true);
        if (child != NOBODY)
            parents[child] = table_of(l, i, false);
    }
}

static int visit_data(const struct toc_list *l, const uint32_t *parents, toc_root_visit *visit,
                      void *arg, struct error *e)
{
    uint32_t place = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        uint32_t table = NOBODY;
        if (!l->entries[i].has_data)
            continue;
        if (l->entries[i].facts->kind == TOC_KIND_TABLE_DATA)
            table = table_of(l, i, true);
        uint32_t root = table;
        for (int level = 0; level < DEEPEST && root != NOBODY && parents[root] != NOBODY;
             level++)
            root = parents[root];
        if (root != table &&
            visit(arg, place, toc_list_schema(l, root), toc_list_tag(l, root), e) < 0)
            return -1;
        place++;
    }
    return 0;
}

int toc_root_find(struct bytes toc, toc_root_visit *visit, void *arg, struct error *e)
{
    struct toc_list l = {0};
    uint32_t *parents = NULL;
    int rc = -1;
    if (toc_list_read(toc, &l, e) < 0)
        goto out;
    parents = calloc((size_t)l.count + 1, sizeof *parents);
    if (!parents) {
        (void)error_memory(e, "partitions of a TOC");
        goto out;
    }
    find_parents(&l, parents);
    rc = visit_data(&l, parents, visit, arg, e);
out:
    free(parents);
    toc_list_done(&l);
    return rc;
}
