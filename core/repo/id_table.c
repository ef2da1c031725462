/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/id_table.h"

#include <stdlib.h>
#include <string.h>

struct id_table_slot {
    uint32_t used;  /* place + 1; 0: free */
    uint32_t start; /* hash, for growing */
};

static uint32_t hash_of(const uint8_t *id)
{
    uint32_t h;
    memcpy(&h, id, sizeof h);
    return h;
}

void id_table_done(struct id_table *t)
{
    free(t->slots);
    *t = (struct id_table){0};
}

void id_table_clear(struct id_table *t)
{
    if (t->size > 0)
        memset(t->slots, 0, t->size * sizeof *t->slots);
    t->count = 0;
}

static void put(struct id_table_slot *slots, size_t size, struct id_table_slot entry)
{
    size_t at = entry.start & (size - 1);
    while (slots[at].used)
        at = (at + 1) & (size - 1);
    slots[at] = entry;
}

static int grow(struct id_table *t, struct error *e)
{
    size_t size = t->size ? t->size * 2 : 64;
    struct id_table_slot *slots = calloc(size, sizeof *slots);
    if (!slots)
        return error_memory(e, "table of ids");
    for (size_t i = 0; i < t->size; i++)
        if (t->slots[i].used)
            put(slots, size, t->slots[i]);
    free(t->slots);
    t->slots = slots;
    t->size = size;
    return 0;
}

int id_table_add(struct id_table *t, const uint8_t *id, uint32_t place, struct error *e)
{
    if (2 * (t->count + 1) > t->size && grow(t, e) < 0)
        return -1;
    put(t->slots, t->size, (struct id_table_slot){.used = place + 1, .start = hash_of(id)});
    t->count++;
    return 0;
}

size_t id_table_start(const struct id_table *t, const uint8_t *id)
{
    return t->size ? hash_of(id) & (t->size - 1) : 0;
}

bool id_table_next(const struct id_table *t, size_t *at, uint32_t *place)
{
    if (t->size == 0 || !t->slots[*at].used)
        return false;
    *place = t->slots[*at].used - 1;
    *at = (*at + 1) & (t->size - 1);
    return true;
}
