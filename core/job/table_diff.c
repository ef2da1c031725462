/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/table_diff.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/secret.h"
#include "core/rows/projection.h"
#include "core/rows/row_pairs.h"
#include "core/rows/row_scan.h"
#include "core/rows/row_tally.h"

enum side { BEFORE, AFTER };
static_assert((int)BEFORE == (int)ROW_TALLY_BEFORE && (int)BEFORE == (int)ROW_PAIRS_BEFORE,
              "sides are handed on");
static_assert(ROW_SCAN_LEFT_OUT == COLUMN_NAMES_NOWHERE, "places are handed on");

struct table_diff {
    struct table_diff_options o;
    struct table_rows *tables[2];
    struct table_rows_facts facts[2];
    uint8_t key[ROW_HASH_KEY_LEN]; /* of this comparison alone */
    struct column_names columns[3];
    bool as_they_stand; /* all rows have exactly the columns that are compared */
    /* Of the primary key among the columns that are compared. */
    uint16_t key_places[COLUMN_NAMES_MAX];
    size_t key_count; /* 0: rows are not paired */
    struct row_tally *tally;
    struct row_pairs *pairs;
    struct table_diff_counts counts;
    /* While rows are read. */
    enum side side;
    bool telling; /* the second time */
    struct row_scan *scan;
    uint16_t places[COLUMN_NAMES_MAX]; /* of the part's columns among those compared */
    struct projection_column projection[COLUMN_NAMES_MAX];
    struct buf line; /* of a row, in the columns that are compared */
};

/* ---- columns ----------------------------------------------------------------------- */

static bool is_everywhere(const struct table_diff *d, struct bytes name)
{
    for (int side = BEFORE; side <= AFTER; side++)
        for (size_t i = 0; i < d->facts[side].part_count; i++)
            if (column_names_place(table_rows_columns(d->tables[side], i), name, 0) ==
                COLUMN_NAMES_NOWHERE)
                return false;
    return true;
}

/* Partitions have the columns of their root, in orders of their own: the first one speaks. */
static int choose_columns(struct table_diff *d, struct error *e)
{
    for (int side = BEFORE; side <= AFTER; side++) {
        const struct column_names *n = table_rows_columns(d->tables[side], 0);
        struct column_names *only =
            &d->columns[side == BEFORE ? TABLE_DIFF_ONLY_BEFORE : TABLE_DIFF_ONLY_AFTER];
        for (size_t i = 0; i < n->count; i++) {
            struct bytes name = column_names_at(n, i);
            bool both = is_everywhere(d, name);
            if (both && side == AFTER)
                continue;
            if (column_names_add(both ? &d->columns[TABLE_DIFF_COMPARED] : only, name, e) < 0)
                return -1;
        }
    }
    if (d->columns[TABLE_DIFF_COMPARED].count == 0 &&
        d->columns[TABLE_DIFF_ONLY_BEFORE].count + d->columns[TABLE_DIFF_ONLY_AFTER].count > 0)
        return error_set(e, ERROR_UNSUPPORTED, "the two have no column in common");
    return 0;
}

static bool all_as_they_stand(const struct table_diff *d)
{
    for (int side = BEFORE; side <= AFTER; side++)
        for (size_t i = 0; i < d->facts[side].part_count; i++)
            if (!column_names_equal(table_rows_columns(d->tables[side], i),
                                    &d->columns[TABLE_DIFF_COMPARED]))
                return false;
    return true;
}

/* The key of the table after, else that of the table before, if all of it is compared. */
static void choose_key(struct table_diff *d)
{
    const struct column_names *key =
        d->facts[AFTER].key ? d->facts[AFTER].key : d->facts[BEFORE].key;
    for (size_t i = 0; key && i < key->count; i++) {
        d->key_places[i] =
            column_names_place(&d->columns[TABLE_DIFF_COMPARED], column_names_at(key, i), 0);
        if (d->key_places[i] == COLUMN_NAMES_NOWHERE)
            return;
    }
    d->key_count = key ? key->count : 0;
}

