/* SPDX-License-Identifier: Apache-2.0 */
/* How fast are rows hashed and found in last night's table?
 *
 * Hashing: MB/s of rows of one length, and of lengths around it, one at a time and many, over
 * 16 MB. Matching: ns a row, their hashes made beforehand. Time is that of the processor. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/rows/row_digest.h"
#include "core/rows/row_match.h"

#define TEXT_LEN (16 * MIB)
#define ROW_LEN 130
#define BUDGET (40 * MIB) /* enough for 2 M rows, not for 7 M */
#define ROUNDS 5

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mixed(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void *need(size_t bytes)
{
    void *memory = calloc(1, bytes + 1);
    if (!memory)
        exit(1);
    return memory;
}

/* Rows of len bytes, or from len / 2 to 3 len / 2. */
static size_t cut(const uint8_t *text, size_t len, bool is_mixed, struct bytes *rows)
{
    size_t n = 0;
    size_t at = 0;
    for (;;) {
        size_t row = is_mixed ? len / 2 + mixed(n) % (len + 1) : len;
        if (at + row > TEXT_LEN)
            return n;
        rows[n++] = bytes_of(text + at, row);
        at += row;
    }
}

static double best(double seconds, double before)
{
    return before == 0 || seconds < before ? seconds : before;
}

static void bench_hash(const uint8_t *text, size_t len, bool is_mixed)
{
    static const uint8_t key[ROW_HASH_KEY_LEN] = {1, 2, 3};
    struct bytes *rows = need((TEXT_LEN / (len / 2) + 1) * sizeof *rows);
    size_t n = cut(text, len, is_mixed, rows);
    struct row_hash *out = need(n * sizeof *out);
    double one = 0;
    double many = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (size_t i = 0; i < n; i++)
            row_hash_of(key, rows[i].data, rows[i].len, &out[i]);
        one = best(now() - start, one);
        start = now();
        for (size_t i = 0; i < n; i += ROW_HASH_BATCH) {
            size_t batch = n - i < ROW_HASH_BATCH ? n - i : ROW_HASH_BATCH;
            row_hash_of_many(key, rows + i, batch, out + i);
        }
        many = best(now() - start, many);
    }
    double mb = (double)TEXT_LEN / 1e6;
    printf("hash: %s of %3zu bytes: one at a time %5.0f MB/s (%5.1f ns), many %5.0f (%5.1f)\n",
           is_mixed ? "about" : "rows ", len, mb / one, one / (double)n * 1e9, mb / many,
           many / (double)n * 1e9);
    free(out);
    free(rows);
}

static void bench_digest(void)
{
    enum { COUNT = 1000000 };
    struct row_hash *hashes = need(COUNT * sizeof *hashes);
    struct row_digest d;
    struct error e;
    for (size_t i = 0; i < COUNT; i++)
        hashes[i] = (struct row_hash){.low = mixed(i), .high = mixed(~i)};
    if (row_digest_init(&d, &e) < 0)
        exit(1);
    double start = now();
    for (size_t i = 0; i < COUNT; i += ROW_HASH_BATCH)
        if (row_digest_add_many(&d, hashes + i, ROW_HASH_BATCH, &e) < 0)
            exit(1);
    double many = now() - start;
    start = now();
    for (size_t i = 0; i < COUNT; i++)
        if (row_digest_add(&d, hashes + i, &e) < 0)
            exit(1);
    printf("digest: one at a time %.1f ns a row, many %.1f\n", (now() - start) / COUNT * 1e9,
           many / COUNT * 1e9);
    row_digest_done(&d);
    free(hashes);
}

/* Tonight's rows by their numbers in the base; others are new. */
struct night {
    const char *name;
    uint64_t base;
    uint64_t *row;
    uint64_t rows;
};

static struct row_hash hash_of(uint64_t row)
{
    return (struct row_hash){.low = mixed(2 * row), .high = mixed(2 * row + 1)};
}

