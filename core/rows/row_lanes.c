/* SPDX-License-Identifier: Apache-2.0 */
/* One round of SipHash is a chain of 14 additions, exclusive ors and rotations that leaves
 * most of a processor idle; four or eight rows at once fill it. A batch is sorted by the
 * number of words a row has, then taken in groups of as many rows as there are lanes: all go
 * together as long as the shortest has words, then those that still have some; the last word,
 * with the length in it, is again one step for all. */
#include "core/rows/row_lanes.h"

#ifdef __x86_64__

#include <immintrin.h>

#define BINS 64 /* of numbers of words; the last bin takes all that are longer */
#define LANES_MAX 8

/* order: the rows by their number of words; filled up with the last one to a full group. */
static void sort(const struct bytes *rows, size_t n, uint8_t *order)
{
    uint8_t start[BINS + 1] = {0};
    uint8_t bin[ROW_HASH_BATCH];
    for (size_t i = 0; i < n; i++) {
        size_t words = rows[i].len / 8;
        bin[i] = (uint8_t)(words < BINS ? words : BINS - 1);
        start[bin[i] + 1]++;
    }
    for (size_t b = 1; b < BINS; b++)
        start[b] = (uint8_t)(start[b] + start[b - 1]);
    for (size_t i = 0; i < n; i++)
        order[start[bin[i]]++] = (uint8_t)i;
    for (size_t i = n; i < n + LANES_MAX - 1; i++)
        order[i] = order[n - 1];
}

