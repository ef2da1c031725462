/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/fetch_sum.h"

#include <stdlib.h>

#include "core/job/recipe_in.h"
#include "core/repo/id_table.h"

/* Ids of one kind that were met. */
struct ids {
    struct id_table table;
    uint8_t (*items)[FORMAT_HASH_LEN];
    uint32_t count, cap;
};

struct fetch_sum {
    struct fetch *fetch;
    struct recipe_in *recipes;
    struct ids chunks, packs;
    struct fetch_counts to_come;
};

#define IDS_THERE 1

/* 0: new; IDS_THERE. An id shorter than a hash has zeros behind it. */
static int ids_add(struct ids *s, const uint8_t id[FORMAT_HASH_LEN], struct error *e)
{
    uint32_t place;
    size_t at = id_table_start(&s->table, id);
    while (id_table_next(&s->table, &at, &place))
        if (memcmp(s->items[place], id, FORMAT_HASH_LEN) == 0)
            return IDS_THERE;
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 256;
        void *items = reallocarray(s->items, cap, sizeof *s->items);
        if (!items)
            return error_memory(e, "ids of chunks");
        s->items = items;
        s->cap = cap;
    }
    memcpy(s->items[s->count], id, FORMAT_HASH_LEN);
    return id_table_add(&s->table, id, s->count++, e);
}

static void ids_done(struct ids *s)
{
    id_table_done(&s->table);
    free(s->items);
}

struct fetch_sum *fetch_sum_new(struct fetch *f, struct error *e)
{
    struct fetch_sum *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "sum of chunks");
        return NULL;
    }
    s->fetch = f;
    s->recipes = recipe_in_new(f, e);
    if (s->recipes)
        return s;
    fetch_sum_free(s);
    return NULL;
}

void fetch_sum_free(struct fetch_sum *s)
{
    if (!s)
        return;
    recipe_in_free(s->recipes);
    ids_done(&s->chunks);
    ids_done(&s->packs);
    free(s);
}

static int add_chunk(struct fetch_sum *s, const struct ref *ref, struct error *e)
{
    uint8_t pack[FORMAT_HASH_LEN] = {0};
    int rc = ids_add(&s->chunks, ref->chunk_id, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    s->to_come.reads++;
    s->to_come.bytes += fetch_chunk_bytes(ref);
    memcpy(pack, ref->pack_id, sizeof ref->pack_id);
    rc = ids_add(&s->packs, pack, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    size_t head = fetch_head_bytes(s->fetch, ref);
    s->to_come.reads += head > 0;
    s->to_come.bytes += head;
    return 0;
}

/* The directory may hold chunks that no extent names: those are not read. */
static int add_rows(struct fetch_sum *s, const struct recipe *r, struct error *e)
{
    for (uint32_t i = 0; i < r->extent_count; i++) {
        const struct recipe_extent *x = &r->extents[i];
        uint32_t sources = recipe_sources(r, x->projection);
        for (uint32_t k = 0; k < sources; k++) {
            uint32_t chunk = r->sources[x->source + k].chunk;
            bool is_long = r->chunks[chunk].ref.kind != FORMAT_KIND_ROWS;
            uint32_t parts = is_long ? recipe_long_row(r, chunk) : 1;
            for (uint32_t p = 0; p < parts; p++)
                if (add_chunk(s, &r->chunks[chunk + p].ref, e) < 0)
                    return -1;
        }
    }
    return 0;
}

static int add_recipe(struct fetch_sum *s, const struct ref *ref, enum format_stream kind,
                      struct error *e)
{
    const struct recipe *r;
    if (recipe_in_load(s->recipes, ref, kind, &r, e) < 0)
        return -1;
    if (kind == FORMAT_STREAM_ROWS)
        return add_rows(s, r, e);
    for (uint32_t i = 0; i < r->count; i++)
        if (add_chunk(s, &r->chunks[i].ref, e) < 0)
            return -1;
    return 0;
}

int fetch_sum_add(struct fetch_sum *s, const struct stream *stream, struct error *e)
{
    for (uint32_t i = 0; i < stream->part_count; i++)
        for (uint32_t k = 0; k < stream->parts[i].recipe_count; k++)
            if (add_recipe(s, &stream->parts[i].recipes[k], (enum format_stream)stream->kind,
                           e) < 0)
                return -1;
    return 0;
}

struct fetch_counts fetch_sum_total(const struct fetch_sum *s)
{
    struct fetch_counts total = fetch_counts(s->fetch);
    total.reads += s->to_come.reads;
    total.bytes += s->to_come.bytes;
    return total;
}
