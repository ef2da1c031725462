/* SPDX-License-Identifier: Apache-2.0 */
/* What goes along with a backup, and what stays with its store. */
#include "tests/unit/job/copy_world.h"

static void marks_travel_but_for_what_is_said_of_one_store(void **state)
{
    struct world *w = *state;
    static const enum marks_type travel[] = {MARKS_HOLD, MARKS_RELEASE, MARKS_ACK,
                                             MARKS_DEPLOY_START, MARKS_DEPLOY_END};
    static const enum marks_type stay[] = {MARKS_CONFIRMED, MARKS_VERIFIED, MARKS_REHEARSED,
                                           MARKS_UNFORGET};
    night(w);
    for (size_t i = 0; i < ARRAY_SIZE(travel); i++)
        put_mark(w, 0, travel[i], false);
    for (size_t i = 0; i < ARRAY_SIZE(stay); i++)
        put_mark(w, 0, stay[i], false);
    put_mark(w, 0, MARKS_ACK, true);
    copies(w, 1, 0);
    assert_int_equal(store_memory_count(w->to, "marks/"), ARRAY_SIZE(travel));
    assert_int_equal(w->totals.small, ARRAY_SIZE(travel));
    /* One that is made when the backup is there already. */
    put_mark(w, 0, MARKS_HOLD, false);
    copies(w, 0, 1);
    assert_int_equal(w->totals.small, 1);
    assert_int_equal(store_memory_count(w->to, "marks/"), ARRAY_SIZE(travel) + 1);
}

static void small_objects_that_are_damaged_are_left_out(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct names names = {0};
    char name[FORMAT_NAME_MAX];
    char hex[2 * FORMAT_ID_LEN + 1];
    night(w);
    put_mark(w, 0, MARKS_HOLD, false);
    assert_done(names_list(&names, w->from, "marks/", &e), &e);
    rot(w->from, names_at(&names, 0));
    str_hex(hex, w->ids[0], FORMAT_ID_LEN);
    (void)snprintf(name, sizeof name, "envelopes/%s-00", hex);
    assert_done(store_put(w->from, name, bytes_text("no envelope"), &e), &e);
    copies(w, 1, 0);
    assert_int_equal(store_memory_count(w->to, "marks/"), 0);
    assert_int_equal(store_memory_count(w->to, "envelopes/"), 0);
    names_done(&names);
}

static void envelopes_that_were_added_later_are_copied(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct bundle_reader reader = {.scope = FORMAT_SCOPE_METADATA};
    const struct secret key = {{9}};
    night(w);
    copies(w, 1, 0);
    assert_done(envelope_public_key(&key, reader.public_key, &e), &e);
    assert_done(grant_backups(w->repository.repo, &reader, &e), &e);
    copies(w, 0, 1);
    assert_int_equal(w->totals.small, 1);
    assert_int_equal(store_memory_count(w->to, "envelopes/"), 1);
}

static void a_host_that_is_enrolled_later_is_known_to_the_replica(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct bundle other;
    night(w);
    copies(w, 1, 0);
    assert_done(repo_enrol(w->repository.repo, false, &other, &e), &e);
    copies(w, 0, 1);
    assert_int_equal(store_memory_count(w->to, "hosts/"), 2);
    bundle_wipe(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(marks_travel_but_for_what_is_said_of_one_store),
        TEST(small_objects_that_are_damaged_are_left_out),
        TEST(envelopes_that_were_added_later_are_copied),
        TEST(a_host_that_is_enrolled_later_is_known_to_the_replica),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
