/* SPDX-License-Identifier: Apache-2.0 */
/* Largest first, each to the part with the least so far: at most a third above the best there
 * is (Graham 1969), and with tables much smaller than a part next to nothing. */
#include "core/job/restore_split.h"

#include <stdlib.h>

/* A table without rows costs a statement or three, about as much as this many bytes. */
#define ENTRY_COST (64 * KIB)

struct item {
    uint32_t ordinal;
    uint64_t bytes;
};

struct splitting {
    const struct restore_split_what *what;
    struct item *items;     /* one for each entry with data, in TOC order */
    uint32_t count;         /* of them */
    uint32_t place;         /* in the entry table */
    enum toc_stage *stages; /* by ordinal */
    uint64_t total;
};

static int size_entry(void *arg, const struct entry *entry, struct error *e)
{
    struct splitting *s = arg;
    uint32_t own = s->place++;
    uint32_t place = entry->place == ENTRY_OWN_PLACE ? own : entry->place;
    if (place >= s->count)
        return error_set(e, ERROR_CORRUPT, "no TOC entry for data block %u", own);
    s->items[place].bytes = stream_bytes(&entry->payload);
    return 0;
}

static int larger_first(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static int list_items(struct splitting *s, struct error *e)
{
    const struct toc_list *l = s->what->list;
    s->items = calloc((size_t)l->count + 1, sizeof *s->items);
    s->stages = calloc((size_t)l->count + 1, sizeof *s->stages);
    if (!s->items || !s->stages)
        return error_memory(e, "entries of a restore");
    toc_stage_assign(l, s->stages);
    for (uint32_t i = 0; i < l->count; i++)
        if (l->entries[i].has_data)
            s->items[s->count++] = (struct item){.ordinal = i};
    return 0;
}

/* Those that are not wanted go; the largest come first. */
static void order_items(struct splitting *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->what->selection && !toc_select_keeps(s->what->selection, s->items[i].ordinal))
            continue;
        s->total += s->items[i].bytes;
        s->items[kept++] = s->items[i];
    }
    s->count = kept;
    qsort(s->items, s->count, sizeof *s->items, larger_first);
}

static int deal(struct splitting *s, struct restore_split *out, struct error *e)
{
    unsigned parts = s->count < s->what->jobs ? s->count : s->what->jobs;
    uint64_t *loads = calloc((size_t)parts + 1, sizeof *loads);
    out->data = calloc((size_t)parts + 1, sizeof *out->data);
    int rc = loads && out->data ? 0 : error_memory(e, "parts of a restore");
    for (; rc == 0 && out->data_count < parts; out->data_count++) {
        struct toc_select *part = &out->data[out->data_count];
        part->marks = calloc((size_t)s->what->list->count + 1, sizeof *part->marks);
        if (!part->marks)
            rc = error_memory(e, "parts of a restore");
        part->count = s->what->list->count;
    }
    for (uint32_t i = 0; rc == 0 && i < s->count; i++) {
        unsigned least = 0;
        for (unsigned k = 1; k < parts; k++)
            least = loads[k] < loads[least] ? k : least;
        loads[least] += s->items[i].bytes + ENTRY_COST;
        out->data[least].marks[s->items[i].ordinal].why = TOC_SELECT_ASKED;
        out->data[least].kept++;
    }
    free(loads);
    return rc;
}

static void keep_settings(const struct splitting *s, struct toc_select *part)
{
    const struct toc_select *asked = s->what->selection;
    for (uint32_t i = 0; i < part->count; i++) {
        if (s->stages[i] != TOC_STAGE_EVERY || (asked && !toc_select_keeps(asked, i)))
            continue;
        part->marks[i].why = TOC_SELECT_ASKED;
        part->kept++;
    }
}

static int select_stages(const struct splitting *s, unsigned stages, struct toc_select *out,
                         struct error *e)
{
    return toc_stage_select(s->what->list, s->what->selection, s->stages,
                            stages | TOC_STAGE_BIT(TOC_STAGE_EVERY), out, e);
}

#define BUT_LAST                                                                               \
    (TOC_STAGE_BIT(TOC_STAGE_DEFINE) | TOC_STAGE_BIT(TOC_STAGE_DATA) |                         \
     TOC_STAGE_BIT(TOC_STAGE_FINISH))

static int select_parts(struct splitting *s, struct restore *r, struct restore_split *out,
                        struct error *e)
{
    if (restore_entries(r, s->what->member, size_entry, s, e) < 0)
        return -1;
    order_items(s);
    out->payload_bytes = s->total;
    if (deal(s, out, e) < 0)
        return -1;
    for (unsigned i = 0; i < out->data_count; i++)
        keep_settings(s, &out->data[i]);
    if (select_stages(s, TOC_STAGE_BIT(TOC_STAGE_DEFINE), &out->define, e) < 0 ||
        select_stages(s, TOC_STAGE_BIT(TOC_STAGE_FINISH), &out->finish, e) < 0)
        return -1;
    return select_stages(s, BUT_LAST, &out->all, e);
}

int restore_split_make(struct restore *r, const struct restore_split_what *what,
                       struct restore_split *out, struct error *e)
{
    struct splitting s = {.what = what};
    int rc = list_items(&s, e);
    if (rc == 0)
        rc = what->jobs > 1 ? select_parts(&s, r, out, e)
                            : select_stages(&s, BUT_LAST, &out->define, e);
    if (rc == 0)
        rc = select_stages(&s, TOC_STAGE_BIT(TOC_STAGE_LAST), &out->last, e);
    for (uint32_t i = 0; rc == 0 && i < out->last.count && !out->has_last; i++)
        out->has_last = s.stages[i] == TOC_STAGE_LAST && toc_select_keeps(&out->last, i);
    free(s.items);
    free(s.stages);
    return rc;
}

void restore_split_done(struct restore_split *s)
{
    toc_select_done(&s->define);
    toc_select_done(&s->finish);
    toc_select_done(&s->last);
    toc_select_done(&s->all);
    for (unsigned i = 0; s->data && i < s->data_count; i++)
        toc_select_done(&s->data[i]);
    free(s->data);
    *s = (struct restore_split){0};
}
