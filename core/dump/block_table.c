/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/block_table.h"

#include <stdlib.h>

void block_table_done(struct block_table *t)
{
    free(t->blocks);
    free(t->by_id);
    *t = (struct block_table){0};
}

int block_table_add(struct block_table *t, const struct block *b, struct error *e)
{
    if (t->count == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 64;
        struct block *blocks = reallocarray(t->blocks, cap, sizeof *blocks);
        if (!blocks)
            return error_memory(e, "table of data blocks");
        t->blocks = blocks;
        t->cap = cap;
    }
    t->blocks[t->count++] = *b;
    return 0;
}

static int by_dump_id(const void *a, const void *b, void *blocks)
{
    const struct block *all = blocks;
    uint32_t x = all[*(const uint32_t *)a].dump_id;
    uint32_t y = all[*(const uint32_t *)b].dump_id;
    return (x > y) - (x < y);
}

static int sort(struct block_table *t, struct error *e)
{
    t->by_id = calloc(t->count, sizeof *t->by_id);
    if (!t->by_id)
        return error_memory(e, "index of data blocks");
    for (uint32_t i = 0; i < t->count; i++)
        t->by_id[i] = i;
    qsort_r(t->by_id, t->count, sizeof *t->by_id, by_dump_id, t->blocks);
    return 0;
}

int block_table_find(struct block_table *t, uint32_t dump_id, uint32_t *place, struct error *e)
{
    if (t->next < t->count && t->blocks[t->next].dump_id == dump_id) {
        *place = t->next;
        return 0;
    }
    if (t->count == 0)
        return BLOCK_TABLE_ABSENT;
    if (!t->by_id && sort(t, e) < 0)
        return -1;
    uint32_t low = 0;
    uint32_t high = t->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->blocks[t->by_id[middle]].dump_id < dump_id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == t->count || t->blocks[t->by_id[low]].dump_id != dump_id)
        return BLOCK_TABLE_ABSENT;
    *place = t->by_id[low];
    return 0;
}

void block_table_mark(struct block_table *t, uint32_t place, uint64_t at)
{
    t->blocks[place].seen = true;
    t->blocks[place].at = at;
    t->seen++;
    while (t->next < t->count && t->blocks[t->next].seen)
        t->next++;
}
