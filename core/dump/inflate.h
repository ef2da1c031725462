/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs of pg_dump, read side: zlib streams (not gzip files), one LZ4 frame, one zstd
 * frame, or nothing at all. */
#ifndef DUMP_INFLATE_H
#define DUMP_INFLATE_H

#include "core/dump/dump_reader.h"

struct inflate;

#define INFLATE_MORE 1 /* the input is used up */
#define INFLATE_END 2  /* the codec's end of stream was reached; *in holds what is behind it */

MUST_CHECK struct inflate *inflate_new(enum dump_codec codec, struct error *e);
void inflate_free(struct inflate *f);
/* Start a new stream. */
MUST_CHECK int inflate_reset(struct inflate *f, struct error *e);
/* Decompress from the front of *in; *out is a view of the inflater's own buffer (at most
 * 256 KiB; with DUMP_CODEC_NONE a view of the input), good until the next call; it may hold
 * bytes with every answer but -1. Answers 0 (call again, there may be more output),
 * INFLATE_MORE, INFLATE_END (never with DUMP_CODEC_NONE); -1 ERROR_INCOMPLETE with the codec's
 * words. A zstd window above 128 MiB is refused. */
MUST_CHECK int inflate_step(struct inflate *f, struct bytes *in, struct bytes *out,
                            struct error *e);

#endif
