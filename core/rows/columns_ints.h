/* SPDX-License-Identifier: Apache-2.0 */
/* 64-bit numbers, modulo 2^64, as multiples of a step above a base, or their differences so;
 * in as few bytes as they need, all lowest bytes first, then the next. */
#ifndef ROWS_COLUMNS_INTS_H
#define ROWS_COLUMNS_INTS_H

#include "core/base/cursor.h"
#include "core/rows/columns_sink.h"

/* How numbers are going to be written. */
struct columns_ints_plan {
    bool delta;
    unsigned bits;
    uint64_t base, step;
};

/* The best way for n (at least one) numbers. */
struct columns_ints_plan columns_ints_plan(const uint64_t *v, size_t n);
/* Writes them so; v is working memory afterwards. */
void columns_ints_write(struct columns_sink *s, const struct columns_ints_plan *plan,
                        uint64_t *v, size_t n);
/* Both in one. */
void columns_ints_put(struct columns_sink *s, uint64_t *v, size_t n);

/* Numbers that are being read. */
struct columns_ints {
    const uint8_t *data;
    size_t count;
    size_t given;
    uint64_t base, step, last;
    unsigned bits; /* of a number: 0, 1, 2, 4, 8, 16, 24, ... 64 */
    bool delta;
};

/* The head of count numbers; sets in->bad when it is not well formed or numbers are missing. */
void columns_ints_read(struct cursor *in, size_t count, struct columns_ints *out);
/* The next n of them; n is at most count - given. */
void columns_ints_give(struct columns_ints *s, uint64_t *v, size_t n);

#endif
