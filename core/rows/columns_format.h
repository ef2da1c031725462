/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of docs/FORMAT.md 5.3, and what both directions of the codec share: views of
 * values, loads that may look beyond them. */
#ifndef ROWS_COLUMNS_FORMAT_H
#define ROWS_COLUMNS_FORMAT_H

#include <endian.h>

#include "core/base/bytes.h"

enum columns_kind {
    COLUMNS_TEXT,
    COLUMNS_CONSTANT,
    COLUMNS_INTEGER,
    COLUMNS_DECIMAL,
    COLUMNS_DATE,
    COLUMNS_TIME,
    COLUMNS_TIMESTAMP,
    COLUMNS_HEX,
    COLUMNS_UUID,
    COLUMNS_BYTEA,
    COLUMNS_FIXED,
    COLUMNS_DICTIONARY,
    COLUMNS_EXCEPT,
    COLUMNS_SHAPES,
    COLUMNS_KINDS
};

#define COLUMNS_DEPTH_MAX 8       /* columns within columns */
#define COLUMNS_NODES_MAX 16384   /* columns of any depth in a body */
#define COLUMNS_WORK 8            /* values of all columns, per byte of text */
#define COLUMNS_DIGITS_MAX 18     /* of padded integers, behind the point of decimals */
#define COLUMNS_SUFFIX_MAX 8      /* behind a time */
#define COLUMNS_WIDE_MAX 64       /* characters of fixed texts, bytes of hex texts */
#define COLUMNS_ENTRIES_MAX 65535 /* of a dictionary */
#define COLUMNS_SHAPES_MAX 255
#define COLUMNS_FIELDS_MAX 64 /* of a shape */

/* Every text that is read here has this many bytes before its first value and behind its last
 * one, so that values can be loaded and copied by whole words. */
#define COLUMNS_SLACK 64

/* Slices of one text. */
struct columns_values {
    const uint8_t *text;
    uint32_t *at;
    uint32_t *len;
    size_t count;
};

static inline const uint8_t *columns_value(const struct columns_values *v, size_t i)
{
    return v->text + v->at[i];
}

/* Eight bytes as they stand, the first one lowest. */
static inline uint64_t columns_load(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

static inline void columns_store(uint8_t *p, uint64_t word)
{
    word = htole64(word);
    memcpy(p, &word, sizeof word);
}

/* For short values: looks at up to 7 bytes behind them. */
static inline bool columns_same(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (; len > 8; len -= 8, a += 8, b += 8)
        if (columns_load(a) != columns_load(b))
            return false;
    return len == 0 || (columns_load(a) ^ columns_load(b)) << (64 - 8 * len) == 0;
}

/* Copies len bytes and up to 31 more: both sides have COLUMNS_SLACK bytes behind. */
static inline void columns_copy(uint8_t *to, const uint8_t *from, size_t len)
{
    memcpy(to, from, 16);
    if (len <= 16)
        return;
    memcpy(to + 16, from + 16, 16);
    if (len > 32)
        memcpy(to + 32, from + 32, len - 32);
}

#endif
