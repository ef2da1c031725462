/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal digits, eight at a time inside one 64-bit word, the first one in its lowest byte. */
#ifndef ROWS_COLUMNS_DIGITS_H
#define ROWS_COLUMNS_DIGITS_H

#include "core/rows/columns_format.h"

#define COLUMNS_DIGITS_ZEROS UINT64_C(0x3030303030303030)
#define COLUMNS_DIGITS_LONGEST 19 /* digits of an int64_t */

/* 10^0 to 10^18. */
extern const uint64_t columns_digits_power[COLUMNS_DIGITS_MAX + 1];

/* A word of eight digits as a number; false: something else is among them. */
static inline bool columns_digits_eight(uint64_t word, uint64_t *n)
{
    uint64_t above = word + UINT64_C(0x0606060606060606);
    if (((word & UINT64_C(0xf0f0f0f0f0f0f0f0)) | (above & UINT64_C(0xf0f0f0f0f0f0f0f0)) >> 4) !=
        UINT64_C(0x3333333333333333))
        return false;
    word = (word & ~UINT64_C(0xf0f0f0f0f0f0f0f0)) * 2561 >> 8;
    word = (word & UINT64_C(0x00ff00ff00ff00ff)) * 6553601 >> 16;
    *n = (word & UINT64_C(0x0000ffff0000ffff)) * UINT64_C(42949672960001) >> 32;
    return true;
}

/* The n (1 to 8) digits at p. */
static inline bool columns_digits_few(const uint8_t *p, size_t n, uint64_t *value)
{
    return columns_digits_eight(
        columns_load(p) << (64 - 8 * n) | COLUMNS_DIGITS_ZEROS >> 4 * n >> 4 * n, value);
}

/* The n (1 to COLUMNS_DIGITS_LONGEST) digits at p. */
static inline bool columns_digits_all(const uint8_t *p, size_t n, uint64_t *value)
{
    size_t head = (n - 1) % 8 + 1;
    if (!columns_digits_few(p, head, value))
        return false;
    for (p += head, n -= head; n > 0; p += 8, n -= 8) {
        uint64_t next;
        if (!columns_digits_eight(columns_load(p), &next))
            return false;
        *value = *value * 100000000 + next;
    }
    return true;
}

/* Eight digits of n, below 10^8, as bytes of values 0 to 9, the first one lowest. */
static inline uint64_t columns_digits_spread(uint64_t n)
{
    uint64_t w = n / 10000 | n % 10000 << 32;
    uint64_t high = (w * 10486 >> 20) & UINT64_C(0x7f0000007f);
    w = high | (w - 100 * high) << 16;
    high = (w * 103 >> 10) & UINT64_C(0x000f000f000f000f);
    return high | (w - 10 * high) << 8;
}

/* n, below 10^width, in width (1 to COLUMNS_DIGITS_MAX) digits. */
static inline uint8_t *columns_digits_print(uint8_t *out, uint64_t n, unsigned width)
{
    while (width > 8) {
        unsigned behind = (width - 1) / 8 * 8;
        columns_store(out, (columns_digits_spread(n / columns_digits_power[behind]) |
                            COLUMNS_DIGITS_ZEROS) >>
                               8 * (8 + behind - width));
        out += width - behind;
        n %= columns_digits_power[behind];
        width = behind;
    }
    columns_store(out, (columns_digits_spread(n) | COLUMNS_DIGITS_ZEROS) >> 8 * (8 - width));
    return out + width;
}

/* Where the zeros before end begin. */
static inline uint8_t *columns_digits_trim(uint8_t *end)
{
    while (end[-1] == '0')
        end--;
    return end;
}

/* The digits of n, below 10^width, as a fraction; trimmed: without the zeros at its end, and
 * without the point when nothing is left. */
static inline uint8_t *columns_digits_fraction(uint8_t *out, uint64_t n, unsigned width,
                                               bool trimmed)
{
    if (width == 0 || (trimmed && n == 0))
        return out;
    *out = '.';
    out = columns_digits_print(out + 1, n, width);
    return trimmed ? columns_digits_trim(out) : out;
}

#endif
