/* SPDX-License-Identifier: Apache-2.0 */
/* Rows mostly stand as they stood: the row after the last answer is it. If not, the place is
 * looked for from near to far. A row that occurs many times may lead astray. So it is
 * remembered where the last run of rows in order came to, and looked around there first, as far
 * on as rows were seen since: whatever was inserted, deleted or taken for another row, the old
 * order is found again. Of a short run and of a long one, in turn, as chance gives short ones
 * as well. */
#include "core/rows/row_match.h"

#include <stdlib.h>

#include "core/rows/row_index.h"
#include "core/rows/row_window.h"

#define SHORT_RUN 3
#define LONG_RUN 8 /* hardly by chance */
#define AROUND_BEFORE 4
#define AROUND_AFTER 8
#define CREDIT_START 64
#define CREDIT_MAX 4096
/* Another order is taken for likely when so many rows one after the other were not found, or so
 * many and this part of all. */
#define LOST 512
#define LOST_PART 8
#define GAP 128
#define SKIPPED (1u << 13) /* a power of two */
#define MAX_TOUCHED 2      /* each may bring in 2 MiB */
/* The window reads at most so many base rows for each row that was asked for. */
#define WORK 4

/* A run came to this row, when so many rows had been seen. */
struct track {
    uint64_t row, seen;
};

/* That the rows are in another order. */
enum evidence { EVIDENCE_NONE, EVIDENCE_SOME, EVIDENCE_STRONG };

struct matcher {
    struct row_match front; /* first: its address is the matcher's */
    size_t budget_bytes;
    struct row_window window;
    uint64_t window_read; /* rows */
    struct row_index index;
    enum evidence indexed_for; /* or it was tried */
    row_match_rest *rest;
    void *rest_arg;

    uint64_t run;             /* where the present run began */
    uint64_t searched;        /* the expected row of the last search */
    struct track fresh, sure; /* of the last run that was not short, or long */
    bool is_sure_first;

    uint64_t lost, lost_run; /* rows not found: all, one after the other */
    uint64_t lost_found;     /* rows found when the last one was lost */
    uint64_t gap;            /* the most base rows that were passed by at once */
    uint64_t
        *skipped;     /* base rows that were passed by, SKIPPED of them: low by low % SKIPPED */
    bool has_skipped; /* in this table */
    bool has_moved;   /* a row that was passed by has turned up */

    /* A jump that there was no credit for: the row after it, what it earned, its count. */
    uint64_t refused;
    uint64_t earned;
    uint64_t *refused_count;
};

struct answer {
    uint64_t row;
    uint64_t *count;
};

static struct matcher *matcher_of(struct row_match *m)
{
    return (struct matcher *)(void *)m;
}

struct row_match *row_match_new(size_t budget_bytes, struct error *e)
{
    struct matcher *x = calloc(1, sizeof *x);
    if (!x) {
        (void)error_memory(e, "row matcher");
        return NULL;
    }
    x->budget_bytes = budget_bytes;
    return &x->front;
}

void row_match_free(struct row_match *m)
{
    if (!m)
        return;
    row_window_done(&matcher_of(m)->window);
    row_index_done(&matcher_of(m)->index);
    free(matcher_of(m)->skipped);
    free(m);
}

int row_match_begin(struct row_match *m, const uint8_t *hashes, uint64_t rows, struct error *e)
{
    struct matcher *x = matcher_of(m);
    if (rows > PTRDIFF_MAX / ROW_MATCH_HASH_LEN)
        return error_memory(e, "row hashes of the last backup");
    row_window_clear(&x->window);
    row_index_clear(&x->index);
    *x = (struct matcher){
        .front = {.hashes = hashes, .rows = rows, .credit = CREDIT_START},
        .budget_bytes = x->budget_bytes,
        .window = x->window,
        .index = x->index,
        .skipped = x->skipped,
        .refused = ROW_MATCH_NONE,
    };
    return 0;
}

