/* SPDX-License-Identifier: Apache-2.0 */
/* One chunk back out of the store: find the pack, open the record, decode it. */
#ifndef JOB_FETCH_H
#define JOB_FETCH_H

#include "core/base/digest.h"
#include "core/job/chunk_codec.h"
#include "core/repo/closure.h"
#include "core/repo/repo.h"

struct fetch;

struct fetch_options {
    struct repo *repo;
    const struct closure *closure;     /* which object a pack id is */
    const struct secret *chunk_id_key; /* the domain's */
};

/* What o points at is borrowed, the key is copied. Any number of threads may call fetch_chunk,
 * each with its own scratch. */
MUST_CHECK struct fetch *fetch_new(const struct fetch_options *o, struct error *e);
void fetch_free(struct fetch *f);

/* What was asked of the store so far: calls, and the bytes that came. Any thread. */
struct fetch_counts {
    uint64_t reads;
    uint64_t bytes;
};
struct fetch_counts fetch_counts(const struct fetch *f);

/* Bytes that a chunk takes in the store. */
size_t fetch_chunk_bytes(const struct ref *ref);
/* Bytes to be read of its pack before the chunk itself; 0 when that was done. */
size_t fetch_head_bytes(struct fetch *f, const struct ref *ref);

/* What one thread needs. */
struct fetch_scratch {
    struct chunk_codec *codec;
    struct digest_hmac *hmac;
    struct buf sealed;
    struct buf stored;
};
MUST_CHECK int fetch_scratch_init(struct fetch_scratch *s, const struct fetch *f,
                                  struct error *e);
void fetch_scratch_done(struct fetch_scratch *s);

/* The chunk's plain bytes in place of what *plain held. The id of a metadata chunk is computed
 * anew: the signed manifest names it, so it speaks for what is in recipes and entry tables, and
 * their digests for rows and bytes, which the caller checks. ERROR_CORRUPT names pack and
 * record; ERROR_UNSUPPORTED for a codec of a newer version; ERROR_KEY; ERROR_BUSY and ERROR_IO
 * from the store. */
MUST_CHECK int fetch_chunk(struct fetch *f, struct fetch_scratch *s, const struct ref *ref,
                           struct buf *plain, struct error *e);

#endif
