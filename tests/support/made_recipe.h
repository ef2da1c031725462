/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes that are made up, and what they mean row by row. The same seed gives the same. */
#ifndef SUPPORT_MADE_RECIPE_H
#define SUPPORT_MADE_RECIPE_H

#include "core/repo/recipe.h"

/* seed and width are set by the caller; zero otherwise. */
struct made_recipe {
    uint64_t seed;
    uint32_t next_chunk; /* every chunk is another one */
    uint16_t width;      /* columns of the rows that were made last */
};

/* A number below `below`. */
uint32_t made_recipe_random(struct made_recipe *m, uint32_t below);
/* A chunk that is told from others by its record number. */
struct ref made_recipe_ref(uint32_t number, enum format_kind kind, uint32_t plain);

/* Rows of all kinds: chunks, long rows, sources of all projections; at most `extents`. */
void made_recipe_full(struct made_recipe *m, struct recipe *r, uint32_t extents);
/* Operations against base, which is resolved and has rows; some with a projection, which sets
 * m->width. */
void made_recipe_ops(struct made_recipe *m, struct recipe *r, const struct recipe *base);

/* Are they alike in every number? */
bool made_recipe_same(const struct recipe *a, const struct recipe *b);
/* Is everything that extents point at there? */
bool made_recipe_sound(const struct recipe *r);

/* A row as its cells: column `column` of row `row` of a chunk, or of so many chunks (a long
 * row). A whole row is one cell. */
#define MADE_RECIPE_WHOLE 65535
struct made_recipe_cell {
    uint32_t record;
    uint32_t row;
    uint32_t chunks;
    uint16_t column;
};
struct made_recipe_row {
    struct made_recipe_cell *cells;
    uint16_t count;
};
/* All rows of a resolved recipe, one by one; freed by made_recipe_rows_free. */
struct made_recipe_row *made_recipe_rows(const struct recipe *r);
/* The rows that r, with a base of these rows, gives: without any function of core/repo. */
struct made_recipe_row *made_recipe_model(const struct recipe *r,
                                          const struct made_recipe_row *base);
bool made_recipe_rows_equal(const struct made_recipe_row *a, const struct made_recipe_row *b,
                            uint64_t count);
void made_recipe_rows_free(struct made_recipe_row *rows, uint64_t count);

#endif
