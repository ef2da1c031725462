/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "core/rows/row_ends.h"
#include "tests/support/made_dump.h"

#define LEN 4096

static uint32_t ends[LEN + 1];

static size_t simple(const uint8_t *text, size_t len, uint32_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n')
            out[n++] = (uint32_t)i + 1;
    return n;
}

static void every_line_end_is_found_wherever_it_stands(void **state)
{
    (void)state;
    static uint32_t expected[LEN];
    /* Next to a line end in every bit. */
    static const uint8_t any[] = {0x8a, 0x0b, 0x09, 0x08, 0x0e, 0x1a, 0x2a, 0x4a, 0, 0xff, 'a'};
    uint64_t seed = 7;
    uint8_t *text = malloc(LEN);
    assert_non_null(text);
    for (uint64_t mean = 1; mean < 300; mean = mean * 3 / 2 + 1)
        for (size_t len = 0; len < 200 || len == LEN; len = len == 199 ? LEN : len + 1) {
            for (size_t i = 0; i < len; i++)
                text[i] = made_random(&seed) % mean == 0 ? '\n'
                                                         : any[made_random(&seed) % sizeof any];
            /* At the end of its memory: a look beyond it is seen by a sanitizer. */
            memmove(text + LEN - len, text, len);
            size_t count = simple(text + LEN - len, len, expected);
            assert_int_equal(row_ends_find(bytes_of(text + LEN - len, len), ends, LEN), count);
            assert_memory_equal(ends, expected, count * sizeof *ends);
        }
    free(text);
}

static void no_more_are_told_than_there_is_room_for(void **state)
{
    (void)state;
    uint8_t text[300];
    memset(text, '\n', sizeof text);
    for (size_t len = 1; len <= sizeof text; len++)
        for (size_t max = 0; max < len; max++) {
            ends[max] = 77;
            assert_int_equal(row_ends_find(bytes_of(text, len), ends, max), max + 1);
            assert_int_equal(ends[max], 77);
        }
    assert_int_equal(row_ends_find(bytes_of(text, 200), ends, 200), 200);
    assert_int_equal(ends[199], 200);
    assert_int_equal(row_ends_find(bytes_of(NULL, 0), ends, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_end_is_found_wherever_it_stands),
        cmocka_unit_test(no_more_are_told_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
