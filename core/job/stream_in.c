/* SPDX-License-Identifier: Apache-2.0 */
/* Two walks over a resolved recipe, unit by unit: the plan pins the chunks of each unit, and
 * so has them decoded; the reader delivers it and unpins them. A recipe is walked to its end
 * before the next one is loaded. */
#include "core/job/stream_in.h"

#include <assert.h>
#include <stdlib.h>

#include "core/job/chunk_cache.h"
#include "core/job/recipe_in.h"
#include "core/rows/projection.h"

#define LOOK_AHEAD 4096 /* units */
#define JOINED_TARGET (64 * KIB)
#define JOINED_ROWS 4096
#define JOINED_SUSPECT (64 * MIB)

/* What is delivered at once: an extent of rows, one chunk of a long row, a chunk of bytes. */
struct unit {
    uint32_t extent; /* of bytes: the chunk */
    uint32_t part;   /* of a long row */
    uint32_t parts;
};

struct stream_in {
    struct chunk_cache *cache;
    struct recipe_in *recipes;
    const struct stream *stream;
    uint32_t part, part_recipe;       /* the recipe to load next */
    const struct recipe *current;     /* NULL: none */
    struct chunk_cache_place *places; /* of its chunks */
    uint32_t *uses;                   /* of each: how often it is still going to be used */
    size_t place_cap;
    struct unit plan, next;
    uint32_t planned_sources; /* of the unit plan: those that are pinned already */
    uint32_t ahead;           /* units planned and not done with */
    bool held;                /* the caller looks at the unit next */
    uint64_t long_row_bytes;  /* of the long row that is being walked */
    /* Rows that are put together of columns. */
    struct projection_column *columns; /* those of the recipe, in the words of core/rows */
    size_t column_cap;
    struct buf joined;
    uint32_t joined_ends[JOINED_ROWS];
    uint32_t joined_rows; /* of the extent, so far */
    uint64_t rows_delivered;
};

/* ---- the handle -------------------------------------------------------------------- */

struct stream_in *stream_in_new(struct fetch *f, unsigned workers, struct error *e)
{
    struct stream_in *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "stream reader");
        return NULL;
    }
    s->recipes = recipe_in_new(f, e);
    s->cache = s->recipes ? chunk_cache_new(f, workers, STREAM_IN_CACHE, e) : NULL;
    if (s->cache)
        return s;
    stream_in_free(s);
    return NULL;
}

void stream_in_free(struct stream_in *s)
{
    if (!s)
        return;
    chunk_cache_free(s->cache);
    recipe_in_free(s->recipes);
    buf_done(&s->joined);
    free(s->columns);
    free(s->places);
    free(s->uses);
    free(s);
}

void stream_in_limit(struct stream_in *s, size_t cache_bytes)
{
    chunk_cache_resize(s->cache, cache_bytes);
}

struct stream_in_counts stream_in_counts(const struct stream_in *s)
{
    struct chunk_cache_counts decoded = chunk_cache_counts(s->cache);
    return (struct stream_in_counts){.chunks_decoded = decoded.chunks,
                                     .rows_decoded = decoded.rows,
                                     .rows_delivered = s->rows_delivered};
}

/* ---- recipes ----------------------------------------------------------------------- */

static uint32_t unit_count(const struct recipe *r)
{
    return r->kind == FORMAT_STREAM_BYTES ? r->count : r->extent_count;
}

static bool at_end(const struct stream_in *s, const struct unit *u)
{
    return !s->current || u->extent == unit_count(s->current);
}

static bool is_long(const struct recipe *r, uint32_t chunk)
{
    return r->chunks[chunk].ref.kind != FORMAT_KIND_ROWS;
}

/* The first part of an extent, if there is such an extent. */
static struct unit unit_at(const struct recipe *r, uint32_t extent)
{
    struct unit u = {.extent = extent, .parts = 1};
    if (r->kind != FORMAT_STREAM_ROWS || extent == r->extent_count)
        return u;
    const struct recipe_extent *x = &r->extents[extent];
    uint32_t chunk = r->sources[x->source].chunk;
    if (x->projection == 0 && is_long(r, chunk))
        u.parts = recipe_long_row(r, chunk);
    return u;
}

