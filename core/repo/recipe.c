/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe in memory: arrays that grow at their ends. Extents are kept as long as can be, so
 * that what is resolved from many nights does not crumble more than the rows did. */
#include "core/repo/recipe.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "core/repo/recipe_wire.h"

void recipe_done(struct recipe *r)
{
    free(r->chunks);
    free(r->extents);
    free(r->sources);
    free(r->projections);
    free(r->columns);
    free(r->ops);
    *r = (struct recipe){0};
}

void recipe_clear(struct recipe *r, enum format_stream kind)
{
    r->kind = kind;
    r->rows = r->bytes = 0;
    r->count = r->added = 0;
    r->extent_count = r->source_count = 0;
    r->projection_count = r->column_count = 0;
    r->op_count = 0;
    r->has_base = false;
}

/* The array with room for `more` behind its count elements; NULL with ERROR_MEMORY. */
static void *grown(void *array, uint32_t count, uint32_t more, uint32_t *cap, size_t size,
                   struct error *e)
{
    uint64_t want = (uint64_t)count + more;
    if (want < 2 * (uint64_t)*cap)
        want = 2 * (uint64_t)*cap;
    if (want < 8)
        want = 8;
    void *p = want > UINT32_MAX ? NULL : reallocarray(array, (size_t)want, size);
    if (p)
        *cap = (uint32_t)want;
    else
        (void)error_memory(e, "recipe");
    return p;
}

static int reserve_extents(struct recipe *r, uint32_t more, struct error *e)
{
    if (more <= r->extent_cap - r->extent_count)
        return 0;
    void *p = grown(r->extents, r->extent_count, more, &r->extent_cap, sizeof *r->extents, e);
    r->extents = p ? p : r->extents;
    return p ? 0 : -1;
}

static int reserve_sources(struct recipe *r, uint32_t more, struct error *e)
{
    if (more <= r->source_cap - r->source_count)
        return 0;
    void *p = grown(r->sources, r->source_count, more, &r->source_cap, sizeof *r->sources, e);
    r->sources = p ? p : r->sources;
    return p ? 0 : -1;
}

int recipe_reserve(struct recipe *r, uint32_t extents, uint32_t sources, struct error *e)
{
    return reserve_extents(r, extents, e) < 0 ? -1 : reserve_sources(r, sources, e);
}

static int add_chunk(struct recipe *r, const struct ref *ref, uint32_t rows, struct error *e)
{
    if (r->count == FORMAT_MAX_RECIPE_CHUNKS)
        return error_set(e, ERROR_UNSUPPORTED, "recipe: more than %d chunks",
                         FORMAT_MAX_RECIPE_CHUNKS);
    if (r->count == r->cap) {
        void *p = grown(r->chunks, r->count, 1, &r->cap, sizeof *r->chunks, e);
        if (!p)
            return -1;
        r->chunks = p;
    }
    r->chunks[r->count++] = (struct recipe_chunk){.ref = *ref, .rows = rows};
    if (r->kind == FORMAT_STREAM_BYTES)
        r->bytes += ref->plain;
    return 0;
}

int recipe_add_chunk(struct recipe *r, const struct ref *ref, uint32_t rows, struct error *e)
{
    assert(r->added == r->count);
    if (add_chunk(r, ref, rows, e) < 0)
        return -1;
    r->added = r->count;
    return 0;
}

int recipe_add_added(struct recipe *r, const struct ref *ref, uint32_t rows, struct error *e)
{
    return add_chunk(r, ref, rows, e);
}

static int add_rows(struct recipe *r, uint64_t rows, struct error *e)
{
    if (rows > UINT32_MAX - r->rows)
        return error_set(e, ERROR_UNSUPPORTED, "recipe: more than %u rows", UINT32_MAX);
    r->rows += rows;
    return 0;
}

static bool sources_fit(const struct recipe *r, uint32_t n, const struct recipe_source *s,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (s[i].chunk >= r->count || (uint64_t)s[i].first + n > r->chunks[s[i].chunk].rows)
            return false;
    return true;
}

/* Do rows of these sources follow on the last extent? Nothing follows on a long row, which is
 * the only row of its chunk. */
static bool goes_on(const struct recipe *r, uint32_t projection, const struct recipe_source *s,
                    uint32_t count)
{
    if (r->extent_count == 0)
        return false;
    const struct recipe_extent *last = &r->extents[r->extent_count - 1];
    if (last->projection != projection)
        return false;
    uint32_t rows = recipe_extent_rows(r, r->extent_count - 1);
    const struct recipe_source *before = &r->sources[last->source];
    for (uint32_t i = 0; i < count; i++)
        if (before[i].chunk != s[i].chunk || before[i].first + rows != s[i].first)
            return false;
    return true;
}

