/* SPDX-License-Identifier: Apache-2.0 */
/* Is a payload whole? Checks one table's or one large object's payload while it streams by:
 * the codec's own end of stream, nothing behind it, bounded expansion, and COPY data's end
 * mark (`\.` LF LF LF). See docs/FORMAT.md, "The dump"; codecs by dump/inflate. */
#ifndef DUMP_PAYLOAD_H
#define DUMP_PAYLOAD_H

#include "core/dump/dump_reader.h"

/* Decompressed bytes of one payload may be at most this many times its compressed bytes,
 * plus 1 MiB: above what a sound decoder can give (zlib 1032; zstd 32768, a block of 128 KiB
 * in four bytes, RFC 8878), so only a decoder gone wrong meets it. */
#define PAYLOAD_MAX_RATIO 40000

struct payload;

/* One checker serves many payloads, one after another. NULL with ERROR_MEMORY. */
MUST_CHECK struct payload *payload_new(enum dump_codec codec, struct error *e);
void payload_free(struct payload *p);

/* Who sees the payload's plain bytes as they pass; data is good for the call. */
typedef int payload_sink(void *arg, struct bytes plain, struct error *e);

/* A payload begins; copy_data: it must end in COPY's end mark once decompressed. */
MUST_CHECK int payload_begin(struct payload *p, bool copy_data, struct error *e);
/* Of the payload that has begun; an answer of -1 becomes payload_feed's. */
void payload_watch(struct payload *p, payload_sink *sink, void *arg);
MUST_CHECK int payload_feed(struct payload *p, struct bytes raw, struct error *e);
/* ERROR_INCOMPLETE: in words what is missing; the caller puts the object's name in front. */
MUST_CHECK int payload_end(struct payload *p, struct error *e);

/* Decompressed bytes of the payload so far. */
uint64_t payload_plain_bytes(const struct payload *p);

#endif