static void unit_step(const struct recipe *r, struct unit *u)
{
    if (u->part + 1 < u->parts)
        u->part++;
    else
        *u = unit_at(r, u->extent + 1);
}

static uint32_t unit_sources(const struct recipe *r, const struct unit *u)
{
    return r->kind == FORMAT_STREAM_BYTES ? 1
                                          : recipe_sources(r, r->extents[u->extent].projection);
}

static uint32_t unit_chunk(const struct recipe *r, const struct unit *u, uint32_t source)
{
    if (r->kind == FORMAT_STREAM_BYTES)
        return u->extent;
    return r->sources[r->extents[u->extent].source + source].chunk + u->part;
}

/* The recipe's columns in the words of core/rows. */
static int take_columns(struct stream_in *s, const struct recipe *r, struct error *e)
{
    if (r->column_count > s->column_cap) {
        struct projection_column *columns =
            reallocarray(s->columns, r->column_count, sizeof *columns);
        if (!columns)
            return error_memory(e, "columns of a recipe");
        s->columns = columns;
        s->column_cap = r->column_count;
    }
    for (uint32_t i = 0; i < r->column_count; i++)
        s->columns[i] = (struct projection_column){.source = r->columns[i].source,
                                                   .column = r->columns[i].column};
    return 0;
}

/* Nothing is known yet of where the recipe's chunks are. */
static int take_chunks(struct stream_in *s, const struct recipe *r, struct error *e)
{
    if (r->count > s->place_cap) {
        s->place_cap = 0;
        free(s->places);
        free(s->uses);
        s->places = calloc(r->count, sizeof *s->places);
        s->uses = calloc(r->count, sizeof *s->uses);
        if (!s->places || !s->uses)
            return error_memory(e, "chunks of a recipe");
        s->place_cap = r->count;
    }
    for (uint32_t i = 0; i < r->count; i++) {
        s->places[i] = (struct chunk_cache_place){.stamp = 0};
        s->uses[i] = r->kind == FORMAT_STREAM_BYTES;
    }
    for (uint32_t i = 0; i < r->source_count; i++)
        s->uses[r->sources[i].chunk]++;
    return 0;
}

static int load_recipe(struct stream_in *s, const struct ref *ref, struct error *e)
{
    const struct recipe *r;
    s->current = NULL;
    if (recipe_in_load(s->recipes, ref, (enum format_stream)s->stream->kind, &r, e) < 0 ||
        take_columns(s, r, e) < 0 || take_chunks(s, r, e) < 0)
        return -1;
    s->current = r;
    s->plan = s->next = unit_at(r, 0);
    s->planned_sources = s->ahead = s->joined_rows = 0;
    return 0;
}

/* Answers STREAM_IN_END. */
static int next_recipe(struct stream_in *s, struct error *e)
{
    while (s->part < s->stream->part_count &&
           s->part_recipe == s->stream->parts[s->part].recipe_count) {
        s->part++;
        s->part_recipe = 0;
    }
    if (s->part == s->stream->part_count)
        return STREAM_IN_END;
    return load_recipe(s, &s->stream->parts[s->part].recipes[s->part_recipe++], e);
}

int stream_in_begin(struct stream_in *s, const struct stream *stream, struct error *e)
{
    (void)e;
    chunk_cache_unpin_all(s->cache);
    s->stream = stream;
    s->part = s->part_recipe = 0;
    s->current = NULL;
    s->held = false;
    return 0;
}

/* ---- the plan ---------------------------------------------------------------------- */

/* Rows that this version can deliver: it does not take long rows apart. */
static int check_source(const struct recipe *r, const struct unit *u, uint32_t source,
                        struct error *e)
{
    const struct recipe_extent *x = &r->extents[u->extent];
    const struct recipe_source *from = &r->sources[x->source + source];
    const struct recipe_chunk *chunk = &r->chunks[from->chunk];
    if (is_long(r, from->chunk))
        return x->projection == 0
                   ? 0
                   : error_set(e, ERROR_UNSUPPORTED, "columns of a row above %zu MiB",
                               FORMAT_LONG_ROW / MIB);
    if ((uint64_t)from->first + recipe_extent_rows(r, u->extent) > chunk->rows)
        return error_set(e, ERROR_CORRUPT, "recipe: an extent reaches beyond its chunk");
    return 0;
}

