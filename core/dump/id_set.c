/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/id_set.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/secret.h"

#define FIRST_BITS 8

int id_set_init(struct id_set *s, struct error *e)
{
    *s = (struct id_set){0};
    if (secret_random(&s->multiplier, sizeof s->multiplier, e) < 0)
        return -1;
    s->multiplier |= 1;
    return 0;
}

void id_set_done(struct id_set *s)
{
    free(s->slots);
    *s = (struct id_set){0};
}

/* The slot that holds id, or the free one where it belongs. */
static uint32_t *slot_of(const struct id_set *s, uint32_t id)
{
    size_t mask = ((size_t)1 << s->bits) - 1;
    size_t i = (size_t)((id * s->multiplier) >> (64 - s->bits));
    while (s->slots[i] != 0 && s->slots[i] != id)
        i = (i + 1) & mask;
    return &s->slots[i];
}

static int grow(struct id_set *s, struct error *e)
{
    struct id_set bigger = *s;
    bigger.bits = s->slots ? s->bits + 1 : FIRST_BITS;
    bigger.slots = calloc((size_t)1 << bigger.bits, sizeof *bigger.slots);
    if (!bigger.slots)
        return error_memory(e, "set of ids");
    for (size_t i = 0; s->slots && i < (size_t)1 << s->bits; i++) {
        if (s->slots[i] != 0)
            *slot_of(&bigger, s->slots[i]) = s->slots[i];
    }
    free(s->slots);
    *s = bigger;
    return 0;
}

int id_set_add(struct id_set *s, uint32_t id, struct error *e)
{
    assert(id != 0);
    if ((!s->slots || s->used >= (size_t)1 << (s->bits - 1)) && grow(s, e) < 0)
        return -1;
    uint32_t *slot = slot_of(s, id);
    if (*slot == id)
        return ID_SET_THERE;
    *slot = id;
    s->used++;
    return 0;
}
