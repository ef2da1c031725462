/* SPDX-License-Identifier: Apache-2.0 */
/* Which backups stay: rules one by one, and what must hold whatever backups there are. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "catalog/retention.h"
#include "core/base/clock.h"
#include "core/repo/manifest.h"
#include "tests/support/made_dump.h"

#define MOST 200
#define HOUR_US (INT64_C(3600) * 1000000)
#define DAY_US (24 * HOUR_US)
#define ROUNDS 3000

static int64_t at(const char *time)
{
    int64_t us = 0;
    assert_true(clock_parse(time, &us));
    return us;
}

static struct retention_backup good(int64_t time_us, uint8_t kind)
{
    return (struct retention_backup){
        .time_us = time_us, .kind = kind, .filters = "", .counts = true};
}

static void judge(const struct retention_policy *p, struct retention_backup *b, size_t count)
{
    struct error e = {0};
    assert_done(retention_judge(p, b, count, &e), &e);
}

static size_t kept(const struct retention_backup *b, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += retention_keeps(&b[i]);
    return n;
}

static struct retention_policy for_all(struct retention_rules rules)
{
    struct retention_policy p = {.minimum = 1};
    for (size_t i = 0; i < RETENTION_KINDS; i++)
        p.rules[i] = rules;
    return p;
}

static void says(const struct retention_backup *b, const char *words)
{
    char text[RETENTION_TEXT];
    retention_text(b, text);
    assert_string_equal(text, words);
}

/* ---- rules ------------------------------------------------------------------------- */

static void the_newest_of_each_day_stays(void **state)
{
    struct retention_policy p = for_all((struct retention_rules){.daily = 3});
    struct retention_backup b[] = {
        good(at("2026-03-01T10:00:00Z"), MANIFEST_NIGHTLY),
        good(at("2026-03-04T01:00:00Z"), MANIFEST_NIGHTLY),
        good(at("2026-03-02T10:00:00Z"), MANIFEST_NIGHTLY),
        good(at("2026-03-04T23:00:00Z"), MANIFEST_NIGHTLY),
        good(at("2026-03-03T10:00:00Z"), MANIFEST_NIGHTLY),
    };
    (void)state;
    judge(&p, b, ARRAY_SIZE(b));
    says(&b[3], "day 1 of 3");
    says(&b[4], "day 2 of 3");
    says(&b[2], "day 3 of 3");
    says(&b[1], "no rule keeps it");
    says(&b[0], "no rule keeps it");
}

/* A night without a backup takes no place. */
static void gaps_take_no_places(void **state)
{
    struct retention_policy p = for_all((struct retention_rules){.daily = 2, .yearly = 2});
    struct retention_backup b[] = {
        good(at("2026-03-04T10:00:00Z"), MANIFEST_NIGHTLY),
        good(at("2026-01-01T10:00:00Z"), MANIFEST_NIGHTLY),
        good(at("2024-12-31T10:00:00Z"), MANIFEST_NIGHTLY),
        good(at("2023-12-31T10:00:00Z"), MANIFEST_NIGHTLY),
    };
    (void)state;
    judge(&p, b, ARRAY_SIZE(b));
    says(&b[1], "day 2 of 2");
    says(&b[2], "year 2 of 2");
    assert_false(retention_keeps(&b[3]));
}

static void days_are_those_of_the_zone(void **state)
{
    struct retention_policy p = for_all((struct retention_rules){.daily = 2});
    struct retention_backup b[] = {
        good(at("2026-03-01T22:30:00Z"), MANIFEST_NIGHTLY), /* in Berlin still that day */
        good(at("2026-03-01T23:30:00Z"), MANIFEST_NIGHTLY), /* the next one */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(b); i++)
        b[i].utc_offset_s = 3600;
    judge(&p, b, ARRAY_SIZE(b));
    assert_int_equal(kept(b, 2), 2);
    b[0].utc_offset_s = b[1].utc_offset_s = 0;
    judge(&p, b, ARRAY_SIZE(b));
    assert_int_equal(kept(b, 2), 1);
}