/* Pin what the unit plan is still in want of. Answers CHUNK_CACHE_FULL. */
static int plan_unit(struct stream_in *s, bool needed, struct error *e)
{
    const struct recipe *r = s->current;
    uint32_t sources = unit_sources(r, &s->plan);
    for (; s->planned_sources < sources; s->planned_sources++) {
        uint32_t chunk = unit_chunk(r, &s->plan, s->planned_sources);
        if (r->kind == FORMAT_STREAM_ROWS &&
            check_source(r, &s->plan, s->planned_sources, e) < 0)
            return -1;
        int rc = chunk_cache_pin(s->cache, &r->chunks[chunk], &s->places[chunk], needed, e);
        if (rc != 0)
            return rc;
    }
    unit_step(r, &s->plan);
    s->planned_sources = 0;
    s->ahead++;
    return 0;
}

static int plan(struct stream_in *s, struct error *e)
{
    while (s->ahead < LOOK_AHEAD && !at_end(s, &s->plan)) {
        int rc = plan_unit(s, s->ahead == 0, e);
        assert(rc == 0 || rc < 0 || s->ahead > 0);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
    return 0;
}

/* The caller is done with the unit next. */
static void release(struct stream_in *s)
{
    const struct recipe *r = s->current;
    if (!s->held)
        return;
    s->held = false;
    uint32_t sources = unit_sources(r, &s->next);
    for (uint32_t i = 0; i < sources; i++) {
        /* What goes on with a long row has no uses of its own, and goes at once. */
        uint32_t chunk = unit_chunk(r, &s->next, i);
        s->uses[chunk] -= s->uses[chunk] > 0;
        chunk_cache_unpin(s->cache, &s->places[chunk], s->uses[chunk] == 0);
    }
    unit_step(r, &s->next);
    s->joined_rows = 0;
    s->ahead--;
}

/* ---- delivery ---------------------------------------------------------------------- */

static int view(struct stream_in *s, uint32_t source, struct chunk_cache_view *out,
                struct error *e)
{
    uint32_t chunk = unit_chunk(s->current, &s->next, source);
    return chunk_cache_view(s->cache, &s->places[chunk], out, e);
}

/* A chunk as it stands: bytes, or a part of a long row. */
static int deliver_chunk(struct stream_in *s, struct stream_in_item *item, struct error *e)
{
    const struct recipe *r = s->current;
    struct chunk_cache_view v;
    if (view(s, 0, &v, e) < 0)
        return -1;
    s->held = true;
    item->data = v.plain;
    if (r->kind == FORMAT_STREAM_BYTES)
        return 0;
    if (s->next.part == 0) {
        uint32_t chunk = unit_chunk(r, &s->next, 0);
        s->long_row_bytes = 0;
        for (uint32_t i = 0; i < s->next.parts; i++)
            s->long_row_bytes += r->chunks[chunk + i].ref.plain;
    }
    item->long_row_bytes = s->long_row_bytes;
    item->row_begins = s->next.part == 0;
    item->row_ends = s->next.part + 1 == s->next.parts;
    s->rows_delivered += item->row_ends;
    return 0;
}

/* Rows first, … of a chunk; the workers saw that it has as many as its recipe says. */
static struct bytes slice(const struct chunk_cache_view *v, uint32_t first, uint32_t rows,
                          uint32_t *base)
{
    *base = first > 0 ? v->ends[first - 1] : 0;
    return bytes_of(v->plain.data + *base, v->ends[first + rows - 1] - *base);
}

static int deliver_rows(struct stream_in *s, struct stream_in_item *item, struct error *e)
{
    const struct recipe *r = s->current;
    const struct recipe_source *source = &r->sources[r->extents[s->next.extent].source];
    uint32_t rows = recipe_extent_rows(r, s->next.extent);
    struct chunk_cache_view v;
    if (view(s, 0, &v, e) < 0)
        return -1;
    s->held = true;
    item->data = slice(&v, source->first, rows, &item->base);
    item->rows = rows;
    item->ends = v.ends + source->first;
    s->rows_delivered += rows;
    return 0;
}

/* Rows that repeat a column grow beyond all bounds; no writer makes such. */
static bool names_twice(const struct projection_column *columns, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (columns[i].source == columns[j].source &&
                columns[i].column == columns[j].column)
                return true;
    return false;
}

/* One row out of a row of every source. */
static int join_row(struct stream_in *s, const struct recipe_projection *p,
                    const struct bytes *rows, struct error *e)
{
    const struct projection_column *columns = s->columns + p->column;
    size_t longest = 0;
    for (uint32_t i = 0; i < p->sources; i++)
        longest = longest < rows[i].len ? rows[i].len : longest;
    if (longest * p->count > JOINED_SUSPECT && names_twice(columns, p->count))
        return error_set(e, ERROR_CORRUPT, "projection: a column stands in it twice");
    return projection_join(columns, p->count, rows, p->sources, &s->joined, e);
}

/* As many rows of the extent as make a good slice. */
static int deliver_joined(struct stream_in *s, struct stream_in_item *item, struct error *e)
{
    const struct recipe *r = s->current;
    const struct recipe_extent *x = &r->extents[s->next.extent];
    const struct recipe_projection *p = &r->projections[x->projection - 1];
    const struct recipe_source *sources = &r->sources[x->source];
    uint32_t rows = recipe_extent_rows(r, s->next.extent);
    struct chunk_cache_view views[RECIPE_MAX_SOURCES];
    struct bytes row[RECIPE_MAX_SOURCES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->sources; i++)
        if (view(s, i, &views[i], e) < 0)
            return -1;
    s->joined.len = 0;
    while (s->joined_rows < rows && count < JOINED_ROWS && s->joined.len < JOINED_TARGET) {
        uint32_t base;
        for (uint32_t i = 0; i < p->sources; i++)
            row[i] = slice(&views[i], sources[i].first + s->joined_rows, 1, &base);
        if (join_row(s, p, row, e) < 0)
            return -1;
        s->joined_ends[count++] = (uint32_t)s->joined.len;
        s->joined_rows++;
    }
    s->held = s->joined_rows == rows;
    item->data = buf_view(&s->joined);
    item->rows = count;
    item->ends = s->joined_ends;
    s->rows_delivered += count;
    return 0;
}

int stream_in_next(struct stream_in *s, struct stream_in_item *item, struct error *e)
{
    release(s);
    while (at_end(s, &s->next)) {
        int rc = next_recipe(s, e);
        if (rc != 0)
            return rc;
    }
    if (plan(s, e) < 0)
        return -1;
    *item = (struct stream_in_item){.rows = 0};
    const struct recipe *r = s->current;
    if (r->kind == FORMAT_STREAM_BYTES)
        return deliver_chunk(s, item, e);
    const struct recipe_extent *x = &r->extents[s->next.extent];
    if (x->projection != 0)
        return deliver_joined(s, item, e);
    if (is_long(r, r->sources[x->source].chunk))
        return deliver_chunk(s, item, e);
    return deliver_rows(s, item, e);
}

/* Do the bytes that were read have the digests of their parts? */
static int check_parts(const struct stream *stream, struct bytes left, struct error *e)
{
    for (uint32_t i = 0; i < stream->part_count; i++) {
        const struct stream_part *part = &stream->parts[i];
        uint8_t value[DIGEST_LEN];
        if (part->bytes > left.len)
            return error_set(e, ERROR_CORRUPT, "%zu bytes, expected %llu", left.len,
                             (unsigned long long)part->bytes);
        if (digest_sha256(bytes_take(&left, (size_t)part->bytes), value, e) < 0)
            return -1;
        if (memcmp(value, part->digest, sizeof value) != 0)
            return error_set(e, ERROR_CORRUPT, "bytes differ from the bytes that were stored");
    }
    return left.len == 0
               ? 0
               : error_set(e, ERROR_CORRUPT, "%zu bytes more than were stored", left.len);
}

int stream_in_load(struct stream_in *s, const struct stream *stream, struct buf *out,
                   struct error *e)
{
    struct stream_in_item item;
    size_t before = out->len;
    int rc = stream_in_begin(s, stream, e);
    while (rc == 0) {
        rc = stream_in_next(s, &item, e);
        if (rc == 0)
            rc = buf_append(out, item.data.data, item.data.len, e);
    }
    if (rc < 0)
        return -1;
    return check_parts(stream, bytes_of(out->data + before, out->len - before), e);
}
