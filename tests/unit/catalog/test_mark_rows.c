/* SPDX-License-Identifier: Apache-2.0 */
/* Marks in the catalog. */
#include "tests/unit/catalog/samples.h"

struct seen {
    size_t count;
    char texts[200];
    struct mark_rows_row last;
};

static int see(void *arg, const struct mark_rows_row *row, struct error *unused)
{
    struct seen *s = arg;
    size_t len = strlen(s->texts);
    (void)unused;
    (void)snprintf(s->texts + len, sizeof s->texts - len, "%s;",
                   row->text ? row->text : "(closed)");
    s->count++;
    s->last = *row;
    s->last.text = NULL;
    return 0;
}

static void assert_texts(const uint8_t *backup_id, const char *wanted)
{
    struct seen s = {0};
    assert_done(mark_rows_visit(c, backup_id, see, &s, &e), &e);
    assert_string_equal(s.texts, wanted);
}

static void marks_come_back_in_the_order_of_their_names(void **state)
{
    (void)state;
    uint8_t one[FORMAT_ID_LEN];
    memset(one, 1, sizeof one);
    samples_ack(c, 2, "two");
    samples_ack(c, 1, "one");
    assert_texts(NULL, "one;two;");
    assert_texts(one, "one;");
    one[0] = 9;
    assert_texts(one, "");
}

static void a_mark_keeps_all_that_it_says(void **state)
{
    (void)state;
    struct mark_rows_row row = {
        .type = 2, .at_us = 77, .refers = true, .of_replica = true, .has_text = false};
    struct seen s = {0};
    memset(row.backup_id, 3, sizeof row.backup_id);
    memset(row.nonce, 4, sizeof row.nonce);
    memset(row.host_id, 5, sizeof row.host_id);
    memset(row.refers_to, 6, sizeof row.refers_to);
    assert_done(mark_rows_put(c, &row, &e), &e);
    assert_done(mark_rows_visit(c, NULL, see, &s, &e), &e);
    assert_int_equal(s.count, 1);
    assert_memory_equal(s.last.backup_id, row.backup_id, FORMAT_ID_LEN);
    assert_memory_equal(s.last.nonce, row.nonce, FORMAT_ID_LEN);
    assert_memory_equal(s.last.host_id, row.host_id, FORMAT_ID_LEN);
    assert_memory_equal(s.last.refers_to, row.refers_to, FORMAT_ID_LEN);
    assert_int_equal(s.last.type, 2);
    assert_int_equal(s.last.at_us, 77);
    assert_true(s.last.refers && s.last.of_replica && !s.last.has_text);
}

static void a_text_is_added_once_it_can_be_read_and_not_taken_away(void **state)
{
    (void)state;
    samples_ack(c, 1, NULL);
    assert_texts(NULL, "(closed);");
    samples_ack(c, 1, "open");
    assert_texts(NULL, "open;");
    samples_ack(c, 1, NULL);
    assert_texts(NULL, "open;");
}

static void a_mark_that_is_gone_is_forgotten(void **state)
{
    (void)state;
    uint8_t id[FORMAT_ID_LEN], nonce[FORMAT_ID_LEN];
    memset(id, 1, sizeof id);
    memset(nonce, 51, sizeof nonce);
    samples_ack(c, 1, "one");
    samples_ack(c, 2, "two");
    for (int i = 0; i < 2; i++)
        assert_done(mark_rows_remove(c, id, nonce, &e), &e);
    assert_texts(NULL, "two;");
}

static int note_acked(void *arg, const struct backups_row *row, struct error *unused)
{
    (void)unused;
    ((bool *)arg)[row->sequence] = row->acked;
    return 0;
}

static void a_backup_with_an_ack_is_acked(void **state)
{
    (void)state;
    bool acked[3] = {false};
    char text[200];
    samples_put(c, 1, "shop");
    samples_put(c, 2, "shop");
    samples_ack(c, 2, NULL);
    assert_done(backups_visit(c, NULL, note_acked, acked, &e), &e);
    assert_false(acked[1]);
    assert_true(acked[2]);
    samples_text(
        c, "SELECT group_concat(acked) FROM (SELECT * FROM v_backups ORDER BY sequence)", text);
    assert_string_equal(text, "0,1");
    samples_text(c, "SELECT type || ' ' || at || ' ' || mark FROM v_marks", text);
    assert_string_equal(text, "ack 1970-01-01T00:00:02Z 34343434343434343434343434343434");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samples_make, samples_clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(marks_come_back_in_the_order_of_their_names),
        TEST(a_mark_keeps_all_that_it_says),
        TEST(a_text_is_added_once_it_can_be_read_and_not_taken_away),
        TEST(a_mark_that_is_gone_is_forgotten),
        TEST(a_backup_with_an_ack_is_acked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
