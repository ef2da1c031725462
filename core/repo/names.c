/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/names.h"

#include <stdlib.h>

#include "core/base/str.h"
#include "core/repo/repo.h"

void names_done(struct names *n)
{
    buf_done(&n->items);
    *n = (struct names){0};
}

static int visit(void *arg, const struct store_item *item, struct error *e)
{
    struct names *n = arg;
    char name[FORMAT_NAME_MAX] = "";
    size_t len = strlen(item->name);
    if (!repo_name_known(item->name) || len >= sizeof name)
        return 0;
    memcpy(name, item->name, len);
    return buf_append(&n->items, name, sizeof name, e);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

int names_list(struct names *n, struct store *store, const char *prefix, struct error *e)
{
    int rc = store_list(store, prefix, visit, n, e);
    n->count = n->items.len / FORMAT_NAME_MAX;
    if (n->count > 0)
        qsort(n->items.data, n->count, FORMAT_NAME_MAX, compare);
    return rc < 0 ? -1 : 0;
}

const char *names_at(const struct names *n, size_t i)
{
    return (const char *)n->items.data + i * FORMAT_NAME_MAX;
}

size_t names_from(const struct names *n, const char *text)
{
    size_t low = 0;
    size_t high = n->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(names_at(n, middle), text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool names_has(const struct names *n, const char *name)
{
    size_t i = names_from(n, name);
    return i < n->count && strcmp(names_at(n, i), name) == 0;
}

bool names_has_prefix(const struct names *n, const char *prefix)
{
    size_t i = names_from(n, prefix);
    return i < n->count && str_starts(names_at(n, i), prefix);
}
