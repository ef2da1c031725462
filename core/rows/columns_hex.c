/* SPDX-License-Identifier: Apache-2.0 */
/* Eight digits are four bytes inside one 64-bit word, in both directions. */
#include "core/rows/columns_hex.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define ZEROS EACH('0')
#define BLOCK ((size_t)64) /* rows that are turned at a time, while they are in the cache */

static inline uint64_t letters_in(uint64_t nibbles)
{
    return (nibbles + EACH(6)) >> 4 & EACH(1);
}

/* The digits of word, the first one lowest, as four bytes. */
static inline bool four(uint64_t word, uint32_t *bytes)
{
    uint64_t n = (word & EACH(0x0f)) + 9 * (word >> 6 & EACH(1));
    if ((n & EACH(0xf0)) != 0 || n + ZEROS + letters_in(n) * ('a' - '9' - 1) != word)
        return false;
    n = (n << 4 | n >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    n = (n | n >> 8) & UINT64_C(0x0000ffff0000ffff);
    *bytes = (uint32_t)(n | n >> 16);
    return true;
}

static inline void store_four(uint8_t *out, uint32_t bytes)
{
    bytes = htole32(bytes);
    memcpy(out, &bytes, sizeof bytes);
}

static inline uint32_t load_four(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return le32toh(word);
}

/* len digits (an even number) as bytes; up to 3 bytes more are written. */
static inline bool parse(const uint8_t *p, size_t len, uint8_t *out)
{
    uint32_t bytes;
    for (; len >= 8; len -= 8, p += 8, out += 4) {
        if (!four(columns_load(p), &bytes))
            return false;
        store_four(out, bytes);
    }
    if (len == 0)
        return true;
    if (!four((columns_load(p) & ((UINT64_C(1) << 8 * len) - 1)) | ZEROS << 8 * len, &bytes))
        return false;
    store_four(out, bytes);
    return true;
}

static inline bool parse_uuid(const uint8_t *p, uint8_t *out)
{
    uint64_t words[4] = {columns_load(p), load_four(p + 9) | (uint64_t)load_four(p + 14) << 32,
                         load_four(p + 19) | (uint64_t)load_four(p + 24) << 32,
                         columns_load(p + 28)};
    if (p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-')
        return false;
    for (size_t i = 0; i < 4; i++) {
        uint32_t bytes;
        if (!four(words[i], &bytes))
            return false;
        store_four(out + 4 * i, bytes);
    }
    return true;
}

bool columns_hex_parse(const struct columns_values *v, enum columns_kind kind, size_t len,
                       uint8_t *out)
{
    for (size_t i = 0; i < v->count; i++) {
        const uint8_t *p = columns_value(v, i);
        if (kind == COLUMNS_UUID ? !parse_uuid(p, out) : !parse(p, len, out))
            return false;
        out += kind == COLUMNS_UUID ? 16 : len / 2;
    }
    return true;
}

bool columns_hex_parse_bytea(const struct columns_values *v, uint8_t *out, uint64_t *lengths)
{
    for (size_t i = 0; i < v->count; i++) {
        const uint8_t *p = columns_value(v, i);
        size_t len = v->len[i];
        if (len < COLUMNS_HEX_BYTEA_HEAD || memcmp(p, "\\\\x", COLUMNS_HEX_BYTEA_HEAD) != 0 ||
            len % 2 == 0 ||
            !parse(p + COLUMNS_HEX_BYTEA_HEAD, len - COLUMNS_HEX_BYTEA_HEAD, out))
            return false;
        lengths[i] = (len - COLUMNS_HEX_BYTEA_HEAD) / 2;
        out += lengths[i];
    }
    return true;
}

/* Four bytes as digits, the first one lowest. */
static inline uint64_t eight(uint64_t n)
{
    n = (n | n << 16) & UINT64_C(0x0000ffff0000ffff);
    n = (n | n << 8) & UINT64_C(0x00ff00ff00ff00ff);
    n = (n >> 4 & EACH(0x0f)) | (n & UINT64_C(0x000f000f000f000f)) << 8;
    return n + ZEROS + letters_in(n) * ('a' - '9' - 1);
}

/* len bytes as digits; up to 6 characters more are written. */
static inline void print(const uint8_t *p, size_t len, uint8_t *out)
{
    for (size_t i = 0; i < len; i += 4)
        columns_store(out + 2 * i, eight(load_four(p + i)));
}

static inline void print_uuid(const uint8_t *p, uint8_t *out)
{
    columns_store(out, eight(load_four(p)));
    uint64_t second = eight(load_four(p + 4));
    uint64_t third = eight(load_four(p + 8));
    out[8] = '-';
    store_four(out + 9, (uint32_t)second);
    out[13] = '-';
    store_four(out + 14, (uint32_t)(second >> 32));
    out[18] = '-';
    store_four(out + 19, (uint32_t)third);
    out[23] = '-';
    store_four(out + 24, (uint32_t)(third >> 32));
    columns_store(out + 28, eight(load_four(p + 12)));
}

void columns_hex_print(enum columns_kind kind, const uint8_t *from, size_t width, size_t n,
                       uint8_t *out, struct bytes *cells)
{
    size_t len = kind == COLUMNS_UUID ? COLUMNS_HEX_UUID_LEN : 2 * width;
    for (size_t i = 0; i < n; i++, out += len) {
        if (kind == COLUMNS_UUID)
            print_uuid(from + width * i, out);
        else
            print(from + width * i, width, out);
        cells[i] = bytes_of(out, len);
    }
}

struct bytes columns_hex_print_bytea(struct bytes b, uint8_t *out)
{
    memcpy(out, "\\\\x", COLUMNS_HEX_BYTEA_HEAD);
    print(b.data, b.len, out + COLUMNS_HEX_BYTEA_HEAD);
    return bytes_of(out, COLUMNS_HEX_BYTEA_HEAD + 2 * b.len);
}

void columns_hex_turn(const uint8_t *rows, size_t n, size_t width, uint8_t *out, size_t stride)
{
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t block = n - i < BLOCK ? n - i : BLOCK;
        for (size_t k = 0; k < width; k++)
            for (size_t j = 0; j < block; j++)
                out[k * stride + i + j] = rows[(i + j) * width + k];
    }
}

void columns_hex_turn_back(const uint8_t *planes, size_t stride, size_t n, size_t width,
                           uint8_t *rows)
{
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t block = n - i < BLOCK ? n - i : BLOCK;
        for (size_t k = 0; k < width; k++)
            for (size_t j = 0; j < block; j++)
                rows[(i + j) * width + k] = planes[k * stride + i + j];
    }
}
