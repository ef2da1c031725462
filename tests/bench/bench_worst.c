/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of nights that are hard on a store of rows, the same for the same arguments:
 *
 *   bench_worst FILE CASE NIGHT [--full]   night 1 or 2 of a case, as a dump
 *   bench_worst --list [--full]            the cases and what they are
 *
 * A row is made from its number, so that any order of any number of rows needs no memory. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "tests/support/dump_file.h"
#include "tests/support/made_dump.h"

#define WIDE_COLUMNS 2000
#define DOCUMENT_WORDS 18500

struct at {
    uint64_t table, row; /* row: its place in tonight's dump */
    uint64_t rows;       /* how many there are on night 1 */
    int night;
};

struct worst {
    const char *name, *what;
    void (*row)(struct buf *out, struct at at);
    uint64_t tables, rows, full_rows; /* full_rows 0: the same */
    int more;                         /* rows on night 2 beyond those of night 1 */
    bool only_full;
};

static uint64_t hash(uint64_t value)
{
    return made_random(&value);
}

/* A number below n for each number below n: a mixer of as many bits as n has, applied until
 * the result is below n (cycle walking: Black and Rogaway 2002). */
static uint64_t shuffled(uint64_t x, uint64_t n)
{
    unsigned bits = 2;
    while (bits < 63 && UINT64_C(1) << bits < n)
        bits++;
    uint64_t mask = (UINT64_C(1) << bits) - 1;
    do {
        for (int i = 0; i < 3; i++) {
            x = (x * UINT64_C(0x9e3779b97f4a7c15) + 0x5851) & mask;
            x ^= x >> (bits / 2);
        }
    } while (x >= n);
    return x;
}

/* -- the rows of the cases -- */

static void plain(struct buf *out, uint64_t n)
{
    uint64_t h = hash(n);
    dump_file_print(out,
                    "%" PRIu64 "\t%012" PRIx64 "\t%u\t2025-%02u-%02u %02u:%02u:00\tnote %u", n,
                    h >> 16, (unsigned)(h % 20000), (unsigned)(h >> 20) % 12 + 1,
                    (unsigned)(h >> 24) % 28 + 1, (unsigned)(h >> 30) % 24,
                    (unsigned)(h >> 35) % 60, (unsigned)(h >> 10) % 1000);
}

static void updated_row(struct buf *out, struct at at)
{
    plain(out, at.row);
    dump_file_print(out, "\t%" PRIu64 "\n", hash(at.row ^ (uint64_t)at.night << 40) % 100000);
}

static void clustered_row(struct buf *out, struct at at)
{
    plain(out, at.night == 1 ? at.row : shuffled(at.row, at.rows));
    archive_bytes(out, "\n", 1);
}

static void narrow_row(struct buf *out, struct at at)
{
    dump_file_print(out, "%" PRIu64 "\n", at.night == 1 ? at.row : shuffled(at.row, at.rows));
}

/* In one row of a hundred, one column is another on night 2. */
static void wide_row(struct buf *out, struct at at)
{
    uint64_t changed =
        at.night == 2 && at.row % 100 == 50 ? hash(at.row) % WIDE_COLUMNS : WIDE_COLUMNS;
    for (uint64_t i = 0; i < WIDE_COLUMNS; i++)
        dump_file_print(out, "%s%" PRIu64, i ? "\t" : "",
                        hash(at.row * WIDE_COLUMNS + i) % 100000 + (i == changed));
    archive_bytes(out, "\n", 1);
}

/* In one document of thirty, one word is another on night 2. */
static void document_row(struct buf *out, struct at at)
{
    uint64_t random = at.row;
    uint64_t changed =
        at.night == 2 && at.row % 30 == 15 ? hash(at.row) % DOCUMENT_WORDS : DOCUMENT_WORDS;
    dump_file_print(out, "%" PRIu64 "\t", at.row);
    for (uint64_t i = 0; i < DOCUMENT_WORDS; i++) {
        uint64_t word = made_random(&random);
        dump_file_print(out, "w%" PRIu64 " ",
                        i == changed ? 1 : (word >> 20) % (word % 2 ? 100 : 100000));
    }
    out->data[out->len - 1] = '\n';
}

/* A bytea of at.rows bytes of COPY text; one digit in its middle is another on night 2. */
static void giant_row(struct buf *out, struct at at)
{
    static const char digits[] = "0123456789abcdef";
    if (buf_reserve(out, (size_t)at.rows, NULL) < 0)
        abort();
    archive_bytes(out, "\\\\x", 3);
    uint64_t random = 1;
    while (out->len + 17 <= at.rows) {
        uint64_t value = made_random(&random);
        for (int i = 0; i < 16; i++)
            out->data[out->len++] = (uint8_t)digits[value >> i * 4 & 15];
    }
    uint8_t *middle = &out->data[out->len / 2];
    if (at.night == 2)
        *middle = *middle == '0' ? '1' : '0';
    archive_bytes(out, "\n", 1);
}

/* One row of every hundredth table is another on night 2. */
static void small_row(struct buf *out, struct at at)
{
    plain(out, at.table * 100 + at.row);
    dump_file_print(out, "%s\n",
                    at.night == 2 && at.table % 100 == 50 && at.row == 7 ? " changed" : "");
}

