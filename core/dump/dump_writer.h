/* SPDX-License-Identifier: Apache-2.0 */
/* The framing of an archive, written: the inverse of what dump_reader takes apart. */
#ifndef DUMP_WRITER_H
#define DUMP_WRITER_H

#include "core/base/buf.h"

#define DUMP_WRITER_INT_LEN 5
#define DUMP_WRITER_OFFSET_LEN 9
#define DUMP_WRITER_NO_DATA 3 /* an offset field's first byte, of an entry without data */

/* An int: a TOC's entry count, a piece's length, -1 for NULL. The magnitude fits 32 bits. */
void dump_writer_int(uint8_t out[DUMP_WRITER_INT_LEN], int64_t value);
/* A TOC entry's offset field, its last bytes: position set (state 2). */
void dump_writer_offset(uint8_t out[DUMP_WRITER_OFFSET_LEN], uint64_t position);
/* The same: there is data, its position is not known (state 1), as pg_dump writes to a pipe. */
void dump_writer_offset_unknown(uint8_t out[DUMP_WRITER_OFFSET_LEN]);
/* A large object's oid: above 2^31 - 1 it is written as a negative int. */
void dump_writer_object(uint8_t out[DUMP_WRITER_INT_LEN], uint32_t oid);

/* A data block's head; pieces follow, or large objects. All below: ERROR_MEMORY. */
MUST_CHECK int dump_writer_block(struct buf *b, bool large_objects, uint32_t dump_id,
                                 struct error *e);
/* A whole piece, length in front; not empty, below 2 GiB. */
MUST_CHECK int dump_writer_piece(struct buf *b, struct bytes data, struct error *e);
/* The zero that ends a table's block, a large object, and a block of large objects. */
MUST_CHECK int dump_writer_end(struct buf *b, struct error *e);

#endif
