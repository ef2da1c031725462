/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/rows/row_index.h"

#define ROWS ((uint64_t)200000)

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

/* ROWS rows of so many different values. */
static uint8_t *base_of(uint64_t values)
{
    uint8_t *hashes = malloc(ROWS * ROW_MATCH_HASH_LEN);
    assert_non_null(hashes);
    for (uint64_t row = 0; row < ROWS; row++) {
        const struct row_hash h = hash_of(row % values);
        row_match_store(hashes + row * ROW_MATCH_HASH_LEN, &h);
    }
    return hashes;
}

static uint64_t find(struct row_index *x, const uint8_t *hashes, uint64_t value)
{
    const struct row_hash h = hash_of(value);
    return row_index_find(x, hashes, &h);
}

static bool build(struct row_index *x, const uint8_t *hashes, uint64_t rows,
                  size_t budget_bytes)
{
    const struct row_index_base base = {
        .hashes = hashes, .rows = rows, .budget_bytes = budget_bytes};
    return row_index_build(x, &base);
}

static void every_row_is_found_and_nothing_else(void **state)
{
    uint8_t *hashes = base_of(ROWS);
    struct row_index x = {0};
    (void)state;
    assert_true(find(&x, hashes, 0) == ROW_MATCH_NONE);
    assert_true(build(&x, hashes, ROWS, ROWS * 20));
    for (uint64_t row = 0; row < ROWS; row++) {
        assert_int_equal(find(&x, hashes, row), row);
        assert_true(find(&x, hashes, ROWS + row) == ROW_MATCH_NONE);
    }
    row_index_clear(&x);
    assert_false(x.count > 0);
    assert_true(find(&x, hashes, 0) == ROW_MATCH_NONE);
    row_index_done(&x);
    free(hashes);
}

static void of_equal_rows_the_first_is_found(void **state)
{
    uint8_t *hashes = base_of(100);
    struct row_index x = {0};
    (void)state;
    assert_true(build(&x, hashes, ROWS, ROWS * 20));
    for (uint64_t value = 0; value < 100; value++)
        assert_int_equal(find(&x, hashes, value), value);
    row_index_done(&x);
    free(hashes);
}

static void beyond_the_budget_it_is_a_sample_that_keeps_within_an_eighth(void **state)
{
    static const size_t budgets[] = {ROWS * 19, ROWS * 8, 300000, 40000};
    uint8_t *hashes = base_of(ROWS);
    struct row_index x = {0};
    uint64_t before = ROWS / 8;
    (void)state;
    for (size_t b = 0; b < ARRAY_SIZE(budgets); b++) {
        uint64_t found = 0;
        assert_true(build(&x, hashes, ROWS, budgets[b]));
        assert_true(x.count * 64 <= budgets[b] / 8);
        for (uint64_t row = 0; row < ROWS; row++) {
            uint64_t answer = find(&x, hashes, row);
            assert_true(answer == row || answer == ROW_MATCH_NONE);
            found += answer == row;
        }
        assert_true(found > 100 && found <= before);
        before = found;
    }
    row_index_done(&x);
    free(hashes);
}

static void without_budget_or_rows_there_is_no_index(void **state)
{
    uint8_t *hashes = base_of(ROWS);
    struct row_index x = {0};
    (void)state;
    assert_true(build(&x, hashes, ROWS, ROWS * 20));
    assert_false(build(&x, hashes, ROWS, 0));
    assert_false(x.count > 0);
    assert_false(build(&x, hashes, ROWS, 1000));
    assert_false(build(&x, hashes, 0, SIZE_MAX));
    /* Rows are numbered with 32 bits. */
    assert_false(build(&x, hashes, UINT64_C(1) << 32, SIZE_MAX));
    assert_true(find(&x, hashes, 0) == ROW_MATCH_NONE);
    row_index_done(&x);
    free(hashes);
}

/* A sample is planned for hashes like random numbers; whatever they are, it does not overflow.
 */
static void hashes_that_are_all_in_the_sample_do_not_overfill_it(void **state)
{
    uint8_t *hashes = malloc(ROWS * ROW_MATCH_HASH_LEN);
    struct row_index x = {0};
    (void)state;
    assert_non_null(hashes);
    for (uint64_t row = 0; row < ROWS; row++) {
        const struct row_hash h = {.low = mixed(row)};
        row_match_store(hashes + row * ROW_MATCH_HASH_LEN, &h);
    }
    assert_true(build(&x, hashes, ROWS, ROWS * 8));
    const struct row_hash first = {.low = mixed(0)};
    const struct row_hash last = {.low = mixed(ROWS - 1)};
    assert_int_equal(row_index_find(&x, hashes, &first), 0);
    assert_true(row_index_find(&x, hashes, &last) == ROW_MATCH_NONE);
    row_index_done(&x);
    free(hashes);
}

static void it_takes_about_seven_bytes_a_row(void **state)
{
    uint8_t *hashes = base_of(ROWS);
    struct row_index x = {0};
    (void)state;
    assert_true(build(&x, hashes, ROWS, SIZE_MAX));
    assert_true(x.count * 64 <= ROWS * 72 / 10);
    row_index_done(&x);
    free(hashes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_and_nothing_else),
        cmocka_unit_test(of_equal_rows_the_first_is_found),
        cmocka_unit_test(beyond_the_budget_it_is_a_sample_that_keeps_within_an_eighth),
        cmocka_unit_test(without_budget_or_rows_there_is_no_index),
        cmocka_unit_test(hashes_that_are_all_in_the_sample_do_not_overfill_it),
        cmocka_unit_test(it_takes_about_seven_bytes_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
