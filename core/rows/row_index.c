/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of cache lines: a line has places for twelve rows and a byte of hash for each,
 * so that a look into the table costs one miss, and one more for a hash that is there. A row
 * that finds its line full goes to the next one that is not; three places in four are taken. */
#include "core/rows/row_index.h"

#include <stdlib.h>

#define PLACES 12
#define PLACES_USED 9 /* on average */
#define PREFETCH 16   /* rows ahead */
#define SAMPLE_MIN 4  /* one row in 2^4 */
#define SAMPLE_MAX 12
#define SAMPLE_PART 8 /* of the budget */
#define REST_ROWS (2 * MIB / ROW_MATCH_HASH_LEN)

struct row_index_line {
    uint8_t tag[PLACES]; /* 0: free, as are those behind it */
    uint32_t row[PLACES];
    uint32_t unused;
};
_Static_assert(sizeof(struct row_index_line) == 64, "a cache line");

void row_index_done(struct row_index *x)
{
    free(x->lines);
    *x = (struct row_index){0};
}

void row_index_clear(struct row_index *x)
{
    x->count = 0;
}

static inline bool is_sampled(const struct row_index *x, const struct row_hash *h)
{
    return ((uint32_t)h->high & x->others) == 0;
}

static inline uint64_t line_of(const struct row_index *x, const struct row_hash *h)
{
    return (h->low >> 32) * x->count >> 32;
}

static inline uint64_t line_after(const struct row_index *x, uint64_t line)
{
    return line + 1 < x->count ? line + 1 : 0;
}

static inline uint8_t tag_of(const struct row_hash *h)
{
    uint8_t tag = (uint8_t)h->high;
    return tag > 0 ? tag : 1;
}

/* Row with hash h, found or (when row is not ROW_MATCH_NONE) put where it was looked for. A row
 * that seems to be in a sample is left out: to be sure would mean to look at the base at
 * another place, of which a mapped file brings in much at once. */
static inline uint64_t find_or_put(struct row_index *x, const uint8_t *hashes,
                                   const struct row_hash *h, uint64_t row)
{
    const uint8_t tag = tag_of(h);
    for (uint64_t at = line_of(x, h);; at = line_after(x, at)) {
        struct row_index_line *line = &x->lines[at];
        for (unsigned i = 0; i < PLACES; i++) {
            if (line->tag[i] == tag) {
                if (row != ROW_MATCH_NONE && row_index_is_sample(x))
                    return line->row[i];
                x->touched++;
                if (row_match_is(hashes, line->row[i], h))
                    return line->row[i];
            }
            if (line->tag[i] != 0)
                continue;
            if (row != ROW_MATCH_NONE) {
                line->tag[i] = tag;
                line->row[i] = (uint32_t)row;
            }
            return row;
        }
    }
}

static uint64_t lines_for(uint64_t rows, unsigned sample)
{
    /* A sample may turn out a little larger than its share. */
    uint64_t expected = (rows >> sample) + (sample > 0 ? (rows >> sample) / 16 + 64 : 0);
    return expected / PLACES_USED + 1;
}

/* Which share of rows, as a power of two, and how many lines. */
static bool plan(const struct row_index_base *b, unsigned *sample, uint64_t *lines)
{
    const uint64_t line_len = sizeof(struct row_index_line);
    const uint64_t rows = b->rows;
    const size_t budget_bytes = b->budget_bytes;
    if (rows == 0 || rows > UINT32_MAX)
        return false;
    *lines = lines_for(rows, *sample = 0);
    if (!b->sample && rows * ROW_MATCH_HASH_LEN + *lines * line_len <= budget_bytes)
        return true;
    for (*sample = SAMPLE_MIN; *sample <= SAMPLE_MAX; ++*sample) {
        *lines = lines_for(rows, *sample);
        if (*lines * line_len <= budget_bytes / SAMPLE_PART)
            return true;
    }
    return false;
}

static bool reserve(struct row_index *x, uint64_t lines)
{
    if (lines > x->capacity) {
        row_index_done(x);
        x->lines = aligned_alloc(sizeof *x->lines, lines * sizeof *x->lines);
        if (!x->lines)
            return false;
        x->capacity = lines;
    }
    memset(x->lines, 0, lines * sizeof *x->lines);
    x->count = lines;
    return true;
}

/* Say now and then what has been read. */
static void say_read(const struct row_index_base *b, uint64_t row)
{
    if (!b->rest || row % REST_ROWS != 0)
        return;
    uint64_t from = row > REST_ROWS ? row - REST_ROWS : 0;
    b->rest(b->rest_arg, bytes_of(b->hashes + from * ROW_MATCH_HASH_LEN,
                                  (size_t)(row - from) * ROW_MATCH_HASH_LEN));
}

bool row_index_build(struct row_index *x, const struct row_index_base *b)
{
    unsigned sample;
    uint64_t lines;
    row_index_clear(x);
    if (!plan(b, &sample, &lines) || !reserve(x, lines))
        return false;
    /* Other bits than those that the tag and the line are made of. */
    x->others = ((UINT32_C(1) << sample) - 1) << 8;
    uint64_t room = lines * PLACES - lines;
    for (uint64_t row = 0; row < b->rows && room > 0; row++) {
        if (row + PREFETCH < b->rows) {
            const struct row_hash soon =
                row_match_load(b->hashes + (row + PREFETCH) * ROW_MATCH_HASH_LEN);
            if (is_sampled(x, &soon))
                __builtin_prefetch(&x->lines[line_of(x, &soon)], 1);
        }
        const struct row_hash h = row_match_load(b->hashes + row * ROW_MATCH_HASH_LEN);
        if (is_sampled(x, &h) && find_or_put(x, b->hashes, &h, row) == row)
            room--;
        say_read(b, row);
    }
    return true;
}

uint64_t row_index_find(struct row_index *x, const uint8_t *hashes, const struct row_hash *h)
{
    if (x->count == 0 || !is_sampled(x, h))
        return ROW_MATCH_NONE;
    return find_or_put(x, hashes, h, ROW_MATCH_NONE);
}