int recipe_add_extent(struct recipe *r, uint32_t n, uint32_t projection,
                      const struct recipe_source *sources, struct error *e)
{
    assert(n > 0 && projection <= r->projection_count);
    uint32_t count = recipe_sources(r, projection);
    assert(sources_fit(r, n, sources, count));
    uint32_t row = (uint32_t)r->rows;
    if (goes_on(r, projection, sources, count))
        return add_rows(r, n, e);
    if (r->source_count + count > RECIPE_MAX_ALL_SOURCES)
        return error_set(e, ERROR_UNSUPPORTED, "recipe: more than %u sources",
                         RECIPE_MAX_ALL_SOURCES);
    if (r->extent_count == RECIPE_MAX_EXTENTS)
        return error_set(e, ERROR_UNSUPPORTED, "recipe: more than %u extents",
                         RECIPE_MAX_EXTENTS);
    if (reserve_extents(r, 1, e) < 0 || reserve_sources(r, count, e) < 0 ||
        add_rows(r, n, e) < 0)
        return -1;
    r->extents[r->extent_count++] =
        (struct recipe_extent){.row = row, .source = r->source_count, .projection = projection};
    memcpy(r->sources + r->source_count, sources, count * sizeof *sources);
    r->source_count += count;
    return 0;
}

/* The number of this projection in r; 0 when r has it not. */
static uint32_t find_projection(const struct recipe *r, uint16_t sources,
                                const struct recipe_column *columns, uint16_t count)
{
    for (uint32_t i = r->projection_count; i > 0; i--) {
        const struct recipe_projection *p = &r->projections[i - 1];
        if (p->sources == sources && p->count == count &&
            memcmp(r->columns + p->column, columns, count * sizeof *columns) == 0)
            return i;
    }
    return 0;
}

static int check_projection(uint16_t sources, const struct recipe_column *columns,
                            uint16_t count, struct error *e)
{
    if (sources > RECIPE_MAX_SOURCES || count > RECIPE_MAX_COLUMNS)
        return error_set(e, ERROR_UNSUPPORTED,
                         "recipe: projection of %u sources and %u columns, at most %d and %d",
                         sources, count, RECIPE_MAX_SOURCES, RECIPE_MAX_COLUMNS);
    if (sources == 0 || count == 0)
        return error_set(e, ERROR_CORRUPT, "recipe: projection of nothing");
    for (uint16_t i = 0; i < count; i++)
        if (columns[i].source >= sources || columns[i].column >= RECIPE_MAX_COLUMNS)
            return error_set(e, ERROR_CORRUPT, "recipe: column %u of source %u, of %u",
                             columns[i].column, columns[i].source, sources);
    return 0;
}

int recipe_add_projection(struct recipe *r, uint16_t sources,
                          const struct recipe_column *columns, uint16_t count,
                          uint32_t *projection, struct error *e)
{
    if (check_projection(sources, columns, count, e) < 0)
        return -1;
    *projection = find_projection(r, sources, columns, count);
    if (*projection > 0)
        return 0;
    if (r->projection_count == RECIPE_MAX_PROJECTIONS)
        return error_set(e, ERROR_UNSUPPORTED, "recipe: more than %d projections",
                         RECIPE_MAX_PROJECTIONS);
    if (r->projection_count == r->projection_cap) {
        void *p = grown(r->projections, r->projection_count, 1, &r->projection_cap,
                        sizeof *r->projections, e);
        if (!p)
            return -1;
        r->projections = p;
    }
    if (count > r->column_cap - r->column_count) {
        void *p =
            grown(r->columns, r->column_count, count, &r->column_cap, sizeof *r->columns, e);
        if (!p)
            return -1;
        r->columns = p;
    }
    r->projections[r->projection_count++] = (struct recipe_projection){
        .sources = sources, .count = count, .column = r->column_count};
    memcpy(r->columns + r->column_count, columns, count * sizeof *columns);
    r->column_count += count;
    *projection = r->projection_count;
    return 0;
}

/* Joins op with the last operation if the two are one. */
static bool op_joined(struct recipe *r, const struct recipe_op *op)
{
    if (r->op_count == 0)
        return false;
    struct recipe_op *last = &r->ops[r->op_count - 1];
    if (op->copy > 0 && (last->take > 0 || op->from != last->from + last->copy))
        return false;
    last->copy += op->copy;
    last->take += op->take;
    return true;
}

