/* SPDX-License-Identifier: Apache-2.0 */
/* row_hash_of, which the published vectors hold for, is the measure. */
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "core/rows/row_lanes.h"

#define TEXT_LEN ((size_t)1 << 16)

static const uint8_t key[ROW_HASH_KEY_LEN] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 200, 201, 202};
static uint8_t text[TEXT_LEN];

static int make_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEXT_LEN; i++)
        text[i] = (uint8_t)(i * 167 ^ i >> 8);
    return 0;
}

static void assert_hashes(row_lanes_hash hash, const struct bytes *rows, size_t n)
{
    struct row_hash out[ROW_HASH_BATCH + 1] = {0};
    hash(key, rows, n, out);
    for (size_t i = 0; i < n; i++) {
        struct row_hash h;
        row_hash_of(key, rows[i].data, rows[i].len, &h);
        if (memcmp(&h, &out[i], sizeof h) != 0)
            fail_msg("row %zu of %zu, %zu bytes", i, n, rows[i].len);
    }
    assert_true(out[n].low == 0 && out[n].high == 0);
}

static void every_length_at_every_alignment(row_lanes_hash hash)
{
    struct bytes rows[ROW_HASH_BATCH];
    for (size_t len = 0; len <= 300; len++) {
        for (size_t align = 0; align < 8; align++) {
            for (size_t i = 0; i < 9; i++)
                rows[i] = bytes_of(text + 320 * i + align, len);
            assert_hashes(hash, rows, 9);
        }
    }
}

static void lengths_of_all_kinds_together(row_lanes_hash hash)
{
    static const size_t spans[] = {1, 9, 20, 130, 301, 1200};
    struct bytes rows[ROW_HASH_BATCH];
    size_t dice = 1;
    for (size_t s = 0; s < ARRAY_SIZE(spans); s++) {
        for (size_t n = 1; n <= ROW_HASH_BATCH; n++) {
            for (size_t i = 0; i < n; i++) {
                dice = dice * 75 % 65537; /* Park and Miller's kind */
                rows[i] = bytes_of(text + dice % 5000, dice % spans[s]);
            }
            assert_hashes(hash, rows, n);
        }
    }
}

/* One long row among short ones, an empty one without memory. */
static void a_ragged_batch(row_lanes_hash hash)
{
    struct bytes rows[ROW_HASH_BATCH];
    for (size_t n = 1; n <= 20; n++) {
        for (size_t i = 0; i < n; i++)
            rows[i] = bytes_of(text, 600 + i);
        rows[n / 2] = bytes_of(text, TEXT_LEN);
        assert_hashes(hash, rows, n);
        rows[n / 3] = (struct bytes){0};
        assert_hashes(hash, rows, n);
    }
    hash(key, NULL, 0, NULL);
}

/* Memory of exactly the row's length: a checker of memory sees a byte too many. */
static void no_byte_beyond_a_row_is_read(row_lanes_hash hash)
{
    struct bytes rows[ROW_HASH_BATCH];
    uint8_t *copies[ROW_HASH_BATCH];
    for (size_t i = 0; i < ROW_HASH_BATCH; i++) {
        copies[i] = malloc(i + 1);
        assert_non_null(copies[i]);
        memcpy(copies[i], text, i + 1);
        rows[i] = bytes_of(copies[i], i + 1);
    }
    assert_hashes(hash, rows, ROW_HASH_BATCH);
    for (size_t i = 0; i < ROW_HASH_BATCH; i++)
        free(copies[i]);
}

static void check_lanes(unsigned lanes)
{
    row_lanes_hash hash = row_lanes_of(lanes);
    if (!hash) {
        skip();
        return;
    }
    every_length_at_every_alignment(hash);
    lengths_of_all_kinds_together(hash);
    a_ragged_batch(hash);
    no_byte_beyond_a_row_is_read(hash);
}

static void four_lanes_hash_as_one(void **state)
{
    (void)state;
    check_lanes(4);
}

static void eight_lanes_hash_as_one(void **state)
{
    (void)state;
    check_lanes(8);
}

static void there_are_no_other_lanes(void **state)
{
    (void)state;
    assert_null(row_lanes_of(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_lanes_hash_as_one),
        cmocka_unit_test(eight_lanes_hash_as_one),
        cmocka_unit_test(there_are_no_other_lanes),
    };
    return cmocka_run_group_tests(tests, make_text, NULL);
}
