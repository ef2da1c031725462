/* SPDX-License-Identifier: Apache-2.0 */
/* The plausibility gate: all that looks like a loss and must not raise an alarm. */
#include "tests/unit/job/plausible_nights.h"

static void the_first_backup_is_always_fine(void **state)
{
    (void)state;
    night(&n, 0);
    assert_found(&n, "");
}

static void a_new_table_is_fine(void **state)
{
    (void)state;
    nights_of(&n, 2, 10);
    night(&n, 10);
    add(&n, "new", 0);
    assert_found(&n, "");
    night(&n, 10);
    add(&n, "new", 5);
    assert_found(&n, "");
}

static void a_tiny_database_only_warns(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        begin_night(&n);
        add(&n, "a", 900);
        add(&n, "b", 100);
    }
    begin_night(&n);
    add(&n, "a", 0);
    assert_found(&n, "a emptied tiny;b vanished tiny;");
    /* Not so if it ever was larger, or if nobody knows how large it is. */
    n.tables[0][0].rows = 901;
    assert_found(&n, "a emptied ALARM;b vanished ALARM;");
    n.tables[0][0].rows = 900;
    n.tables[0][1].counted = false;
    assert_found(&n, "a emptied ALARM;b vanished ALARM;");
}

static void daily_partitions_come_and_go(void **state)
{
    static const char *const names[] = {"p0", "p1", "p2", "p3", "p4",  "p5",
                                        "p6", "p7", "p8", "p9", "p10", "p11"};
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        begin_night(&n);
        add(&n, "large", 1000000);
        for (size_t k = i; k < i + 3; k++)
            part(&n, "log", names[k], k == i + 2 ? 0 : 20000);
        assert_found(&n, "");
    }
    /* The whole tree is gone, or all that was in it. */
    begin_night(&n);
    add(&n, "large", 1000000);
    assert_found(&n, "log vanished ALARM;");
    again(&n);
    begin_night(&n);
    add(&n, "large", 1000000);
    part(&n, "log", "p10", 0);
    assert_found(&n, "log emptied ALARM;");
}

static void one_partition_at_a_time_that_changes_its_name_is_fine(void **state)
{
    static const char *const names[] = {"p0", "p1", "p2", "p3"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        begin_night(&n);
        add(&n, "large", 1000000);
        part(&n, "log", names[i], 5000);
        assert_found(&n, "");
    }
}

static void partitions_that_are_detached_or_attached_are_still_there(void **state)
{
    (void)state;
    begin_night(&n);
    add(&n, "large", 1000000);
    part(&n, "log", "old", 90000);
    part(&n, "log", "new", 3000);
    add(&n, "loner", 4000);
    begin_night(&n);
    add(&n, "large", 1000000);
    add(&n, "old", 90000);
    part(&n, "log", "new", 3000);
    part(&n, "log", "loner", 4000);
    assert_found(&n, "");
    /* All of them detached: the root has no rows of its own. */
    begin_night(&n);
    add(&n, "large", 1000000);
    add(&n, "old", 90000);
    add(&n, "new", 3000);
    add(&n, "loner", 4000);
    assert_found(&n, "");
    /* But what is left of a tree does not stand for all of it. */
    n.tables[2][1].rows = 100;
    n.tables[1][1].root_schema = "s";
    n.tables[1][1].root_name = "log";
    assert_found(&n, "log shrunk ALARM;");
}

static void queues_go_up_and_down(void **state)
{
    static const uint64_t rows[] = {5, 3, 8, 2, 4, 6, 7, 0, 0, 900, 3};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        night(&n, rows[i]);
        assert_null(strstr(found(&n), "ALARM"));
    }
}

static void a_queue_that_is_mostly_empty_is_not_even_mentioned(void **state)
{
    static const uint64_t rows[] = {0, 0, 0, 50000, 0, 0, 20000, 0, 0, 0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        night(&n, rows[i]);
        assert_found(&n, "");
    }
}

/* Not benign: it came four nights ago, and the median is still 0. */
static void what_was_there_for_some_nights_is_missed(void **state)
{
    static const uint64_t rows[] = {0, 0, 0, 0, 50000, 50100};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        night(&n, rows[i]);
        assert_found(&n, "");
    }
    night(&n, 0);
    assert_found(&n, "t emptied ALARM;");
}

/* Not benign: that two of three rows went once excuses no loss of thousands. */
static void a_small_loss_excuses_no_large_one(void **state)
{
    static const uint64_t rows[] = {3, 1, 100000, 100000, 100000};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        night(&n, rows[i]);
    night(&n, 0);
    assert_found(&n, "t emptied ALARM;");
}

