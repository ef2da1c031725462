/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/row_tally.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/file_map.h"
#include "core/base/str.h"

/* In files too, which only this process reads. */
struct item {
    uint64_t low;
    uint32_t high;
    int32_t count; /* above 0: so many more before than after */
};
static_assert(sizeof(struct item) == 16, "no holes: items are compared and written whole");

#define FIRST_ITEMS 1024
#define LEAST_READ 64 /* items of a run that are read at once */

struct run {
    uint64_t at, end; /* what is not read yet of the file, in items */
    struct item *items;
    size_t next, held;
};

struct row_tally {
    char *path;
    size_t most; /* items in memory */
    struct item *items;
    size_t count, cap;
    int file; /* runs, one behind the other; -1 */
    uint64_t written;
    uint64_t *ends; /* of the runs, in items */
    size_t run_count;
    struct item *map; /* what the merge left; NULL: it is in items */
    uint64_t only[2];
    struct item *left; /* what is on one side alone, sorted */
    uint64_t left_count;
};

struct row_tally *row_tally_new(const char *path, size_t memory_bytes, struct error *e)
{
    assert(memory_bytes >= ROW_TALLY_LEAST);
    struct row_tally *t = calloc(1, sizeof *t);
    if (!t) {
        (void)error_memory(e, "comparison of rows");
        return NULL;
    }
    t->file = -1;
    t->most = memory_bytes / 2 / sizeof *t->items;
    t->path = str_copy(path, e);
    if (t->path)
        return t;
    row_tally_free(t);
    return NULL;
}

void row_tally_free(struct row_tally *t)
{
    if (!t)
        return;
    if (t->file >= 0)
        (void)close(t->file);
    if (t->map)
        file_map_close(bytes_of(t->map, t->left_count * sizeof *t->map));
    free(t->path);
    free(t->items);
    free(t->ends);
    free(t);
}

/* ---- gathering --------------------------------------------------------------------- */

static int order_of(const struct item *a, const struct item *b)
{
    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    return (a->high > b->high) - (a->high < b->high);
}

static int sort_order(const void *a, const void *b)
{
    return order_of(a, b);
}

/* Item `more` into `into`, of the same hash. */
static int add_up(struct item *into, const struct item *more, struct error *e)
{
    if (__builtin_add_overflow(into->count, more->count, &into->count))
        return error_set(e, ERROR_UNSUPPORTED, "a row is there more than 2^31 times");
    return 0;
}

/* Sort what is in memory, and make equal hashes one. */
static int put_in_order(struct row_tally *t, struct error *e)
{
    size_t kept = 0;
    if (t->count > 1)
        qsort(t->items, t->count, sizeof *t->items, sort_order);
    for (size_t i = 0; i < t->count; i++) {
        if (kept > 0 && order_of(&t->items[kept - 1], &t->items[i]) == 0) {
            if (add_up(&t->items[kept - 1], &t->items[i], e) < 0)
                return -1;
            continue;
        }
        kept -= kept > 0 && t->items[kept - 1].count == 0;
        t->items[kept++] = t->items[i];
    }
    kept -= kept > 0 && t->items[kept - 1].count == 0;
    t->count = kept;
    return 0;
}

static int write_run(struct row_tally *t, struct error *e)
{
    if (t->file < 0 && (t->file = file_temporary(t->path, e)) < 0)
        return -1;
    uint64_t *ends = reallocarray(t->ends, t->run_count + 1, sizeof *ends);
    if (!ends)
        return error_memory(e, "comparison of rows");
    t->ends = ends;
    if (file_write_full(t->file, bytes_of(t->items, t->count * sizeof *t->items), e) < 0)
        return error_wrap(e, "hashes of rows");
    t->written += t->count;
    t->ends[t->run_count++] = t->written;
    t->count = 0;
    return 0;
}