static void bench_match(struct night *n)
{
    uint8_t *base = need(n->base * ROW_MATCH_HASH_LEN);
    struct row_hash *hashes = need(n->rows * sizeof *hashes);
    struct error e;
    for (uint64_t i = 0; i < n->base; i++) {
        const struct row_hash h = hash_of(i);
        row_match_store(base + i * ROW_MATCH_HASH_LEN, &h);
    }
    for (uint64_t i = 0; i < n->rows; i++)
        hashes[i] = hash_of(n->row[i]);
    struct row_match *m = row_match_new(BUDGET, &e);
    if (!m || row_match_begin(m, base, n->base, &e) < 0)
        exit(1);
    double start = now();
    for (uint64_t i = 0; i < n->rows; i++)
        (void)row_match_find(m, &hashes[i], ROW_LEN);
    double seconds = now() - start;
    const struct row_match_counts *c = row_match_counts(m);
    printf("match: %-34s %.3f s, %5.1f ns a row; in order %" PRIu64 ", ahead %" PRIu64
           ", window %" PRIu64 ", whole %" PRIu64 ", none %" PRIu64 "\n",
           n->name, seconds, seconds / (double)n->rows * 1e9, c->in_order, c->ahead, c->window,
           c->whole, c->none);
    row_match_free(m);
    free(hashes);
    free(base);
}

/* Of 1000 rows so many are updated in their place, deleted, inserted before. */
static void changed(const char *name, uint64_t base, unsigned updated, unsigned deleted,
                    unsigned inserted)
{
    struct night n = {.name = name, .base = base, .row = need(2 * base * sizeof *n.row)};
    for (uint64_t i = 0; i < base; i++) {
        uint64_t dice = mixed(i + 7) % 1000;
        if (dice < updated)
            n.row[n.rows++] = base + i;
        else if (dice >= updated + deleted)
            n.row[n.rows++] = i;
        if (mixed(~i) % 1000 < inserted)
            n.row[n.rows++] = 2 * base + i;
    }
    bench_match(&n);
    free(n.row);
}

static void shuffle(uint64_t *row, uint64_t n)
{
    for (uint64_t i = n; i > 1; i--) {
        uint64_t other = mixed(i) % i;
        uint64_t kept = row[i - 1];
        row[i - 1] = row[other];
        row[other] = kept;
    }
}

/* As CLUSTER may leave a table: rows, or runs of so many of them, in random order. */
static void clustered(const char *name, uint64_t runs, uint64_t len)
{
    struct night n = {.name = name, .base = runs * len};
    n.row = need(n.base * sizeof *n.row);
    uint64_t *first = need(runs * sizeof *first);
    for (uint64_t i = 0; i < runs; i++)
        first[i] = i * len;
    shuffle(first, runs);
    for (uint64_t i = 0; i < runs; i++)
        for (uint64_t r = 0; r < len; r++)
            n.row[n.rows++] = first[i] + r;
    bench_match(&n);
    free(first);
    free(n.row);
}

/* The first rows were deleted, as many new ones came at the end. */
static void retained(const char *name, uint64_t base, uint64_t deleted)
{
    struct night n = {.name = name, .base = base, .row = need(base * sizeof *n.row)};
    for (uint64_t i = 0; i < base; i++)
        n.row[n.rows++] = deleted + i;
    bench_match(&n);
    free(n.row);
}

int main(void)
{
    static const size_t lengths[] = {16, 60, 130, 330};
    uint8_t *text = need(TEXT_LEN);
    for (size_t i = 0; i < TEXT_LEN; i++)
        text[i] = (uint8_t)(i * 31 >> 3);
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        bench_hash(text, lengths[i], false);
        bench_hash(text, lengths[i], true);
    }
    free(text);
    bench_digest();
    changed("7 M rows, as they were", 7000000, 0, 0, 0);
    changed("7 M rows, 1 % updated", 7000000, 10, 0, 0);
    changed("7 M rows, 1 % deleted", 7000000, 0, 10, 0);
    changed("7 M rows, 1 % inserted", 7000000, 0, 0, 10);
    changed("7 M rows, 1 % of each", 7000000, 10, 10, 10);
    changed("7 M rows, 30 % updated", 7000000, 300, 0, 0);
    retained("7 M rows, the first 1 M deleted", 7000000, 1000000);
    clustered("2 M rows in random order", 2000000, 1);
    clustered("2 M rows, runs of 20", 100000, 20);
    clustered("7 M rows, runs of 20", 350000, 20);
    clustered("7 M rows, runs of 1000", 7000, 1000);
    clustered("7 M rows in random order", 7000000, 1);
    return 0;
}
