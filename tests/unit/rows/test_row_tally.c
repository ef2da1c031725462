/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two multisets of hashes, in memory and by way of runs in a file. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/rows/row_tally.h"

#define PATH "/var/tmp/pgkeep-test-tally"

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

static void add(struct row_tally *t, enum row_tally_side side, uint64_t value)
{
    struct error e = {0};
    struct row_hash h = hash_of(value);
    assert_done(row_tally_add(t, side, &h, &e), &e);
}

static bool take(struct row_tally *t, enum row_tally_side side, uint64_t value)
{
    struct row_hash h = hash_of(value);
    return row_tally_take(t, side, &h);
}

static struct row_tally *tally(size_t memory)
{
    struct error e = {0};
    struct row_tally *t = row_tally_new(PATH, memory, &e);
    assert_non_null(t);
    return t;
}

/* Row i is value i % distinct, on each side; values below lost are missing after, and so many
 * new ones are there in their place. */
static void check(uint64_t rows, uint64_t distinct, uint64_t lost, size_t memory)
{
    struct error e = {0};
    struct row_tally *t = tally(memory);
    uint64_t only = 0;
    for (uint64_t i = 0; i < rows; i++)
        add(t, ROW_TALLY_BEFORE, i % distinct);
    for (uint64_t i = rows; i-- > 0;)
        add(t, ROW_TALLY_AFTER, i % distinct < lost ? distinct + i % distinct : i % distinct);
    for (uint64_t i = 0; i < rows; i++)
        only += i % distinct < lost;
    assert_done(row_tally_settle(t, &e), &e);
    assert_int_equal(row_tally_only(t, ROW_TALLY_BEFORE), only);
    assert_int_equal(row_tally_only(t, ROW_TALLY_AFTER), only);
    for (uint64_t i = 0; i < rows; i++) {
        uint64_t v = i % distinct;
        assert_int_equal(take(t, ROW_TALLY_BEFORE, v), v < lost);
        assert_false(take(t, ROW_TALLY_AFTER, v));
    }
    for (uint64_t i = 0; i < rows; i++) {
        uint64_t v = i % distinct;
        assert_false(take(t, ROW_TALLY_BEFORE, distinct + v));
        assert_int_equal(take(t, ROW_TALLY_AFTER, distinct + v), v < lost);
    }
    row_tally_free(t);
}

static void rows_of_one_side_are_found_in_memory_and_by_runs(void **state)
{
    (void)state;
    const size_t memory[] = {ROW_TALLY_LEAST, 3 * ROW_TALLY_LEAST, 4 * MIB};
    for (size_t i = 0; i < ARRAY_SIZE(memory); i++) {
        check(20000, 20000, 0, memory[i]);
        check(20000, 20000, 100, memory[i]);
        check(20000, 20000, 20000, memory[i]);
        check(20000, 7000, 700, memory[i]);
        check(20000, 3, 1, memory[i]);
        check(1, 1, 1, memory[i]);
        check(0, 1, 0, memory[i]);
    }
}

/* Three before, one after: the first two are before alone. */
static void equal_rows_are_counted(void **state)
{
    struct error e = {0};
    (void)state;
    for (size_t others = 0; others <= 5000; others += 5000) {
        struct row_tally *t = tally(ROW_TALLY_LEAST);
        for (int i = 0; i < 3; i++)
            add(t, ROW_TALLY_BEFORE, 7);
        for (size_t i = 0; i < others; i++) {
            add(t, ROW_TALLY_BEFORE, 100 + i);
            add(t, ROW_TALLY_AFTER, 100 + i);
        }
        add(t, ROW_TALLY_AFTER, 7);
        add(t, ROW_TALLY_AFTER, 8);
        assert_done(row_tally_settle(t, &e), &e);
        assert_int_equal(row_tally_only(t, ROW_TALLY_BEFORE), 2);
        assert_int_equal(row_tally_only(t, ROW_TALLY_AFTER), 1);
        assert_true(take(t, ROW_TALLY_BEFORE, 7));
        assert_true(take(t, ROW_TALLY_BEFORE, 7));
        assert_false(take(t, ROW_TALLY_BEFORE, 7));
        assert_false(take(t, ROW_TALLY_AFTER, 7));
        assert_true(take(t, ROW_TALLY_AFTER, 8));
        assert_false(take(t, ROW_TALLY_AFTER, 8));
        row_tally_free(t);
    }
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    struct error e = {0};
    (void)state;
    struct row_tally *t =
        row_tally_new("/var/tmp/there is no such folder/x", ROW_TALLY_LEAST, &e);
    assert_non_null(t);
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < 10000; i++) {
        struct row_hash h = hash_of(i);
        rc = row_tally_add(t, ROW_TALLY_BEFORE, &h, &e);
    }
    assert_int_equal(rc, -1);
    assert_int_equal(e.kind, ERROR_IO);
    row_tally_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_one_side_are_found_in_memory_and_by_runs),
        cmocka_unit_test(equal_rows_are_counted),
        cmocka_unit_test(a_folder_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