static uint64_t matched(const struct row_match_counts *c)
{
    return c->in_order + c->ahead + c->window + c->whole;
}

static uint64_t seen(const struct row_match_counts *c)
{
    return matched(c) + c->none;
}

static bool is_at(const struct row_match *m, uint64_t row, const struct row_hash *h)
{
    return row < m->rows && row_match_is(m->hashes, row, h);
}

/* The nearest equal row, of the few before centre and behind it. */
static uint64_t around(const struct row_match *m, uint64_t centre, const struct row_hash *h)
{
    for (uint64_t off = 0; off <= AROUND_AFTER; off++) {
        if (is_at(m, centre + off, h))
            return centre + off;
        if (off <= AROUND_BEFORE && off <= centre && is_at(m, centre - off, h))
            return centre - off;
    }
    return ROW_MATCH_NONE;
}

static uint64_t in_window(struct matcher *x, const struct row_hash *h, uint64_t centre)
{
    const struct row_match *m = &x->front;
    uint64_t allowed = 2 * ROW_WINDOW_SPAN + WORK * seen(&m->counts) - x->window_read;
    x->window_read += row_window_cover(&x->window, m->hashes, m->rows, centre, allowed);
    return row_window_find(&x->window, m->hashes, h, m->next);
}

/* Where the run would be by now. */
static uint64_t reached(const struct matcher *x, const struct track *t)
{
    return t->row + (seen(&x->front.counts) - t->seen);
}

/* Looks at the base all over the place: of a mapped file that is soon all of it. Where a whole
 * index is used that is so, and in the budget. */
static uint64_t find_far(struct matcher *x, const struct row_hash *h)
{
    const struct row_match *m = &x->front;
    uint64_t row = row_index_find(&x->index, m->hashes, h);
    if (x->rest && row_index_is_sample(&x->index) && x->index.touched >= MAX_TOUCHED) {
        x->index.touched = 0;
        x->rest(x->rest_arg, bytes_of(m->hashes, (size_t)m->rows * ROW_MATCH_HASH_LEN));
    }
    return row;
}

static struct answer look(struct matcher *x, const struct row_hash *h)
{
    struct row_match *m = &x->front;
    struct row_match_counts *c = &m->counts;
    uint64_t fresh = reached(x, &x->fresh);
    uint64_t sure = reached(x, &x->sure);
    if (is_at(m, x->refused, h))
        return (struct answer){x->refused, x->refused_count};
    uint64_t row = around(m, x->is_sure_first ? sure : fresh, h);
    if (row == ROW_MATCH_NONE && sure != fresh)
        row = around(m, x->is_sure_first ? fresh : sure, h);
    if (row != ROW_MATCH_NONE)
        return (struct answer){row, &c->ahead};
    row = in_window(x, h, sure);
    if (row != ROW_MATCH_NONE)
        return (struct answer){row, &c->window};
    return (struct answer){find_far(x, h), &c->whole};
}

/* Base rows from, …, to - 1 are passed by. */
static void skip(struct matcher *x, uint64_t from, uint64_t to)
{
    if (to - from > x->gap)
        x->gap = to - from;
    if (to - from >= GAP)
        return;
    if (!x->skipped && !(x->skipped = malloc(SKIPPED * sizeof *x->skipped)))
        return;
    if (!x->has_skipped)
        memset(x->skipped, 0, SKIPPED * sizeof *x->skipped);
    x->has_skipped = true;
    for (; from < to; from++) {
        struct row_hash h = row_match_load(x->front.hashes + from * ROW_MATCH_HASH_LEN);
        x->skipped[h.low % SKIPPED] = h.low;
    }
}

/* A row was not found: does that look like rows in another order? New rows at the end of a
 * table are not found either, but then little of the base is left over. */