int recipe_add_op(struct recipe *r, const struct recipe_op *op, struct error *e)
{
    uint64_t rows = (uint64_t)op->copy + op->take;
    if (rows == 0)
        return 0;
    if (op->copy > UINT32_MAX - op->from)
        return error_set(e, ERROR_UNSUPPORTED, "recipe: base row %" PRIu64 ", at most %u",
                         (uint64_t)op->from + op->copy, UINT32_MAX);
    if (r->op_count == r->op_cap) {
        void *p = grown(r->ops, r->op_count, 1, &r->op_cap, sizeof *r->ops, e);
        if (!p)
            return -1;
        r->ops = p;
    }
    if (add_rows(r, rows, e) < 0)
        return -1;
    if (op_joined(r, op))
        return 0;
    if (r->op_count == RECIPE_MAX_EXTENTS)
        return error_set(e, ERROR_UNSUPPORTED, "recipe: more than %u operations",
                         RECIPE_MAX_EXTENTS);
    r->ops[r->op_count++] = (struct recipe_op){
        .from = op->copy > 0 ? op->from : 0, .copy = op->copy, .take = op->take};
    return 0;
}

uint32_t recipe_long_row(const struct recipe *r, uint32_t i)
{
    uint32_t end = i + 1;
    while (end < r->count && recipe_wire_goes_on(r, end))
        end++;
    return end - i;
}