static int make_room(struct row_tally *t, struct error *e)
{
    if (t->count < t->cap)
        return 0;
    if (t->cap < t->most) {
        size_t cap = t->cap ? 2 * t->cap : FIRST_ITEMS;
        cap = cap < t->most ? cap : t->most;
        struct item *items = reallocarray(t->items, cap, sizeof *items);
        if (!items)
            return error_memory(e, "comparison of rows");
        t->items = items;
        t->cap = cap;
        return 0;
    }
    if (put_in_order(t, e) < 0)
        return -1;
    /* Many equal rows: there is room again. */
    return t->count <= t->most / 2 ? 0 : write_run(t, e);
}

int row_tally_add(struct row_tally *t, enum row_tally_side side, const struct row_hash *hash,
                  struct error *e)
{
    if (make_room(t, e) < 0)
        return -1;
    t->items[t->count++] = (struct item){.low = hash->low,
                                         .high = (uint32_t)hash->high,
                                         .count = side == ROW_TALLY_BEFORE ? 1 : -1};
    return 0;
}

/* ---- merging ----------------------------------------------------------------------- */

struct merge {
    struct row_tally *t;
    struct run *runs;
    size_t *heap; /* runs that have an item, the one with the least on top */
    size_t heap_count;
    size_t per_run; /* items of memory each; the output has as many */
    int file;
    struct item *out;
    size_t out_count;
    struct item open; /* equal hashes are added up here */
    bool has_open;
};

static const struct item *front(const struct merge *m, size_t heap_place)
{
    const struct run *run = &m->runs[m->heap[heap_place]];
    return &run->items[run->next];
}

/* Bring the item at a place of the heap down to where it belongs. */
static void sift(struct merge *m, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < m->heap_count; child++)
            if (order_of(front(m, child), front(m, least)) < 0)
                least = child;
        if (least == at)
            return;
        size_t moved = m->heap[at];
        m->heap[at] = m->heap[least];
        m->heap[least] = moved;
        at = least;
    }
}

/* The next items of a run; none when it is used up. */
static int refill(struct merge *m, struct run *run, struct error *e)
{
    uint64_t n = run->end - run->at < m->per_run ? run->end - run->at : m->per_run;
    size_t len = (size_t)n * sizeof *run->items;
    size_t got = 0;
    if (n > 0 &&
        file_read_at(m->t->file, run->at * sizeof *run->items, run->items, len, &got, e) < 0)
        return error_wrap(e, "hashes of rows");
    if (got != len)
        return error_set(e, ERROR_IO, "hashes of rows: the file became shorter");
    run->at += n;
    run->held = (size_t)n;
    run->next = 0;
    return 0;
}

static int write_out(struct merge *m, struct error *e)
{
    struct bytes b = bytes_of(m->out, m->out_count * sizeof *m->out);
    m->t->left_count += m->out_count;
    m->out_count = 0;
    return file_write_full(m->file, b, e) < 0 ? error_wrap(e, "hashes of rows") : 0;
}

static int close_item(struct merge *m, struct error *e)
{
    if (!m->has_open || m->open.count == 0)
        return 0;
    m->out[m->out_count++] = m->open;
    return m->out_count == m->per_run ? write_out(m, e) : 0;
}

static int merge_item(struct merge *m, const struct item *item, struct error *e)
{
    if (m->has_open && order_of(&m->open, item) == 0)
        return add_up(&m->open, item, e);
    if (close_item(m, e) < 0)
        return -1;
    m->open = *item;
    m->has_open = true;
    return 0;
}

static int merge_runs(struct merge *m, struct error *e)
{
    for (size_t i = m->heap_count; i-- > 0;)
        sift(m, i);
    while (m->heap_count > 0) {
        struct run *run = &m->runs[m->heap[0]];
        if (merge_item(m, &run->items[run->next++], e) < 0 ||
            (run->next == run->held && refill(m, run, e) < 0))
            return -1;
        if (run->held == 0)
            m->heap[0] = m->heap[--m->heap_count];
        sift(m, 0);
    }
    return close_item(m, e) < 0 ? -1 : write_out(m, e);
}

