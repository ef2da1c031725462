/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/row_hash.h"

#include <endian.h>
#include <string.h>

#include "core/rows/row_lanes.h"

#define WORTH_LANES 3 /* fewer rows are faster one by one */

static inline uint64_t load(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

static inline uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void mix(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    mix(v);
    mix(v);
    v[0] ^= word;
}

static inline void start(uint64_t v[4], const uint8_t *key)
{
    uint64_t k0 = load(key);
    uint64_t k1 = load(key + 8);
    v[0] = k0 ^ UINT64_C(0x736f6d6570736575);
    v[1] = k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;
    v[2] = k0 ^ UINT64_C(0x6c7967656e657261);
    v[3] = k1 ^ UINT64_C(0x7465646279746573);
}

/* The last word: up to seven bytes and the length. */
static inline uint64_t last_word(const uint8_t *tail, uint64_t len)
{
    uint64_t word = len << 56;
    for (unsigned i = 0; i < len % 8; i++)
        word |= (uint64_t)tail[i] << 8 * i;
    return word;
}

static inline void finish(uint64_t v[4], struct row_hash *out)
{
    v[2] ^= 0xee;
    for (int i = 0; i < 4; i++)
        mix(v);
    out->low = v[0] ^ v[1] ^ v[2] ^ v[3];
    v[1] ^= 0xdd;
    for (int i = 0; i < 4; i++)
        mix(v);
    out->high = v[0] ^ v[1] ^ v[2] ^ v[3];
}

void row_hash_of(const uint8_t key[ROW_HASH_KEY_LEN], const void *data, size_t len,
                 struct row_hash *out)
{
    const uint8_t *p = data;
    uint64_t v[4];
    start(v, key);
    for (size_t words = len / 8; words > 0; words--, p += 8)
        absorb(v, load(p));
    /* Rows are short: a tail without branches, out of the last eight bytes, shows. */
    uint64_t word = (uint64_t)len << 56;
    if (len >= 8)
        word |= load(p + len % 8 - 8) >> (56 - 8 * (len % 8)) >> 8;
    else
        word = last_word(p, len);
    absorb(v, word);
    finish(v, out);
}

void row_hash_of_many(const uint8_t key[ROW_HASH_KEY_LEN], const struct bytes *rows, size_t n,
                      struct row_hash *out)
{
    row_lanes_hash lanes = row_lanes_of(8);
    if (!lanes)
        lanes = row_lanes_of(4);
    size_t i = 0;
    while (lanes && n - i >= WORTH_LANES) {
        size_t batch = n - i < ROW_HASH_BATCH ? n - i : ROW_HASH_BATCH;
        lanes(key, rows + i, batch, out + i);
        i += batch;
    }
    for (; i < n; i++)
        row_hash_of(key, rows[i].data, rows[i].len, &out[i]);
}

void row_hash_begin(struct row_hash_state *s, const uint8_t key[ROW_HASH_KEY_LEN])
{
    *s = (struct row_hash_state){0};
    start(s->v, key);
}

void row_hash_add(struct row_hash_state *s, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t held = s->len % 8;
    s->len += len;
    if (held > 0) {
        size_t n = len < 8 - held ? len : 8 - held;
        if (n > 0)
            memcpy(s->tail + held, p, n);
        if (held + n < 8)
            return;
        absorb(s->v, load(s->tail));
        p += n;
        len -= n;
    }
    for (; len >= 8; len -= 8, p += 8)
        absorb(s->v, load(p));
    if (len > 0)
        memcpy(s->tail, p, len);
}

void row_hash_end(struct row_hash_state *s, struct row_hash *out)
{
    absorb(s->v, last_word(s->tail, s->len));
    finish(s->v, out);
}
