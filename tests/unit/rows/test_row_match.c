/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "core/rows/row_match.h"
#include "core/rows/row_window.h"

#define BUDGET (64 * MIB)
#define LONG 130 /* a row whose jumps are always paid for */
#define LOST 512 /* rows not found until the index of the whole table is made */

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mixed(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static struct row_hash hash_of(uint64_t value)
{
    return (struct row_hash){.low = mixed(2 * value), .high = mixed(2 * value + 1)};
}

/* A base and a night, both by the values of their rows, and what came of it. */
struct table {
    uint64_t *base, *night, *answer;
    size_t base_rows, night_rows, cap;
    uint8_t *hashes;
    struct row_match_counts counts;
};

static struct table table_of(size_t cap)
{
    struct table t = {.cap = cap};
    t.base = calloc(cap + 1, sizeof *t.base);
    t.night = calloc(cap + 1, sizeof *t.night);
    t.answer = calloc(cap + 1, sizeof *t.answer);
    t.hashes = calloc(cap + 1, ROW_MATCH_HASH_LEN);
    assert_true(t.base && t.night && t.answer && t.hashes);
    return t;
}

static void table_done(struct table *t)
{
    free(t->base);
    free(t->night);
    free(t->answer);
    free(t->hashes);
}

static void put(struct table *t, uint64_t value)
{
    assert_true(t->night_rows < t->cap);
    t->night[t->night_rows++] = value;
}

/* Base rows from, from + 1, ... to - 1 come tonight. */
static void put_base(struct table *t, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        put(t, t->base[i]);
}

/* A table of n rows that are all different; tonight is to be put. */
static struct table distinct(size_t n, size_t cap)
{
    struct table t = table_of(cap);
    for (; t.base_rows < n; t.base_rows++)
        t.base[t.base_rows] = t.base_rows;
    return t;
}

/* A table of n rows of so many different values. */
static struct table drawn(size_t n, size_t cap, uint64_t values)
{
    struct table t = table_of(cap);
    for (; t.base_rows < n; t.base_rows++)
        t.base[t.base_rows] = mixed(t.base_rows + 100) % values;
    return t;
}

/* Tonight's rows are asked for; whatever is answered must be equal. */
static void ask(struct table *t, struct row_match *m, size_t row_len)
{
    struct error e = {0};
    for (size_t i = 0; i < t->base_rows; i++) {
        const struct row_hash h = hash_of(t->base[i]);
        row_match_store(t->hashes + i * ROW_MATCH_HASH_LEN, &h);
    }
    assert_done(row_match_begin(m, t->hashes, t->base_rows, &e), &e);
    for (size_t i = 0; i < t->night_rows; i++) {
        const struct row_hash h = hash_of(t->night[i]);
        t->answer[i] = row_match_find(m, &h, row_len);
        if (t->answer[i] == ROW_MATCH_NONE)
            continue;
        assert_true(t->answer[i] < t->base_rows);
        if (t->base[t->answer[i]] != t->night[i])
            fail_msg("row %zu is not base row %zu", i, (size_t)t->answer[i]);
    }
    const struct row_match_counts *c = row_match_counts(m);
    assert_int_equal(c->in_order + c->ahead + c->window + c->whole + c->none, t->night_rows);
    t->counts = *c;
}

static void match(struct table *t, size_t budget_bytes, size_t row_len)
{
    struct error e = {0};
    struct row_match *m = row_match_new(budget_bytes, &e);
    assert_non_null(m);
    ask(t, m, row_len);
    row_match_free(m);
}

/* Tonight's rows whose value is in a base of distinct rows and that were not found. */
static size_t missed(const struct table *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->night_rows; i++)
        n += t->night[i] < t->base_rows && t->answer[i] == ROW_MATCH_NONE;
    return n;
}

static uint64_t jumps(const struct table *t)
{
    return t->counts.ahead + t->counts.window + t->counts.whole;
}

static void shuffle(uint64_t *value, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t other = mixed(i) % i;
        uint64_t kept = value[i - 1];
        value[i - 1] = value[other];
        value[other] = kept;
    }
}

