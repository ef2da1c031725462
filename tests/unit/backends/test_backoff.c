/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>

#include "backends/backoff.h"
#include "core/base/clock.h"

static struct error e;

static void patience_is_five_minutes_or_what_the_environment_says(void **state)
{
    static const char *const wrong[] = {"x", "-1", "1.5", "86401", " 1", "1s"};
    int64_t ms;
    (void)state;
    (void)unsetenv("PGKEEP_STORE_PATIENCE");
    assert_done(backoff_patience(&ms, &e), &e);
    assert_int_equal(ms, 300000);
    (void)setenv("PGKEEP_STORE_PATIENCE", "7", 1);
    assert_done(backoff_patience(&ms, &e), &e);
    assert_int_equal(ms, 7000);
    (void)setenv("PGKEEP_STORE_PATIENCE", "0", 1);
    assert_done(backoff_patience(&ms, &e), &e);
    assert_int_equal(ms, 0);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        (void)setenv("PGKEEP_STORE_PATIENCE", wrong[i], 1);
        assert_refused(backoff_patience(&ms, &e), &e, ERROR_USAGE);
    }
    (void)unsetenv("PGKEEP_STORE_PATIENCE");
}

static void waiting_ends_with_patience(void **state)
{
    struct backoff b;
    unsigned waits = 0;
    (void)state;
    backoff_begin(&b, 700);
    int64_t began = clock_monotonic_ms();
    while (backoff_wait(&b, 0, NULL))
        waits++;
    assert_true(clock_monotonic_ms() - began <= 1700);
    assert_int_equal(b.failures, waits + 1);
    backoff_begin(&b, 0);
    assert_false(backoff_wait(&b, 1, NULL));
}

static void what_the_server_asks_for_is_the_least(void **state)
{
    struct backoff b;
    (void)state;
    backoff_begin(&b, 5000);
    int64_t began = clock_monotonic_ms();
    assert_true(backoff_wait(&b, 400, NULL));
    assert_true(clock_monotonic_ms() - began >= 399);
    /* More than patience: given up at once, not after it. */
    began = clock_monotonic_ms();
    assert_false(backoff_wait(&b, 60000, NULL));
    assert_true(clock_monotonic_ms() - began < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patience_is_five_minutes_or_what_the_environment_says),
        cmocka_unit_test(waiting_ends_with_patience),
        cmocka_unit_test(what_the_server_asks_for_is_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
