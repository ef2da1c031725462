/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/base/secret.h"
#include "core/base/str.h"

static struct error e;

static void random_bytes_differ_and_fill_the_whole_place(void **state)
{
    (void)state;
    static uint8_t a[100000], b[100000];
    uint8_t ends[2] = {0};
    assert_done(secret_random(a, sizeof a, &e), &e);
    assert_done(secret_random(b, sizeof b, &e), &e);
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < 64; i++) {
        ends[0] |= a[i];
        ends[1] |= a[sizeof a - 1 - i];
    }
    assert_true(ends[0] != 0 && ends[1] != 0);
}

static void asking_for_no_bytes_is_fine(void **state)
{
    (void)state;
    assert_done(secret_random(NULL, 0, &e), &e);
}

static void wipe_leaves_zeros(void **state)
{
    (void)state;
    static const struct secret zeros;
    struct secret s;
    assert_done(secret_random(&s, sizeof s, &e), &e);
    secret_wipe(&s);
    assert_memory_equal(&s, &zeros, sizeof s);
}

static void free_text_takes_null_and_text(void **state)
{
    (void)state;
    secret_free_text(NULL);
    char *text = str_copy("correct horse", &e);
    assert_non_null(text);
    secret_free_text(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_differ_and_fill_the_whole_place),
        cmocka_unit_test(asking_for_no_bytes_is_fine),
        cmocka_unit_test(wipe_leaves_zeros),
        cmocka_unit_test(free_text_takes_null_and_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
