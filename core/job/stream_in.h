/* SPDX-License-Identifier: Apache-2.0 */
/* A stream back out of the repository, in order. Recipes are resolved first (job/recipe_in);
 * a plan runs ahead of the reader and has workers decode what it is going to want, within a
 * bounded cache (job/chunk_cache). */
#ifndef JOB_STREAM_IN_H
#define JOB_STREAM_IN_H

#include "core/job/fetch.h"
#include "core/repo/stream.h"

#define STREAM_IN_END 1

/* What decoded chunks may take, for one reader; a single extent may be above. Only chunks that
 * the stream comes back to fill it: a table that was put into another order. The writer keeps
 * to it (row_base_charge), so that no order makes a reader decode the same chunks for ever. */
#define STREAM_IN_CACHE (256 * MIB)

/* A slice of the stream; it, and what it points at, is good until the next call. */
struct stream_in_item {
    struct bytes data;
    uint64_t rows; /* whole rows in data; 0 for bytes and for parts of a long row */
    /* Row i of them ends before data.data + (ends[i] - base). NULL without rows. */
    const uint32_t *ends;
    uint32_t base;
    /* A part of one long row: how long the row is, and which part this is. */
    uint64_t long_row_bytes;
    bool row_begins, row_ends;
};

/* Of all streams that were read. */
struct stream_in_counts {
    uint64_t chunks_decoded;
    uint64_t rows_decoded;
    uint64_t rows_delivered;
};

struct stream_in;

/* fetch is borrowed. Starts the threads. */
MUST_CHECK struct stream_in *stream_in_new(struct fetch *f, unsigned workers, struct error *e);
void stream_in_free(struct stream_in *s);
/* Another size than STREAM_IN_CACHE, before the first stream. */
void stream_in_limit(struct stream_in *s, size_t cache_bytes);

/* Begin another stream (borrowed until it ends); one that is not at its end is given up. */
MUST_CHECK int stream_in_begin(struct stream_in *s, const struct stream *stream,
                               struct error *e);
/* Answers 0 or STREAM_IN_END. After an error nothing else may be read. */
MUST_CHECK int stream_in_next(struct stream_in *s, struct stream_in_item *item,
                              struct error *e);
/* All of a byte stream, appended to out, its digests checked: for TOCs and entry tables.
 * ERROR_CORRUPT. */
MUST_CHECK int stream_in_load(struct stream_in *s, const struct stream *stream, struct buf *out,
                              struct error *e);
struct stream_in_counts stream_in_counts(const struct stream_in *s);

#endif
