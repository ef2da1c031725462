/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes (docs/FORMAT.md 6.1): what a stream is made of. A recipe in memory is either
 * resolved (a byte recipe's chunks; extents of rows) or holds operations against a base, which
 * recipe_resolve turns into extents. */
#ifndef REPO_RECIPE_H
#define REPO_RECIPE_H

#include "core/repo/ref.h"

struct recipe_chunk {
    struct ref ref;
    uint32_t rows; /* see "Directory" in docs/FORMAT.md 6.1 */
};

/* Where rows come from: rows first, first + 1, … of a chunk. */
struct recipe_source {
    uint32_t chunk; /* place in chunks */
    uint32_t first;
};

/* Consecutive rows of the stream. */
struct recipe_extent {
    uint32_t row;        /* where it begins in the recipe; it ends where the next one begins */
    uint32_t source;     /* its first source; as many as its projection has */
    uint32_t projection; /* 0: the whole row of one source */
};

struct recipe_column {
    uint16_t source;
    uint16_t column;
};

/* How a row is put together from its sources' rows. */
struct recipe_projection {
    uint16_t sources;
    uint16_t count;  /* columns */
    uint32_t column; /* the first of them in columns */
};

/* Copy rows of the base, then take rows of the own directory. */
struct recipe_op {
    uint32_t from; /* base row; 0 with copy 0 */
    uint32_t copy;
    uint32_t take;
};

/* Zeroed memory is an empty recipe. Arrays are owned; they grow by the functions below. */
struct recipe {
    enum format_stream kind;
    uint64_t rows;
    uint64_t bytes;
    struct recipe_chunk *chunks;
    uint32_t count, cap;
    uint32_t
        added; /* chunks from here on are of the added directory; count when there is none */
    /* Resolved rows. */
    struct recipe_extent *extents;
    uint32_t extent_count, extent_cap;
    struct recipe_source *sources;
    uint32_t source_count, source_cap;
    struct recipe_projection *projections; /* projection 1 is the first */
    uint32_t projection_count, projection_cap;
    struct recipe_column *columns;
    uint32_t column_count, column_cap;
    /* Operations. */
    bool has_base;
    struct ref base;
    struct recipe_op *ops;
    uint32_t op_count, op_cap;
};

#define RECIPE_MAX_EXTENTS (1u << 20)
#define RECIPE_MAX_ALL_SOURCES (1u << 21) /* of all extents together */
#define RECIPE_MAX_CHAIN 8
#define RECIPE_MAX_SOURCES 64
#define RECIPE_MAX_COLUMNS 1664
#define RECIPE_MAX_PROJECTIONS 1024

/* A writer ends a recipe that has so many chunks, or operations. */
#define RECIPE_TARGET_CHUNKS 8192
#define RECIPE_TARGET_OPS (1u << 18)

void recipe_done(struct recipe *r);
/* Empty it, memory is kept. */
void recipe_clear(struct recipe *r, enum format_stream kind);

/* ---- writing ---- */

/* A chunk at the end of the directory; none may be in the added directory yet. Byte recipes:
 * r->bytes grows by its plain bytes (of rows the caller counts them). ERROR_UNSUPPORTED above
 * the limit. */
MUST_CHECK int recipe_add_chunk(struct recipe *r, const struct ref *ref, uint32_t rows,
                                struct error *e);
/* A chunk at the end of the added directory, which stands behind the other one. */
MUST_CHECK int recipe_add_added(struct recipe *r, const struct ref *ref, uint32_t rows,
                                struct error *e);
/* Room for so many more extents and sources, for who knows how many will come. */
MUST_CHECK int recipe_reserve(struct recipe *r, uint32_t extents, uint32_t sources,
                              struct error *e);
/* An extent at the end: n rows, at least 1, of the sources of projection, which lie within
 * their chunks. One that goes on where the last one ended becomes part of it. r->rows grows.
 * ERROR_UNSUPPORTED above the limits. */
MUST_CHECK int recipe_add_extent(struct recipe *r, uint32_t n, uint32_t projection,
                                 const struct recipe_source *sources, struct error *e);
/* The number of a projection with these columns, added when r has it not yet. sources 1 with
 * the identity of a known width is not folded to 0: the caller passes 0 itself.
 * ERROR_UNSUPPORTED above the limits, ERROR_CORRUPT when a column is of no source. */
MUST_CHECK int recipe_add_projection(struct recipe *r, uint16_t sources,
                                     const struct recipe_column *columns, uint16_t count,
                                     uint32_t *projection, struct error *e);
/* An operation at the end; joined with the last one where it goes on with it. r->rows grows.
 * ERROR_UNSUPPORTED above the limits. */
MUST_CHECK int recipe_add_op(struct recipe *r, const struct recipe_op *op, struct error *e);

/* The plain bytes, appended to out: the form with a base if has_base (ops, and projection 1 and
 * the chunks from added on if there are any), else the full form. Chunks and projections that
 * no extent names are left out of it, and the others stand in the order of first use. */
MUST_CHECK int recipe_write(const struct recipe *r, struct buf *out, struct error *e);

/* ---- reading ---- */

/* Into an empty recipe; all is checked that can be without the base. A full recipe is resolved
 * then. ERROR_CORRUPT; ERROR_UNSUPPORTED above the limits. After an error out holds something
 * that recipe_done or recipe_clear must have. */
MUST_CHECK int recipe_read(struct bytes raw, struct recipe *out, struct error *e);

/* ---- resolving ---- */

/* What recipe_copy needs beside the rows: chunks of the base are added to r's directory at
 * their first use. */
struct recipe_copy {
    const struct recipe *base; /* resolved */
    uint32_t *map; /* base chunk -> place in r; base->count of them, UINT32_MAX at first */
    /* Rows of the added columns: a projection of r's own numbering is made of the base
     * extent's and this one. NULL columns: rows are copied as they are. */
    const struct recipe_column *columns; /* source 0: the base row, source 1: the added row */
    uint16_t column_count;
    bool has_added;
    struct recipe_source added; /* where the next added row is; moved on by recipe_copy */
    uint32_t hint;              /* extent where the last copy ended; 0 at first */
    /* The projection of the base that was met last, and what it became in r; 0 at first. */
    uint32_t projection_from, projection_to;
};
/* Append base rows from, …, from + n - 1 to r, where added == count (what gives the added rows
 * is a chunk of the directory like the others). With has_added the n added rows must lie in the
 * one chunk added.chunk (place in r): the caller splits. ERROR_CORRUPT when the base has not
 * so many rows or columns, ERROR_UNSUPPORTED above the limits. */
MUST_CHECK int recipe_copy(struct recipe *r, struct recipe_copy *c, uint32_t from, uint32_t n,
                           struct error *e);
/* The extents of n rows of r's own chunks, from *next on (chunk place and row; moved on), which
 * may be several chunks, kinds 1 and 2. ERROR_CORRUPT when they end before (at `end`). Behind
 * the last row of a chunk *next is the first row of the next chunk. */
MUST_CHECK int recipe_take(struct recipe *r, struct recipe_source *next, uint32_t end,
                           uint32_t n, struct error *e);
/* Turn r's operations into extents: out, empty, is the resolved recipe. base is resolved.
 * ERROR_CORRUPT when they do not fit each other, ERROR_UNSUPPORTED above the limits. */
MUST_CHECK int recipe_resolve(const struct recipe *base, const struct recipe *r,
                              struct recipe *out, struct error *e);

/* Chunks of the long row that begins at chunk i. */
uint32_t recipe_long_row(const struct recipe *r, uint32_t i);
/* Rows of extent i. */
static inline uint32_t recipe_extent_rows(const struct recipe *r, uint32_t i)
{
    uint64_t end = i + 1 < r->extent_count ? r->extents[i + 1].row : r->rows;
    return (uint32_t)(end - r->extents[i].row);
}
/* Sources that a projection has. */
static inline uint32_t recipe_sources(const struct recipe *r, uint32_t projection)
{
    return projection == 0 ? 1 : r->projections[projection - 1].sources;
}
/* The extent that holds a row of the recipe (row < rows): binary search, hint first. */
uint32_t recipe_find(const struct recipe *r, uint32_t row, uint32_t hint);

#endif
