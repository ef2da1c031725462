/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4-128 of many rows at once, one row a lane of a vector register (x86-64). Rows of
 * one length go together, so that no lane waits long for another. row_hash_of_many is the way
 * in; this is for it and its tests. */
#ifndef ROWS_ROW_LANES_H
#define ROWS_ROW_LANES_H

#include "core/base/bytes.h"
#include "core/rows/row_hash.h"

/* At most ROW_HASH_BATCH rows: out[i] is what row_hash_of says of rows[i]. */
typedef void (*row_lanes_hash)(const uint8_t key[ROW_HASH_KEY_LEN], const struct bytes *rows,
                               size_t n, struct row_hash *out);

/* The function for 4 lanes (AVX2) or 8 (AVX-512); NULL where the processor has them not. */
row_lanes_hash row_lanes_of(unsigned lanes);

#endif
