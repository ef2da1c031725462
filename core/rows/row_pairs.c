/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/row_pairs.h"

#include <assert.h>
#include <stdlib.h>

#define NOBODY UINT32_MAX

struct held {
    struct row_hash key;
    uint32_t at, len; /* in the side's texts */
    uint32_t order;   /* in which it came */
    uint32_t partner; /* order of the row on the other side; NOBODY */
};
static_assert(sizeof(struct held) == 32, "the budget in the header counts on it");

struct side {
    struct buf texts;
    struct held *rows;
    size_t count, cap;
};

struct row_pairs {
    size_t budget; /* of one side */
    struct side sides[2];
};

struct row_pairs *row_pairs_new(size_t budget_bytes, struct error *e)
{
    struct row_pairs *p = calloc(1, sizeof *p);
    assert(budget_bytes / 2 <= UINT32_MAX);
    if (p)
        p->budget = budget_bytes / 2;
    else
        (void)error_memory(e, "changed rows");
    return p;
}

static void let_go(struct side *s)
{
    buf_done(&s->texts);
    free(s->rows);
    *s = (struct side){0};
}

void row_pairs_free(struct row_pairs *p)
{
    if (!p)
        return;
    let_go(&p->sides[0]);
    let_go(&p->sides[1]);
    free(p);
}

int row_pairs_hold(struct row_pairs *p, enum row_pairs_side side, const struct row_hash *key,
                   struct bytes text, struct error *e)
{
    struct side *s = &p->sides[side];
    size_t used = s->texts.len + s->count * sizeof *s->rows;
    if (used + sizeof *s->rows > p->budget || text.len > p->budget - used - sizeof *s->rows)
        return ROW_PAIRS_FULL;
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap + s->cap / 2 : 64;
        struct held *rows = reallocarray(s->rows, cap, sizeof *rows);
        if (!rows)
            return error_memory(e, "changed rows");
        s->rows = rows;
        s->cap = cap;
    }
    s->rows[s->count] = (struct held){.key = *key,
                                      .at = (uint32_t)s->texts.len,
                                      .len = (uint32_t)text.len,
                                      .order = (uint32_t)s->count,
                                      .partner = NOBODY};
    if (buf_append(&s->texts, text.data, text.len, e) < 0)
        return -1;
    s->count++;
    return 0;
}

static int key_order(const struct held *a, const struct held *b)
{
    if (a->key.low != b->key.low)
        return a->key.low < b->key.low ? -1 : 1;
    return (a->key.high > b->key.high) - (a->key.high < b->key.high);
}

static int by_key(const void *x, const void *y)
{
    const struct held *a = x, *b = y;
    int order = key_order(a, b);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static int by_order(const void *x, const void *y)
{
    const struct held *a = x, *b = y;
    return (a->order > b->order) - (a->order < b->order);
}

static void sort(struct side *s, int (*order)(const void *, const void *))
{
    if (s->count > 1)
        qsort(s->rows, s->count, sizeof *s->rows, order);
}

static void find_partners(struct side *a, struct side *b)
{
    sort(a, by_key);
    sort(b, by_key);
    for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
        int order = key_order(&a->rows[i], &b->rows[k]);
        if (order == 0) {
            a->rows[i].partner = b->rows[k].order;
            b->rows[k].partner = a->rows[i].order;
        }
        i += order <= 0;
        k += order >= 0;
    }
    sort(a, by_order);
    sort(b, by_order);
}

static struct bytes text_of(const struct side *s, size_t i)
{
    return bytes_of(s->texts.data + s->rows[i].at, s->rows[i].len);
}

int row_pairs_tell(struct row_pairs *p, row_pairs_visit *visit, void *arg, struct error *e)
{
    struct side *a = &p->sides[ROW_PAIRS_BEFORE];
    struct side *b = &p->sides[ROW_PAIRS_AFTER];
    int rc = 0;
    find_partners(a, b);
    for (size_t i = 0; rc == 0 && i < a->count; i++) {
        uint32_t partner = a->rows[i].partner;
        struct bytes before = text_of(a, i);
        struct bytes after = partner == NOBODY ? (struct bytes){0} : text_of(b, partner);
        rc = visit(arg, &before, partner == NOBODY ? NULL : &after, e);
    }
    for (size_t i = 0; rc == 0 && i < b->count; i++) {
        struct bytes after = text_of(b, i);
        if (b->rows[i].partner == NOBODY)
            rc = visit(arg, NULL, &after, e);
    }
    let_go(a);
    let_go(b);
    return rc;
}
