/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are only counted come to what rows that are stored come to. */
#include "tests/support/check.h"

#include "core/job/rows_seen.h"
#include "tests/support/made_dump.h"

static const uint8_t key[ROW_HASH_KEY_LEN] = "sixteen bytes ok";

/* The slow way: row by row. */
static uint64_t sum_of(struct bytes text, uint8_t sum[16])
{
    struct error e = {0};
    struct row_digest d;
    uint8_t unused[DIGEST_LEN];
    uint64_t rows = 0;
    assert_done(row_digest_init(&d, &e), &e);
    for (; text.len > 0; rows++) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        struct bytes row = bytes_take(&text, (size_t)(lf - text.data) + 1);
        struct row_hash hash;
        row_hash_of(key, row.data, row.len, &hash);
        assert_done(row_digest_add(&d, &hash, &e), &e);
    }
    assert_done(row_digest_end(&d, unused, sum, &e), &e);
    row_digest_done(&d);
    return rows;
}

static void rows_cut_anywhere_come_to_the_same(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 7, 1000, 70000, SIZE_MAX};
    struct error e = {0};
    struct rows_seen seen = {0};
    struct buf text = {0};
    uint8_t wanted[16];
    uint8_t sum[16];
    uint64_t rows;
    (void)state;
    made_rows(&text, 3000, 200, 1);
    made_row(&text, 300000, true, 2);
    made_rows(&text, 50, 2, 3);
    uint64_t count = sum_of(buf_view(&text), wanted);
    assert_done(buf_append(&text, MADE_END_MARK, strlen(MADE_END_MARK), &e), &e);
    assert_done(rows_seen_init(&seen, key, &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct bytes left = buf_view(&text);
        assert_done(rows_seen_begin(&seen, &e), &e);
        while (left.len > 0)
            assert_done(
                rows_seen_add(&seen,
                              bytes_take(&left, left.len < sizes[i] ? left.len : sizes[i]), &e),
                &e);
        assert_done(rows_seen_end(&seen, &rows, sum, &e), &e);
        assert_int_equal(rows, count);
        assert_memory_equal(sum, wanted, sizeof sum);
    }
    rows_seen_done(&seen);
    buf_done(&text);
}

static void an_empty_table_has_no_rows(void **state)
{
    static const uint8_t zeros[16];
    struct error e = {0};
    struct rows_seen seen = {0};
    uint8_t sum[16];
    uint64_t rows;
    (void)state;
    assert_done(rows_seen_init(&seen, key, &e), &e);
    assert_done(rows_seen_begin(&seen, &e), &e);
    assert_done(rows_seen_add(&seen, bytes_text(MADE_END_MARK), &e), &e);
    assert_done(rows_seen_end(&seen, &rows, sum, &e), &e);
    assert_int_equal(rows, 0);
    assert_memory_equal(sum, zeros, sizeof sum);
    rows_seen_done(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_cut_anywhere_come_to_the_same),
        cmocka_unit_test(an_empty_table_has_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
