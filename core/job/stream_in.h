/* SPDX-License-Identifier: Apache-2.0 */
/* A stream back out of the repository, in order: workers decode chunks ahead of the reader,
 * within a bounded window. */
#ifndef JOB_STREAM_IN_H
#define JOB_STREAM_IN_H

#include "core/job/fetch.h"
#include "core/repo/stream.h"

#define STREAM_IN_END 1

/* A slice of the stream; data is good until the next call. */
struct stream_in_item {
    struct bytes data;
    uint64_t rows; /* whole rows in data; 0 for bytes and for parts of a long row */
    /* A part of one long row: how long the row is, and which part this is. */
    uint64_t long_row_bytes;
    bool row_begins, row_ends;
};

struct stream_in;

/* fetch is borrowed. Starts the threads. */
MUST_CHECK struct stream_in *stream_in_new(struct fetch *f, unsigned workers, struct error *e);
void stream_in_free(struct stream_in *s);

/* Begin another stream (borrowed until it ends); one that is not at its end is given up. */
MUST_CHECK int stream_in_begin(struct stream_in *s, const struct stream *stream,
                               struct error *e);
/* Answers 0 or STREAM_IN_END. After an error nothing else may be read. */
MUST_CHECK int stream_in_next(struct stream_in *s, struct stream_in_item *item,
                              struct error *e);
/* All of a byte stream, appended to out: for TOCs and entry tables. */
MUST_CHECK int stream_in_load(struct stream_in *s, const struct stream *stream, struct buf *out,
                              struct error *e);

#endif
