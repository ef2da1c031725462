/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>

#include <sys/mman.h>

#include "core/rows/row_window.h"

#define ROWS (4 * ROW_WINDOW_SPAN)

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
    return (struct row_hash){.low = mixed(value), .high = mixed(~value)};
}

static void set(uint8_t *hashes, uint64_t row, uint64_t value)
{
    const struct row_hash h = hash_of(value);
    row_match_store(hashes + row * ROW_MATCH_HASH_LEN, &h);
}

static uint64_t find(const struct row_window *w, const uint8_t *hashes, uint64_t value,
                     uint64_t at)
{
    const struct row_hash h = hash_of(value);
    return row_window_find(w, hashes, &h, at);
}

static uint8_t *distinct_rows(void)
{
    uint8_t *hashes = malloc(ROWS * ROW_MATCH_HASH_LEN);
    assert_non_null(hashes);
    for (uint64_t row = 0; row < ROWS; row++)
        set(hashes, row, row);
    return hashes;
}

static void it_holds_all_rows_around_its_place_wherever_it_goes(void **state)
{
    static const uint64_t places[] = {0,        1000,        ROWS / 4, ROWS / 3, ROWS,
                                      ROWS / 2, ROWS + 1000, 5,        ROWS - 1};
    uint8_t *hashes = distinct_rows();
    struct row_window w = {0};
    (void)state;
    assert_true(find(&w, hashes, 0, 0) == ROW_MATCH_NONE);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        uint64_t at = places[i] < ROWS ? places[i] : ROWS;
        uint64_t from = at < ROW_WINDOW_BEHIND ? 0 : at - ROW_WINDOW_BEHIND;
        uint64_t to = at + ROW_WINDOW_AHEAD / 2 < ROWS ? at + ROW_WINDOW_AHEAD / 2 : ROWS;
        (void)row_window_cover(&w, hashes, ROWS, places[i], UINT64_MAX);
        assert_int_equal(row_window_cover(&w, hashes, ROWS, places[i], UINT64_MAX), 0);
        for (uint64_t row = from; row < to; row++)
            assert_int_equal(find(&w, hashes, row, at), row);
    }
    row_window_done(&w);
    free(hashes);
}

static void sliding_along_reads_every_row_once(void **state)
{
    uint8_t *hashes = distinct_rows();
    struct row_window w = {0};
    uint64_t read = 0;
    (void)state;
    for (uint64_t at = 0; at < ROWS; at += 777) {
        read += row_window_cover(&w, hashes, ROWS, at, UINT64_MAX);
        uint64_t from = at < ROW_WINDOW_BEHIND ? 0 : at - ROW_WINDOW_BEHIND;
        assert_int_equal(find(&w, hashes, from, at), from);
        assert_int_equal(find(&w, hashes, at, at), at);
    }
    assert_int_equal(read, ROWS);
    for (uint64_t row = 0; row < ROWS - ROW_WINDOW_SPAN; row++)
        assert_true(find(&w, hashes, row, ROWS) == ROW_MATCH_NONE);
    row_window_done(&w);
    free(hashes);
}

static void it_reads_no_more_rows_than_it_may(void **state)
{
    uint8_t *hashes = distinct_rows();
    struct row_window w = {0};
    (void)state;
    assert_int_equal(row_window_cover(&w, hashes, ROWS, 0, ROW_WINDOW_AHEAD - 1), 0);
    assert_true(find(&w, hashes, 0, 0) == ROW_MATCH_NONE);
    assert_int_equal(row_window_cover(&w, hashes, ROWS, 0, ROW_WINDOW_AHEAD), ROW_WINDOW_AHEAD);
    assert_int_equal(row_window_cover(&w, hashes, ROWS, ROW_WINDOW_AHEAD, 10), 10);
    assert_int_equal(find(&w, hashes, ROW_WINDOW_AHEAD + 9, 0), ROW_WINDOW_AHEAD + 9);
    assert_true(find(&w, hashes, ROW_WINDOW_AHEAD + 10, 0) == ROW_MATCH_NONE);
    row_window_done(&w);
    free(hashes);
}

