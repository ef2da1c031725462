/* SPDX-License-Identifier: Apache-2.0 */
/* zstd (RFC 8878): one block, one frame, one call, in both directions. */
#ifndef FLOW_COMPRESS_H
#define FLOW_COMPRESS_H

#include "core/base/buf.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

#define COMPRESS_NO_GAIN 1
#define COMPRESS_LEVEL_MIN 1
#define COMPRESS_LEVEL_MAX 22
#define COMPRESS_LEVEL 3

/* The working memory of both directions, each made at its first use; one thread at a time. */
struct compress;

/* ERROR_USAGE when level is not COMPRESS_LEVEL_MIN to COMPRESS_LEVEL_MAX. */
MUST_CHECK struct compress *compress_new(int level, struct error *e);
void compress_free(struct compress *c);
/* Another level from the next block on; as compress_new. */
MUST_CHECK int compress_level(struct compress *c, int level, struct error *e);

/* plain as one frame, its content size in the header and no checksum; replaces what out held.
 * COMPRESS_NO_GAIN: the frame would not be smaller than plain; out is empty, and the caller
 * stores plain as it is. ERROR_MEMORY. */
MUST_CHECK int compress_block(struct compress *c, struct bytes plain, struct buf *out,
                              struct error *e);
/* As compress_block, with a block of its own for every section of plain, so that bytes of one
 * kind are counted by themselves: `ends` are count places in plain, ascending. */
MUST_CHECK int compress_sections(struct compress *c, struct bytes plain, const size_t *ends,
                                 size_t count, struct buf *out, struct error *e);
/* What frame says of its content's size, which may be a lie. ERROR_CORRUPT: it says nothing, 0
 * or more than max. */
MUST_CHECK int compress_content_size(struct bytes frame, size_t max, size_t *len,
                                     struct error *e);
/* The inverse: frame must be exactly one frame with a content size of plain_len, else
 * ERROR_CORRUPT. Writes nothing outside the plain_len bytes of out, and takes no memory beyond
 * the decoder's own 100 KiB, whatever the frame claims. */
MUST_CHECK int compress_undo(struct compress *c, struct bytes frame, uint8_t *out,
                             size_t plain_len, struct error *e);

#endif
