/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/made_recipe.h"

#include <stdlib.h>

/* Nobody looks at the error: what is made here always fits. */
static void done(int rc)
{
    if (rc != 0)
        abort();
}

static void *zeroed(size_t count, size_t size)
{
    void *p = calloc(count + 1, size);
    if (!p)
        abort();
    return p;
}

uint32_t made_recipe_random(struct made_recipe *m, uint32_t below)
{
    m->seed += UINT64_C(0x9e3779b97f4a7c15); /* SplitMix64 */
    uint64_t x = m->seed;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((x ^ x >> 31) % below);
}

struct ref made_recipe_ref(uint32_t number, enum format_kind kind, uint32_t plain)
{
    struct ref r = {.record = number,
                    .offset = 200 * (number % 1000),
                    .stored = plain,
                    .plain = plain,
                    .codec = FORMAT_CODEC_RAW,
                    .kind = (uint8_t)kind};
    for (size_t i = 0; i < sizeof r.chunk_id; i++)
        r.chunk_id[i] = (uint8_t)(number >> i % 4 * 8);
    uint32_t pack = number / 3 % 50;
    memcpy(r.pack_id, &pack, sizeof pack);
    return r;
}

static int add(struct recipe *r, bool added, const struct ref *ref, uint32_t rows)
{
    return added ? recipe_add_added(r, ref, rows, NULL) : recipe_add_chunk(r, ref, rows, NULL);
}

/* A chunk of so many rows. */
static void make_chunk(struct made_recipe *m, struct recipe *r, bool added, uint32_t rows)
{
    struct ref ref = made_recipe_ref(m->next_chunk++, FORMAT_KIND_ROWS, rows * 10);
    done(add(r, added, &ref, rows));
}

static void make_long_row(struct made_recipe *m, struct recipe *r)
{
    uint32_t n = 1 + made_recipe_random(m, 3);
    for (uint32_t i = 0; i < n; i++) {
        struct ref ref = made_recipe_ref(m->next_chunk++, FORMAT_KIND_BYTES, 1000);
        done(add(r, false, &ref, i == 0));
    }
}

/* Columns of so many sources; source 0 has m->width, the others 3. */
static uint16_t make_columns(struct made_recipe *m, uint16_t sources,
                             struct recipe_column *columns)
{
    uint16_t count = (uint16_t)(1 + made_recipe_random(m, 10));
    for (uint16_t i = 0; i < count; i++) {
        columns[i].source = (uint16_t)made_recipe_random(m, sources);
        columns[i].column =
            (uint16_t)made_recipe_random(m, columns[i].source == 0 ? m->width : 3);
    }
    return count;
}

static void make_extent(struct made_recipe *m, struct recipe *r)
{
    struct recipe_source sources[RECIPE_MAX_SOURCES];
    uint32_t projection = made_recipe_random(m, r->projection_count + 1);
    uint32_t rows = 1 + made_recipe_random(m, 20);
    for (uint32_t i = 0; i < recipe_sources(r, projection); i++) {
        uint32_t chunk;
        do
            chunk = made_recipe_random(m, r->count);
        while (r->chunks[chunk].rows == 0);
        uint32_t has = r->chunks[chunk].rows;
        sources[i] = (struct recipe_source){chunk, made_recipe_random(m, has)};
        if (rows > has - sources[i].first)
            rows = has - sources[i].first;
    }
    done(recipe_add_extent(r, rows, projection, sources, NULL));
}

void made_recipe_full(struct made_recipe *m, struct recipe *r, uint32_t extents)
{
    recipe_clear(r, FORMAT_STREAM_ROWS);
    uint32_t chunks = 1 + made_recipe_random(m, 1 + extents / 2);
    for (uint32_t i = 0; i < chunks; i++) {
        if (made_recipe_random(m, 8) == 0)
            make_long_row(m, r);
        else
            make_chunk(m, r, false, 1 + made_recipe_random(m, 50));
    }
    uint32_t projections = made_recipe_random(m, 2) * made_recipe_random(m, 4);
    for (uint32_t i = 0; i < projections; i++) {
        struct recipe_column columns[10];
        uint16_t sources = (uint16_t)(1 + made_recipe_random(m, 3));
        uint16_t count = m->width < 10 ? m->width : 10; /* as wide as whole rows */
        for (uint16_t k = 0; k < count; k++)
            columns[k] = (struct recipe_column){(uint16_t)made_recipe_random(m, sources), k};
        uint32_t number;
        done(recipe_add_projection(r, sources, columns, count, &number, NULL));
    }
    for (uint32_t i = 0; i < extents; i++)
        make_extent(m, r);
    r->bytes = r->rows * 30;
}

/* Takes of what is left of the own directory. */
static uint32_t some(struct made_recipe *m, uint64_t left, uint32_t most)
{
    uint32_t n = made_recipe_random(m, most + 1);
    return n < left ? n : (uint32_t)left;
}