static void a_stored_hash_is_twelve_bytes_that_all_count(void **state)
{
    static const uint8_t bytes[ROW_MATCH_HASH_LEN] = {8, 7, 6,   5,   4,   3,
                                                      2, 1, 0xf, 0xe, 0xd, 0xc};
    const struct row_hash h = {.low = UINT64_C(0x0102030405060708), .high = 0xabc0c0d0e0f};
    uint8_t stored[ROW_MATCH_HASH_LEN];
    struct error e = {0};
    (void)state;
    row_match_store(stored, &h);
    assert_memory_equal(stored, bytes, sizeof bytes);
    struct row_match *m = row_match_new(BUDGET, &e);
    assert_non_null(m);
    for (size_t bit = 0; bit < 8 * sizeof stored; bit++) {
        stored[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_done(row_match_begin(m, stored, 1, &e), &e);
        assert_true(row_match_find(m, &h, LONG) == ROW_MATCH_NONE);
        assert_true(row_match_find(m, &h, LONG) == ROW_MATCH_NONE);
        stored[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_done(row_match_begin(m, stored, 1, &e), &e);
    assert_int_equal(row_match_find(m, &h, LONG), 0);
    row_match_free(m);
}

static void no_base_no_answer(void **state)
{
    struct error e = {0};
    struct table t = table_of(3);
    (void)state;
    put(&t, 1);
    put(&t, 0);
    match(&t, BUDGET, LONG);
    assert_int_equal(t.counts.none, 2);
    table_done(&t);
    struct row_match *m = row_match_new(0, &e);
    const struct row_hash h = {0};
    assert_non_null(m);
    assert_true(row_match_find(m, &h, LONG) == ROW_MATCH_NONE);
    assert_done(row_match_begin(m, NULL, 0, &e), &e);
    assert_true(row_match_find(m, &h, LONG) == ROW_MATCH_NONE);
    assert_refused(row_match_begin(m, NULL, UINT64_MAX / 13, &e), &e, ERROR_MEMORY);
    row_match_free(m);
    row_match_free(NULL);
}

static void rows_in_order_are_found_in_order(void **state)
{
    struct table t = distinct(1000, 2000);
    (void)state;
    put_base(&t, 0, 1000);
    put(&t, 5000);
    match(&t, BUDGET, 1);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(t.answer[i], i);
    assert_int_equal(t.counts.in_order, 1000);
    assert_int_equal(t.counts.none, 1);
    table_done(&t);
}

static void rows_updated_deleted_and_inserted_here_and_there_cost_only_themselves(void **state)
{
    enum { ROWS = 300000 };
    struct table t = distinct(ROWS, 2 * ROWS);
    size_t new = 0;
    size_t gaps = 0;
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        uint64_t dice = mixed(i) % 100;
        if (dice == 0)
            put(&t, ROWS + new ++);
        if (dice == 1)
            put(&t, ROWS + new ++);
        if (dice == 1 || dice == 2)
            gaps++;
        else
            put(&t, i);
    }
    match(&t, 0, LONG);
    assert_int_equal(missed(&t), 0);
    assert_int_equal(t.counts.none, new);
    assert_true(t.counts.ahead <= gaps);
    assert_int_equal(t.counts.window + t.counts.whole, 0);
    table_done(&t);
}

static void rows_replaced_by_the_hundred_in_their_places_are_passed_over(void **state)
{
    enum { ROWS = 500000, REPLACED = 200000 };
    struct table t = distinct(ROWS, ROWS);
    (void)state;
    put_base(&t, 0, 1000);
    for (size_t i = 0; i < REPLACED; i++)
        put(&t, ROWS + i);
    put_base(&t, 1000 + REPLACED, ROWS);
    match(&t, 0, LONG);
    assert_int_equal(missed(&t), 0);
    assert_int_equal(jumps(&t), 1);
    table_done(&t);
}

static void rows_moved_to_the_end_are_found_near_and_far(void **state)
{
    static const size_t sizes[] = {60000, 400000};
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        size_t rows = sizes[s];
        struct table t = distinct(rows, rows);
        for (size_t i = 0; i < rows; i++)
            if (i % 50 != 7)
                put(&t, i);
        for (size_t i = 7; i < rows; i += 50)
            put(&t, i);
        match(&t, BUDGET, LONG);
        assert_true(missed(&t) <= (s > 0 ? LOST + 100 : 0));
        table_done(&t);
    }
}

static void swapped_halves_are_found_near_and_far(void **state)
{
    static const size_t sizes[] = {100000, 600000};
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        size_t rows = sizes[s];
        struct table t = distinct(rows, rows);
        put_base(&t, rows / 2, rows);
        put_base(&t, 0, rows / 2);
        match(&t, BUDGET, LONG);
        assert_true(missed(&t) <= (s > 0 ? LOST : 0));
        assert_true(jumps(&t) <= 3);
        table_done(&t);
    }
}

static void a_small_table_in_any_order_is_found_without_the_index(void **state)
{
    struct table t = distinct(ROW_WINDOW_SPAN, ROW_WINDOW_SPAN);
    (void)state;
    put_base(&t, 0, ROW_WINDOW_SPAN);
    shuffle(t.night, t.night_rows);
    match(&t, 0, LONG);
    assert_int_equal(t.counts.none, 0);
    table_done(&t);
}

