/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <errno.h>
#include <pthread.h>

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/base/file.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#ifdef PGKEEP_FAILPOINTS

/* Three hits; answers 10 * the hit that was refused + 1 when errno is ENOSPC. */
static int three(void *arg)
{
    (void)arg;
    for (int i = 1; i <= 3; i++)
        if (failpoint_hit("step") < 0)
            return 10 * i + (errno == ENOSPC);
    return 0;
}

static void the_nth_hit_crashes(void **state)
{
    (void)state;
    assert_int_equal(fault_run("PGKEEP_FAIL_AT", "1", three, NULL), FAULT_CRASHED);
    assert_int_equal(fault_run("PGKEEP_FAIL_AT", "3", three, NULL), FAULT_CRASHED);
    assert_int_equal(fault_run("PGKEEP_FAIL_AT", "4", three, NULL), 0);
}

static void the_nth_hit_is_refused_with_the_errno_asked_for(void **state)
{
    (void)state;
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "28:2", three, NULL), 21);
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "5:3", three, NULL), 30);
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "5:9,28:1", three, NULL), 11);
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "5:4", three, NULL), 0);
}

static int three_late(void *arg)
{
    int64_t began = clock_monotonic_ms();
    return three(arg) == 0 && clock_monotonic_ms() - began >= 60;
}

static void steps_of_one_name_can_be_slow(void **state)
{
    (void)state;
    assert_int_equal(fault_run("PGKEEP_FAIL_DELAY", "20:step", three_late, NULL), 1);
    assert_int_equal(fault_run("PGKEEP_FAIL_DELAY", "60000:other step", three, NULL), 0);
}

static void nonsense_never_passes_as_a_fault_that_did_not_happen(void **state)
{
    (void)state;
    assert_int_equal(fault_run("PGKEEP_FAIL_AT", "x", three, NULL), 2);
    assert_int_equal(fault_run("PGKEEP_FAIL_AT", "2x", three, NULL), 2);
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "ENOSPC:1", three, NULL), 2);
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "28", three, NULL), 2);
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "28:1;5:2", three, NULL), 2);
    assert_int_equal(fault_run("PGKEEP_FAIL_COUNT", "/no/such/file", three, NULL), 2);
    assert_int_equal(fault_run("PGKEEP_FAIL_DELAY", "step", three, NULL), 2);
    assert_int_equal(fault_run("PGKEEP_FAIL_DELAY", "20", three, NULL), 2);
    assert_int_equal(fault_run("PGKEEP_FAIL_DELAY", "60001:step", three, NULL), 2);
}

static void *hit_often(void *arg)
{
    for (int i = 0; i < 1000; i++)
        if (failpoint_hit("thread") < 0)
            return arg;
    return NULL;
}

static int four_threads(void *arg)
{
    (void)arg;
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        if (pthread_create(&threads[i], NULL, hit_often, NULL) != 0)
            return 1;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        (void)pthread_join(threads[i], NULL);
    return 0;
}

static void hits_of_all_threads_are_counted_once(void **state)
{
    (void)state;
    char folder[SCRATCH_PATH], path[SCRATCH_PATH], line[32];
    struct buf b = {0};
    struct error e;
    scratch_make(folder);
    scratch_path(path, folder, "hits");
    assert_int_equal(fault_run("PGKEEP_FAIL_COUNT", path, four_threads, NULL), 0);
    assert_done(file_load(path, 1000000, &b, &e), &e);
    struct bytes left = buf_view(&b);
    for (int i = 1; i <= 4000; i++) {
        size_t n = (size_t)snprintf(line, sizeof line, "%d thread\n", i);
        assert_true(n <= left.len);
        assert_true(bytes_equal(bytes_take(&left, n), bytes_text(line)));
    }
    assert_int_equal(left.len, 0);
    buf_done(&b);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_hit_crashes),
        cmocka_unit_test(the_nth_hit_is_refused_with_the_errno_asked_for),
        cmocka_unit_test(steps_of_one_name_can_be_slow),
        cmocka_unit_test(nonsense_never_passes_as_a_fault_that_did_not_happen),
        cmocka_unit_test(hits_of_all_threads_are_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static int one(void *arg)
{
    (void)arg;
    return failpoint_hit("step") == 0 ? 0 : 1;
}

static void a_release_cannot_be_made_to_fail(void **state)
{
    (void)state;
    assert_int_equal(fault_run("PGKEEP_FAIL_AT", "1", one, NULL), 0);
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "28:1", one, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_cannot_be_made_to_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
