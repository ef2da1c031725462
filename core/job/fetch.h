/* SPDX-License-Identifier: Apache-2.0 */
/* One chunk back out of the store: find the pack, open the record, decompress, check the id. */
#ifndef JOB_FETCH_H
#define JOB_FETCH_H

#include "core/base/digest.h"
#include "core/flow/compress.h"
#include "core/repo/closure.h"
#include "core/repo/repo.h"

struct fetch;

/* closure says which object a pack id is; chunk_id_key is the domain's. Both, and repo, are
 * borrowed. Any number of threads may call fetch_chunk, each with its own scratch. */
MUST_CHECK struct fetch *fetch_new(struct repo *repo, const struct closure *closure,
                                   const struct secret *chunk_id_key, struct error *e);
void fetch_free(struct fetch *f);

/* What one thread needs. */
struct fetch_scratch {
    struct compress *compress;
    struct digest_hmac *hmac;
    struct buf sealed;
    struct buf stored;
};
MUST_CHECK int fetch_scratch_init(struct fetch_scratch *s, const struct fetch *f,
                                  struct error *e);
void fetch_scratch_done(struct fetch_scratch *s);

/* The chunk's plain bytes in place of what *plain held. ERROR_CORRUPT names pack and record;
 * ERROR_KEY; ERROR_BUSY and ERROR_IO from the store. */
MUST_CHECK int fetch_chunk(struct fetch *f, struct fetch_scratch *s, const struct ref *ref,
                           struct buf *plain, struct error *e);

#endif