static void a_table_in_any_order_is_found_within_the_budget(void **state)
{
    enum { ROWS = 500000 };
    struct table t = distinct(ROWS, ROWS);
    (void)state;
    put_base(&t, 0, ROWS);
    shuffle(t.night, ROWS);
    match(&t, ROWS * 20, LONG);
    assert_true(missed(&t) <= LOST);
    assert_true(t.counts.whole > ROWS / 2);
    table_done(&t);
}

static void above_the_budget_rows_moved_a_little_are_found_and_far_ones_are_not(void **state)
{
    enum { ROWS = 500000, NEAR = 1000 };
    struct table t = distinct(ROWS, ROWS);
    (void)state;
    put_base(&t, 0, ROWS);
    for (size_t i = 0; i < ROWS; i += NEAR)
        shuffle(t.night + i, NEAR);
    match(&t, ROWS * 12, LONG);
    assert_true(missed(&t) <= ROWS / 1000);
    shuffle(t.night, ROWS);
    match(&t, ROWS * 12, LONG);
    assert_true(missed(&t) > ROWS / 2);
    table_done(&t);
}

static void above_the_budget_far_runs_are_found_after_some_rows(void **state)
{
    enum { ROWS = 1000000, GONE = 300000 };
    struct table t = distinct(ROWS, 2 * ROWS);
    (void)state;
    put_base(&t, GONE, ROWS);
    for (size_t i = 0; i < 1000; i++)
        put(&t, ROWS + i);
    match(&t, ROWS * 12, LONG);
    assert_true(missed(&t) < LOST + 500);
    assert_true(jumps(&t) < 10);
    /* Without any memory for it they are not. */
    match(&t, 0, LONG);
    assert_true(missed(&t) > ROWS / 2);
    table_done(&t);
}

/* Rows of few values: after one insertion or deletion the old order is found again. */
static void a_row_more_or_less_among_equal_ones_loses_no_long_runs(void **state)
{
    enum { ROWS = 50000 };
    static const uint64_t values[] = {1, 2, 3, 10, 100, 5000};
    static const size_t lengths[] = {12, 40};
    (void)state;
    for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
        for (size_t change = 0; change < 6; change++) {
            struct table t = drawn(ROWS, 2 * ROWS, values[v]);
            size_t at = 1000 + change;
            put_base(&t, 0, at);
            for (size_t i = 0; i < change / 2; i++)
                put(&t, mixed(i) % values[v]);
            put_base(&t, at + (change % 2 ? 1 + change / 2 : 0), ROWS);
            match(&t, BUDGET, lengths[v % 2]);
            assert_true(t.counts.in_order + 100 >= t.night_rows);
            table_done(&t);
        }
    }
}

/* Of 1000 rows so many are replaced by other rows of the table, deleted, inserted. */
static double in_order_of(uint64_t values, unsigned replaced, unsigned deleted,
                          unsigned inserted)
{
    enum { ROWS = 200000 };
    struct table t = drawn(ROWS, 2 * ROWS, values);
    for (size_t i = 0; i < ROWS; i++) {
        uint64_t dice = mixed(i + 77) % 1000;
        if (dice < replaced + inserted)
            put(&t, mixed(i + 5) % values);
        if (dice >= replaced + deleted)
            put(&t, t.base[i]);
    }
    match(&t, BUDGET, LONG);
    double share = (double)t.counts.in_order / (double)t.night_rows;
    table_done(&t);
    return share;
}

static void changes_all_over_a_table_of_few_values_leave_it_in_order(void **state)
{
    (void)state;
    assert_true(in_order_of(2, 10, 0, 0) > 0.97);
    assert_true(in_order_of(2, 0, 10, 0) > 0.97);
    assert_true(in_order_of(10, 5, 5, 5) > 0.97);
    assert_true(in_order_of(100, 5, 5, 5) > 0.97);
    assert_true(in_order_of(5000, 5, 5, 5) > 0.97);
    assert_true(in_order_of(10, 0, 100, 0) > 0.6);
    assert_true(in_order_of(100, 0, 100, 0) > 0.8);
    assert_true(in_order_of(5000, 0, 100, 0) > 0.85);
}

