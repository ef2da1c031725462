/* SPDX-License-Identifier: Apache-2.0 */
/* Does a stream still hold what its digests say? Computed out of the hashes that are kept of
 * its chunks' rows (job/verify_kept): nothing is put together. One per thread. */
#ifndef JOB_VERIFY_STREAM_H
#define JOB_VERIFY_STREAM_H

#include <signal.h>

#include "core/job/fetch.h"
#include "core/job/verify_kept.h"
#include "core/repo/entry.h"

struct verify_stream;

struct verify_stream_options {
    struct verify_kept *kept; /* shared by all threads */
    const uint8_t *row_key;   /* of the domain of all backups */
    const volatile sig_atomic_t *stop;
};

/* What o points at is borrowed. */
MUST_CHECK struct verify_stream *verify_stream_new(const struct verify_stream_options *o,
                                                   struct error *e);
void verify_stream_free(struct verify_stream *v);

/* Where a stream is read from. All backups have the chunk id key of the first fetch. */
struct verify_stream_from {
    struct fetch *fetch;
    const struct closure *closure;
};

#define VERIFY_STREAM_SLOW 1 /* it has columns, long rows, or chunks that are not kept */

/* The payload of an entry that is rows: rows, digests, sum. Answers VERIFY_STREAM_SLOW without
 * having checked all. ERROR_CORRUPT. */
MUST_CHECK int verify_stream_rows(struct verify_stream *v,
                                  const struct verify_stream_from *from,
                                  const struct entry *entry, struct error *e);
/* A byte stream: the digest of every part. ERROR_CORRUPT. */
MUST_CHECK int verify_stream_bytes(struct verify_stream *v,
                                   const struct verify_stream_from *from,
                                   const struct stream *stream, struct error *e);

/* The packs that the last stream lies in, with its recipes and what they are based on: ids, 16
 * bytes each, maybe several times; good until the next stream. */
struct bytes verify_stream_packs(const struct verify_stream *v);

#endif