/* 2026-10-25 has 25 hours in Berlin: one day, and the hour that comes twice is two hours. */
static void a_change_of_clocks_is_no_second_day(void **state)
{
    struct retention_policy p = for_all((struct retention_rules){.daily = 5});
    struct retention_backup b[] = {
        good(at("2026-10-25T00:30:00Z"), MANIFEST_NIGHTLY), /* 02:30 summer time */
        good(at("2026-10-25T01:30:00Z"), MANIFEST_NIGHTLY), /* 02:30 winter time */
    };
    (void)state;
    b[0].utc_offset_s = 7200;
    b[1].utc_offset_s = 3600;
    judge(&p, b, ARRAY_SIZE(b));
    assert_int_equal(kept(b, 2), 1);
    p = for_all((struct retention_rules){.hourly = 5});
    judge(&p, b, ARRAY_SIZE(b));
    assert_int_equal(kept(b, 2), 2);
}

static void weeks_months_and_years_end_where_the_calendar_says(void **state)
{
    static const struct {
        const char *before, *after;
        struct retention_rules rules;
        bool same;
    } cases[] = {
        {"2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z", {.weekly = 2}, false}, /* Sunday */
        {"2026-03-02T12:00:00Z", "2026-03-08T12:00:00Z", {.weekly = 2}, true},
        {"2024-02-29T12:00:00Z", "2024-03-01T12:00:00Z", {.monthly = 2}, false},
        {"2024-02-01T00:00:00Z", "2024-02-29T23:59:59Z", {.monthly = 2}, true},
        {"2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", {.yearly = 2}, false},
        {"2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z", {.yearly = 2}, true},
        {"2025-12-29T12:00:00Z", "2026-01-01T12:00:00Z", {.weekly = 2}, true},
        {"1999-12-31T12:00:00Z", "2000-01-01T12:00:00Z", {.monthly = 2}, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct retention_policy p = for_all(cases[i].rules);
        struct retention_backup b[] = {good(at(cases[i].before), MANIFEST_NIGHTLY),
                                       good(at(cases[i].after), MANIFEST_NIGHTLY)};
        judge(&p, b, 2);
        assert_int_equal(kept(b, 2), cases[i].same ? 1 : 2);
        assert_true(retention_keeps(&b[1]));
    }
}

static void the_runbook_keeps_what_it_says(void **state)
{
    struct retention_policy p = retention_runbook();
    struct retention_backup b[MOST];
    size_t n = 0;
    int64_t first = at("2026-01-01T02:00:00Z");
    (void)state;
    for (int day = 0; day < 90; day++)
        b[n++] = good(first + day * DAY_US, MANIFEST_NIGHTLY);
    for (int week = 0; week < 12; week++)
        b[n++] = good(first + week * 7 * DAY_US, MANIFEST_WEEKLY);
    for (uint32_t deploy = 1; deploy <= 8; deploy++) {
        b[n] = good(first + deploy * 5 * DAY_US, MANIFEST_PRE_DEPLOY);
        b[n++].deploy = (deploy + 1) / 2; /* every second attempt ended a cycle */
    }
    b[n++] = good(first, MANIFEST_MANUAL);
    judge(&p, b, n);
    assert_int_equal(kept(b, 90), 14);
    assert_int_equal(kept(b + 90, 12), 4);
    assert_int_equal(kept(b + 102, 8), 4);
    says(&b[102 + 7], "deploy cycle 1 of 2");
    says(&b[102 + 4], "deploy cycle 2 of 2");
    says(&b[110], "no rule for its kind");
    b[102].deploy_open = true;
    b[0].held = true;
    judge(&p, b, n);
    says(&b[102], "its deploy has not ended");
    says(&b[0], "held");
}

static void tags_keep(void **state)
{
    static const char *const wanted[] = {"release", "keep=yes"};
    static const char *const tags[][1] = {
        {"release=7"}, {"keep=no"}, {"keep=yes"}, {"released"}, {"x"}};
    struct retention_policy p = for_all((struct retention_rules){.last = 1});
    struct retention_backup b[5];
    (void)state;
    p.tags = wanted;
    p.tag_count = 2;
    for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
        b[i] = good((int64_t)i, MANIFEST_NIGHTLY);
        b[i].tags = tags[i];
        b[i].tag_count = 1;
    }
    judge(&p, b, ARRAY_SIZE(b));
    says(&b[0], "its tag");
    assert_false(retention_keeps(&b[1]));
    says(&b[2], "its tag");
    assert_false(retention_keeps(&b[3]));
    says(&b[4], "last 1 of 1");
}

