/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/made_columns.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/made_dump.h"

static void PRINTF_LIKE(2, 3) put(struct buf *b, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text || buf_append(b, text, (size_t)n, NULL) < 0)
        abort();
}

static unsigned number(uint64_t random)
{
    return (unsigned)(random >> 32);
}

static void sequence(struct buf *b, unsigned i, uint64_t r)
{
    (void)r;
    put(b, "%u", 1000 + 7 * i);
}

static void integer(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "%lld", (long long)((int64_t)r >> i % 64));
}

static void small(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "%u", number(r) % (i % 50 == 0 ? 16 : 5));
}

static void few(struct buf *b, unsigned i, uint64_t r)
{
    static const int values[] = {5, 1000003, 99, -7000, 123456789};
    (void)i;
    put(b, "%d", values[number(r) % ARRAY_SIZE(values)]);
}

static void padded(struct buf *b, unsigned i, uint64_t r)
{
    (void)i;
    put(b, "%09u", number(r) % 1000000000);
}

static void decimal(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "%s%u.%03u", i % 3 ? "" : "-", number(r) % 5000, number(r) % 999 + 1);
}

static void real(struct buf *b, unsigned i, uint64_t r)
{
    static const char *const fractions[] = {"", ".5", ".25", ".0625"};
    put(b, "%d%s", (int)(number(r) % 2000) + 1, fractions[i % ARRAY_SIZE(fractions)]);
}

static void date(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "%04u-%02u-%02u", number(r) % 9999 + 1, i % 12 + 1, number(r >> 9) % 28 + 1);
}

static void clock_time(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "%02u:%02u:%02u%s", number(r) % 24, number(r >> 8) % 60, i % 60, i % 2 ? "" : ".07");
}

static void timestamp(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "%04u-%02u-%02u %02u:%02u:%02u.%05u1+05:30", 1 + i * 17, i % 12 + 1,
        number(r) % 28 + 1, i % 24, number(r >> 8) % 60, i % 60, number(r) % 100000);
}

static void iso(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "2024-%02u-%02uT%02u:%02u:%02u.%03uZ", i % 12 + 1, number(r) % 28 + 1, i % 24,
        number(r >> 8) % 60, i % 60, number(r) % 1000);
}

static void zoned(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "2024-%02u-%02u %02u:00:00+0%u", i % 12 + 1, number(r) % 28 + 1, number(r >> 8) % 24,
        i % 2 + 1);
}

static void hex(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "%016llx%02x", (unsigned long long)r, i & 255);
}

static void uuid(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "%08x-%04x-4%03x-a%03x-%012llx", number(r), i & 0xffff, number(r) & 0xfff, i & 0xfff,
        (unsigned long long)(r & UINT64_C(0xffffffffffff)));
}

static void bytea(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "\\\\x");
    for (unsigned n = i % 9; n > 0; n--)
        put(b, "%02x", (unsigned)(r >> 7 * n) & 255);
}

static void code(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "c%04u", i);
    for (unsigned n = 0; n < 8; n++, r /= 36)
        put(b, "%c", "0123456789abcdefghijklmnopqrstuvwxyz"[r % 36]);
}

static void word(struct buf *b, unsigned i, uint64_t r)
{
    static const char *const words[] = {"red", "green", "blue", "", "\\\\N", "a\\tb", "null"};
    (void)i;
    put(b, "%s", words[number(r) % ARRAY_SIZE(words)]);
}

static void constant(struct buf *b, unsigned i, uint64_t r)
{
    (void)i;
    (void)r;
    put(b, "always");
}

static void nullable(struct buf *b, unsigned i, uint64_t r)
{
    if (number(r) % 3 == 0)
        put(b, "\\N");
    else
        put(b, "%u", i * 37);
}

static void hollow(struct buf *b, unsigned i, uint64_t r)
{
    if (number(r) % 3 != 0)
        put(b, "%u.%u", i, i % 9 + 1);
}

static void json(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "{\"id\": %u, \"name\": \"n %u%s\", \"in\": {\"x\": %s}, \"l\": [%u, \"]\"]}", i * 7,
        number(r) % 1000, i % 5 ? "" : "\\\\\"q", i % 2 ? "null" : "true", i % 9);
}

static void object(struct buf *b, unsigned i, uint64_t r)
{
    if (i % 3 == 0)
        put(b, "{\"a\": \"%llx\", \"b\": null}", (unsigned long long)r);
    else if (i % 29 == 1)
        put(b, "{}");
    else
        put(b, "{\"t\": \"2024-01-%02uT00:00:00Z\", \"b\": %u.5}", i % 28 + 1, number(r) % 100);
}

