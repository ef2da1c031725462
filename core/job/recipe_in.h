/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe out of the store, with all that it is based on: what comes out is resolved. */
#ifndef JOB_RECIPE_IN_H
#define JOB_RECIPE_IN_H

#include "core/job/fetch.h"
#include "core/repo/recipe.h"

struct recipe_in;

/* fetch is borrowed. One thread at a time. */
MUST_CHECK struct recipe_in *recipe_in_new(struct fetch *f, struct error *e);
void recipe_in_free(struct recipe_in *r);

/* The recipe that ref names, resolved; *out is r's and good until the next load. ERROR_CORRUPT
 * for a chain of more than RECIPE_MAX_CHAIN recipes, or one that is not of this kind; errors
 * of fetch_chunk. */
MUST_CHECK int recipe_in_load(struct recipe_in *r, const struct ref *ref,
                              enum format_stream kind, const struct recipe **out,
                              struct error *e);
/* The packs of the chain that was loaded last, the asked recipe's first; how many. */
uint8_t recipe_in_chain(const struct recipe_in *r,
                        uint8_t packs[RECIPE_MAX_CHAIN][FORMAT_ID_LEN]);

#endif