/* An hourly dump of one table is no reason to drop the last whole one. */
static void other_filters_are_other_backups(void **state)
{
    struct retention_policy p = for_all((struct retention_rules){.last = 2});
    struct retention_backup b[12];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
        b[i] = good((int64_t)i * HOUR_US, MANIFEST_NIGHTLY);
        b[i].filters = i == 0 ? "" : "-t orders";
    }
    judge(&p, b, ARRAY_SIZE(b));
    says(&b[0], "last 1 of 2");
    assert_int_equal(kept(b, ARRAY_SIZE(b)), 3);
}

/* ---- what must always hold --------------------------------------------------------- */

struct random_world {
    uint64_t seed;
    struct retention_backup b[MOST];
    size_t count;
    struct retention_policy p;
};

static uint64_t below(struct random_world *w, uint64_t limit)
{
    return made_random(&w->seed) % limit;
}

static struct retention_rules random_rules(struct random_world *w)
{
    struct retention_rules r = {0};
    uint32_t *numbers[] = {&r.last,    &r.hourly, &r.daily,  &r.weekly,
                           &r.monthly, &r.yearly, &r.deploys};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (below(w, 3) == 0)
            *numbers[i] = (uint32_t)below(w, 6);
    if (below(w, 4) == 0)
        r.within_us = (int64_t)below(w, 20) * DAY_US;
    return r;
}

static void make_world(struct random_world *w, uint64_t seed)
{
    static const char *const filters[] = {"", "", "", "-t a"};
    *w = (struct random_world){.seed = seed};
    w->count = below(w, MOST / 2);
    w->p.minimum = (uint32_t)below(w, 5);
    for (size_t i = 0; i < RETENTION_KINDS; i++)
        w->p.rules[i] = random_rules(w);
    for (size_t i = 0; i < w->count; i++) {
        w->b[i] = good(at("2026-01-01T00:00:00Z") + (int64_t)below(w, 400 * 24) * HOUR_US / 2,
                       (uint8_t)below(w, RETENTION_KINDS));
        w->b[i].sequence = i;
        w->b[i].counts = below(w, 8) != 0;
        w->b[i].held = below(w, 30) == 0;
        w->b[i].imported = below(w, 15) == 0;
        w->b[i].filters = filters[below(w, ARRAY_SIZE(filters))];
        w->b[i].deploy = (uint32_t)below(w, 6);
        w->b[i].utc_offset_s = (int32_t)below(w, 27) * 3600 - 12 * 3600;
    }
    judge(&w->p, w->b, w->count);
}

static bool same_group(const struct retention_backup *a, const struct retention_backup *b)
{
    return a->kind == b->kind && a->imported == b->imported &&
           strcmp(a->filters, b->filters) == 0;
}

static bool is_newer(const struct retention_backup *a, const struct retention_backup *b)
{
    return a->time_us != b->time_us ? a->time_us > b->time_us : a->sequence > b->sequence;
}

/* The newest that counts stays, and so many of its group as the minimum says. */
static void the_newest_and_the_minimum_stay(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct random_world w;
        make_world(&w, seed);
        for (size_t i = 0; i < w.count; i++) {
            size_t newer = 0;
            for (size_t k = 0; k < w.count; k++)
                newer +=
                    w.b[k].counts && same_group(&w.b[i], &w.b[k]) && is_newer(&w.b[k], &w.b[i]);
            if (newer < w.p.minimum || newer == 0 || !w.b[i].counts || w.b[i].held)
                assert_true(retention_keeps(&w.b[i]));
        }
    }
}

