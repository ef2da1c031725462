/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/repo/names.h"
#include "tests/support/store_memory.h"

static void names_are_sorted_and_only_ours(void **state)
{
    (void)state;
    struct error e = {0};
    struct store *store = store_memory_new(&e);
    struct names n = {0};
    static const char *const put[] = {"marks/bb-2", "marks/aa-1", "marks/README", "marks/aa-0",
                                      "keys/aa"};
    assert_non_null(store);
    assert_false(names_has(&n, "marks/aa-1"));
    for (size_t i = 0; i < ARRAY_SIZE(put); i++)
        assert_done(store_put(store, put[i], bytes_text("x"), &e), &e);
    assert_done(names_list(&n, store, "marks/", &e), &e);
    assert_int_equal(n.count, 3);
    assert_string_equal(names_at(&n, 0), "marks/aa-0");
    assert_string_equal(names_at(&n, 2), "marks/bb-2");
    assert_true(names_has(&n, "marks/aa-1"));
    assert_false(names_has(&n, "marks/aa-"));
    assert_true(names_has_prefix(&n, "marks/aa-"));
    assert_false(names_has_prefix(&n, "marks/ab-"));
    assert_false(names_has_prefix(&n, "marks/cc-"));
    names_done(&n);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_sorted_and_only_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