static void what_is_truncated_and_reloaded_alarms_once_at_most(void **state)
{
    (void)state;
    nights_of(&n, 3, 80000);
    night(&n, 0);
    assert_found(&n, "t emptied ALARM;");
    n.backups[3].acked = true; /* so it is part of the history */
    night(&n, 81000);
    assert_found(&n, "");
    night(&n, 79000);
    assert_found(&n, "");
    night(&n, 0);
    assert_found(&n, "t emptied unsteady;");
}

static void what_came_back_by_itself_is_known_to(void **state)
{
    (void)state;
    nights_of(&n, 3, 300);
    night(&n, 0);
    assert_found(&n, "t emptied ALARM;");
    n.backups[3].doubted = true;
    night(&n, 0); /* the same night again says nothing new */
    assert_found(&n, "t emptied ALARM;");
    n.backups[4].doubted = true;
    night(&n, 250);
    assert_found(&n, "");
    night(&n, 0);
    assert_found(&n, "t emptied unsteady;");
}

static void what_halved_before_only_warns(void **state)
{
    (void)state;
    nights_of(&n, 2, 50000);
    night(&n, 24000);
    n.backups[2].acked = true;
    nights_of(&n, 3, 50000);
    night(&n, 3000);
    assert_found(&n, "t shrunk unsteady;");
}

static void what_came_and_went_before_only_warns(void **state)
{
    (void)state;
    nights_of(&n, 2, 50000);
    begin_night(&n);
    add(&n, "large", 1000000);
    n.backups[2].acked = true;
    nights_of(&n, 2, 50000);
    begin_night(&n);
    add(&n, "large", 1000000);
    assert_found(&n, "t vanished unsteady;");
}

static void after_seven_nights_it_is_forgotten(void **state)
{
    (void)state;
    night(&n, 0);
    night(&n, 50000);
    night(&n, 0);
    n.backups[2].acked = true;
    nights_of(&n, 7, 50000);
    night(&n, 0);
    assert_found(&n, "t emptied ALARM;");
}

static void what_was_lost_before_is_not_told_again(void **state)
{
    (void)state;
    n.volatile_name = "t";
    nights_of(&n, 6, 50000);
    night(&n, 10);
    assert_found(&n, "t shrunk volatile;");
    night(&n, 10);
    assert_found(&n, "");
    night(&n, 0);
    assert_found(&n, "t emptied volatile;");
    night(&n, 0);
    assert_found(&n, "");
}

static void volatile_tables_only_warn(void **state)
{
    (void)state;
    n.volatile_name = "t*";
    nights_of(&n, 3, 50000);
    night(&n, 0);
    assert_found(&n, "t emptied volatile;");
    again(&n);
    begin_night(&n);
    assert_found(&n, "large vanished ALARM;t vanished volatile;");
}

static void an_ack_makes_the_counts_the_usual_ones(void **state)
{
    (void)state;
    nights_of(&n, 6, 50000);
    begin_night(&n);
    add(&n, "large", 1000000);
    add(&n, "t", 20000);
    assert_found(&n, "t shrunk ALARM;");
    n.backups[6].acked = true;
    /* t was cut down for good: nothing to say of 20000, an alarm again at a half of that. */
    night(&n, 19000);
    assert_found(&n, "");
    night(&n, 9000);
    assert_found(&n, "t shrunk unsteady;");
    /* Six nights on the cut has left the window. */
    again(&n);
    nights_of(&n, 2, 19000);
    assert_found(&n, "");
}

static void a_table_that_was_acked_as_gone_is_gone(void **state)
{
    (void)state;
    nights_of(&n, 3, 50000);
    begin_night(&n);
    add(&n, "large", 1000000);
    assert_found(&n, "t vanished ALARM;");
    n.backups[3].acked = true;
    begin_night(&n);
    add(&n, "large", 1000000);
    assert_found(&n, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_backup_is_always_fine),
        TEST(a_new_table_is_fine),
        TEST(a_tiny_database_only_warns),
        TEST(daily_partitions_come_and_go),
        TEST(one_partition_at_a_time_that_changes_its_name_is_fine),
        TEST(partitions_that_are_detached_or_attached_are_still_there),
        TEST(queues_go_up_and_down),
        TEST(a_queue_that_is_mostly_empty_is_not_even_mentioned),
        TEST(what_was_there_for_some_nights_is_missed),
        TEST(a_small_loss_excuses_no_large_one),
        TEST(what_is_truncated_and_reloaded_alarms_once_at_most),
        TEST(what_came_back_by_itself_is_known_to),
        TEST(what_halved_before_only_warns),
        TEST(what_came_and_went_before_only_warns),
        TEST(after_seven_nights_it_is_forgotten),
        TEST(what_was_lost_before_is_not_told_again),
        TEST(volatile_tables_only_warn),
        TEST(an_ack_makes_the_counts_the_usual_ones),
        TEST(a_table_that_was_acked_as_gone_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