struct table_diff *table_diff_new(const struct table_diff_options *o, struct error *e)
{
    struct table_diff *d = calloc(1, sizeof *d);
    if (!d) {
        (void)error_memory(e, "comparison of tables");
        return NULL;
    }
    d->o = *o;
    d->o.tally_bytes = o->tally_bytes ? o->tally_bytes : TABLE_DIFF_TALLY;
    d->o.pair_bytes = o->pair_bytes ? o->pair_bytes : TABLE_DIFF_PAIRS;
    d->tables[BEFORE] = o->before;
    d->tables[AFTER] = o->after;
    for (int side = BEFORE; side <= AFTER; side++)
        d->facts[side] = table_rows_facts(d->tables[side]);
    if (secret_random(d->key, sizeof d->key, e) == 0 && choose_columns(d, e) == 0) {
        d->as_they_stand = all_as_they_stand(d);
        choose_key(d);
        return d;
    }
    table_diff_free(d);
    return NULL;
}

void table_diff_free(struct table_diff *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(d->columns); i++)
        column_names_done(&d->columns[i]);
    row_tally_free(d->tally);
    row_pairs_free(d->pairs);
    row_scan_free(d->scan);
    buf_done(&d->line);
    free(d);
}

const struct column_names *table_diff_columns(const struct table_diff *d,
                                              enum table_diff_columns which)
{
    return &d->columns[which];
}

/* ---- telling rows ------------------------------------------------------------------ */

static int tell(struct table_diff *d, const struct table_diff_row *before,
                const struct table_diff_row *after, struct error *e)
{
    struct table_diff_counts *n = &d->counts;
    n->changed += before && after;
    n->removed += before && !after;
    n->added += !before && after;
    return d->o.visit(d->o.arg, before, after, e);
}

static int tell_alone(struct table_diff *d, const struct table_diff_row *row, struct error *e)
{
    return d->side == BEFORE ? tell(d, row, NULL, e) : tell(d, NULL, row, e);
}

static int tell_held(void *arg, const struct bytes *before, const struct bytes *after,
                     struct error *e)
{
    struct table_diff_row a = {0};
    struct table_diff_row b = {0};
    if (before)
        a = (struct table_diff_row){.text = *before, .len = before->len};
    if (after)
        b = (struct table_diff_row){.text = *after, .len = after->len};
    return tell(arg, before ? &a : NULL, after ? &b : NULL, e);
}

/* The field at a place of a line; empty where it has none. */
static struct bytes field_at(struct bytes line, size_t place)
{
    const uint8_t *tab;
    for (;; place--) {
        tab = line.len > 0 ? memchr(line.data, '\t', line.len) : NULL;
        if (place == 0 || !tab)
            break;
        (void)bytes_take(&line, (size_t)(tab - line.data) + 1);
    }
    return bytes_of(line.data, tab ? (size_t)(tab - line.data) : line.len);
}

static void hash_key(const struct table_diff *d, struct bytes text, struct row_hash *out)
{
    struct row_hash_state s;
    struct bytes line = bytes_of(text.data, text.len - 1);
    row_hash_begin(&s, d->key);
    for (size_t i = 0; i < d->key_count; i++) {
        struct bytes field = field_at(line, d->key_places[i]);
        row_hash_add(&s, field.data, field.len);
        row_hash_add(&s, "\t", 1);
    }
    row_hash_end(&s, out);
}

static int tell_row(struct table_diff *d, const struct row_scan_row *found, struct error *e)
{
    struct table_diff_row row = {
        .text = found->text, .len = found->len, .is_cut = found->is_cut};
    struct row_hash key;
    d->counts.cut += row.is_cut;
    d->counts.alone += row.is_cut && d->key_count > 0;
    if (!d->as_they_stand && !row.is_cut) {
        d->line.len = 0;
        if (projection_join(d->projection, d->columns[TABLE_DIFF_COMPARED].count, &row.text, 1,
                            &d->line, e) < 0)
            return -1;
        row.text = buf_view(&d->line);
        row.len = row.text.len;
    }
    if (d->key_count == 0 || row.is_cut)
        return tell_alone(d, &row, e);
    hash_key(d, row.text, &key);
    int rc = row_pairs_hold(d->pairs, (enum row_pairs_side)d->side, &key, row.text, e);
    if (rc <= 0)
        return rc;
    d->counts.alone++;
    return tell_alone(d, &row, e);
}