/* The memory in which hashes were gathered is cut among the runs and the output. */
static int share_memory(struct merge *m, struct error *e)
{
    struct row_tally *t = m->t;
    size_t parts = t->run_count + 1;
    m->per_run = t->most / parts > LEAST_READ ? t->most / parts : LEAST_READ;
    struct item *items = reallocarray(t->items, parts * m->per_run, sizeof *items);
    m->runs = calloc(parts, sizeof *m->runs);
    m->heap = calloc(parts, sizeof *m->heap);
    if (items)
        t->items = items;
    if (!items || !m->runs || !m->heap) {
        (void)error_memory(e, "comparison of rows");
        return -1;
    }
    m->out = items + t->run_count * m->per_run;
    return 0;
}

static int begin_runs(struct merge *m, struct error *e)
{
    const struct row_tally *t = m->t;
    for (size_t i = 0; i < t->run_count; i++) {
        struct run *run = &m->runs[i];
        run->at = i > 0 ? t->ends[i - 1] : 0;
        run->end = t->ends[i];
        run->items = t->items + i * m->per_run;
        if (refill(m, run, e) < 0)
            return -1;
        if (run->held > 0)
            m->heap[m->heap_count++] = i;
    }
    return 0;
}

static int merge_all(struct row_tally *t, struct error *e)
{
    struct merge m = {.t = t, .file = file_temporary(t->path, e)};
    void *map = NULL;
    int rc = m.file < 0 ? -1 : share_memory(&m, e);
    if (rc == 0)
        rc = begin_runs(&m, e);
    if (rc == 0)
        rc = merge_runs(&m, e);
    if (rc == 0)
        rc = file_map_scratch(m.file, "hashes of rows", &map, e);
    t->map = map;
    t->left = map;
    if (m.file >= 0)
        (void)close(m.file);
    free(m.runs);
    free(m.heap);
    free(t->items);
    t->items = NULL;
    (void)close(t->file);
    t->file = -1;
    return rc;
}

int row_tally_settle(struct row_tally *t, struct error *e)
{
    if (put_in_order(t, e) < 0)
        return -1;
    t->left = t->items;
    t->left_count = t->count;
    if (t->run_count > 0) {
        t->left_count = 0;
        if ((t->count > 0 && write_run(t, e) < 0) || merge_all(t, e) < 0)
            return -1;
    }
    assert(t->left || t->left_count == 0);
    for (uint64_t i = 0; i < t->left_count; i++) {
        int64_t count = t->left[i].count;
        t->only[count > 0 ? ROW_TALLY_BEFORE : ROW_TALLY_AFTER] +=
            (uint64_t)(count > 0 ? count : -count);
    }
    return 0;
}

/* ---- asking ------------------------------------------------------------------------ */

uint64_t row_tally_only(const struct row_tally *t, enum row_tally_side side)
{
    return t->only[side];
}

/* Hashes are spread evenly, so that the place of one is known but for the square root of their
 * number: steps that double lead from there to bounds for a search by halves. */
static struct item *find(const struct row_tally *t, const struct item *wanted)
{
    uint64_t count = t->left_count;
    uint64_t guess = (uint64_t)((double)wanted->low / 18446744073709551616.0 * (double)count);
    uint64_t first, end; /* it is in between */
    guess = guess < count ? guess : count - 1;
    if (order_of(&t->left[guess], wanted) <= 0) {
        first = guess;
        end = guess + 1;
        for (uint64_t step = 16; end < count && order_of(&t->left[end], wanted) <= 0; step *= 2)
            end = count - end > step ? end + step : count;
    } else {
        end = guess;
        first = guess;
        for (uint64_t step = 16; first > 0 && order_of(&t->left[first], wanted) > 0; step *= 2)
            first = first > step ? first - step : 0;
    }
    while (first < end) {
        uint64_t middle = first + (end - first) / 2;
        int order = order_of(&t->left[middle], wanted);
        if (order == 0)
            return &t->left[middle];
        if (order < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

bool row_tally_take(struct row_tally *t, enum row_tally_side side, const struct row_hash *hash)
{
    const struct item wanted = {.low = hash->low, .high = (uint32_t)hash->high};
    if (t->only[side] == 0)
        return false;
    struct item *found = t->left_count > 0 ? find(t, &wanted) : NULL;
    if (!found || found->count == 0 || (found->count > 0) != (side == ROW_TALLY_BEFORE))
        return false;
    found->count += found->count > 0 ? -1 : 1;
    return true;
}
