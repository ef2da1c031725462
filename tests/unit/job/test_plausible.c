/* SPDX-License-Identifier: Apache-2.0 */
/* The plausibility gate: what must raise an alarm, and where it begins. */
#include "tests/unit/job/plausible_nights.h"

/* ---- alarms ------------------------------------------------------------------------ */

static void a_table_that_vanished_is_an_alarm(void **state)
{
    (void)state;
    nights_of(&n, 3, 20);
    begin_night(&n);
    add(&n, "large", 1000000);
    assert_found(&n, "t vanished ALARM;");
}

static void a_table_that_emptied_is_an_alarm_however_small_it_was(void **state)
{
    (void)state;
    nights_of(&n, 1, 3);
    night(&n, 0);
    assert_found(&n, "t emptied ALARM;");
}

static void all_that_is_wrong_is_found_in_the_order_of_names(void **state)
{
    (void)state;
    begin_night(&n);
    add(&n, "d", 9000);
    add(&n, "c", 9000);
    add(&n, "b", 9000);
    add(&n, "a", 9000);
    begin_night(&n);
    add(&n, "d", 1);
    add(&n, "b", 0);
    add(&n, "a", 9000);
    assert_found(&n, "b emptied ALARM;c vanished ALARM;d shrunk ALARM;");
}

static void an_empty_dump_is_an_alarm(void **state)
{
    (void)state;
    nights_of(&n, 2, 5);
    begin_night(&n);
    assert_found(&n, "large vanished ALARM;t vanished ALARM;");
}

/* ---- the thresholds ---------------------------------------------------------------- */

static void half_exactly_is_not_more_than_half(void **state)
{
    (void)state;
    nights_of(&n, 3, 10000);
    night(&n, 5000);
    assert_found(&n, "");
    again(&n);
    night(&n, 4999);
    assert_found(&n, "t shrunk ALARM;");
}

static void a_thousand_rows_may_be_lost(void **state)
{
    (void)state;
    nights_of(&n, 3, 1100);
    night(&n, 100);
    assert_found(&n, "");
    again(&n);
    night(&n, 99);
    assert_found(&n, "t shrunk ALARM;");
}

static void the_median_of_seven_decides_not_the_last_night(void **state)
{
    (void)state;
    /* 60 nights ago it was large, which nobody remembers. */
    static const uint64_t rows[] = {90000, 9000, 9100, 9200, 9300, 9400, 9500, 9600};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        night(&n, rows[i]);
    night(&n, 4649); /* the median is 9300 */
    assert_found(&n, "t shrunk ALARM;");
    again(&n);
    night(&n, 4650);
    assert_found(&n, "");
}

static void doubted_nights_are_no_measure(void **state)
{
    (void)state;
    nights_of(&n, 7, 9000);
    for (int i = 0; i < 4; i++) {
        night(&n, 100);
        assert_found(&n, "t shrunk ALARM;");
        n.backups[n.count - 1].doubted = true;
    }
    night(&n, 100);
    assert_found(&n, "t shrunk ALARM;");
    for (size_t i = 0; i < 11; i++)
        n.backups[i].doubted = true;
    assert_found(&n, "");
}

static void one_night_with_far_too_many_rows_changes_nothing(void **state)
{
    (void)state;
    nights_of(&n, 5, 10000);
    night(&n, 5000000);
    night(&n, 10000);
    assert_found(&n, "");
}

static void of_two_nights_the_smaller_one_is_the_median(void **state)
{
    (void)state;
    night(&n, 2000);
    night(&n, 50000);
    night(&n, 1900);
    assert_found(&n, "");
}

/* ---- names ------------------------------------------------------------------------- */

/* One night with t (oid 500), one where another table has that oid. */
static void rename_to(const char *name, uint64_t rows)
{
    nights_of(&n, 3, 50000);
    n.tables[2][1].oid = "500";
    begin_night(&n);
    add(&n, "large", 1000000);
    add(&n, name, rows)->oid = "500";
}

static void a_table_with_another_name_was_renamed(void **state)
{
    (void)state;
    rename_to("u", 50000);
    assert_found(&n, "t renamed harmless;");
    n.tables[3][1].rows = 100;
    assert_found(&n, "t renamed harmless;t shrunk ALARM;");
    n.tables[3][1].rows = 0;
    assert_found(&n, "t renamed harmless;t emptied ALARM;");
    n.tables[3][1].root_schema = "s";
    n.tables[3][1].root_name = "tree";
    n.tables[3][1].rows = 50000;
    assert_found(&n, "t renamed harmless;");
}