/* ---- reading ----------------------------------------------------------------------- */

static int on_row(void *arg, const struct row_scan_row *row, struct error *e)
{
    struct table_diff *d = arg;
    if (!d->telling)
        return row_tally_add(d->tally, (enum row_tally_side)d->side, &row->hash, e);
    if (!row_tally_take(d->tally, (enum row_tally_side)d->side, &row->hash))
        return 0;
    return tell_row(d, row, e);
}

static int begin_part(void *arg, size_t part, struct error *e)
{
    struct table_diff *d = arg;
    const struct column_names *n = table_rows_columns(d->tables[d->side], part);
    const struct column_names *compared = &d->columns[TABLE_DIFF_COMPARED];
    for (size_t i = 0; i < n->count; i++) {
        d->places[i] = column_names_place(compared, column_names_at(n, i), i);
        if (d->places[i] != COLUMN_NAMES_NOWHERE)
            d->projection[d->places[i]] = (struct projection_column){.column = (uint16_t)i};
    }
    const struct row_scan_options options = {.key = d->key,
                                             .places = d->as_they_stand ? NULL : d->places,
                                             .columns = n->count,
                                             .counting = compared->count,
                                             .held_bytes = d->telling ? TABLE_DIFF_ROW : 0,
                                             .visit = on_row,
                                             .arg = d};
    row_scan_free(d->scan);
    d->scan = row_scan_new(&options, e);
    return d->scan ? 0 : -1;
}

static int add_text(void *arg, struct bytes text, struct error *e)
{
    struct table_diff *d = arg;
    return row_scan_add(d->scan, text, e);
}

static int end_part(void *arg, struct error *e)
{
    struct table_diff *d = arg;
    return row_scan_end(d->scan, e);
}

static int read_side(struct table_diff *d, enum side side, struct error *e)
{
    const struct table_rows_visit visit = {begin_part, add_text, end_part, d};
    d->side = side;
    return table_rows_read(d->tables[side], &visit, e);
}

/* Sums under one key, over rows with the same columns. */
static bool are_same(const struct table_diff *d)
{
    const struct table_rows_facts *a = &d->facts[BEFORE], *b = &d->facts[AFTER];
    return d->as_they_stand && a->rows == b->rows && a->bytes == b->bytes &&
           memcmp(a->sum, b->sum, sizeof a->sum) == 0;
}

static int gather(struct table_diff *d, struct error *e)
{
    d->tally = row_tally_new(d->o.path, d->o.tally_bytes, e);
    if (!d->tally || read_side(d, BEFORE, e) < 0 || read_side(d, AFTER, e) < 0)
        return -1;
    return row_tally_settle(d->tally, e);
}

static int tell_all(struct table_diff *d, struct error *e)
{
    d->telling = true;
    if (d->key_count > 0 && !(d->pairs = row_pairs_new(d->o.pair_bytes, e)))
        return -1;
    for (enum side side = BEFORE; side <= AFTER; side++)
        if (row_tally_only(d->tally, (enum row_tally_side)side) > 0 &&
            read_side(d, side, e) < 0)
            return -1;
    return d->pairs ? row_pairs_tell(d->pairs, tell_held, d, e) : 0;
}

int table_diff_run(struct table_diff *d, struct table_diff_counts *counts, struct error *e)
{
    int rc = 0;
    d->counts =
        (struct table_diff_counts){.same = d->facts[BEFORE].rows, .has_key = d->key_count > 0};
    if (!are_same(d)) {
        rc = gather(d, e);
        uint64_t removed = rc == 0 ? row_tally_only(d->tally, ROW_TALLY_BEFORE) : 0;
        d->counts.same -= removed;
        if (rc == 0 && d->o.visit) {
            rc = tell_all(d, e);
        } else if (rc == 0) {
            d->counts.removed = removed;
            d->counts.added = row_tally_only(d->tally, ROW_TALLY_AFTER);
        }
    }
    *counts = d->counts;
    return rc;
}