static inline uint64_t load(const void *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* What a group of rows is to the lanes. */
struct group {
    const uint8_t *at[LANES_MAX];
    uint64_t words[LANES_MAX];
    uint64_t end[LANES_MAX];  /* the last of them */
    uint64_t last[LANES_MAX]; /* up to seven bytes and the length */
    uint64_t least, most;     /* words */
};

static inline void gather(struct group *g, const struct bytes *rows, const uint8_t *order,
                          size_t lanes)
{
    static const uint8_t nothing[8];
    g->least = UINT64_MAX;
    g->most = 0;
    for (size_t i = 0; i < lanes; i++) {
        struct bytes row = rows[order[i]];
        uint64_t words = row.len / 8;
        uint64_t word = (uint64_t)row.len << 56;
        g->at[i] = words > 0 ? row.data : nothing;
        g->words[i] = words;
        g->end[i] = words > 0 ? words - 1 : 0;
        if (row.len >= 8)
            word |= load(row.data + row.len - 8) >> (56 - 8 * (row.len % 8)) >> 8;
        else
            for (unsigned b = 0; b < row.len; b++)
                word |= (uint64_t)row.data[b] << 8 * b;
        g->last[i] = word;
        g->least = words < g->least ? words : g->least;
        g->most = words > g->most ? words : g->most;
    }
}

/* One row so much longer than another that lanes would wait more than they work? */
static inline bool is_ragged(const struct group *g)
{
    return g->most - g->least > g->least + BINS;
}

static void one_by_one(const uint8_t *key, const struct bytes *rows, const uint8_t *order,
                       size_t lanes, struct row_hash *out)
{
    for (size_t i = 0; i < lanes; i++)
        row_hash_of(key, rows[order[i]].data, rows[order[i]].len, &out[order[i]]);
}

static inline long long word(const struct group *g, size_t lane, uint64_t i)
{
    return (long long)load(g->at[lane] + 8 * i);
}

/* The same; for a lane that came to its end, any word. No branch: lanes end as they like. */
static inline long long word_or_any(const struct group *g, size_t lane, uint64_t i)
{
    uint64_t end = g->end[lane];
    return (long long)load(g->at[lane] + 8 * (i < end ? i : end));
}

#define AVX512 __attribute__((target("avx512f")))

struct lanes8 {
    __m512i v0, v1, v2, v3;
};

AVX512 static inline struct lanes8 mix8(struct lanes8 s)
{
    s.v0 = _mm512_add_epi64(s.v0, s.v1);
    s.v2 = _mm512_add_epi64(s.v2, s.v3);
    s.v1 = _mm512_xor_si512(_mm512_rol_epi64(s.v1, 13), s.v0);
    s.v3 = _mm512_xor_si512(_mm512_rol_epi64(s.v3, 16), s.v2);
    s.v0 = _mm512_rol_epi64(s.v0, 32);
    s.v2 = _mm512_add_epi64(s.v2, s.v1);
    s.v0 = _mm512_add_epi64(s.v0, s.v3);
    s.v1 = _mm512_xor_si512(_mm512_rol_epi64(s.v1, 17), s.v2);
    s.v3 = _mm512_xor_si512(_mm512_rol_epi64(s.v3, 21), s.v0);
    s.v2 = _mm512_rol_epi64(s.v2, 32);
    return s;
}

AVX512 static inline struct lanes8 absorb8(struct lanes8 s, __m512i word)
{
    s.v3 = _mm512_xor_si512(s.v3, word);
    s = mix8(mix8(s));
    s.v0 = _mm512_xor_si512(s.v0, word);
    return s;
}

AVX512 static inline __m512i all8(uint64_t word)
{
    return _mm512_set1_epi64((long long)word);
}

AVX512 static inline __m512i word8(const struct group *g, uint64_t i)
{
    return _mm512_set_epi64(word(g, 7, i), word(g, 6, i), word(g, 5, i), word(g, 4, i),
                            word(g, 3, i), word(g, 2, i), word(g, 1, i), word(g, 0, i));
}

AVX512 static struct lanes8 uneven8(struct lanes8 s, const struct group *g)
{
    __m512i words = _mm512_loadu_si512(g->words);
    for (uint64_t i = g->least; i < g->most; i++) {
        __mmask8 m = _mm512_cmpgt_epu64_mask(words, all8(i));
        struct lanes8 t =
            absorb8(s, _mm512_set_epi64(word_or_any(g, 7, i), word_or_any(g, 6, i),
                                        word_or_any(g, 5, i), word_or_any(g, 4, i),
                                        word_or_any(g, 3, i), word_or_any(g, 2, i),
                                        word_or_any(g, 1, i), word_or_any(g, 0, i)));
        s.v0 = _mm512_mask_mov_epi64(s.v0, m, t.v0);
        s.v1 = _mm512_mask_mov_epi64(s.v1, m, t.v1);
        s.v2 = _mm512_mask_mov_epi64(s.v2, m, t.v2);
        s.v3 = _mm512_mask_mov_epi64(s.v3, m, t.v3);
    }
    return s;
}

AVX512 static inline __m512i fold8(struct lanes8 s)
{
    return _mm512_xor_si512(_mm512_xor_si512(s.v0, s.v1), _mm512_xor_si512(s.v2, s.v3));
}

AVX512 static void group8(struct lanes8 s, const struct group *g, const uint8_t *order,
                          struct row_hash *out)
{
    uint64_t low[8];
    uint64_t high[8];
    for (uint64_t i = 0; i < g->least; i++)
        s = absorb8(s, word8(g, i));
    if (g->least < g->most)
        s = uneven8(s, g);
    s = absorb8(s, _mm512_loadu_si512(g->last));
    s.v2 = _mm512_xor_si512(s.v2, all8(0xee));
    s = mix8(mix8(mix8(mix8(s))));
    _mm512_storeu_si512(low, fold8(s));
    s.v1 = _mm512_xor_si512(s.v1, all8(0xdd));
    s = mix8(mix8(mix8(mix8(s))));
    _mm512_storeu_si512(high, fold8(s));
    for (size_t i = 0; i < 8; i++)
        out[order[i]] = (struct row_hash){.low = low[i], .high = high[i]};
}

AVX512 static void hash8(const uint8_t key[ROW_HASH_KEY_LEN], const struct bytes *rows,
                         size_t n, struct row_hash *out)
{
    uint8_t order[ROW_HASH_BATCH + LANES_MAX];
    uint64_t k0 = load(key);
    uint64_t k1 = load(key + 8);
    struct lanes8 s = {.v0 = all8(k0 ^ UINT64_C(0x736f6d6570736575)),
                       .v1 = all8(k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee),
                       .v2 = all8(k0 ^ UINT64_C(0x6c7967656e657261)),
                       .v3 = all8(k1 ^ UINT64_C(0x7465646279746573))};
    if (n == 0)
        return;
    sort(rows, n, order);
    for (size_t i = 0; i < n; i += 8) {
        struct group g;
        gather(&g, rows, order + i, 8);
        if (is_ragged(&g))
            one_by_one(key, rows, order + i, 8, out);
        else
            group8(s, &g, order + i, out);
    }
}

#define AVX2 __attribute__((target("avx2")))

struct lanes4 {
    __m256i v0, v1, v2, v3;
};

#define ROTATE4(x, bits)                                                                       \
    _mm256_or_si256(_mm256_slli_epi64(x, bits), _mm256_srli_epi64(x, 64 - (bits)))

AVX2 static inline __m256i swap4(__m256i x)
{
    return _mm256_shuffle_epi32(x, 0xb1);
}

AVX2 static inline struct lanes4 mix4(struct lanes4 s)
{
    const __m256i by16 = _mm256_set_epi8(13, 12, 11, 10, 9, 8, 15, 14, 5, 4, 3, 2, 1, 0, 7, 6,
                                         13, 12, 11, 10, 9, 8, 15, 14, 5, 4, 3, 2, 1, 0, 7, 6);
    s.v0 = _mm256_add_epi64(s.v0, s.v1);
    s.v2 = _mm256_add_epi64(s.v2, s.v3);
    s.v1 = _mm256_xor_si256(ROTATE4(s.v1, 13), s.v0);
    s.v3 = _mm256_xor_si256(_mm256_shuffle_epi8(s.v3, by16), s.v2);
    s.v0 = swap4(s.v0);
    s.v2 = _mm256_add_epi64(s.v2, s.v1);
    s.v0 = _mm256_add_epi64(s.v0, s.v3);
    s.v1 = _mm256_xor_si256(ROTATE4(s.v1, 17), s.v2);
    s.v3 = _mm256_xor_si256(ROTATE4(s.v3, 21), s.v0);
    s.v2 = swap4(s.v2);
    return s;
}

AVX2 static inline struct lanes4 absorb4(struct lanes4 s, __m256i word)
{
    s.v3 = _mm256_xor_si256(s.v3, word);
    s = mix4(mix4(s));
    s.v0 = _mm256_xor_si256(s.v0, word);
    return s;
}

AVX2 static inline __m256i word4(const struct group *g, uint64_t i)
{
    return _mm256_set_epi64x(word(g, 3, i), word(g, 2, i), word(g, 1, i), word(g, 0, i));
}

AVX2 static struct lanes4 uneven4(struct lanes4 s, const struct group *g)
{
    __m256i words = _mm256_loadu_si256((const __m256i *)g->words);
    for (uint64_t i = g->least; i < g->most; i++) {
        __m256i m = _mm256_cmpgt_epi64(words, _mm256_set1_epi64x((long long)i));
        struct lanes4 t =
            absorb4(s, _mm256_set_epi64x(word_or_any(g, 3, i), word_or_any(g, 2, i),
                                         word_or_any(g, 1, i), word_or_any(g, 0, i)));
        s.v0 = _mm256_blendv_epi8(s.v0, t.v0, m);
        s.v1 = _mm256_blendv_epi8(s.v1, t.v1, m);
        s.v2 = _mm256_blendv_epi8(s.v2, t.v2, m);
        s.v3 = _mm256_blendv_epi8(s.v3, t.v3, m);
    }
    return s;
}

AVX2 static inline __m256i fold4(struct lanes4 s)
{
    return _mm256_xor_si256(_mm256_xor_si256(s.v0, s.v1), _mm256_xor_si256(s.v2, s.v3));
}

AVX2 static inline __m256i all4(uint64_t word)
{
    return _mm256_set1_epi64x((long long)word);
}

AVX2 static void group4(struct lanes4 s, const struct group *g, const uint8_t *order,
                        struct row_hash *out)
{
    uint64_t low[4];
    uint64_t high[4];
    for (uint64_t i = 0; i < g->least; i++)
        s = absorb4(s, word4(g, i));
    if (g->least < g->most)
        s = uneven4(s, g);
    s = absorb4(s, _mm256_loadu_si256((const __m256i *)g->last));
    s.v2 = _mm256_xor_si256(s.v2, all4(0xee));
    s = mix4(mix4(mix4(mix4(s))));
    _mm256_storeu_si256((__m256i *)low, fold4(s));
    s.v1 = _mm256_xor_si256(s.v1, all4(0xdd));
    s = mix4(mix4(mix4(mix4(s))));
    _mm256_storeu_si256((__m256i *)high, fold4(s));
    for (size_t i = 0; i < 4; i++)
        out[order[i]] = (struct row_hash){.low = low[i], .high = high[i]};
}

AVX2 static void hash4(const uint8_t key[ROW_HASH_KEY_LEN], const struct bytes *rows, size_t n,
                       struct row_hash *out)
{
    uint8_t order[ROW_HASH_BATCH + LANES_MAX];
    uint64_t k0 = load(key);
    uint64_t k1 = load(key + 8);
    struct lanes4 s = {.v0 = all4(k0 ^ UINT64_C(0x736f6d6570736575)),
                       .v1 = all4(k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee),
                       .v2 = all4(k0 ^ UINT64_C(0x6c7967656e657261)),
                       .v3 = all4(k1 ^ UINT64_C(0x7465646279746573))};
    if (n == 0)
        return;
    sort(rows, n, order);
    for (size_t i = 0; i < n; i += 4) {
        struct group g;
        gather(&g, rows, order + i, 4);
        if (is_ragged(&g))
            one_by_one(key, rows, order + i, 4, out);
        else
            group4(s, &g, order + i, out);
    }
}

row_lanes_hash row_lanes_of(unsigned lanes)
{
    if (lanes == 8 && __builtin_cpu_supports("avx512f"))
        return hash8;
    if (lanes == 4 && __builtin_cpu_supports("avx2"))
        return hash4;
    return NULL;
}

#else

row_lanes_hash row_lanes_of(unsigned lanes)
{
    (void)lanes;
    return NULL;
}

#endif
