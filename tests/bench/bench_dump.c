/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a dump like that of a small shop, of any size, always the same for one size:
 *
 *   bench_dump FILE MB
 *
 * Four tables in turn: orders (numbers, decimals, times, uuids, few-valued texts), items
 * (numbers only), events (JSON with random keys), messages (prose). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "tests/support/archive.h"

#define TABLES 4

static const char *const words[] = {
    "order",   "parcel", "please",  "the",     "address", "when",   "it",    "is",
    "broken",  "a",      "refund",  "waiting", "for",     "thanks", "we",    "have",
    "shipped", "today",  "account", "invoice", "number",  "could",  "you",   "send",
    "again",   "blue",   "large",   "since",   "monday",  "never",  "again", "arrived",
};
static const char *const states[] = {"new", "paid", "shipped", "delivered", "returned"};

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t orders(char *row, size_t size, uint64_t n, uint64_t *r)
{
    uint64_t a = next(r);
    uint64_t b = next(r);
    return (size_t)snprintf(
        row, size,
        "%" PRIu64 "\t%08x-%04x-4%03x-a%03x-%012" PRIx64 "\t%u\t%s\t%u.%02u\tEUR\t"
        "2025-%02u-%02u %02u:%02u:%02u.%06u+00\t\\N\n",
        n, (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
        (unsigned)(b >> 48) & 0xfff, b & UINT64_C(0xffffffffffff), (unsigned)(a % 300000),
        states[b % 5], (unsigned)(a % 900), (unsigned)(b % 100), (unsigned)(n / 90000 % 12) + 1,
        (unsigned)(n / 3000 % 28) + 1, (unsigned)(a % 24), (unsigned)(b % 60),
        (unsigned)(a >> 8) % 60, (unsigned)(b >> 8) % 1000000);
}

static size_t items(char *row, size_t size, uint64_t n, uint64_t *r)
{
    uint64_t a = next(r);
    return (size_t)snprintf(row, size, "%" PRIu64 "\t%u\t%u\t%u\t%u.%02u\n", n / 3,
                            (unsigned)(n % 3), (unsigned)(a % 20000),
                            (unsigned)(a >> 40) % 5 + 1, (unsigned)(a >> 20) % 500,
                            (unsigned)(a >> 50) % 100);
}

static size_t events(char *row, size_t size, uint64_t n, uint64_t *r)
{
    uint64_t a = next(r);
    uint64_t b = next(r);
    return (size_t)snprintf(
        row, size,
        "%" PRIu64 "\tc%" PRIx64 "%" PRIx64 "\t%s\t{\"user\": %u, \"page\": "
        "\"/%s/%u\", \"ms\": %u, \"ok\": %s}\t10.%u.%u.%u\n",
        n, a, b >> 20, b & 1 ? "click" : "view", (unsigned)(a % 300000), words[a % 32],
        (unsigned)(b % 20000), (unsigned)(a >> 30) % 4000, b & 2 ? "true" : "false",
        (unsigned)(a >> 8) & 255, (unsigned)(a >> 16) & 255, (unsigned)(a >> 24) & 255);
}

static size_t messages(char *row, size_t size, uint64_t n, uint64_t *r)
{
    size_t len = (size_t)snprintf(row, size, "%" PRIu64 "\t", n);
    uint64_t count = 20 + next(r) % 100;
    for (uint64_t i = 0; i < count; i++)
        len += (size_t)snprintf(row + len, size - len, "%s ", words[next(r) % 32]);
    row[len - 1] = '\n';
    return len;
}

static bool flush(struct buf *b, FILE *f)
{
    bool whole = fwrite(b->data, 1, b->len, f) == b->len;
    b->len = 0;
    return whole;
}

static bool table(struct buf *b, FILE *f, int t, uint64_t bytes)
{
    static size_t (*const make[TABLES])(char *, size_t, uint64_t,
                                        uint64_t *) = {orders, items, events, messages};
    uint64_t random = (uint64_t)t + 1;
    char row[2048];
    bool whole = true;
    archive_block(b, 1, t + 1);
    for (uint64_t n = 1, written = 0; written < bytes; n++) {
        written += make[t](row, sizeof row, n, &random) + 5;
        archive_piece(b, row);
        if (b->len >= MIB)
            whole = flush(b, f) && whole;
    }
    archive_piece(b, "\\.\n\n\n");
    archive_int(b, 0);
    return whole;
}

int main(int argc, char **argv)
{
    static const char *const names[TABLES] = {"orders", "items", "events", "messages"};
    uint64_t megabytes;
    if (argc != 3 || !str_u64(argv[2], 1000000, &megabytes)) {
        (void)fprintf(stderr, "usage: bench_dump FILE MB\n");
        return 2;
    }
    FILE *f = fopen(argv[1], "wb");
    if (!f) {
        perror(argv[1]);
        return 1;
    }
    struct buf b = {0};
    bool whole = true;
    archive_header(&b, 16, 0);
    archive_int(&b, TABLES);
    for (int t = 0; t < TABLES; t++) {
        char copy[64];
        (void)snprintf(copy, sizeof copy, "COPY public.%s FROM stdin;\n", names[t]);
        struct archive_entry entry = {.dump_id = t + 1,
                                      .has_data = 1,
                                      .section = 3,
                                      .table_oid = "0",
                                      .oid = "16384",
                                      .tag = names[t],
                                      .desc = "TABLE DATA",
                                      .copy = copy,
                                      .schema = "public",
                                      .owner = "me",
                                      .with_oids = "false",
                                      .offset_state = 1};
        archive_entry(&b, 16, &entry, false);
    }
    for (int t = 0; t < TABLES; t++)
        whole = table(&b, f, t, megabytes * 1000000 / TABLES) && whole;
    whole = flush(&b, f) && whole;
    buf_done(&b);
    return fclose(f) == 0 && whole ? 0 : 1;
}
