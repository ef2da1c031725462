/* SPDX-License-Identifier: Apache-2.0 */
/* Payload back into pieces: the inverse of job/pieces_out. Buffers small pieces, passes large
 * ones through, digests all. */
#ifndef JOB_FRAME_H
#define JOB_FRAME_H

#include "core/base/buf.h"
#include "core/base/digest.h"

struct frame {
    int (*write)(void *arg, struct bytes b, struct error *e); /* NULL: nowhere */
    void *write_arg;
    struct digest *sha256;
    struct buf held;
    uint64_t total;
};

MUST_CHECK int frame_init(struct frame *f, struct error *e);
void frame_done(struct frame *f);
MUST_CHECK int frame_bytes(struct frame *f, struct bytes b, struct error *e);
/* A pg_dump int: a piece's length, or the 0 that ends pieces. */
MUST_CHECK int frame_int(struct frame *f, int64_t value, struct error *e);
/* Every line of text as a piece of its own. */
MUST_CHECK int frame_lines(struct frame *f, struct bytes text, struct error *e);
/* Deliver what is held; the digest and the length of all. */
MUST_CHECK int frame_end(struct frame *f, uint8_t sha256[DIGEST_LEN], uint64_t *total,
                         struct error *e);

#endif
