/* SPDX-License-Identifier: Apache-2.0 */
/* What a table's rows are matched against tonight: last night's hashes, and which of its rows
 * may still be pointed at. Rows in packs that are gone or condemned may not; rows in chunks
 * that have grown old are to be stored anew, so that a restore never reads more than about
 * twice what it delivers (docs/DESIGN.md, "Bounded age"). */
#ifndef JOB_ROW_BASE_H
#define JOB_ROW_BASE_H

#include "core/job/row_state.h"

#define ROW_BASE_MAX_GENERATIONS 64

struct row_base;

/* Borrows all. allowed: the packs that may be pointed into. ERROR_CORRUPT for a table whose
 * state is damaged; ERROR_MEMORY. */
MUST_CHECK struct row_base *row_base_new(struct row_state *s, const struct row_state_table *t,
                                         const struct closure *allowed, struct error *e);
void row_base_free(struct row_base *b);

/* Other hashes of the same rows, a mapping that b closes, in place of the state's. */
void row_base_take_hashes(struct row_base *b, struct bytes hashes);

const struct row_state_table *row_base_table(const struct row_base *b);
const uint8_t *row_base_hashes(const struct row_base *b);

/* row_match_rest for a row_base: these hashes may leave memory for now. */
void row_base_rest(void *base, struct bytes hashes);
/* The matching is beyond this row: memory that was mapped before it may go. */
void row_base_passed(struct row_base *b, uint64_t row);

/* What to do with base row `row`, and with all up to *until (exclusive). One thread. */
enum row_base_verdict {
    ROW_BASE_POINT, /* point at it */
    ROW_BASE_RENEW, /* could be pointed at, but is to be stored anew */
    ROW_BASE_GONE,  /* must not be pointed at */
};
MUST_CHECK int row_base_verdict(struct row_base *b, uint64_t row,
                                enum row_base_verdict *verdict, uint64_t *until,
                                struct error *e);
/* Rows are to be renewed only once the table has turned out to differ from last night's: then a
 * night without a change costs nothing. Not for ever, where the change always comes late. */
bool row_base_waits(const struct row_base *b);
/* A row that was to be renewed is pointed at after all: its chunks stay in use tonight. */
void row_base_keep(struct row_base *b, uint64_t row);
/* Rows that are pointed at out of order cost whoever reads them: bytes that he must decode for
 * this one, beyond what he has at hand from before (as job/stream_in keeps it), in *bytes. */
MUST_CHECK int row_base_charge(struct row_base *b, uint64_t row, uint64_t *bytes,
                               struct error *e);
/* Is the recipe of the row in memory? If not, looking at it takes as long as decoding
 * ROW_BASE_LOAD bytes, here and for the thread that writes recipes. */
#define ROW_BASE_LOAD (1 * MIB)
bool row_base_is_near(const struct row_base *b, uint64_t row);
/* May columns be added to rows of the base once more? There are limits to what a row is put
 * together of. */
bool row_base_may_grow(const struct row_base *b);
/* The recipe of the table that holds the row, and the row where the next one begins. */
uint32_t row_base_recipe(const struct row_base *b, uint64_t row, uint64_t *end);

/* For the thread that writes recipes: recipe i, resolved, in *out (freed by the caller). */
MUST_CHECK int row_base_load(const struct row_base *b, uint32_t i, struct row_state_recipe *out,
                             struct error *e);
/* May a recipe of tonight have recipe r as its base: are the packs of its chain there? */
bool row_base_chain_allowed(const struct row_base *b, const struct row_state_recipe *r);
/* The object that a pack id of the base is; NULL when it may not be pointed into. */
const struct closure_pack *row_base_pack(const struct row_base *b,
                                         const uint8_t pack_id[FORMAT_ID_LEN]);

#endif
