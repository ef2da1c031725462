/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/catalog/samples.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/clock.h"

static uint8_t id[FORMAT_ID_LEN];

static void verified(const char *level, bool ok)
{
    memset(id, 1, sizeof id);
    assert_done(runs_verified(c, id, level, ok, "seen", &e), &e);
}

static int note_state(void *arg, const struct backups_row *row, struct error *why)
{
    char *text = arg;
    (void)why;
    (void)snprintf(text, 40, "%s %lld", row->state, (long long)row->state_us);
    return 0;
}

static void assert_state(const char *want, int64_t not_before_us)
{
    char text[40] = "", *space;
    assert_done(
        backups_visit(c, &(struct backups_filter){.id_prefix = "01"}, note_state, text, &e),
        &e);
    space = strchr(text, ' ');
    assert_non_null(space);
    assert_true(strtoll(space + 1, NULL, 10) >= not_before_us);
    *space = '\0';
    assert_string_equal(text, want);
}

static void a_run_is_recorded_from_start_to_end(void **state)
{
    (void)state;
    int64_t first = 0, second = 0;
    char text[200];
    memset(id, 5, sizeof id);
    assert_done(runs_begin(c, "backup", &first, &e), &e);
    assert_done(runs_begin(c, "prune", &second, &e), &e);
    assert_true(first != second);
    samples_text(c, "SELECT command || ' ' || (ended_at IS NULL) FROM v_runs ORDER BY run_no",
                 text);
    assert_string_equal(text, "backup 1");
    assert_done(runs_end(c, first, 3, "1 table vanished", id, &e), &e);
    samples_text(c,
                 "SELECT exit_code || ' ' || summary || ' ' || backup_id || ' ' ||"
                 " (seconds BETWEEN 0 AND 60) FROM v_runs WHERE command = 'backup'",
                 text);
    assert_string_equal(text, "3 1 table vanished 05050505050505050505050505050505 1");
    assert_done(runs_end(c, second, 0, NULL, NULL, &e), &e);
    samples_text(c,
                 "SELECT exit_code || ' ' || (summary IS NULL) || ' [' || backup_id || ']'"
                 " FROM v_runs WHERE command = 'prune'",
                 text);
    assert_string_equal(text, "0 1 []");
    assert_refused(runs_end(c, 99, 0, NULL, NULL, &e), &e, ERROR_ABSENT);
}

static void events_keep_their_order_their_time_and_any_text(void **state)
{
    (void)state;
    char text[200];
    memset(id, 5, sizeof id);
    assert_done(runs_event(c, "hold", id, "it's \"quoted\"; DROP TABLE event; --", &e), &e);
    assert_done(runs_event(c, "sync", NULL, NULL, &e), &e);
    samples_text(c, "SELECT group_concat(type) FROM (SELECT * FROM v_events ORDER BY event_no)",
                 text);
    assert_string_equal(text, "hold,sync");
    samples_text(c, "SELECT text FROM v_events WHERE type = 'hold'", text);
    assert_string_equal(text, "it's \"quoted\"; DROP TABLE event; --");
    samples_text(c, "SELECT at FROM v_events WHERE type = 'sync'", text);
    int64_t at = 0;
    assert_true(clock_parse(text, &at));
    assert_true(clock_now_us() - at < 60 * INT64_C(1000000));
}

static void the_state_is_the_best_that_was_proved(void **state)
{
    (void)state;
    int64_t now = clock_now_us();
    samples_put(c, 1, "shop");
    samples_put(c, 2, "shop");
    assert_state("committed", 1000000);
    verified("objects", true);
    assert_state("confirmed", now);
    verified("list", true);
    assert_state("verified", now);
    verified("data", true);
    assert_state("verified", now);
    verified("rehearse", true);
    assert_state("rehearsed", now);
    verified("confirmed", true);
    verified("list", true);
    assert_state("rehearsed", now);
    char text[200];
    samples_text(
        c, "SELECT group_concat(state) FROM (SELECT * FROM v_backups ORDER BY sequence)", text);
    assert_string_equal(text, "rehearsed,committed");
}

static void damage_wins_until_a_check_as_strong_succeeds(void **state)
{
    (void)state;
    int64_t now = clock_now_us();
    samples_put(c, 1, "shop");
    verified("rehearsed", true);
    verified("data", false);
    assert_state("damaged", now);
    verified("objects", true); /* it looked at less than what found the damage */
    assert_state("damaged", now);
    verified("verified", true);
    assert_state("rehearsed", now);
    verified("objects", false);
    assert_state("damaged", now);
    verified("rehearsed", true);
    assert_state("rehearsed", now);
}

static void levels_that_nobody_knows_are_refused(void **state)
{
    (void)state;
    memset(id, 1, sizeof id);
    assert_refused(runs_verified(c, id, "sample", true, NULL, &e), &e, ERROR_USAGE);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM verification"), 0);
}

static void verifications_are_shown_with_what_they_prove(void **state)
{
    (void)state;
    char text[200];
    verified("data", false);
    samples_text(c,
                 "SELECT backup_id || ' ' || level || ' ' || proves || ' ' || ok || ' ' || text"
                 " FROM v_verifications",
                 text);
    assert_string_equal(text, "01010101010101010101010101010101 data verified 0 seen");
}

static void history_outlives_the_backup(void **state)
{
    (void)state;
    samples_put(c, 1, "shop");
    verified("data", true);
    assert_done(backups_remove(c, id, &e), &e);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM verification"), 1);
    samples_put(c, 1, "shop");
    assert_state("verified", 1);
}

