/* SPDX-License-Identifier: Apache-2.0 */
/* The recipes of a row stream, as its chunks get their places: last night's as it stands, or
 * operations against it, or a full one (docs/FORMAT.md 6.1). One thread: the packer. */
#ifndef JOB_RECIPE_OUT_H
#define JOB_RECIPE_OUT_H

#include "core/job/row_base.h"
#include "core/rows/projection.h"

/* Point at rows of the base, then take rows of tonight's chunks. */
struct recipe_out_op {
    uint64_t from; /* row of the table */
    uint32_t copy;
    uint32_t take;
};

/* What one recipe may hold, about; the rest goes into another one. */
struct recipe_out_limits {
    uint32_t extents, chunks;
    uint64_t bytes;
};

struct recipe_out_options {
    struct row_base *base;          /* NULL: nothing to point at */
    struct projection_shape *shape; /* copied rows pass through it; NULL: as they are */
    struct row_state_draft *draft;  /* NULL: no state is kept */
    struct row_state_draft_table *table;
    struct closure *known; /* packs of the base that are pointed into are added here */
    const struct recipe_out_limits *limits; /* NULL: the usual ones; borrowed */
};

/* Free what o would have given over. */
void recipe_out_drop(const struct recipe_out_options *o);

struct recipe_out;

/* Takes base and shape (from malloc), even when it fails: they are freed at the end. The thread
 * that matches may use them until it has handed over the last operation. */
MUST_CHECK struct recipe_out *recipe_out_new(const struct recipe_out_options *o,
                                             struct error *e);
void recipe_out_free(struct recipe_out *r);

/* A chunk that rows are taken of (rows: as in a directory), or that has added columns. */
MUST_CHECK int recipe_out_chunk(struct recipe_out *r, const struct ref *ref, uint32_t rows,
                                bool added, struct error *e);
/* Operations, in order. */
MUST_CHECK int recipe_out_ops(struct recipe_out *r, const struct recipe_out_op *ops,
                              size_t count, struct error *e);

/* The rows so far become recipes; most of those copied lie in base recipe base_index. Then ask
 * recipe_out_next until it answers RECIPE_OUT_NONE. */
MUST_CHECK int recipe_out_end(struct recipe_out *r, uint32_t base_index, struct error *e);
#define RECIPE_OUT_NONE 1
/* Another recipe. plain: its bytes, good until the next call, to be stored as a chunk whose
 * place recipe_out_placed tells; empty: *ref is last night's. */
MUST_CHECK int recipe_out_next(struct recipe_out *r, struct bytes *plain, struct ref *ref,
                               struct error *e);
MUST_CHECK int recipe_out_placed(struct recipe_out *r, const struct ref *ref, struct error *e);
/* Rows of all recipes that were placed. */
uint64_t recipe_out_rows(const struct recipe_out *r);

#endif
