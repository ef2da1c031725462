/* SPDX-License-Identifier: Apache-2.0 */
/* The archive's primitive values, for the files of this folder: an int is a sign byte and a
 * magnitude of four bytes, least significant first. */
#ifndef DUMP_WIRE_H
#define DUMP_WIRE_H

#include "core/base/buf.h"

#define WIRE_INT_LEN 5
#define WIRE_OFFSET_LEN 9 /* state byte, then eight bytes of position */
#define WIRE_NAME_MAX ((int32_t)64 * 1024)
#define WIRE_NEED 1

static inline uint32_t wire_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t wire_u64(const uint8_t *p)
{
    return wire_u32(p) | (uint64_t)wire_u32(p + 4) << 32;
}

/* The int at p (WIRE_INT_LEN bytes). False for a sign byte other than 0 and 1, for minus zero
 * and for what an int32 cannot hold: each value has one form only, so that framing can be
 * thrown away and written again. */
MUST_CHECK bool wire_int(const uint8_t *p, int32_t *value);

/* Move bytes from the front of *in behind raw until raw holds want bytes (WIRE_NEED when *in
 * is used up before). Grows by what has arrived, never by what is claimed. ERROR_MEMORY. */
MUST_CHECK int wire_fill(struct buf *raw, struct bytes *in, size_t want, struct error *e);

#endif
