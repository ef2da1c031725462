/* SPDX-License-Identifier: Apache-2.0 */
/* Payload back into pieces: the inverse of job/pieces_out. Gathers small pieces into blocks,
 * which are passed on; a thread of its own digests them meanwhile. */
#ifndef JOB_FRAME_H
#define JOB_FRAME_H

#include "core/base/buf.h"
#include "core/base/digest.h"

/* Where the blocks go; called by the thread that frames. */
typedef int frame_write(void *arg, struct bytes b, struct error *e);

struct frame;

/* write NULL: nowhere. Starts the thread. */
MUST_CHECK struct frame *frame_new(frame_write *write, void *arg, struct error *e);
void frame_free(struct frame *f);
MUST_CHECK int frame_bytes(struct frame *f, struct bytes b, struct error *e);
/* A pg_dump int: a piece's length, or the 0 that ends pieces. */
MUST_CHECK int frame_int(struct frame *f, int64_t value, struct error *e);
/* Every one of n rows as a piece of its own. Row i ends before data + (ends[i] - base). */
MUST_CHECK int frame_rows(struct frame *f, const uint8_t *data, const uint32_t *ends,
                          uint64_t n, uint32_t base, struct error *e);
/* Deliver what is held; the digest and the length of all. The next call begins anew. */
MUST_CHECK int frame_end(struct frame *f, uint8_t sha256[DIGEST_LEN], uint64_t *total,
                         struct error *e);

#endif