static void equal_rows_more_or_fewer_of_them_are_long_runs(void **state)
{
    enum { ROWS = 200000 };
    static const size_t tonight[] = {ROWS / 2, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS};
    (void)state;
    for (size_t n = 0; n < ARRAY_SIZE(tonight); n++) {
        struct table t = drawn(ROWS, 3 * ROWS, 1);
        for (size_t i = 0; i < tonight[n]; i++)
            put(&t, 0);
        match(&t, BUDGET, 8);
        assert_int_equal(t.counts.none, 0);
        assert_true(jumps(&t) <= 50);
        table_done(&t);
    }
}

static void blocks_of_equal_rows_may_grow_and_shrink(void **state)
{
    enum { BLOCK = 1000, BLOCKS = 100 };
    struct table t = table_of(BLOCKS * (size_t)BLOCK * 2);
    (void)state;
    for (size_t b = 0; b < BLOCKS; b++) {
        for (size_t i = 0; i < BLOCK; i++)
            t.base[t.base_rows++] = b;
        for (size_t i = mixed(b) % 300; i < BLOCK + 100; i++)
            put(&t, b);
    }
    match(&t, BUDGET, 8);
    assert_true(t.counts.none <= 2 * BLOCKS);
    assert_true(jumps(&t) <= 4 * BLOCKS);
    table_done(&t);
}

static void jumps_between_short_rows_stop_when_they_cost_more_than_they_save(void **state)
{
    enum { ROWS = 100000 };
    static const size_t lengths[] = {0, 1, 4, 12, 20, 31};
    (void)state;
    for (size_t l = 0; l < ARRAY_SIZE(lengths); l++) {
        struct table t = drawn(ROWS, ROWS, 10);
        for (size_t i = 0; i < ROWS; i++)
            put(&t, mixed(~(uint64_t)i) % 10);
        match(&t, BUDGET, lengths[l]);
        assert_true(jumps(&t) * ROW_MATCH_JUMP_COST <= 64 + ROWS * (lengths[l] / 4));
        if (lengths[l] < 31)
            assert_true(t.counts.none > ROWS / 10);
        table_done(&t);
    }
}

static void rows_of_32_bytes_always_pay_for_their_jump(void **state)
{
    enum { ROWS = 50000 };
    struct table t = distinct(ROWS, ROWS);
    (void)state;
    put_base(&t, 0, ROWS);
    shuffle(t.night, ROWS);
    match(&t, 0, 32);
    assert_int_equal(t.counts.none, 0);
    match(&t, 0, 31);
    assert_true(t.counts.none > 0);
    table_done(&t);
}

/* After the credit is used up: the first rows of the run pay for the jump to it. */
static void a_jump_refused_is_made_when_a_run_follows(void **state)
{
    enum { ROWS = 20000 };
    struct table t = distinct(ROWS, ROWS);
    (void)state;
    put_base(&t, 0, ROWS / 2);
    shuffle(t.night, ROWS / 2);
    put_base(&t, ROWS / 2 + 100, ROWS);
    match(&t, 0, 8);
    assert_true(t.counts.none > ROWS / 4);
    for (size_t i = 0; i < 3; i++)
        assert_true(t.answer[ROWS / 2 + i] == ROW_MATCH_NONE);
    for (size_t i = ROWS / 2 + 3; i < t.night_rows; i++)
        assert_int_equal(t.answer[i], i + 100);
    table_done(&t);
}

static uint64_t find(struct row_match *m, uint64_t value, size_t row_len)
{
    const struct row_hash h = hash_of(value);
    return row_match_find(m, &h, row_len);
}

/* The rows of that run stand near by as well, but in another order. */
static void a_jump_refused_is_preferred_when_it_goes_on(void **state)
{
    struct table t = distinct(400, 400);
    struct error e = {0};
    struct row_match *m = row_match_new(0, &e);
    (void)state;
    assert_non_null(m);
    for (size_t i = 51; i < 54; i++)
        t.base[i] = 254 - i;
    ask(&t, m, LONG);
    for (size_t i = 0; i < 7; i++) /* the credit that there is for a start */
        assert_int_equal(find(m, 300 + 10 * i, 0), 300 + 10 * i);
    for (size_t i = 30; i < 50; i++)
        assert_int_equal(find(m, i, 0), i);
    for (size_t i = 200; i < 203; i++)
        assert_true(find(m, i, 8) == ROW_MATCH_NONE);
    assert_int_equal(find(m, 203, 8), 203);
    assert_int_equal(find(m, 204, 8), 204);
    row_match_free(m);
    table_done(&t);
}

