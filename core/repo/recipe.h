/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes (docs/FORMAT.md 6.1): what a stream is made of. */
#ifndef REPO_RECIPE_H
#define REPO_RECIPE_H

#include "core/repo/ref.h"

struct recipe_chunk {
    struct ref ref;
    uint64_t rows; /* rows in the chunk; 0 for bytes */
};

/* Zeroed memory is an empty recipe. */
struct recipe {
    enum format_stream kind;
    uint64_t rows;
    uint64_t bytes;
    struct recipe_chunk *chunks;
    uint32_t count;
    uint32_t cap;
    struct buf segments;
};

enum recipe_op { RECIPE_ROWS = 1, RECIPE_LONG_ROW = 2, RECIPE_BYTES = 3 };

struct recipe_segment {
    enum recipe_op op;
    uint64_t rows;     /* RECIPE_ROWS */
    uint32_t chunk;    /* place in chunks; of the first one for a long row */
    uint64_t first;    /* first row, or first byte */
    uint64_t bytes;    /* RECIPE_BYTES, RECIPE_LONG_ROW */
    struct bytes list; /* RECIPE_LONG_ROW: varints, places in chunks */
};

void recipe_done(struct recipe *r);
/* Empty it, memory is kept. */
void recipe_clear(struct recipe *r, enum format_stream kind);

/* A writer ends a recipe that would come to more chunks; only one long row may be above. */
#define RECIPE_TARGET_CHUNKS 8192

/* No room for `more` chunks? Then write it and begin another. */
static inline bool recipe_full(const struct recipe *r, uint32_t more)
{
    return r->count > 0 && r->count + more > RECIPE_TARGET_CHUNKS;
}

/* A whole chunk of rows; bytes of text. */
MUST_CHECK int recipe_add_rows(struct recipe *r, const struct ref *ref, uint64_t rows,
                               struct error *e);
/* A whole chunk of bytes. */
MUST_CHECK int recipe_add_bytes(struct recipe *r, const struct ref *ref, struct error *e);
/* One long row, made of the n whole chunks of kind 2. */
MUST_CHECK int recipe_add_long_row(struct recipe *r, const struct ref *refs, uint32_t n,
                                   struct error *e);

MUST_CHECK int recipe_write(const struct recipe *r, struct buf *out, struct error *e);
/* Into an empty recipe; every segment is checked against the directory. ERROR_CORRUPT,
 * ERROR_UNSUPPORTED for what a newer version may write. */
MUST_CHECK int recipe_read(struct bytes raw, struct recipe *out, struct error *e);

/* Walk the segments of a recipe that was read: c starts as cursor_of(buf_view(&r->segments)).
 * False at the end. */
bool recipe_next(struct cursor *c, struct recipe_segment *segment);

#endif