static void make_added(struct made_recipe *m, struct recipe *r, uint64_t rows)
{
    while (rows > 0) {
        uint32_t n = 1 + some(m, rows - 1, 40);
        make_chunk(m, r, true, n);
        rows -= n;
    }
}

void made_recipe_ops(struct made_recipe *m, struct recipe *r, const struct recipe *base)
{
    recipe_clear(r, FORMAT_STREAM_ROWS);
    r->has_base = true;
    r->base = made_recipe_ref(m->next_chunk++, FORMAT_KIND_RECIPE, 500);
    uint64_t own = 0;
    uint64_t copied = 0;
    uint32_t chunks = made_recipe_random(m, 10);
    for (uint32_t i = 0; i < chunks; i++) {
        if (made_recipe_random(m, 8) == 0)
            make_long_row(m, r);
        else
            make_chunk(m, r, false, 1 + made_recipe_random(m, 30));
    }
    for (uint32_t i = 0; i < r->count; i++)
        own += r->chunks[i].rows;
    uint32_t at = 0;
    for (uint32_t i = 1 + made_recipe_random(m, 40); i > 0 || own > 0; i -= i > 0) {
        struct recipe_op op = {.take = some(m, own, 12)};
        if (made_recipe_random(m, 5) == 0)
            at = made_recipe_random(m, (uint32_t)base->rows);
        op.from = at;
        op.copy = some(m, base->rows - at, 25);
        at += op.copy + made_recipe_random(m, 2);
        at = at < base->rows ? at : 0;
        own -= op.take;
        copied += op.copy;
        done(recipe_add_op(r, &op, NULL));
    }
    if (made_recipe_random(m, 2) == 0) {
        struct recipe_column columns[10];
        uint16_t sources = (uint16_t)(1 + made_recipe_random(m, 2));
        uint16_t count = make_columns(m, sources, columns);
        uint32_t number;
        done(recipe_add_projection(r, sources, columns, count, &number, NULL));
        if (sources == 2)
            make_added(m, r, copied);
        m->width = count;
    }
    r->bytes = r->rows * 31;
}

static bool same_ref(const struct ref *a, const struct ref *b)
{
    return memcmp(a->chunk_id, b->chunk_id, sizeof a->chunk_id) == 0 &&
           memcmp(a->pack_id, b->pack_id, sizeof a->pack_id) == 0 && a->record == b->record &&
           a->offset == b->offset && a->stored == b->stored && a->plain == b->plain &&
           a->codec == b->codec && a->kind == b->kind;
}

static bool same_array(const void *a, const void *b, size_t count, size_t size)
{
    return count == 0 || memcmp(a, b, count * size) == 0;
}

bool made_recipe_same(const struct recipe *a, const struct recipe *b)
{
    if (a->kind != b->kind || a->rows != b->rows || a->bytes != b->bytes ||
        a->count != b->count || a->added != b->added || a->has_base != b->has_base ||
        a->extent_count != b->extent_count || a->source_count != b->source_count ||
        a->projection_count != b->projection_count || a->column_count != b->column_count ||
        a->op_count != b->op_count || (a->has_base && !same_ref(&a->base, &b->base)))
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!same_ref(&a->chunks[i].ref, &b->chunks[i].ref) ||
            a->chunks[i].rows != b->chunks[i].rows)
            return false;
    return same_array(a->extents, b->extents, a->extent_count, sizeof *a->extents) &&
           same_array(a->sources, b->sources, a->source_count, sizeof *a->sources) &&
           same_array(a->projections, b->projections, a->projection_count,
                      sizeof *a->projections) &&
           same_array(a->columns, b->columns, a->column_count, sizeof *a->columns) &&
           same_array(a->ops, b->ops, a->op_count, sizeof *a->ops);
}

static bool extent_sound(const struct recipe *r, uint32_t i)
{
    const struct recipe_extent *x = &r->extents[i];
    uint32_t rows = recipe_extent_rows(r, i);
    if (rows == 0 || x->projection > r->projection_count ||
        x->source + recipe_sources(r, x->projection) > r->source_count)
        return false;
    for (uint32_t k = 0; k < recipe_sources(r, x->projection); k++) {
        const struct recipe_source *s = &r->sources[x->source + k];
        if (s->chunk >= r->count || (uint64_t)s->first + rows > r->chunks[s->chunk].rows ||
            s->chunk + recipe_long_row(r, s->chunk) > r->count)
            return false;
    }
    return true;
}

bool made_recipe_sound(const struct recipe *r)
{
    uint64_t row = 0;
    for (uint32_t i = 0; i < r->count; i++)
        if (!ref_allowed(&r->chunks[i].ref) || r->chunks[i].rows > r->chunks[i].ref.plain)
            return false;
    for (uint32_t i = 0; i < r->extent_count; i++) {
        if (r->extents[i].row != row || !extent_sound(r, i))
            return false;
        row += recipe_extent_rows(r, i);
    }
    for (uint32_t i = 0; i < r->projection_count; i++)
        if ((uint64_t)r->projections[i].column + r->projections[i].count > r->column_count)
            return false;
    for (uint32_t i = 0; i < r->op_count; i++)
        row += (uint64_t)r->ops[i].copy + r->ops[i].take;
    return row == r->rows && r->added <= r->count;
}

