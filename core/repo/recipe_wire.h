/* SPDX-License-Identifier: Apache-2.0 */
/* What recipe_write.c and recipe_read.c share, the two directions of docs/FORMAT.md 6.1: tags,
 * signed numbers, and the list of the chunks that were named last. */
#ifndef REPO_RECIPE_WIRE_H
#define REPO_RECIPE_WIRE_H

#include "core/repo/recipe.h"

enum recipe_wire_tag {
    RECIPE_WIRE_KIND = 1,
    RECIPE_WIRE_COUNTS,
    RECIPE_WIRE_PACKS,
    RECIPE_WIRE_CHUNKS,
    RECIPE_WIRE_SEGMENTS,
    RECIPE_WIRE_BASE,
    RECIPE_WIRE_OPS,
    RECIPE_WIRE_PROJECTIONS,
    RECIPE_WIRE_ADDED,
};

/* Small numbers of either sign as small numbers: 0, -1, 1, -2, … become 0, 1, 2, 3, … */
static inline uint64_t recipe_wire_zigzag(int64_t x)
{
    return x < 0 ? ~((uint64_t)x << 1) : (uint64_t)x << 1;
}

static inline int64_t recipe_wire_unzigzag(uint64_t x)
{
    return (int64_t)(x >> 1) ^ -(int64_t)(x & 1);
}

/* Does chunk i go on with the long row that an earlier chunk began? */
static inline bool recipe_wire_goes_on(const struct recipe *r, uint32_t i)
{
    return r->chunks[i].ref.kind == FORMAT_KIND_BYTES && r->chunks[i].rows == 0;
}

/* What is known of a chunk while sources are walked. */
struct recipe_wire_use {
    uint32_t expected; /* row behind its last source */
    uint32_t place;    /* in the directory that is written */
    bool named;
    bool recent; /* in the list below */
};

/* Different chunks, the one that was named last in front. */
#define RECIPE_WIRE_RECENT 64
struct recipe_wire_recent {
    uint32_t chunks[RECIPE_WIRE_RECENT];
    uint32_t count;
};

/* Place of a chunk in the list; l->count when it is not there. */
static inline uint32_t recipe_wire_find(const struct recipe_wire_recent *l,
                                        const struct recipe_wire_use *uses, uint32_t chunk)
{
    uint32_t at = 0;
    if (!uses[chunk].recent)
        return l->count;
    while (l->chunks[at] != chunk)
        at++;
    return at;
}

/* The chunk, which is at this place of the list or (l->count) not in it, is named. */
static inline void recipe_wire_name(struct recipe_wire_recent *l, struct recipe_wire_use *uses,
                                    uint32_t chunk, uint32_t at)
{
    if (at == l->count && l->count < RECIPE_WIRE_RECENT) {
        l->count++;
    } else if (at == l->count) {
        at--;
        uses[l->chunks[at]].recent = false;
    }
    memmove(l->chunks + 1, l->chunks, at * sizeof l->chunks[0]);
    l->chunks[0] = chunk;
    uses[chunk].named = uses[chunk].recent = true;
}

#endif
