/* SPDX-License-Identifier: Apache-2.0 */
/* 64 bytes become a mask of the separators among them, and the mask their places. Places are
 * written eight at a time, more than there may be, because a loop over the bits alone would
 * stumble at every end. */
#include "core/rows/columns_cut.h"

#ifdef __SSE2__
#include <emmintrin.h>

static inline uint64_t mask_of(const uint8_t *p, char byte)
{
    const __m128i wanted = _mm_set1_epi8(byte);
    uint64_t mask = 0;
    for (unsigned i = 0; i < 4; i++) {
        __m128i part = _mm_loadu_si128((const __m128i *)(const void *)(p + (size_t)16 * i));
        unsigned bits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(part, wanted));
        mask |= (uint64_t)bits << 16 * i;
    }
    return mask;
}
#else
#define LOW7 UINT64_C(0x7f7f7f7f7f7f7f7f)

static inline uint64_t mask_of(const uint8_t *p, char byte)
{
    const uint64_t wanted = UINT64_C(0x0101010101010101) * (uint8_t)byte;
    uint64_t mask = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t x = columns_load(p + (size_t)8 * i) ^ wanted;
        uint64_t zero = ~(((x & LOW7) + LOW7) | x | LOW7);
        mask |= (zero >> 7) * UINT64_C(0x0102040810204080) >> 56 << 8 * i;
    }
    return mask;
}
#endif

/* Without the instruction the builtin is a call. */
static inline unsigned ones(uint64_t x)
{
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(x * UINT64_C(0x0101010101010101) >> 56);
}

static inline uint32_t *places(uint32_t *out, uint64_t mask, uint32_t base)
{
    uint32_t *end = out + ones(mask);
    for (; mask != 0; out += 8)
        for (unsigned i = 0; i < 8; i++) {
            out[i] = base + (uint32_t)__builtin_ctzll(mask | UINT64_C(1) << 63);
            mask &= mask - 1;
        }
    return end;
}

/* All lines have as many cells as the first one. */
static bool even(const uint8_t *text, size_t lines, size_t cells, struct columns_cut *cut)
{
    size_t columns = 1;
    while (text[cut->ends[columns]] != '\n')
        columns++;
    if (cells != lines * columns)
        return false;
    for (size_t cell = columns; cell <= cells; cell += columns)
        if (text[cut->ends[cell]] != '\n')
            return false;
    cut->rows = lines;
    cut->columns = columns;
    return true;
}

bool columns_cut(struct bytes text, struct columns_cut *cut)
{
    if (text.data[text.len - 1] != '\n')
        return false;
    uint32_t *out = cut->ends;
    size_t lines = 0;
    *out++ = UINT32_MAX;
    for (size_t i = 0; i < text.len; i += 64) {
        uint64_t tabs = mask_of(text.data + i, '\t');
        uint64_t feeds = mask_of(text.data + i, '\n');
        if (text.len - i < 64) {
            tabs &= (UINT64_C(1) << (text.len - i)) - 1;
            feeds &= (UINT64_C(1) << (text.len - i)) - 1;
        }
        lines += ones(feeds);
        out = places(out, tabs | feeds, (uint32_t)i);
    }
    return even(text.data, lines, (size_t)(out - cut->ends) - 1, cut);
}
