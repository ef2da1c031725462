/* SPDX-License-Identifier: Apache-2.0 */
/* From chunks to packs in the store. One thread hands chunks over; N workers name, look up
 * and compress them; one packer, in the order in which they came, gives each its place and
 * writes the recipes; full packs are stored by threads of their own (job/pack_out). Memory is
 * bounded by the slots of the queue and a few packs. The first error stops all. */
#ifndef JOB_WRITER_H
#define JOB_WRITER_H

#include "core/job/chunk_index.h"
#include "core/job/recipe_out.h"
#include "core/job/spool.h"
#include "core/repo/pack.h"
#include "core/repo/session.h"
#include "core/repo/stream.h"

struct writer_options {
    struct repo *repo;
    const struct session *session;
    const struct pack_keys *keys;
    const struct keyring_domain *domain;
    const struct chunk_index *index;         /* NULL: nothing is known of old packs */
    struct spool_options spool;              /* packs that wait for a slow store */
    int (*beat)(void *arg, struct error *e); /* while writer_finish waits; may be NULL */
    void *beat_arg;
    unsigned workers; /* at least 1 */
    int level;        /* zstd */
    int idle_level;   /* it may rise to this one while workers have time */
    int later_level;  /* zstd, for what is new in a table that has a base */
};

struct writer_totals {
    uint64_t chunks;       /* handed over */
    uint64_t new_chunks;   /* stored now */
    uint64_t stored_bytes; /* bytes of the new packs */
    uint64_t packs;
};

struct writer;

/* Everything in o is borrowed for the writer's life. Starts the threads. */
MUST_CHECK struct writer *writer_new(const struct writer_options *o, struct error *e);
/* Stops what still runs. */
void writer_free(struct writer *w);

/* A stream that is being stored; at most a few are open at once. rows: what its recipes are
 * made from, for a row stream (taken as recipe_out_new does, `known` is the writer's); NULL
 * for bytes. */
struct writer_stream;
MUST_CHECK struct writer_stream *
writer_stream_new(struct writer *w, const struct recipe_out_options *rows, struct error *e);
void writer_stream_free(struct writer_stream *s);

/* Hand over one chunk of stream s: *plain is swapped for an empty buffer. Blocks while all
 * slots are full. -1 with the writer's first error. */
struct writer_chunk {
    uint8_t kind;     /* enum format_kind */
    bool added;       /* of columns that the base lacks */
    bool part_of_row; /* a piece of one long row, which writer_row_end closes */
    uint32_t rows;    /* for FORMAT_KIND_ROWS */
};
MUST_CHECK int writer_put(struct writer *w, struct writer_stream *s,
                          const struct writer_chunk *chunk, struct buf *plain, struct error *e);
/* keep: the row is taken of its pieces; else they are forgotten, as the base has it. */
MUST_CHECK int writer_row_end(struct writer *w, struct writer_stream *s, bool keep,
                              struct error *e);
/* Row streams: operations (struct recipe_out_op, one after another; swapped as in writer_put)
 * behind those before, and what follows them. Where a recipe ends, base_index says which recipe
 * of the base it is like. */
enum writer_end { WRITER_GOES_ON, WRITER_RECIPE_ENDS, WRITER_STREAM_ENDS };
MUST_CHECK int writer_ops(struct writer *w, struct writer_stream *s, struct buf *ops,
                          enum writer_end end, uint32_t base_index, struct error *e);
/* Byte streams: nothing follows in s. The recipes of a stream that ended are known after the
 * next writer_settle. */
MUST_CHECK int writer_stream_end(struct writer *w, struct writer_stream *s, struct error *e);

/* Wait until all that was handed over has its place. */
MUST_CHECK int writer_settle(struct writer *w, struct error *e);

/* The recipes of a settled stream, moved into part; s may be freed then. The rows of all
 * recipes of a row stream. */
uint64_t writer_stream_take(struct writer_stream *s, struct stream_part *part);

/* Bytes of full packs that the store does not have yet. */
uint64_t writer_unstored(struct writer *w);

/* Nothing follows at all: store the last pack, sync the store, end the threads. The packs that
 * were made or pointed into are added to *closure. */
MUST_CHECK int writer_finish(struct writer *w, struct closure *closure,
                             struct writer_totals *totals, struct error *e);

#endif