static void an_oid_means_nothing_in_another_cluster(void **state)
{
    (void)state;
    rename_to("u", 50000);
    n.backups[3].system_id = 78;
    assert_found(&n, "t vanished ALARM;");
    n.backups[3].system_id = n.backups[2].system_id = 0;
    assert_found(&n, "t vanished ALARM;");
    /* Where it is not known, the other tables tell. */
    n.tables[2][0].oid = n.tables[3][0].oid = "16390";
    assert_found(&n, "t renamed harmless;");
    n.tables[3][0].oid = "16391";
    assert_found(&n, "t vanished ALARM;");
}

static void a_table_that_was_there_before_is_no_new_name(void **state)
{
    (void)state;
    rename_to("u", 50000);
    n.tables[2][0].name = "u";
    n.tables[2][0].rows = 50000;
    assert_found(&n, "t vanished ALARM;");
}

/* ---- rows that nobody counted ------------------------------------------------------ */

static void tables_that_were_not_counted_are_only_missed(void **state)
{
    (void)state;
    nights_of(&n, 3, 0);
    for (size_t i = 0; i < 3; i++)
        n.tables[i][1].counted = false;
    night(&n, 0);
    n.tables[3][1].counted = false;
    assert_found(&n, "");
    n.tables[2][1].counted = true;
    n.tables[2][1].rows = 50000;
    assert_found(&n, ""); /* another way of dumping */
    again(&n);
    begin_night(&n);
    add(&n, "large", 1000000);
    assert_found(&n, "t vanished ALARM;");
}

/* ---- words ------------------------------------------------------------------------- */

static void findings_have_words(void **state)
{
    static const struct {
        struct plausible_finding finding;
        const char *text;
    } cases[] = {
        {{.kind = PLAUSIBLE_VANISHED, .before = 5000, .counted = true},
         "table a.t is gone: rows usually: 5000"},
        {{.kind = PLAUSIBLE_VANISHED}, "table a.t is gone"},
        {{.kind = PLAUSIBLE_EMPTIED, .before = 7, .excuse = PLAUSIBLE_UNSTEADY},
         "table a.t is empty: rows usually: 7; it has vanished, emptied or halved before"},
        {{.kind = PLAUSIBLE_SHRUNK, .before = 3000, .now = 1000},
         "table a.t lost 66 % of its rows: 1000, usually 3000"},
        {{.kind = PLAUSIBLE_RENAMED,
          .excuse = PLAUSIBLE_HARMLESS,
          .now_schema = "b",
          .now_name = "u\n"},
         "table a.t is called b.u\\x0a now"},
        {{.kind = PLAUSIBLE_EMPTIED, .before = 7, .excuse = PLAUSIBLE_TINY},
         "table a.t is empty: rows usually: 7; the database is tiny"},
        {{.kind = PLAUSIBLE_EMPTIED, .before = 7, .excuse = PLAUSIBLE_VOLATILE},
         "table a.t is empty: rows usually: 7; it is volatile"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct plausible_finding f = cases[i].finding;
        char text[PLAUSIBLE_TEXT];
        f.schema = "a";
        f.name = "t";
        plausible_text(&f, text);
        assert_string_equal(text, cases[i].text);
    }
}

static int refuse(void *arg, const struct plausible_finding *f, struct error *e)
{
    (void)arg;
    (void)f;
    return error_set(e, ERROR_MEMORY, "enough");
}

static void a_visitor_may_end_it(void **state)
{
    struct error e = {0};
    (void)state;
    nights_of(&n, 2, 50000);
    begin_night(&n);
    const struct plausible_question q = {
        .history = &n.backups[1], .history_count = 1, .tonight = &n.backups[2]};
    assert_refused(plausible_check(&q, refuse, NULL, &e), &e, ERROR_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_table_that_vanished_is_an_alarm),
        TEST(a_table_that_emptied_is_an_alarm_however_small_it_was),
        TEST(all_that_is_wrong_is_found_in_the_order_of_names),
        TEST(an_empty_dump_is_an_alarm),
        TEST(half_exactly_is_not_more_than_half),
        TEST(a_thousand_rows_may_be_lost),
        TEST(the_median_of_seven_decides_not_the_last_night),
        TEST(doubted_nights_are_no_measure),
        TEST(one_night_with_far_too_many_rows_changes_nothing),
        TEST(of_two_nights_the_smaller_one_is_the_median),
        TEST(a_table_with_another_name_was_renamed),
        TEST(an_oid_means_nothing_in_another_cluster),
        TEST(a_table_that_was_there_before_is_no_new_name),
        TEST(tables_that_were_not_counted_are_only_missed),
        TEST(findings_have_words),
        TEST(a_visitor_may_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
