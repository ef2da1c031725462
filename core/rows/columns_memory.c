/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/columns_memory.h"

#include <stdlib.h>

#include "core/rows/columns_format.h"

#define BLOCK_MIN (256 * KIB)

struct columns_memory_block {
    struct columns_memory_block *next;
    size_t size;
    _Alignas(16) uint8_t data[];
};

void columns_memory_done(struct columns_memory *m)
{
    while (m->first) {
        struct columns_memory_block *next = m->first->next;
        free(m->first);
        m->first = next;
    }
    *m = (struct columns_memory){0};
}

/* The block behind the one that is full: nothing of it is in use, so one that is too small
 * makes way. */
static int next_block(struct columns_memory *m, size_t size, struct error *e)
{
    struct columns_memory_block **link = m->at ? &m->at->next : &m->first;
    struct columns_memory_block *b = *link;
    if (!b || b->size < size) {
        size_t want = size > BLOCK_MIN ? size : BLOCK_MIN;
        struct columns_memory_block *fresh = malloc(sizeof *fresh + want);
        if (!fresh)
            return error_memory(e, "columns");
        *fresh = (struct columns_memory_block){.next = b ? b->next : NULL, .size = want};
        free(b);
        *link = b = fresh;
    }
    m->at = b;
    m->used = 0;
    return 0;
}

void *columns_memory_take(struct columns_memory *m, size_t len, struct error *e)
{
    size_t size = ((len + 15) & ~(size_t)15) + COLUMNS_SLACK;
    if ((!m->at || size > m->at->size - m->used) && next_block(m, size, e) < 0)
        return NULL;
    uint8_t *p = m->at->data + m->used;
    m->used += size;
    return p;
}

void columns_memory_back(struct columns_memory *m, const struct columns_memory *mark)
{
    m->at = mark ? mark->at : NULL;
    m->used = mark ? mark->used : 0;
}