uint32_t recipe_find(const struct recipe *r, uint32_t row, uint32_t hint)
{
    uint32_t low = 0;
    uint32_t high = r->extent_count;
    assert(row < r->rows);
    for (uint32_t i = hint; i < high && i < hint + 2; i++)
        if (row >= r->extents[i].row && row - r->extents[i].row < recipe_extent_rows(r, i))
            return i;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (r->extents[middle].row <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Where a chunk of the base is in r; it and what goes on with it are added the first time. */
static int copy_chunk(struct recipe *r, struct recipe_copy *c, uint32_t chunk, uint32_t *place,
                      struct error *e)
{
    if (c->map[chunk] == UINT32_MAX) {
        uint32_t first = r->count;
        uint32_t n = recipe_long_row(c->base, chunk);
        for (uint32_t i = 0; i < n; i++) {
            const struct recipe_chunk *from = &c->base->chunks[chunk + i];
            if (recipe_add_chunk(r, &from->ref, from->rows, e) < 0)
                return -1;
        }
        c->map[chunk] = first;
    }
    *place = c->map[chunk];
    return 0;
}

/* A column of the copy, as a column of the sources that its extents will have. */
static int compose_column(const struct recipe_copy *c, const struct recipe_projection *p,
                          struct recipe_column *column, struct error *e)
{
    uint16_t sources = p ? p->sources : 1;
    if (column->source > (c->has_added ? 1 : 0))
        return error_set(e, ERROR_CORRUPT, "recipe: column of source %u, of %d", column->source,
                         c->has_added ? 2 : 1);
    if (column->source == 1)
        column->source = sources;
    else if (p && column->column >= p->count)
        return error_set(e, ERROR_CORRUPT, "recipe: column %u of base rows that have %u",
                         column->column, p->count);
    else if (p)
        *column = c->base->columns[p->column + column->column];
    return 0;
}

/* What a projection of the base becomes in r. */
static int compose(struct recipe *r, struct recipe_copy *c, uint32_t from, uint32_t *to,
                   struct error *e)
{
    const struct recipe_projection *p = from > 0 ? &c->base->projections[from - 1] : NULL;
    struct recipe_column columns[RECIPE_MAX_COLUMNS];
    if (!c->columns && !p) {
        *to = 0;
        return 0;
    }
    if (c->projection_to > 0 && c->projection_from == from) {
        *to = c->projection_to;
        return 0;
    }
    const struct recipe_column *list = columns;
    uint16_t count = c->column_count;
    uint16_t sources = (uint16_t)((p ? p->sources : 1) + (c->columns && c->has_added));
    assert(!c->columns || count <= RECIPE_MAX_COLUMNS);
    for (uint16_t i = 0; c->columns && i < count; i++) {
        columns[i] = c->columns[i];
        if (compose_column(c, p, &columns[i], e) < 0)
            return -1;
    }
    if (!c->columns) {
        list = c->base->columns + p->column;
        count = p->count;
    }
    if (recipe_add_projection(r, sources, list, count, to, e) < 0)
        return -1;
    c->projection_from = from;
    c->projection_to = *to;
    return 0;
}

/* n rows of one extent of the base, from its row `skip` on. */
static int copy_extent(struct recipe *r, struct recipe_copy *c, uint32_t skip, uint32_t n,
                       struct error *e)
{
    const struct recipe_extent *x = &c->base->extents[c->hint];
    uint32_t count = recipe_sources(c->base, x->projection);
    struct recipe_source sources[RECIPE_MAX_SOURCES + 1];
    uint32_t projection;
    if (compose(r, c, x->projection, &projection, e) < 0)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        const struct recipe_source *s = &c->base->sources[x->source + i];
        sources[i].first = s->first + skip;
        if (copy_chunk(r, c, s->chunk, &sources[i].chunk, e) < 0)
            return -1;
    }
    sources[count] = c->added;
    if (recipe_add_extent(r, n, projection, sources, e) < 0)
        return -1;
    c->added.first += c->has_added ? n : 0;
    return 0;
}

int recipe_copy(struct recipe *r, struct recipe_copy *c, uint32_t from, uint32_t n,
                struct error *e)
{
    uint64_t end = (uint64_t)from + n;
    if (end > c->base->rows)
        return error_set(e, ERROR_CORRUPT,
                         "recipe: copies row %" PRIu64 " of a base of %" PRIu64, end,
                         c->base->rows);
    for (uint32_t row = from; row < end;) {
        c->hint = recipe_find(c->base, row, c->hint);
        uint32_t skip = row - c->base->extents[c->hint].row;
        uint32_t part = recipe_extent_rows(c->base, c->hint) - skip;
        if (part > end - row)
            part = (uint32_t)(end - row);
        if (copy_extent(r, c, skip, part, e) < 0)
            return -1;
        row += part;
    }
    return 0;
}

int recipe_take(struct recipe *r, struct recipe_source *next, uint32_t end, uint32_t n,
                struct error *e)
{
    while (n > 0) {
        if (next->chunk >= end || next->first >= r->chunks[next->chunk].rows)
            return error_set(e, ERROR_CORRUPT, "recipe: takes %u rows more than it has", n);
        uint32_t left = r->chunks[next->chunk].rows - next->first;
        uint32_t part = n < left ? n : left;
        if (recipe_add_extent(r, part, 0, next, e) < 0)
            return -1;
        n -= part;
        next->first += part;
        if (part == left) {
            next->chunk += recipe_long_row(r, next->chunk);
            next->first = 0;
        }
    }
    return 0;
}

/* recipe_copy, cut where the chunks of the added directory end. */
static int copy_beside_added(struct recipe *r, struct recipe_copy *c, struct recipe_op op,
                             uint32_t end, struct error *e)
{
    while (op.copy > 0) {
        uint32_t part = op.copy;
        if (c->has_added && c->added.chunk >= end)
            return error_set(e, ERROR_CORRUPT, "recipe: %u rows lack their added columns",
                             op.copy);
        uint32_t left = c->has_added ? r->chunks[c->added.chunk].rows - c->added.first : part;
        if (part > left)
            part = left;
        if (recipe_copy(r, c, op.from, part, e) < 0)
            return -1;
        op.from += part;
        op.copy -= part;
        if (c->has_added && part == left)
            c->added = (struct recipe_source){.chunk = c->added.chunk + 1};
    }
    return 0;
}

static int resolve_ops(const struct recipe *r, struct recipe *out, struct recipe_copy *c,
                       struct error *e)
{
    struct recipe_source next = {0};
    for (uint32_t i = 0; i < r->op_count; i++)
        if (copy_beside_added(out, c, r->ops[i], r->count, e) < 0 ||
            recipe_take(out, &next, r->added, r->ops[i].take, e) < 0)
            return -1;
    if (next.chunk != r->added || (c->has_added && c->added.chunk != r->count))
        return error_set(e, ERROR_CORRUPT, "recipe: rows of the directory are left over");
    return 0;
}

int recipe_resolve(const struct recipe *base, const struct recipe *r, struct recipe *out,
                   struct error *e)
{
    assert(r->has_base && !base->has_base && r->projection_count <= 1);
    if (base->kind != FORMAT_STREAM_ROWS || r->kind != FORMAT_STREAM_ROWS)
        return error_set(e, ERROR_CORRUPT, "recipe: base is not of rows");
    recipe_clear(out, r->kind);
    for (uint32_t i = 0; i < r->count; i++)
        if (recipe_add_chunk(out, &r->chunks[i].ref, r->chunks[i].rows, e) < 0)
            return -1;
    size_t map_size = (base->count + (size_t)1) * sizeof(uint32_t);
    struct recipe_copy c = {.base = base, .map = malloc(map_size)};
    if (!c.map)
        return error_memory(e, "recipe");
    memset(c.map, 0xff, map_size);
    if (r->projection_count > 0) {
        c.columns = r->columns + r->projections[0].column;
        c.column_count = r->projections[0].count;
        c.has_added = r->projections[0].sources == 2;
        c.added.chunk = r->added;
    }
    int rc = resolve_ops(r, out, &c, e);
    free(c.map);
    out->bytes = r->bytes;
    return rc;
}
