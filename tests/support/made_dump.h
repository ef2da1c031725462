/* SPDX-License-Identifier: Apache-2.0 */
/* Dumps of any content, made by hand: payloads from a small random generator, cut into pieces
 * in every way. Running out of memory ends the program. */
#ifndef SUPPORT_MADE_DUMP_H
#define SUPPORT_MADE_DUMP_H

#include "tests/support/archive.h"

#define MADE_END_MARK "\\.\n\n\n"

/* The next number of a generator (splitmix64, public domain, S. Vigna); the same from the
 * same state. */
uint64_t made_random(uint64_t *state);

enum made_cut {
    MADE_LINES,  /* a piece a line, the end mark one piece, as pg_dump from 12 on */
    MADE_FIXED,  /* pieces of n bytes, the last one shorter */
    MADE_RANDOM, /* pieces of 1 to n bytes */
};

/* count rows of 1 to max bytes, their LF counted; bytes of any value but LF. */
void made_rows(struct buf *b, size_t count, size_t max, uint64_t seed);
/* One row of len bytes, its LF counted; high: bytes that do not compress. */
void made_row(struct buf *b, size_t len, bool high, uint64_t seed);

/* Pieces of a payload as it stands, without the 0 that ends them. */
void made_pieces(struct buf *b, struct bytes payload, enum made_cut cut, size_t n,
                 uint64_t seed);
/* A table's data block: the rows and an end mark, cut. */
void made_table(struct buf *b, int64_t dump_id, struct bytes rows, enum made_cut cut, size_t n);

/* A dump up to the end of its TOC: `tables` tables (dump ids from 100), then a BLOBS entry
 * (dump id 5) if objects. */
struct buf made_dump(size_t tables, bool objects);

#endif
