/* SPDX-License-Identifier: Apache-2.0 */
/* A byte stream on its way into the repository: cut by FastCDC, digested, handed to the
 * writer. */
#ifndef JOB_BYTES_OUT_H
#define JOB_BYTES_OUT_H

#include "core/base/digest.h"
#include "core/job/writer.h"
#include "core/rows/chunker.h"

/* Zeroed memory is no stream; begin makes it one. */
struct bytes_out {
    struct writer *writer;
    const struct chunker *chunker;
    struct writer_stream *stream;
    struct writer_chunk chunk;
    struct digest *digest; /* NULL: pieces of a long row, which its rows digest */
    struct buf held;
    uint64_t bytes;
    uint8_t value[DIGEST_LEN];
};

/* kind: FORMAT_KIND_BYTES or FORMAT_KIND_META. */
MUST_CHECK int bytes_out_begin(struct bytes_out *o, struct writer *w, const struct chunker *c,
                               enum format_kind kind, struct error *e);
MUST_CHECK int bytes_out_add(struct bytes_out *o, struct bytes b, struct error *e);
/* Hand over all that is held, as the end of a long row. */
MUST_CHECK int bytes_out_flush(struct bytes_out *o, struct error *e);
MUST_CHECK int bytes_out_end(struct bytes_out *o, struct error *e);
/* After writer_settle: the stream value, into a zeroed *out; *o is done. */
MUST_CHECK int bytes_out_take(struct bytes_out *o, struct stream *out, struct error *e);
/* Give up. */
void bytes_out_done(struct bytes_out *o);

#endif
