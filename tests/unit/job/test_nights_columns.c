/* SPDX-License-Identifier: Apache-2.0 */
/* Nights on which a table's columns change: what is stored is little, and every night comes
 * back to the byte. */
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "tests/support/living.h"

static void an_appended_column_is_stored_on_its_own(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(30000);
    uint64_t first = living_night(w, t);
    living_update(t, 50);
    (void)living_night(w, t);
    t->flag = true;
    t->columns = "id, version, note, channel";
    living_update(t, 50);
    assert_in_range(living_night(w, t), 1, first / 20);
    living_update(t, 50);
    assert_in_range(living_night(w, t), 1, first / 20);
    assert_int_equal(living_night(w, t), 0);
    for (int i = 0; i < 10; i++) {
        living_update(t, 20);
        (void)living_night(w, t);
    }
    living_all_come_back(w);
    free(t);
}

static void reordered_renamed_and_dropped_columns(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(30000);
    t->flag = true;
    t->columns = "id, version, note, channel";
    uint64_t first = living_night(w, t);
    t->columns = "id, version, remark, channel";
    assert_in_range(living_night(w, t), 0, 4 * KIB);
    t->swapped = true;
    t->columns = "version, id, remark, channel";
    assert_in_range(living_night(w, t), 1, first / 20);
    living_update(t, 100);
    assert_in_range(living_night(w, t), 1, first / 20);
    t->flag = false;
    t->columns = "version, id, remark";
    living_update(t, 10);
    /* It has lost a column, and there is no key that reads. */
    assert_in_range(living_night(w, t), first / 2, 2 * first);
    living_update(t, 10);
    assert_in_range(living_night(w, t), 1, first / 20);
    living_all_come_back(w);
    free(t);
}

static void with_a_key_that_reads_a_dropped_column_costs_nothing(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(30000);
    t->flag = true;
    t->columns = "id, version, note, channel";
    uint64_t first = living_night(w, t);
    w->reader = true;
    /* The last one is dropped, rows change, the others trade places, all in one night. */
    t->flag = false;
    t->swapped = true;
    t->columns = "version, id, note";
    living_update(t, 100);
    assert_in_range(living_night(w, t), 1, first / 20);
    assert_int_equal(living_night(w, t), 0);
    w->reader = false; /* from here on it is a table like any other */
    living_update(t, 100);
    assert_in_range(living_night(w, t), 1, first / 20);
    /* One is dropped, another one added. */
    w->reader = true;
    t->flag = true;
    t->no_note = true;
    t->columns = "version, id, channel";
    living_update(t, 10);
    assert_in_range(living_night(w, t), 1, first / 20);
    living_update(t, 10);
    assert_in_range(living_night(w, t), 1, first / 20);
    living_all_come_back(w);
    free(t);
}

/* A state that does not say the truth about the base's rows must not lead to a wrong backup:
 * its hashes are not asked, the rows themselves are. */
static void a_dropped_column_is_looked_up_in_the_backup_of_the_state(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(20000);
    t->flag = true;
    t->columns = "id, version, note, channel";
    uint64_t first = living_night(w, t);
    w->reader = true;
    t->flag = false;
    t->columns = "id, version, note";
    /* Its manifest is gone: stored anew, and right. */
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    char hex[2 * FORMAT_ID_LEN + 1];
    str_hex(hex, w->nights[0].id, FORMAT_ID_LEN);
    (void)snprintf(name, sizeof name, "backups/%s", hex);
    struct buf manifest = {0};
    assert_done(store_get(w->world.store, name, 0, STORE_ALL, &manifest, &e), &e);
    assert_done(store_remove(w->world.store, name, &e), &e);
    assert_in_range(living_night(w, t), first / 2, 2 * first);
    assert_done(store_put_new(w->world.store, name, buf_view(&manifest), &e), &e);
    buf_done(&manifest);
    living_all_come_back(w);
    free(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, living_setup, living_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_appended_column_is_stored_on_its_own),
        TEST(reordered_renamed_and_dropped_columns),
        TEST(with_a_key_that_reads_a_dropped_column_costs_nothing),
        TEST(a_dropped_column_is_looked_up_in_the_backup_of_the_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