static enum evidence reordered(struct matcher *x)
{
    const struct row_match *m = &x->front;
    uint64_t found = matched(&m->counts);
    uint64_t all = seen(&m->counts);
    if (found != x->lost_found)
        x->lost_run = 0;
    x->lost_found = found;
    x->lost++;
    x->lost_run++;
    if (m->rows <= ROW_WINDOW_SPAN || m->rows - found < LOST || found > m->rows ||
        x->lost < LOST || (x->lost_run < LOST && x->lost <= all / LOST_PART))
        return EVIDENCE_NONE;
    if (x->lost > all / LOST_PART && m->rows - found > m->rows / LOST_PART)
        return EVIDENCE_STRONG;
    /* Rows that were changed leave small gaps and do not turn up elsewhere. */
    return x->gap >= GAP || m->rows - m->next >= GAP || x->has_moved ? EVIDENCE_SOME
                                                                     : EVIDENCE_NONE;
}

/* The index that the evidence is worth: a sample shows whether a whole one will be of use. */
static bool make_index(struct matcher *x, enum evidence evidence)
{
    const struct row_index_base base = {
        .hashes = x->front.hashes,
        .rows = x->front.rows,
        .budget_bytes = x->budget_bytes,
        .sample = evidence == EVIDENCE_SOME,
        .rest = x->rest,
        .rest_arg = x->rest_arg,
    };
    x->indexed_for = evidence;
    return row_index_build(&x->index, &base);
}

void row_match_tell(struct row_match *m, row_match_rest *rest, void *arg)
{
    matcher_of(m)->rest = rest;
    matcher_of(m)->rest_arg = arg;
}

static uint64_t none(struct matcher *x)
{
    x->front.counts.none++;
    return ROW_MATCH_NONE;
}

/* A jump to a, if it is paid for. If not, and the next rows follow it, it will be. */
static uint64_t jump(struct matcher *x, struct answer a, size_t row_len)
{
    struct row_match *m = &x->front;
    uint64_t gain = row_len / 4 + (a.row == x->refused ? x->earned : 0);
    uint64_t credit = (m->credit < CREDIT_MAX ? m->credit : CREDIT_MAX) + gain;
    x->refused = ROW_MATCH_NONE;
    if (credit < ROW_MATCH_JUMP_COST) {
        x->refused = a.row + 1;
        x->refused_count = a.count;
        x->earned = gain;
        return none(x);
    }
    m->credit = credit - ROW_MATCH_JUMP_COST;
    ++*a.count;
    if (a.row > m->next)
        skip(x, m->next, a.row);
    x->run = a.row;
    m->next = a.row + 1;
    return a.row;
}

/* The first search after rows that were found. */
static void end_run(struct matcher *x)
{
    const struct row_match *m = &x->front;
    const struct track t = {.row = m->next, .seen = seen(&m->counts)};
    x->searched = m->next;
    x->is_sure_first = m->next - x->run < SHORT_RUN && !x->is_sure_first;
    if (m->next - x->run >= SHORT_RUN)
        x->fresh = t;
    if (m->next - x->run >= LONG_RUN)
        x->sure = t;
}

uint64_t row_match_search(struct row_match *m, const struct row_hash *h, size_t row_len)
{
    struct matcher *x = matcher_of(m);
    if (m->rows == 0)
        return none(x);
    if (m->next != x->searched)
        end_run(x);
    struct answer a = look(x, h);
    if (a.row == ROW_MATCH_NONE) {
        x->has_moved = x->has_moved || (x->has_skipped &&
                                        x->skipped[h->low % SKIPPED] == h->low && h->low != 0);
        enum evidence evidence = reordered(x);
        if (evidence > x->indexed_for && make_index(x, evidence))
            a = (struct answer){find_far(x, h), &m->counts.whole};
    } else if (a.count == &m->counts.whole && x->indexed_for == EVIDENCE_SOME) {
        (void)make_index(x, EVIDENCE_STRONG);
    }
    if (a.row == ROW_MATCH_NONE) {
        x->refused = ROW_MATCH_NONE;
        return none(x);
    }
    return jump(x, a, row_len);
}