static struct made_recipe_row cells(size_t count)
{
    return (struct made_recipe_row){zeroed(count, sizeof(struct made_recipe_cell)),
                                    (uint16_t)count};
}

static struct made_recipe_cell cell(const struct recipe *r, uint32_t chunk, uint32_t row,
                                    uint16_t column)
{
    struct made_recipe_cell made = {r->chunks[chunk].ref.record, row, 1, column};
    while (chunk + made.chunks < r->count && r->chunks[chunk + made.chunks].rows == 0)
        made.chunks++;
    return made;
}

static struct made_recipe_row whole(const struct recipe *r, uint32_t chunk, uint32_t row)
{
    struct made_recipe_row made = cells(1);
    made.cells[0] = cell(r, chunk, row, MADE_RECIPE_WHOLE);
    return made;
}

static struct made_recipe_row extent_row(const struct recipe *r, uint32_t extent, uint32_t k)
{
    const struct recipe_extent *x = &r->extents[extent];
    const struct recipe_source *sources = &r->sources[x->source];
    if (x->projection == 0)
        return whole(r, sources->chunk, sources->first + k);
    const struct recipe_projection *p = &r->projections[x->projection - 1];
    struct made_recipe_row made = cells(p->count);
    for (uint16_t i = 0; i < p->count; i++) {
        const struct recipe_column *column = &r->columns[p->column + i];
        const struct recipe_source *s = &sources[column->source];
        made.cells[i] = cell(r, s->chunk, s->first + k, column->column);
    }
    return made;
}

struct made_recipe_row *made_recipe_rows(const struct recipe *r)
{
    struct made_recipe_row *rows = zeroed(r->rows, sizeof *rows);
    uint64_t at = 0;
    for (uint32_t i = 0; i < r->extent_count; i++)
        for (uint32_t k = 0; k < recipe_extent_rows(r, i); k++)
            rows[at++] = extent_row(r, i, k);
    if (at != r->rows)
        abort();
    return rows;
}

/* A base row passes through the projection of r; added is the row beside it. */
static struct made_recipe_row projected(const struct recipe *r,
                                        const struct made_recipe_row *base,
                                        const struct recipe_source *added)
{
    uint16_t count = r->projection_count > 0 ? r->projections[0].count : base->count;
    struct made_recipe_row made = cells(count);
    for (uint16_t i = 0; i < count; i++) {
        struct recipe_column column = {0, i};
        if (r->projection_count > 0)
            column = r->columns[i];
        bool is_whole = base->cells[0].column == MADE_RECIPE_WHOLE;
        if (column.source == 1) {
            made.cells[i] = cell(r, added->chunk, added->first, column.column);
        } else if (r->projection_count > 0 && is_whole) {
            made.cells[i] = base->cells[0];
            made.cells[i].column = column.column;
        } else {
            made.cells[i] = base->cells[column.column];
        }
    }
    return made;
}

/* The next row of a directory, chunk by chunk. */
static void step(const struct recipe *r, struct recipe_source *s)
{
    if (++s->first < r->chunks[s->chunk].rows)
        return;
    s->first = 0;
    do
        s->chunk++;
    while (s->chunk < r->count && r->chunks[s->chunk].rows == 0);
}

struct made_recipe_row *made_recipe_model(const struct recipe *r,
                                          const struct made_recipe_row *base)
{
    struct made_recipe_row *rows = zeroed(r->rows, sizeof *rows);
    struct recipe_source own = {0};
    struct recipe_source added = {.chunk = r->added};
    uint64_t at = 0;
    for (uint32_t i = 0; i < r->op_count; i++) {
        for (uint32_t k = 0; k < r->ops[i].copy; k++) {
            rows[at++] = projected(r, &base[r->ops[i].from + k], &added);
            if (r->added < r->count)
                step(r, &added);
        }
        for (uint32_t k = 0; k < r->ops[i].take; k++) {
            rows[at++] = whole(r, own.chunk, own.first);
            step(r, &own);
        }
    }
    return rows;
}

bool made_recipe_rows_equal(const struct made_recipe_row *a, const struct made_recipe_row *b,
                            uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (a[i].count != b[i].count)
            return false;
        for (uint16_t k = 0; k < a[i].count; k++)
            if (a[i].cells[k].record != b[i].cells[k].record ||
                a[i].cells[k].row != b[i].cells[k].row ||
                a[i].cells[k].chunks != b[i].cells[k].chunks ||
                a[i].cells[k].column != b[i].cells[k].column)
                return false;
    }
    return true;
}

void made_recipe_rows_free(struct made_recipe_row *rows, uint64_t count)
{
    for (uint64_t i = 0; rows && i < count; i++)
        free(rows[i].cells);
    free(rows);
}
