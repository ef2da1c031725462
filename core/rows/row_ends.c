/* SPDX-License-Identifier: Apache-2.0 */
/* 64 bytes at a time become a mask with a bit for every LF; its bits are then walked. SSE2 is
 * part of every x86-64; elsewhere eight bytes at a time do it (Warren, "Hacker's Delight",
 * 6-1: finding a zero byte, in the form without carries between bytes). */
#include "core/rows/row_ends.h"

#ifdef __SSE2__
#include <emmintrin.h>
#else
#include <endian.h>
#endif

#define STRIDE 64

#ifdef __SSE2__
static inline uint64_t quarter(const uint8_t *p)
{
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)p);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('\n')));
}

static inline uint64_t mask(const uint8_t *p)
{
    return quarter(p) | quarter(p + 16) << 16 | quarter(p + 32) << 32 | quarter(p + 48) << 48;
}
#else
static inline uint64_t mask(const uint8_t *p)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t word;
        memcpy(&word, p + 8 * i, sizeof word);
        word = le64toh(word) ^ UINT64_C(0x0a0a0a0a0a0a0a0a);
        /* 1 in each byte that is LF. */
        uint64_t zero = ~(((word & low) + low) | word | low) >> 7;
        bits |= zero * UINT64_C(0x0102040810204080) >> 56 << 8 * i;
    }
    return bits;
}
#endif

size_t row_ends_find(struct bytes text, uint32_t *ends, size_t max)
{
    size_t count = 0;
    size_t at = 0;
    for (; at + STRIDE <= text.len; at += STRIDE) {
        uint64_t bits = mask(text.data + at);
        for (; bits && count < max; bits &= bits - 1)
            ends[count++] = (uint32_t)at + (uint32_t)__builtin_ctzll(bits) + 1;
        if (bits)
            return max + 1;
    }
    for (; at < text.len; at++) {
        if (text.data[at] != '\n')
            continue;
        if (count == max)
            return max + 1;
        ends[count++] = (uint32_t)at + 1;
    }
    return count;
}
