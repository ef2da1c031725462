/* SPDX-License-Identifier: Apache-2.0 */
/* The chain is read downwards to the full recipe, then resolved upwards in two recipes that
 * take turns as base and result. */
#include "core/job/recipe_in.h"

#include <stdlib.h>

struct recipe_in {
    struct fetch *fetch;
    struct fetch_scratch scratch;
    struct buf plain;
    struct recipe chain[RECIPE_MAX_CHAIN]; /* as they were read, the asked one first */
    struct recipe resolved[2];
    uint8_t packs[RECIPE_MAX_CHAIN][FORMAT_ID_LEN];
    uint8_t depth;
};

struct recipe_in *recipe_in_new(struct fetch *f, struct error *e)
{
    struct recipe_in *r = calloc(1, sizeof *r);
    if (!r) {
        (void)error_memory(e, "reader of recipes");
        return NULL;
    }
    r->fetch = f;
    if (fetch_scratch_init(&r->scratch, f, e) == 0)
        return r;
    recipe_in_free(r);
    return NULL;
}

void recipe_in_free(struct recipe_in *r)
{
    if (!r)
        return;
    fetch_scratch_done(&r->scratch);
    buf_done(&r->plain);
    for (size_t i = 0; i < ARRAY_SIZE(r->chain); i++)
        recipe_done(&r->chain[i]);
    for (size_t i = 0; i < ARRAY_SIZE(r->resolved); i++)
        recipe_done(&r->resolved[i]);
    free(r);
}

static int read_one(struct recipe_in *r, const struct ref *ref, enum format_stream kind,
                    struct recipe *out, struct error *e)
{
    if (ref->kind != FORMAT_KIND_RECIPE)
        return error_set(e, ERROR_CORRUPT, "recipe is a chunk of kind %u", ref->kind);
    if (fetch_chunk(r->fetch, &r->scratch, ref, &r->plain, e) < 0)
        return -1;
    recipe_clear(out, kind);
    if (recipe_read(buf_view(&r->plain), out, e) < 0)
        return -1;
    if (out->kind != kind)
        return error_set(e, ERROR_CORRUPT, "recipe is of another kind than its stream");
    return 0;
}

int recipe_in_load(struct recipe_in *r, const struct ref *ref, enum format_stream kind,
                   const struct recipe **out, struct error *e)
{
    uint8_t last = 0;
    memcpy(r->packs[0], ref->pack_id, FORMAT_ID_LEN);
    if (read_one(r, ref, kind, &r->chain[0], e) < 0)
        return -1;
    for (; r->chain[last].has_base; last++) {
        if (last + 1 == RECIPE_MAX_CHAIN)
            return error_set(e, ERROR_CORRUPT, "recipe: a chain of more than %d",
                             RECIPE_MAX_CHAIN);
        if (read_one(r, &r->chain[last].base, kind, &r->chain[last + 1], e) < 0)
            return error_wrap(e, "base recipe");
        memcpy(r->packs[last + 1], r->chain[last].base.pack_id, FORMAT_ID_LEN);
    }
    r->depth = (uint8_t)(last + 1);
    const struct recipe *base = &r->chain[last];
    for (; last > 0; last--) {
        struct recipe *next = &r->resolved[last % 2];
        recipe_clear(next, kind);
        if (recipe_resolve(base, &r->chain[last - 1], next, e) < 0)
            return -1;
        base = next;
    }
    *out = base;
    return 0;
}

uint8_t recipe_in_chain(const struct recipe_in *r,
                        uint8_t packs[RECIPE_MAX_CHAIN][FORMAT_ID_LEN])
{
    memcpy(packs, r->packs, sizeof r->packs);
    return r->depth;
}
