/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "backends/backoff.h"
#include "core/base/clock.h"

static struct error e;

static void patience_is_five_minutes_or_what_the_environment_says(void **state)
{
    static const char *const wrong[] = {"x", "-1", "1.5", "86401", " 1", "1s"};
    struct backoff_patience p;
    (void)state;
    (void)unsetenv("PGKEEP_STORE_PATIENCE");
    assert_done(backoff_read_patience(&p, &e), &e);
    assert_int_equal(p.ms, 300000);
    (void)setenv("PGKEEP_STORE_PATIENCE", "7", 1);
    assert_done(backoff_read_patience(&p, &e), &e);
    assert_int_equal(p.ms, 7000);
    (void)setenv("PGKEEP_STORE_PATIENCE", "0", 1);
    assert_done(backoff_read_patience(&p, &e), &e);
    assert_int_equal(p.ms, 0);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        (void)setenv("PGKEEP_STORE_PATIENCE", wrong[i], 1);
        assert_refused(backoff_read_patience(&p, &e), &e, ERROR_USAGE);
    }
    (void)unsetenv("PGKEEP_STORE_PATIENCE");
}

static void waiting_ends_with_patience_and_the_cause(void **state)
{
    struct backoff_patience p = {.ms = 700};
    struct backoff b;
    unsigned waits = 0;
    (void)state;
    backoff_begin(&b, &p);
    int64_t began = clock_monotonic_ms();
    (void)error_set(&e, ERROR_IO, "the cause");
    while (backoff_wait(&b, 0, &e) == 0)
        waits++;
    assert_true(clock_monotonic_ms() - began <= 1700);
    assert_int_equal(b.failures, waits + 1);
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_non_null(strstr(e.text, "the cause"));
    assert_non_null(strstr(e.text, "gave up after "));
    p.ms = 0;
    backoff_begin(&b, &p);
    assert_refused(backoff_wait(&b, 1, &e), &e, ERROR_BUSY);
}

static void what_the_server_asks_for_is_the_least(void **state)
{
    struct backoff_patience p = {.ms = 5000};
    struct backoff b;
    (void)state;
    backoff_begin(&b, &p);
    int64_t began = clock_monotonic_ms();
    assert_done(backoff_wait(&b, 400, &e), &e);
    assert_true(clock_monotonic_ms() - began >= 399);
    assert_true(backoff_left_ms(&b) <= 5000 - 399);
    /* More than patience: given up at once, not after it. */
    began = clock_monotonic_ms();
    assert_refused(backoff_wait(&b, 60000, &e), &e, ERROR_BUSY);
    assert_true(clock_monotonic_ms() - began < 1000);
    assert_non_null(strstr(e.text, "gave up after 2 attempts in 0."));
}

static void a_store_given_up_gets_little_until_it_answers(void **state)
{
    struct backoff_patience p = {.ms = 60000};
    struct backoff b;
    (void)state;
    backoff_begin(&b, &p);
    assert_int_equal(backoff_left_ms(&b), 60000);
    assert_refused(backoff_wait(&b, 70000, &e), &e, ERROR_BUSY);
    backoff_begin(&b, &p);
    assert_int_equal(backoff_left_ms(&b), BACKOFF_GAVE_UP_MS);
    backoff_answered(&p);
    backoff_begin(&b, &p);
    assert_int_equal(backoff_left_ms(&b), 60000);
}

static void a_stop_ends_the_wait(void **state)
{
    volatile sig_atomic_t stop = SIGTERM;
    struct backoff_patience p = {.ms = 60000, .stop = &stop};
    struct backoff b;
    (void)state;
    backoff_begin(&b, &p);
    int64_t began = clock_monotonic_ms();
    assert_refused(backoff_wait(&b, 30000, &e), &e, ERROR_TERMINATED);
    assert_true(clock_monotonic_ms() - began < 1000);
    /* Also where patience has ended, and it is not the store that was given up. */
    p.ms = 0;
    backoff_begin(&b, &p);
    assert_refused(backoff_wait(&b, 0, &e), &e, ERROR_TERMINATED);
    assert_false(p.gave_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patience_is_five_minutes_or_what_the_environment_says),
        cmocka_unit_test(waiting_ends_with_patience_and_the_cause),
        cmocka_unit_test(what_the_server_asks_for_is_the_least),
        cmocka_unit_test(a_store_given_up_gets_little_until_it_answers),
        cmocka_unit_test(a_stop_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