static void address(struct buf *b, unsigned i, uint64_t r)
{
    put(b, "%u.%u.%u.%u", i % 200 + 1, number(r) & 255, number(r) >> 8 & 255,
        number(r) >> 16 & 255);
}

static void mail(struct buf *b, unsigned i, uint64_t r)
{
    static const char *const houses[] = {"example.org", "mail.net", "web.de"};
    put(b, "%c%s%u@%s", 'a' + (int)(number(r) % 26), i % 2 ? "smith" : "m\xfcller",
        number(r >> 7) % 10000, houses[number(r) % ARRAY_SIZE(houses)]);
}

static void prose(struct buf *b, unsigned i, uint64_t r)
{
    static const char words[] = "what a long day, and more; words, and (more) words.";
    for (unsigned n = number(r) % 20 + 1; n > 0; n--) {
        unsigned at = (unsigned)(r >> n) % 40;
        put(b, "%.*s%s", (int)(i * n % 11), words + at, n % 7 == 0 ? "\\n" : " ");
    }
}

const struct made_sort made_columns_sorts[] = {
    {"sequence", COLUMNS_INTEGER, sequence},
    {"integer", COLUMNS_INTEGER, integer},
    {"small", COLUMNS_INTEGER, small},
    {"few", COLUMNS_DICTIONARY, few},
    {"padded", COLUMNS_INTEGER, padded},
    {"decimal", COLUMNS_DECIMAL, decimal},
    {"real", COLUMNS_DECIMAL, real},
    {"date", COLUMNS_DATE, date},
    {"time", COLUMNS_TIME, clock_time},
    {"timestamp", COLUMNS_TIMESTAMP, timestamp},
    {"iso", COLUMNS_TIMESTAMP, iso},
    {"zoned", COLUMNS_SHAPES, zoned},
    {"hex", COLUMNS_HEX, hex},
    {"uuid", COLUMNS_UUID, uuid},
    {"bytea", COLUMNS_BYTEA, bytea},
    {"code", COLUMNS_FIXED, code},
    {"word", COLUMNS_DICTIONARY, word},
    {"constant", COLUMNS_CONSTANT, constant},
    {"nullable", COLUMNS_EXCEPT, nullable},
    {"hollow", COLUMNS_EXCEPT, hollow},
    {"json", COLUMNS_SHAPES, json},
    {"object", COLUMNS_SHAPES, object},
    {"address", COLUMNS_SHAPES, address},
    {"mail", COLUMNS_SHAPES, mail},
    {"prose", COLUMNS_TEXT, prose},
};
const size_t made_columns_sort_count = ARRAY_SIZE(made_columns_sorts);

void made_columns_value(struct buf *b, const struct made_sort *sort, unsigned i)
{
    uint64_t state = i;
    sort->value(b, i, made_random(&state));
}

struct buf made_columns_column(const struct made_sort *sort, unsigned rows)
{
    struct buf b = {0};
    for (unsigned i = 0; i < rows; i++) {
        made_columns_value(&b, sort, i);
        put(&b, "\n");
    }
    return b;
}

/* One cell of a random table: of the column's sort nearly always. */
static void cell(struct buf *b, const struct made_sort *sort, unsigned strange, uint64_t *state)
{
    uint64_t r = made_random(state);
    if (strange > 0 && r % strange == 0)
        put(b, "\\N");
    else if (strange > 0 && r % (40 * strange) == 1)
        sort = &made_columns_sorts[number(r) % made_columns_sort_count];
    else if (strange > 0 && r % (40 * strange) == 2)
        made_row(b, number(r) % 20 + 1, true, r);
    if (r % 7 == 0 && strange == 0)
        r %= 1000;
    if (strange == 0 || r % strange != 0)
        sort->value(b, (unsigned)(r % 5000), made_random(state));
}

struct buf made_columns_table(uint64_t seed)
{
    struct buf b = {0};
    uint64_t state = seed;
    unsigned sorts[12];
    unsigned strange[12];
    size_t columns = made_random(&state) % ARRAY_SIZE(sorts) + 1;
    uint64_t rows = made_random(&state) % (seed % 4 == 0 ? 400 : 40) + 1;
    for (size_t i = 0; i < columns; i++) {
        sorts[i] = (unsigned)(made_random(&state) % made_columns_sort_count);
        strange[i] = (unsigned)(made_random(&state) % 9);
    }
    for (uint64_t row = 0; row < rows; row++)
        for (size_t i = 0; i < columns; i++) {
            size_t begin = b.len;
            cell(&b, &made_columns_sorts[sorts[i]], strange[i], &state);
            for (size_t k = begin; k < b.len; k++)
                if (b.data[k] == '\t' || b.data[k] == '\n')
                    b.data[k] = ' ';
            put(&b, "%c", i + 1 < columns ? '\t' : '\n');
        }
    return b;
}
