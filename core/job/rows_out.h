/* SPDX-License-Identifier: Apache-2.0 */
/* A table's COPY text on its way into the repository: split into rows, hashed, matched against
 * the rows of the base; what is new is cut into chunks where a row hash says so, long rows set
 * apart (docs/FORMAT.md 6, 9). */
#ifndef JOB_ROWS_OUT_H
#define JOB_ROWS_OUT_H

#include "core/job/bytes_out.h"
#include "core/rows/row_digest.h"
#include "core/rows/row_match.h"

/* What one payload came to. */
struct rows_out_totals {
    uint64_t rows;
    uint64_t bytes;   /* without the end mark */
    uint64_t taken;   /* rows that the base had not */
    uint64_t renewed; /* rows that it had and that were stored anew all the same */
    bool differs;     /* from the base */
    bool kept_old;    /* chunks that were to be given up stay in use */
    uint8_t digest[DIGEST_LEN];
    uint8_t sum[16];
};

struct rows_out;

/* One object serves many tables, one after another. row_key and chunker are borrowed. */
MUST_CHECK struct rows_out *rows_out_new(struct writer *w, const struct chunker *chunker,
                                         const uint8_t row_key[ROW_HASH_KEY_LEN],
                                         struct error *e);
void rows_out_free(struct rows_out *o);

/* A table begins. What table points at is taken as recipe_out_new does. */
MUST_CHECK int rows_out_begin(struct rows_out *o, const struct recipe_out_options *table,
                              struct error *e);
/* Bytes of the payload, cut anywhere; they must stay until rows_out_settle. ERROR_INCOMPLETE
 * for bytes behind the end mark. */
MUST_CHECK int rows_out_add(struct rows_out *o, struct bytes b, struct error *e);
/* What rows_out_add was given may go. */
MUST_CHECK int rows_out_settle(struct rows_out *o, struct error *e);
/* For the piece rule: does the next byte begin a line, and how many lines (rows, and the whole
 * end mark as one) were there so far? */
bool rows_out_at_line(const struct rows_out *o);
uint64_t rows_out_lines(const struct rows_out *o);
/* ERROR_INCOMPLETE when the end mark is not there. */
MUST_CHECK int rows_out_end(struct rows_out *o, struct rows_out_totals *totals,
                            struct error *e);
/* The stream that was ended last; the caller's from now on. */
struct writer_stream *rows_out_take_stream(struct rows_out *o);

#endif
