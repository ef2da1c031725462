/* SPDX-License-Identifier: Apache-2.0 */
/* An open hash table of places among the entries. It is given up early: a column without
 * repetitions must cost next to nothing. */
#include "core/rows/columns_distinct.h"

#define LOOK_FIRST 512        /* values, before the first guess, */
#define LOOK_FIRST_PERCENT 98 /* which gives up when more of them are distinct */
#define PROBES 64             /* so crowded only for values made to collide */
#define START_SLOTS 1024

struct table {
    uint32_t *slots;  /* place among the entries + 1; 0 free */
    uint64_t *hashes; /* of the entries */
    size_t mask;
};

static inline uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* Of up to 8 bytes it is another one for every value of the same length. */
static inline uint64_t hash_of(const uint8_t *p, size_t len)
{
    uint64_t h = 0;
    for (; len > 8; len -= 8, p += 8)
        h = mix(h, columns_load(p));
    if (len > 0)
        h = mix(h, columns_load(p) << (64 - 8 * len));
    return h;
}

static inline size_t slot_of(uint64_t hash, size_t len)
{
    return (size_t)((hash + len) * UINT64_C(0xff51afd7ed558ccd) >> 32);
}

/* Twice the slots, or the first ones. */
static int grow(struct table *t, const struct columns_values *entries, struct columns_memory *m,
                struct error *e)
{
    size_t slots = t->slots ? 2 * (t->mask + 1) : START_SLOTS;
    t->slots = columns_memory_take(m, slots * sizeof *t->slots, e);
    if (!t->slots)
        return -1;
    memset(t->slots, 0, slots * sizeof *t->slots);
    t->mask = slots - 1;
    for (size_t i = 0; i < entries->count; i++) {
        size_t at = slot_of(t->hashes[i], entries->len[i]) & t->mask;
        while (t->slots[at] != 0)
            at = (at + 1) & t->mask;
        t->slots[at] = (uint32_t)i + 1;
    }
    return 0;
}

/* The entry that equals the len bytes at p; a new one is count; SIZE_MAX: too crowded. */
static inline size_t place_of(struct table *t, const struct columns_values *entries,
                              const uint8_t *p, uint32_t len)
{
    uint64_t hash = hash_of(p, len);
    size_t at = slot_of(hash, len) & t->mask;
    for (unsigned i = 0; i < PROBES; i++, at = (at + 1) & t->mask) {
        size_t found = t->slots[at];
        if (found == 0) {
            t->slots[at] = (uint32_t)entries->count + 1;
            t->hashes[entries->count] = hash;
            return entries->count;
        }
        found--;
        if (t->hashes[found] == hash && entries->len[found] == len &&
            (len <= 8 || columns_same(columns_value(entries, found), p, len)))
            return found;
    }
    return SIZE_MAX;
}

/* Is it time to guess, and will there be too many? Repetitions come late in a large set: of
 * the first values nearly all may be new, later on hardly more than percent. */
static inline bool hopeless(const struct columns_distinct_limits *limits, size_t seen,
                            size_t entries)
{
    if (seen < LOOK_FIRST || (seen & (seen - 1)) != 0 || entries <= limits->few)
        return false;
    unsigned more = LOOK_FIRST_PERCENT - limits->percent;
    for (size_t n = LOOK_FIRST; n < seen; n *= 2)
        more -= more / 4;
    return entries * 100 > seen * (limits->percent + more);
}

static int begin(const struct columns_values *v, size_t most, struct columns_memory *m,
                 struct columns_distinct *out, struct table *t, struct error *e)
{
    size_t room = most < v->count ? most : v->count;
    out->entries = (struct columns_values){
        .text = v->text,
        .at = columns_memory_take(m, room * sizeof *out->entries.at, e),
        .len = columns_memory_take(m, room * sizeof *out->entries.len, e),
    };
    out->codes = columns_memory_take(m, v->count * sizeof *out->codes, e);
    *t = (struct table){.hashes = columns_memory_take(m, (room + 1) * sizeof *t->hashes, e)};
    if (!out->entries.at || !out->entries.len || !out->codes || !t->hashes)
        return -1;
    return grow(t, &out->entries, m, e);
}

int columns_distinct_find(const struct columns_values *v,
                          const struct columns_distinct_limits *limits,
                          struct columns_memory *m, struct columns_distinct *out,
                          struct error *e)
{
    struct table t;
    if (begin(v, limits->most, m, out, &t, e) < 0)
        return -1;
    struct columns_values *entries = &out->entries;
    for (size_t i = 0; i < v->count; i++) {
        size_t place = place_of(&t, entries, columns_value(v, i), v->len[i]);
        if (place == entries->count) {
            if (place == limits->most)
                return COLUMNS_DISTINCT_MANY;
            entries->at[place] = v->at[i];
            entries->len[place] = v->len[i];
            entries->count++;
            if (2 * entries->count > t.mask && grow(&t, entries, m, e) < 0)
                return -1;
        }
        if (place == SIZE_MAX || hopeless(limits, i + 1, entries->count))
            return COLUMNS_DISTINCT_MANY;
        out->codes[i] = place;
    }
    bool kept =
        entries->count <= limits->few || entries->count * 100 <= v->count * limits->percent;
    return kept ? 0 : COLUMNS_DISTINCT_MANY;
}
