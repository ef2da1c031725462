/* SPDX-License-Identifier: Apache-2.0 */
/* Slowly up, quickly down. */
#include "tests/support/check.h"

#include "core/job/level.h"

static void it_rises_while_there_is_time_and_falls_at_once(void **state)
{
    struct level l;
    int chunks = 0;
    (void)state;
    level_init(&l, 3, 6);
    assert_int_equal(level_next(&l, true), 3);
    while (level_next(&l, false) < 6)
        assert_true(++chunks < 200);
    assert_in_range(chunks, 50, 199);
    for (int i = 0; i < 100; i++)
        assert_int_equal(level_next(&l, false), 6);
    assert_int_equal(level_next(&l, true), 5);
    assert_int_equal(level_next(&l, true), 4);
    assert_int_equal(level_next(&l, true), 3);
    assert_int_equal(level_next(&l, true), 3);
}

static void a_chunk_behind_begins_the_count_anew(void **state)
{
    struct level l;
    (void)state;
    level_init(&l, 3, 6);
    for (int i = 0; i < 500; i++)
        assert_int_equal(level_next(&l, i % 10 == 0), 3);
}

static void without_room_it_stays(void **state)
{
    struct level l;
    (void)state;
    level_init(&l, 9, 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(level_next(&l, i % 3 == 0), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_rises_while_there_is_time_and_falls_at_once),
        cmocka_unit_test(a_chunk_behind_begins_the_count_anew),
        cmocka_unit_test(without_room_it_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