/* An old catalog with 2 runs, n events and 2 verifications, closed. */
static void make_history(int n)
{
    int64_t run;
    assert_done(runs_begin(c, "backup", &run, &e), &e);
    assert_done(runs_end(c, run, 0, "fine", NULL, &e), &e);
    assert_done(runs_begin(c, "verify", &run, &e), &e);
    for (int i = 0; i < n; i++)
        assert_done(runs_event(c, "test", NULL, "some text to fill a few pages with", &e), &e);
    verified("data", true);
    verified("objects", true);
    catalog_close(c);
    c = NULL;
}

static struct catalog *fresh(void)
{
    char name[SCRATCH_PATH];
    scratch_path(name, folder, "new.sqlite");
    return samples_open(name);
}

static void history_is_adopted_as_it_was_and_only_once(void **state)
{
    (void)state;
    char old[200], new[200];
    static const char *const all =
        "SELECT (SELECT group_concat(run_no || command || started_us || coalesce(ended_us, 0))"
        " FROM run) || (SELECT group_concat(event_no || at_us || type || text) FROM event) ||"
        " (SELECT group_concat(verification_no || level || at_us || ok) FROM verification)";
    make_history(2);
    struct catalog *to = fresh();
    assert_int_equal(catalog_adopt_history(to, path, &e), 0);
    assert_int_equal(catalog_adopt_history(to, path, &e), 0);
    c = samples_open(path);
    samples_text(c, all, old);
    samples_text(to, all, new);
    assert_string_equal(old, new);
    catalog_close(to);
}

static void what_the_new_catalog_holds_already_is_kept(void **state)
{
    (void)state;
    make_history(2);
    struct catalog *to = fresh();
    assert_done(runs_event(to, "new", NULL, NULL, &e), &e);
    assert_int_equal(catalog_adopt_history(to, path, &e), 0);
    assert_int_equal(samples_number(to, "SELECT count(*) FROM event"), 3);
    assert_int_equal(samples_number(to, "SELECT event_no FROM event WHERE type = 'new'"), 1);
    catalog_close(to);
}

static void history_of_another_repository_is_refused(void **state)
{
    (void)state;
    static const uint8_t other[FORMAT_ID_LEN] = {9};
    char name[SCRATCH_PATH];
    make_history(1);
    scratch_path(name, folder, "other.sqlite");
    struct catalog *to = catalog_open(name, other, &e);
    assert_non_null(to);
    assert_refused(catalog_adopt_history(to, path, &e), &e, ERROR_USAGE);
    assert_int_equal(samples_number(to, "SELECT count(*) FROM run"), 0);
    catalog_close(to);
}

static void what_can_be_read_of_a_damaged_history_is_saved(void **state)
{
    (void)state;
    static const char junk[4096] = {'j'};
    make_history(300);
    c = samples_open(path);
    int64_t page = samples_number(c, "PRAGMA page_count");
    catalog_close(c);
    c = NULL;
    /* The last pages of the file hold the last events. */
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, junk, sizeof junk, (page - 1) * 4096), (ssize_t)sizeof junk);
    assert_int_equal(close(fd), 0);
    struct catalog *to = fresh();
    assert_int_equal(catalog_adopt_history(to, path, &e), CATALOG_PARTIAL);
    int64_t events = samples_number(to, "SELECT count(*) FROM event");
    assert_true(events > 100 && events < 300);
    assert_int_equal(samples_number(to, "SELECT count(*) FROM run"), 2);
    assert_int_equal(samples_number(to, "SELECT count(*) FROM verification"), 2);
    assert_done(catalog_check(to, &e), &e);
    catalog_close(to);
}

static void rows_that_break_the_rules_are_left_behind(void **state)
{
    (void)state;
    assert_done(runs_event(c, "first", NULL, NULL, &e), &e);
    assert_done(sql_script(c,
                           "PRAGMA ignore_check_constraints = ON;"
                           "INSERT INTO event VALUES (2, 1, 'bad', x'01', NULL)",
                           &e),
                &e);
    assert_done(runs_event(c, "last", NULL, NULL, &e), &e);
    struct catalog *to = fresh();
    assert_int_equal(catalog_adopt_history(to, path, &e), CATALOG_PARTIAL);
    assert_int_equal(samples_number(to, "SELECT count(*) FROM event"), 2);
    assert_int_equal(samples_number(to, "SELECT max(event_no) FROM event"), 3);
    catalog_close(to);
}

static void a_history_that_is_not_there_is_said(void **state)
{
    (void)state;
    static const char junk[4096] = {'j'};
    char name[SCRATCH_PATH];
    scratch_path(name, folder, "none.sqlite");
    assert_int_equal(catalog_adopt_history(c, name, &e), CATALOG_ABSENT);
    assert_int_equal(access(name, F_OK), -1);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, junk, sizeof junk, 0), (ssize_t)sizeof junk);
    assert_int_equal(close(fd), 0);
    assert_int_equal(catalog_adopt_history(c, name, &e), CATALOG_ABSENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samples_make, samples_clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_is_recorded_from_start_to_end),
        TEST(events_keep_their_order_their_time_and_any_text),
        TEST(the_state_is_the_best_that_was_proved),
        TEST(damage_wins_until_a_check_as_strong_succeeds),
        TEST(levels_that_nobody_knows_are_refused),
        TEST(verifications_are_shown_with_what_they_prove),
        TEST(history_outlives_the_backup),
        TEST(history_is_adopted_as_it_was_and_only_once),
        TEST(what_the_new_catalog_holds_already_is_kept),
        TEST(history_of_another_repository_is_refused),
        TEST(what_can_be_read_of_a_damaged_history_is_saved),
        TEST(rows_that_break_the_rules_are_left_behind),
        TEST(a_history_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