static void no_row(struct buf *out, struct at at)
{
    (void)out;
    (void)at;
}

/* What is more on night 2 stands in the middle. */
static void identical_row(struct buf *out, struct at at)
{
    if (at.night == 2 && at.row >= at.rows / 2 && at.row < at.rows / 2 + 10)
        dump_file_print(out, "new %" PRIu64 "\n", at.row % 10);
    else
        archive_bytes(out, "a\tt\t0.0\n", 8);
}

static void few_valued_row(struct buf *out, struct at at)
{
    uint64_t row = at.row + (at.night == 2 && at.row >= at.rows / 3 ? 1 : 0);
    dump_file_print(out, "state %" PRIu64 "\tf\n", hash(row) % 50);
}

static void longer_row(struct buf *out, struct at at)
{
    plain(out, at.row);
    dump_file_print(out, "%s\n", at.night == 2 ? "\tweb" : "");
}

static const struct worst cases[] = {
    {"updated", "all rows updated", updated_row, 1, 400000, 4000000, 0, false},
    {"cluster", "CLUSTER: the same rows in any order", clustered_row, 1, 2000000, 0, 0, false},
    {"narrow", "narrow rows in any order, beyond any index", narrow_row, 1, 20000000, 0, 0,
     true},
    {"wide", "2000 columns; one in 1 % of the rows changed", wide_row, 1, 2000, 20000, 0,
     false},
    {"documents", "documents of 100 KB; a word in 10 of 300 changed", document_row, 1, 300,
     3000, 0, false},
    {"giant", "one row; one digit changed", giant_row, 1, 64000000, 1000000000, 0, false},
    {"small", "10000 tables of 20 rows; a row in 100 of them changed", small_row, 10000, 20, 0,
     0, false},
    {"empty", "10000 empty tables; nothing changed", no_row, 10000, 0, 0, 0, false},
    {"identical", "identical rows; 10 others put into the middle", identical_row, 1, 5000000, 0,
     10, false},
    {"few", "rows of 50 values in any order; one deleted", few_valued_row, 1, 3000000, 0, -1,
     false},
    {"column", "a column appended", longer_row, 1, 1000000, 0, 0, false},
};

/* -- the dump -- */

static const char *columns_of(const struct worst *w, int night)
{
    static char wide[WIDE_COLUMNS * 7];
    if (w->row == wide_row) {
        size_t len = 0;
        for (size_t i = 0; i < WIDE_COLUMNS; i++)
            len += (size_t)snprintf(wide + len, sizeof wide - len, "%sc%zu", i ? ", " : "", i);
        return wide;
    }
    if (w->row == narrow_row || w->row == giant_row)
        return "a";
    if (w->row == document_row || w->row == few_valued_row)
        return "a, b";
    if (w->row == identical_row)
        return "a, b, c";
    if (w->row == updated_row)
        return "id, key, customer, changed, note, amount";
    return w->row == longer_row && night == 2 ? "id, key, customer, changed, note, channel"
                                              : "id, key, customer, changed, note";
}

static uint64_t rows_of(const struct worst *w, bool full)
{
    return full && w->full_rows > 0 ? w->full_rows : w->rows;
}

static void data(struct dump_file *d, const struct worst *w, struct at at)
{
    struct buf row = {0};
    /* The giant's size is in bytes: it is one row. */
    uint64_t count = w->row == giant_row ? 1 : at.rows;
    if (at.night == 2)
        count = (uint64_t)((int64_t)count + w->more);
    dump_file_data_begin(d, at.table);
    for (at.row = 0; at.row < count; at.row++) {
        row.len = 0;
        w->row(&row, at);
        dump_file_row(d, buf_view(&row));
    }
    dump_file_data_end(d);
    buf_done(&row);
}

static bool dump(const struct worst *w, const char *path, int night, bool full)
{
    struct dump_file d;
    struct dump_file_table *tables = calloc(w->tables, sizeof *tables);
    if (!tables)
        abort();
    for (uint64_t i = 0; i < w->tables; i++) {
        (void)snprintf(tables[i].name, sizeof tables[i].name, "t%05u", (unsigned)i % 100000);
        tables[i].columns = columns_of(w, night);
    }
    bool made = dump_file_begin(&d, path, tables, w->tables);
    free(tables);
    if (!made)
        return false;
    for (uint64_t i = 0; i < w->tables; i++)
        data(&d, w, (struct at){.table = i, .rows = rows_of(w, full), .night = night});
    return dump_file_close(&d);
}

static void list(bool full)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (full || !cases[i].only_full)
            (void)printf("%s\t%s\n", cases[i].name, cases[i].what);
}

static const struct worst *case_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    return NULL;
}

int main(int argc, char **argv)
{
    bool full = argc > 1 && strcmp(argv[argc - 1], "--full") == 0;
    uint64_t night;
    int words = argc - full;
    const struct worst *w = words == 4 ? case_of(argv[2]) : NULL;
    if (words == 2 && strcmp(argv[1], "--list") == 0) {
        list(full);
        return 0;
    }
    if (!w || !str_u64(argv[3], 2, &night) || night < 1) {
        (void)fprintf(stderr, "usage: bench_worst FILE CASE 1|2 [--full] | --list [--full]\n");
        return 2;
    }
    return dump(w, argv[1], (int)night, full) ? 0 : 1;
}
