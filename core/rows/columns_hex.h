/* SPDX-License-Identifier: Apache-2.0 */
/* Lower-case hex digits and uuids, all of one length, as planes of bytes; bytea as lengths and
 * bytes. */
#ifndef ROWS_COLUMNS_HEX_H
#define ROWS_COLUMNS_HEX_H

#include "core/base/cursor.h"
#include "core/rows/columns_format.h"
#include "core/rows/columns_sink.h"

#define COLUMNS_HEX_UUID_LEN 36
#define COLUMNS_HEX_BYTEA_HEAD 3 /* two backslashes and x */

/* The bytes of v's values, which all have len characters and are hex digits or uuids, one
 * after another to out (len / 2 * v->count bytes and COLUMNS_SLACK). False: they are not. */
bool columns_hex_parse(const struct columns_values *v, enum columns_kind kind, size_t len,
                       uint8_t *out);
/* The same for values of bytea as COPY prints it, of any lengths, which go to lengths. */
bool columns_hex_parse_bytea(const struct columns_values *v, uint8_t *out, uint64_t *lengths);

/* Prints n values of width bytes each to out, cells getting where they stand: at most
 * 2 width + 4 bytes each. */
void columns_hex_print(enum columns_kind kind, const uint8_t *from, size_t width, size_t n,
                       uint8_t *out, struct bytes *cells);
/* Prints b as bytea: COLUMNS_HEX_BYTEA_HEAD and 2 b.len bytes. */
struct bytes columns_hex_print_bytea(struct bytes b, uint8_t *out);

/* Rows of width bytes into planes: byte k of row i goes to out[k * stride + i]. */
void columns_hex_turn(const uint8_t *rows, size_t n, size_t width, uint8_t *out, size_t stride);
/* The inverse. */
void columns_hex_turn_back(const uint8_t *planes, size_t stride, size_t n, size_t width,
                           uint8_t *rows);

#endif