static void changes_here_and_there_are_no_reason_for_the_index(void **state)
{
    enum { ROWS = 300000 };
    struct table t = distinct(ROWS, 2 * ROWS);
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        if (i % 100 != 50)
            put(&t, i % 100 == 0 ? ROWS + i : i);
    for (size_t i = 50; i < ROWS; i += 100)
        put(&t, ROWS + i);
    put(&t, 5);
    match(&t, BUDGET, LONG);
    assert_true(t.counts.none > 2 * LOST);
    assert_true(t.answer[t.night_rows - 1] == ROW_MATCH_NONE);
    table_done(&t);
}

static void what_was_saved_is_not_kept_for_ever(void **state)
{
    enum { ROWS = 100000 };
    struct table t = distinct(ROWS, ROWS);
    (void)state;
    put_base(&t, 0, ROWS / 2);
    put_base(&t, ROWS / 2, ROWS);
    shuffle(t.night + ROWS / 2, ROWS / 2);
    match(&t, 0, 12);
    assert_true(t.counts.none > ROWS / 4);
    table_done(&t);
}

/* Pieces of the base, here and there repeated, and new rows, in whatever order. */
static void make_wild(struct table *t, uint64_t seed)
{
    uint64_t values = mixed(seed) % 3 == 0 ? 20 : 100000;
    t->base_rows = mixed(seed + 1) % 200000;
    for (size_t i = 0; i < t->base_rows; i++)
        t->base[i] = mixed(seed + i) % values;
    t->night_rows = 0;
    for (uint64_t i = seed; t->night_rows + 3000 < t->cap; i++) {
        uint64_t dice = mixed(~i);
        size_t len = dice % 2 ? dice % 10 : dice % 3000;
        size_t from = t->base_rows > 0 ? mixed(i + 3) % t->base_rows : 0;
        if (dice >> 60 == 0 || t->base_rows - from < len)
            put(t, values + i);
        else
            put_base(t, from, from + len);
    }
}

static void whatever_is_answered_is_equal_and_the_same_again(void **state)
{
    static const size_t budgets[] = {0, MIB, BUDGET};
    static const size_t lengths[] = {5, 20, 200};
    struct error e = {0};
    struct table t = table_of(200000);
    uint64_t *before = calloc(t.cap, sizeof *before);
    assert_true(before && !*state);
    for (uint64_t seed = 0; seed < 9; seed++) {
        struct row_match *m = row_match_new(budgets[seed % 3], &e);
        assert_non_null(m);
        make_wild(&t, seed);
        ask(&t, m, lengths[seed / 3]);
        memcpy(before, t.answer, t.night_rows * sizeof *before);
        /* Another table in between leaves no trace. */
        make_wild(&t, seed + 100);
        ask(&t, m, LONG);
        make_wild(&t, seed);
        ask(&t, m, lengths[seed / 3]);
        assert_memory_equal(before, t.answer, t.night_rows * sizeof *before);
        row_match_free(m);
    }
    free(before);
    table_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stored_hash_is_twelve_bytes_that_all_count),
        cmocka_unit_test(no_base_no_answer),
        cmocka_unit_test(rows_in_order_are_found_in_order),
        cmocka_unit_test(rows_updated_deleted_and_inserted_here_and_there_cost_only_themselves),
        cmocka_unit_test(rows_replaced_by_the_hundred_in_their_places_are_passed_over),
        cmocka_unit_test(rows_moved_to_the_end_are_found_near_and_far),
        cmocka_unit_test(swapped_halves_are_found_near_and_far),
        cmocka_unit_test(a_small_table_in_any_order_is_found_without_the_index),
        cmocka_unit_test(a_table_in_any_order_is_found_within_the_budget),
        cmocka_unit_test(above_the_budget_rows_moved_a_little_are_found_and_far_ones_are_not),
        cmocka_unit_test(above_the_budget_far_runs_are_found_after_some_rows),
        cmocka_unit_test(a_row_more_or_less_among_equal_ones_loses_no_long_runs),
        cmocka_unit_test(changes_all_over_a_table_of_few_values_leave_it_in_order),
        cmocka_unit_test(equal_rows_more_or_fewer_of_them_are_long_runs),
        cmocka_unit_test(blocks_of_equal_rows_may_grow_and_shrink),
        cmocka_unit_test(jumps_between_short_rows_stop_when_they_cost_more_than_they_save),
        cmocka_unit_test(rows_of_32_bytes_always_pay_for_their_jump),
        cmocka_unit_test(a_jump_refused_is_made_when_a_run_follows),
        cmocka_unit_test(a_jump_refused_is_preferred_when_it_goes_on),
        cmocka_unit_test(changes_here_and_there_are_no_reason_for_the_index),
        cmocka_unit_test(what_was_saved_is_not_kept_for_ever),
        cmocka_unit_test(whatever_is_answered_is_equal_and_the_same_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