static void another_base_is_another_window(void **state)
{
    uint8_t hashes[100 * ROW_MATCH_HASH_LEN];
    struct row_window w = {0};
    (void)state;
    for (uint64_t row = 0; row < 100; row++)
        set(hashes, row, row);
    assert_int_equal(row_window_cover(&w, hashes, 100, 50, UINT64_MAX), 100);
    assert_int_equal(find(&w, hashes, 7, 0), 7);
    row_window_clear(&w);
    assert_true(find(&w, hashes, 7, 0) == ROW_MATCH_NONE);
    assert_int_equal(row_window_cover(&w, hashes, 5, 2, UINT64_MAX), 5);
    assert_int_equal(find(&w, hashes, 4, 0), 4);
    assert_true(find(&w, hashes, 7, 0) == ROW_MATCH_NONE);
    row_window_done(&w);
}

/* Rows that occur often do not push out, or hide, those that do not. */
static void among_equal_rows_the_others_are_found(void **state)
{
    uint8_t *hashes = distinct_rows();
    struct row_window w = {0};
    (void)state;
    for (uint64_t row = 0; row < ROWS; row++)
        if (row % 100 != 0)
            set(hashes, row, ROWS + row % 10);
    for (uint64_t at = 0; at < ROWS; at += ROW_WINDOW_SPAN / 8) {
        (void)row_window_cover(&w, hashes, ROWS, at, UINT64_MAX);
        assert_int_equal(find(&w, hashes, at / 100 * 100, at), at / 100 * 100);
        for (uint64_t value = ROWS; value < ROWS + 10; value++)
            assert_true(find(&w, hashes, value, at) < ROWS);
    }
    row_window_done(&w);
    free(hashes);
}

static void of_equal_rows_far_from_each_other_the_nearer_is_found(void **state)
{
    const uint64_t early = 1000;
    const uint64_t late = early + ROW_WINDOW_AHEAD + 1;
    uint8_t *hashes = distinct_rows();
    struct row_window w = {0};
    (void)state;
    set(hashes, early, ROWS);
    set(hashes, early + 10, ROWS);
    set(hashes, late, ROWS);
    (void)row_window_cover(&w, hashes, ROWS, 0, UINT64_MAX);
    (void)row_window_cover(&w, hashes, ROWS, ROW_WINDOW_AHEAD, UINT64_MAX);
    assert_int_equal(find(&w, hashes, ROWS, early + 20), early);
    assert_int_equal(find(&w, hashes, ROWS, late - 10), late);
    assert_int_equal(find(&w, hashes, ROWS, late + 10), late);
    row_window_done(&w);
    free(hashes);
}

/* A base that no memory holds, of which only what the window reads is there. */
static void rows_beyond_four_billion_are_rows(void **state)
{
    const uint64_t first = (UINT64_C(1) << 32) - ROW_WINDOW_SPAN;
    const uint64_t rows = first + ROWS;
    uint8_t *hashes = mmap(NULL, rows * ROW_MATCH_HASH_LEN, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct row_window w = {0};
    (void)state;
    if (hashes == MAP_FAILED) {
        skip();
        return;
    }
    for (uint64_t row = first; row < rows; row++)
        set(hashes, row, row);
    for (uint64_t at = first + ROW_WINDOW_SPAN / 2; at < rows; at += ROW_WINDOW_SPAN / 8) {
        (void)row_window_cover(&w, hashes, rows, at, UINT64_MAX);
        for (uint64_t row = at - ROW_WINDOW_BEHIND; row < at; row += 11)
            assert_int_equal(find(&w, hashes, row, at), row);
        assert_int_equal(find(&w, hashes, at, at), at);
    }
    row_window_done(&w);
    (void)munmap(hashes, rows * ROW_MATCH_HASH_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_all_rows_around_its_place_wherever_it_goes),
        cmocka_unit_test(sliding_along_reads_every_row_once),
        cmocka_unit_test(it_reads_no_more_rows_than_it_may),
        cmocka_unit_test(another_base_is_another_window),
        cmocka_unit_test(among_equal_rows_the_others_are_found),
        cmocka_unit_test(of_equal_rows_far_from_each_other_the_nearer_is_found),
        cmocka_unit_test(rows_beyond_four_billion_are_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
