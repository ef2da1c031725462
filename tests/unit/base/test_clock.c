/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"

#define S INT64_C(1000000)
#define NOON (1769860800 * S) /* 2026-01-31T12:00:00Z */

static void zone(const char *name)
{
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
}

static void assert_time(const char *text, int64_t want)
{
    int64_t us = -1;
    if (!clock_parse(text, &us) || us != want)
        fail_msg("%s gives %lld, not %lld", text, (long long)us, (long long)want);
}

static void now_is_in_this_century_and_the_other_clock_only_grows(void **state)
{
    (void)state;
    assert_true(clock_now_us() > 1735689600 * S && clock_now_us() < 4102444800 * S);
    int64_t before = clock_monotonic_ms();
    const struct timespec nap = {.tv_nsec = 20000000};
    (void)nanosleep(&nap, NULL);
    int64_t passed = clock_monotonic_ms() - before;
    assert_true(passed >= 19 && passed < 60000);
}

static void times_are_printed_as_rfc_3339(void **state)
{
    (void)state;
    char out[CLOCK_TEXT];
    zone("America/New_York");
    clock_rfc3339(out, NOON);
    assert_string_equal(out, "2026-01-31T12:00:00Z");
    clock_rfc3339(out, NOON + S - 1);
    assert_string_equal(out, "2026-01-31T12:00:00Z");
    clock_rfc3339(out, 0);
    assert_string_equal(out, "1970-01-01T00:00:00Z");
    clock_rfc3339(out, -1);
    assert_string_equal(out, "1969-12-31T23:59:59Z");
    clock_rfc3339(out, INT64_MAX);
    assert_string_equal(out, "294247-01-10T04:00:54Z");
}

static void local_times_follow_the_zone_and_its_summer(void **state)
{
    (void)state;
    char out[CLOCK_TEXT];
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    clock_local(out, NOON);
    assert_string_equal(out, "2026-01-31 13:00:00");
    clock_local(out, NOON + 180 * 86400 * S);
    assert_string_equal(out, "2026-07-30 14:00:00");
}

static void rfc_3339_is_read_whatever_the_zone(void **state)
{
    (void)state;
    zone("EST5EDT");
    assert_time("2026-01-31T12:00:00Z", NOON);
    assert_time("2026-01-31t12:00:00z", NOON);
    assert_time("2026-01-31 12:00:00Z", NOON);
    assert_time("2026-01-31T14:30:00+02:30", NOON);
    assert_time("2026-01-31T00:00:00-12:00", NOON);
    assert_time("2026-01-31T12:00:00.25Z", NOON + S / 4);
    assert_time("2026-01-31T12:00:00.1234567899Z", NOON + 123456);
    assert_time("1969-12-31T23:59:59.999999Z", -1);
    assert_time("2000-02-29T00:00:00Z", 951782400 * S);
}

static void local_forms_are_read_in_the_zone(void **state)
{
    (void)state;
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_time("2026-01-31 13:00:00", NOON);
    assert_time("2026-01-31 13:00", NOON);
    assert_time("2026-01-31", NOON - 13 * 3600 * S);
    assert_time("2026-07-30 14:00:00", NOON + 180 * 86400 * S);
}

static void what_was_printed_is_read_back(void **state)
{
    (void)state;
    char out[CLOCK_TEXT];
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    for (int64_t us = 0; us < 4000000000 * S; us += 1234567 * S) {
        clock_rfc3339(out, us);
        assert_time(out, us);
    }
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-01",
        "2026-1-31",
        "26-01-31",
        "2026-13-01",
        "2026-00-10",
        "2026-01-00",
        "2026-01-32",
        "2026-04-31",
        "2026-02-29",
        "1900-02-29",
        "0000-01-01",
        "2026-01-31 ",
        "2026-01-31x",
        "2026-01-31 12",
        "2026-01-31 24:00",
        "2026-01-31 12:60",
        "2026-01-31 12:00:60",
        "2026-01-31 12:00:",
        "2026-01-31 12:00:00.5",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00+2",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+02:60",
        "2026-01-31T12:00:00Zx",
        " 2026-01-31",
        "yesterday",
    };
    int64_t us;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (clock_parse(bad[i], &us))
            fail_msg("\"%s\" was taken", bad[i]);
}

static void a_local_time_that_the_change_of_clocks_leaves_out_is_refused(void **state)
{
    (void)state;
    int64_t us;
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_false(clock_parse("2026-03-29 02:30", &us));
    assert_true(clock_parse("2026-03-29 03:30", &us));
    assert_true(clock_parse("2026-10-25 02:30", &us));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(now_is_in_this_century_and_the_other_clock_only_grows),
        cmocka_unit_test(times_are_printed_as_rfc_3339),
        cmocka_unit_test(local_times_follow_the_zone_and_its_summer),
        cmocka_unit_test(rfc_3339_is_read_whatever_the_zone),
        cmocka_unit_test(local_forms_are_read_in_the_zone),
        cmocka_unit_test(what_was_printed_is_read_back),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(a_local_time_that_the_change_of_clocks_leaves_out_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
