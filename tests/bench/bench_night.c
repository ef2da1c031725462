/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the dump of night N of a table that ages, the same for the same arguments:
 *
 *   bench_night FILE PATTERN N ROWS
 *
 *   random     1 % of the rows updated, anywhere
 *   clustered  1 % of the rows updated, neighbours of one another
 *   append     1 % new rows, at the end
 *   delete     1 % of the rows deleted anywhere, 0.2 % new
 *
 * The table is a heap as PostgreSQL's: an update leaves its place and takes one that became
 * free on an earlier night (there is a VACUUM every night), or one at the end. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "tests/support/dump_file.h"
#include "tests/support/made_dump.h"

struct row {
    uint32_t id; /* 0: the place is free */
    uint32_t version;
};

struct heap {
    struct row *place;
    size_t used;     /* places up to the last that was ever taken */
    uint32_t *freed; /* places to be taken; what comes free tonight stands behind them */
    size_t freed_count, tonight;
    size_t live;
    uint32_t last_id;
    uint64_t random;
    bool in_order; /* the lowest free place first, else any */
};

static size_t below(struct heap *h, size_t n)
{
    return (size_t)(made_random(&h->random) % n);
}

/* -- one change -- */

static size_t free_place(struct heap *h)
{
    if (h->freed_count == 0)
        return h->used++;
    size_t i = h->in_order ? 0 : below(h, h->freed_count);
    size_t place = h->freed[i];
    if (h->in_order) {
        memmove(h->freed, h->freed + 1, (h->freed_count + h->tonight - 1) * sizeof *h->freed);
    } else {
        h->freed[i] = h->freed[h->freed_count - 1];
        memmove(h->freed + h->freed_count - 1, h->freed + h->freed_count,
                h->tonight * sizeof *h->freed);
    }
    h->freed_count--;
    return place;
}

static void leave(struct heap *h, size_t place)
{
    h->place[place].id = 0;
    h->freed[h->freed_count + h->tonight++] = (uint32_t)place;
    h->live--;
}

static void insert(struct heap *h, struct row row)
{
    h->place[free_place(h)] = row;
    h->live++;
}

static void update(struct heap *h, size_t place)
{
    struct row row = h->place[place];
    row.version++;
    leave(h, place);
    insert(h, row);
}

static size_t some_row(struct heap *h)
{
    size_t place;
    do {
        place = below(h, h->used);
    } while (h->place[place].id == 0);
    return place;
}

static void add(struct heap *h, size_t count)
{
    for (size_t i = 0; i < count; i++)
        insert(h, (struct row){.id = ++h->last_id});
}

/* -- one night -- */

typedef void night_fn(struct heap *h, size_t percent);

static void random_night(struct heap *h, size_t percent)
{
    for (size_t i = 0; i < percent; i++)
        update(h, some_row(h));
}

static void clustered_night(struct heap *h, size_t percent)
{
    size_t place = some_row(h);
    size_t end = h->used;
    for (size_t i = 0; i < percent; place = (place + 1) % end) {
        if (h->place[place].id == 0)
            continue;
        update(h, place);
        i++;
    }
}

static void append_night(struct heap *h, size_t percent)
{
    add(h, percent);
}

static void delete_night(struct heap *h, size_t percent)
{
    for (size_t i = 0; i < percent; i++)
        leave(h, some_row(h));
    add(h, percent / 5);
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void vacuum(struct heap *h)
{
    h->freed_count += h->tonight;
    h->tonight = 0;
    qsort(h->freed, h->freed_count, sizeof *h->freed, by_place);
}

/* -- the dump -- */

static void print_row(struct buf *out, struct row row)
{
    static const char *const state[] = {"new", "paid", "shipped", "delivered", "returned"};
    uint64_t fixed = row.id;
    uint64_t moving = ((uint64_t)row.version + 1) << 32 | row.id;
    uint64_t a = made_random(&fixed);
    uint64_t b = made_random(&moving);
    dump_file_print(out, "%" PRIu32 "\t%016" PRIx64 "\t%u\t%s\t%u.%02u\t", row.id, a,
                    (unsigned)(a % 20000), state[b % ARRAY_SIZE(state)],
                    (unsigned)(b >> 8) % 900, (unsigned)(b >> 20) % 100);
    dump_file_print(out, "2025-%02u-%02u %02u:%02u:%02u.%06u+00\t",
                    (unsigned)(b >> 24) % 12 + 1, (unsigned)(b >> 28) % 28 + 1,
                    (unsigned)(b >> 33) % 24, (unsigned)(b >> 38) % 60,
                    (unsigned)(b >> 44) % 60, (unsigned)(b >> 32) % 1000000);
    dump_file_print(out, "note %u on %u\n", (unsigned)(a >> 16) % 1000,
                    (unsigned)(a >> 26) % 100000);
}

static bool dump(const struct heap *h, const char *path)
{
    static const struct dump_file_table table = {
        .name = "aging", .columns = "id, key, customer, state, total, changed, note"};
    struct dump_file d;
    struct buf row = {0};
    if (!dump_file_begin(&d, path, &table, 1))
        return false;
    dump_file_data_begin(&d, 0);
    for (size_t i = 0; i < h->used; i++) {
        if (h->place[i].id == 0)
            continue;
        row.len = 0;
        print_row(&row, h->place[i]);
        dump_file_row(&d, buf_view(&row));
    }
    dump_file_data_end(&d);
    buf_done(&row);
    return dump_file_close(&d);
}

static night_fn *night_of(const char *pattern)
{
    static const struct {
        const char *name;
        night_fn *night;
    } patterns[] = {{"random", random_night},
                    {"clustered", clustered_night},
                    {"append", append_night},
                    {"delete", delete_night}};
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
        if (strcmp(patterns[i].name, pattern) == 0)
            return patterns[i].night;
    return NULL;
}

int main(int argc, char **argv)
{
    uint64_t number;
    uint64_t rows;
    night_fn *night = argc == 5 ? night_of(argv[2]) : NULL;
    if (!night || !str_u64(argv[3], 1000, &number) || !str_u64(argv[4], 100000000, &rows) ||
        rows < 1000) {
        (void)fprintf(stderr,
                      "usage: bench_night FILE random|clustered|append|delete NIGHT ROWS\n");
        return 2;
    }
    size_t percent = (size_t)rows / 100;
    /* A night takes at most one per cent of new places. */
    size_t room = (size_t)rows + (size_t)number * percent;
    struct heap h = {.place = calloc(room, sizeof *h.place),
                     .freed = calloc(room, sizeof *h.freed),
                     .random = 1,
                     .in_order = night == clustered_night};
    if (!h.place || !h.freed)
        abort();
    add(&h, (size_t)rows);
    for (uint64_t n = 2; n <= number; n++) {
        night(&h, percent);
        vacuum(&h);
    }
    bool whole = dump(&h, argv[1]);
    free(h.freed);
    free(h.place);
    return whole ? 0 : 1;
}
