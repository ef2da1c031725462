/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <string.h>

#include "core/repo/id_table.h"
#include "tests/support/made_dump.h"

#define COUNT 5000U

static void id_of(uint8_t id[16], uint64_t i)
{
    uint64_t seed = i;
    for (size_t at = 0; at < 16; at += 8) {
        uint64_t value = made_random(&seed);
        memcpy(id + at, &value, 8);
    }
}

/* How often place i is among the candidates of id i. */
static size_t hits(const struct id_table *t, uint64_t i)
{
    uint8_t id[16];
    size_t n = 0;
    id_of(id, i);
    size_t at = id_table_start(t, id);
    for (uint32_t place; id_table_next(t, &at, &place);)
        n += place == i;
    return n;
}

static void what_was_added_is_among_the_candidates(void **state)
{
    (void)state;
    struct error e = {0};
    struct id_table t = {0};
    assert_int_equal(hits(&t, 1), 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint8_t id[16];
        id_of(id, i);
        assert_done(id_table_add(&t, id, i, &e), &e);
    }
    assert_int_equal(t.count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(hits(&t, i), 1);
    for (uint32_t i = COUNT; i < 2 * COUNT; i++)
        assert_int_equal(hits(&t, i), 0);
    id_table_done(&t);
}

static void a_cleared_table_is_empty_and_good_again(void **state)
{
    (void)state;
    struct error e = {0};
    struct id_table t = {0};
    uint8_t id[16];
    id_table_clear(&t);
    id_of(id, 5);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(hits(&t, 5), 0);
        assert_done(id_table_add(&t, id, 5, &e), &e);
        assert_int_equal(hits(&t, 5), 1);
        id_table_clear(&t);
    }
    id_table_done(&t);
    id_table_done(&t);
}

/* Ids that are not random (an index that is wrong, an attacker) cost time, nothing else. */
static void equal_hashes_are_all_candidates(void **state)
{
    (void)state;
    struct error e = {0};
    struct id_table t = {0};
    const uint8_t id[16] = {0xff, 0xff, 0xff, 0xff};
    uint8_t seen[300] = {0};
    for (uint32_t i = 0; i < 300; i++)
        assert_done(id_table_add(&t, id, i, &e), &e);
    size_t at = id_table_start(&t, id);
    for (uint32_t place; id_table_next(&t, &at, &place);)
        seen[place]++;
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(seen[i], 1);
    id_table_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_among_the_candidates),
        cmocka_unit_test(a_cleared_table_is_empty_and_good_again),
        cmocka_unit_test(equal_hashes_are_all_candidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