/* One that does not count is in nobody's place: without it all is the same. */
static void what_does_not_count_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct random_world w;
        struct retention_backup less[MOST];
        size_t n = 0;
        make_world(&w, seed);
        for (size_t i = 0; i < w.count; i++)
            if (w.b[i].counts)
                less[n++] = w.b[i];
        judge(&w.p, less, n);
        for (size_t i = 0, k = 0; i < w.count; i++)
            if (w.b[i].counts)
                assert_int_equal(less[k++].reason, w.b[i].reason);
    }
}

/* More places, more time, a higher minimum: whatever stayed stays. */
static void a_larger_policy_keeps_more(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct random_world w;
        struct retention_backup more[MOST];
        make_world(&w, seed);
        memcpy(more, w.b, sizeof more);
        struct retention_rules *r = &w.p.rules[below(&w, RETENTION_KINDS)];
        uint32_t *numbers[] = {&r->last,    &r->hourly, &r->daily,   &r->weekly,
                               &r->monthly, &r->yearly, &r->deploys, &w.p.minimum};
        if (r->last + r->hourly + r->daily + r->weekly + r->monthly + r->yearly + r->deploys >
            0)
            *numbers[below(&w, ARRAY_SIZE(numbers))] += 1 + (uint32_t)below(&w, 3);
        judge(&w.p, more, w.count);
        for (size_t i = 0; i < w.count; i++)
            assert_true(retention_keeps(&more[i]) || !retention_keeps(&w.b[i]));
    }
}

/* Once dropped, nothing more goes: the answer does not creep. */
static void a_second_time_drops_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct random_world w;
        size_t n = 0;
        make_world(&w, seed);
        for (size_t i = 0; i < w.count; i++)
            if (retention_keeps(&w.b[i]))
                w.b[n++] = w.b[i];
        judge(&w.p, w.b, n);
        assert_int_equal(kept(w.b, n), n);
    }
}

/* A backup more moves nobody of another group, and nobody who is newer. */
static void groups_do_not_see_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct random_world w;
        struct retention_backup with[MOST + 1];
        make_world(&w, seed);
        memcpy(with, w.b, sizeof w.b);
        struct retention_backup *other = &with[w.count];
        *other = good(at("2026-06-01T00:00:00Z") + (int64_t)below(&w, 4000) * HOUR_US,
                      (uint8_t)below(&w, RETENTION_KINDS));
        other->sequence = MOST;
        judge(&w.p, with, w.count + 1);
        for (size_t i = 0; i < w.count; i++)
            if (!same_group(&w.b[i], other) || is_newer(&w.b[i], other))
                assert_int_equal(with[i].reason == RETENTION_DROPPED,
                                 w.b[i].reason == RETENTION_DROPPED);
    }
}

/* The order in which backups are told, and a clock that is wrong by days for all of them. */
static void order_and_clock_do_not_matter(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct random_world w;
        struct retention_backup moved[MOST];
        make_world(&w, seed);
        for (size_t i = 0; i < w.count; i++) {
            moved[w.count - 1 - i] = w.b[i];
            moved[w.count - 1 - i].time_us += 400 * 365 * DAY_US + 97 * DAY_US;
        }
        judge(&w.p, moved, w.count);
        for (size_t i = 0; i < w.count; i++)
            assert_int_equal(moved[w.count - 1 - i].reason, w.b[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_of_each_day_stays),
        cmocka_unit_test(gaps_take_no_places),
        cmocka_unit_test(days_are_those_of_the_zone),
        cmocka_unit_test(a_change_of_clocks_is_no_second_day),
        cmocka_unit_test(weeks_months_and_years_end_where_the_calendar_says),
        cmocka_unit_test(the_runbook_keeps_what_it_says),
        cmocka_unit_test(tags_keep),
        cmocka_unit_test(other_filters_are_other_backups),
        cmocka_unit_test(the_newest_and_the_minimum_stay),
        cmocka_unit_test(what_does_not_count_changes_nothing),
        cmocka_unit_test(a_larger_policy_keeps_more),
        cmocka_unit_test(a_second_time_drops_nothing),
        cmocka_unit_test(groups_do_not_see_each_other),
        cmocka_unit_test(order_and_clock_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
