/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <errno.h>
#include <string.h>

static void set_answers_minus_one_and_keeps_kind_and_text(void **state)
{
    (void)state;
    struct error e = {.sys = 7};
    assert_int_equal(error_set(&e, ERROR_CORRUPT, "pack %s: length %d", "ab", 12), -1);
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_int_equal(e.sys, 0);
    assert_string_equal(e.text, "pack ab: length 12");
}

static void system_keeps_errno_and_adds_its_words(void **state)
{
    (void)state;
    struct error e = {0};
    errno = ENOSPC;
    assert_int_equal(error_system(&e, "file %s", "x"), -1);
    assert_int_equal(e.kind, ERROR_IO);
    assert_int_equal(e.sys, ENOSPC);
    assert_string_equal(e.text, "file x: No space left on device");
}

static void wrap_puts_context_in_front_and_keeps_the_kind(void **state)
{
    (void)state;
    struct error e = {0};
    (void)error_set(&e, ERROR_KEY, "wrong key");
    assert_int_equal(error_wrap(&e, "backup %d", 3), -1);
    assert_int_equal(e.kind, ERROR_KEY);
    assert_string_equal(e.text, "backup 3: wrong key");
}

static void wrap_never_overruns(void **state)
{
    (void)state;
    struct error e = {0};
    char context[2000];
    memset(context, 'c', sizeof context);
    context[sizeof context - 1] = '\0';
    (void)error_set(&e, ERROR_IO, "cause");
    for (int i = 0; i < 3; i++) {
        (void)error_wrap(&e, "%s", context);
        assert_int_equal(strlen(e.text), sizeof e.text - 1);
    }
}

static void only_the_first_hint_stands(void **state)
{
    (void)state;
    struct error e = {0};
    (void)error_set(&e, ERROR_KEY, "no key");
    (void)error_hint(&e, "give --key-file");
    (void)error_hint(&e, "buy a new disk");
    assert_string_equal(e.text, "no key\nhint: give --key-file");
}

static void a_hint_never_overruns_a_full_text(void **state)
{
    (void)state;
    struct error e = {.kind = ERROR_IO};
    memset(e.text, 'x', sizeof e.text - 1);
    (void)error_hint(&e, "too late");
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

static void a_missing_error_is_taken_everywhere(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_IO, "x"), -1);
    assert_int_equal(error_system(NULL, "x"), -1);
    assert_int_equal(error_wrap(NULL, "x"), -1);
    assert_int_equal(error_hint(NULL, "x"), -1);
    assert_int_equal(error_memory(NULL, "x"), -1);
}

static void clear_leaves_nothing(void **state)
{
    (void)state;
    struct error e = {0};
    (void)error_memory(&e, "rows");
    assert_int_equal(e.kind, ERROR_MEMORY);
    assert_string_equal(e.text, "out of memory: rows");
    error_clear(&e);
    assert_int_equal(e.kind, ERROR_NONE);
    assert_string_equal(e.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_answers_minus_one_and_keeps_kind_and_text),
        cmocka_unit_test(system_keeps_errno_and_adds_its_words),
        cmocka_unit_test(wrap_puts_context_in_front_and_keeps_the_kind),
        cmocka_unit_test(wrap_never_overruns),
        cmocka_unit_test(only_the_first_hint_stands),
        cmocka_unit_test(a_hint_never_overruns_a_full_text),
        cmocka_unit_test(a_missing_error_is_taken_everywhere),
        cmocka_unit_test(clear_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
