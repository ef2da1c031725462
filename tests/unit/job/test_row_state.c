/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "tests/unit/job/row_state_samples.h"

/* ---- whole files ---- */

static void tables_come_back_with_hashes_and_recipes(void **state)
{
    (void)state;
    assert_done(write_file(three, 3, 7), &e);
    assert_file(three, 3, 7);
}

static void tables_of_many_blocks_and_recipes_come_back(void **state)
{
    /* Around a block of 1 MiB (87381.3 rows), and above the buffers. */
    static const struct sample large[] = {{"s", "a", "1", 87381, 40},
                                          {"s", "b", "2", 87382, 1},
                                          {"s", "c", "3", 200001, 3000},
                                          {"s", "d", "4", 1, 1}};
    (void)state;
    assert_done(write_file(large, 4, 1), &e);
    assert_file(large, 4, 1);
}

static void a_file_without_tables_is_one(void **state)
{
    (void)state;
    assert_done(write_file(NULL, 0, 200), &e);
    assert_file(NULL, 0, 200);
    struct row_state *s = opened();
    assert_null(row_state_find(s, "a", "b", "1", true));
    row_state_close(s);
}

static void no_file_is_absent_and_others_are_refused(void **state)
{
    (void)state;
    struct row_state *s = NULL;
    assert_int_equal(row_state_open(path, &id, &s, &e), ROW_STATE_ABSENT);
    assert_refused(row_state_open(folder, &id, &s, &e), &e, ERROR_IO);
    assert_done(file_replace(path, bytes_text(""), 0600, &e), &e);
    assert_refused(row_state_open(path, &id, &s, &e), &e, ERROR_CORRUPT);
    assert_done(file_replace(path,
                             bytes_text("a file of some other kind, long enough to be one"
                                        " of ours by its length alone"),
                             0600, &e),
                &e);
    assert_refused(row_state_open(path, &id, &s, &e), &e, ERROR_CORRUPT);
    row_state_close(NULL);
}

static void a_draft_that_is_given_up_leaves_the_old_file(void **state)
{
    (void)state;
    assert_done(write_file(three, 1, 1), &e);
    struct row_state_draft *d = row_state_draft_new(path, &id, &e);
    assert_non_null(d);
    (void)draft_rows(d, &three[2]);
    row_state_draft_free(d);
    row_state_draft_free(NULL);
    assert_file(three, 1, 1);
}

static void what_dead_drafts_left_is_removed_and_nothing_else(void **state)
{
    (void)state;
    static const char *const names[] = {"shop.rows.tmp-a1B2c3", "shop.rows.tmp-a1B2c3d",
                                        "shop.rows2.tmp-a1B2c3", "shop.rows.old"};
    char name[SCRATCH_PATH];
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        scratch_path(name, folder, names[i]);
        assert_done(file_replace(name, bytes_text("x"), 0600, &e), &e);
    }
    assert_done(write_file(three, 1, 1), &e);
    scratch_path(name, folder, names[0]);
    assert_int_equal(access(name, F_OK), -1);
    assert_int_equal(scratch_count(folder), 4);
}

/* ---- what is left out ---- */

static void tables_that_are_not_covered_are_left_out(void **state)
{
    static const uint32_t order[] = {1, 0, 2}; /* all of them, but not one after another */
    (void)state;
    const struct sample *all = &three[0];
    struct sample less = *all;
    struct row_state_table t = table_of(all);
    struct row_state_draft *d = row_state_draft_new(path, &id, &e);
    assert_non_null(d);
    (void)draft_rows(d, all); /* no recipes */
    less.rows = 89;
    draft_recipes(d, draft_rows(d, all), &less); /* one row short */
    struct row_state_draft_table *n = draft_rows(d, all);
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        struct row_state_recipe r;
        make_recipe(&r, all, order[i]);
        row_state_draft_recipe(d, n, &r);
        row_state_recipe_done(&r);
    }
    (void)row_state_draft_begin(d, &t); /* never ended */
    draft_recipes(d, draft_rows(d, all), all);
    draft_recipes(d, NULL, all); /* memory was short */
    row_state_draft_hashes(d, NULL, (const uint8_t *)"", 1);
    row_state_draft_end(d, NULL, &t);
    assert_done(commit(d, 3), &e);
    row_state_draft_free(d);
    assert_file(all, 1, 3);
}

/* ---- finding ---- */

static const char *found(const struct row_state *s, const char *name, const char *oid,
                         bool same_cluster)
{
    const struct row_state_table *t = row_state_find(s, "s", name, oid, same_cluster);
    return t ? t->copy : "none";
}

static void add_empty(struct row_state_draft *d, const char *name, const char *oid,
                      const char *copy)
{
    struct row_state_table t = {.schema = "s", .name = name, .oid = oid, .copy = copy};
    row_state_draft_end(d, row_state_draft_begin(d, &t), &t);
}

static void a_table_is_found_by_name_and_oid_then_oid_then_name(void **state)
{
    (void)state;
    struct row_state_draft *d = row_state_draft_new(path, &id, &e);
    assert_non_null(d);
    add_empty(d, "a", "10", "a10");
    add_empty(d, "b", "20", "b20");
    add_empty(d, "c", "0", "c0");
    add_empty(d, "e", "", "e");
    add_empty(d, "b", "5", "b5");
    assert_done(commit(d, 1), &e);
    row_state_draft_free(d);
    struct row_state *s = opened();
    assert_string_equal(found(s, "a", "10", true), "a10");
    assert_string_equal(found(s, "b", "20", true), "b20");
    assert_string_equal(found(s, "b", "5", true), "b5");
    /* Renamed; elsewhere its oid says nothing. */
    assert_string_equal(found(s, "b", "10", true), "a10");
    assert_string_equal(found(s, "b", "10", false), "b20");
    assert_string_equal(found(s, "x", "10", true), "a10");
    assert_string_equal(found(s, "x", "10", false), "none");
    /* Made anew. */
    assert_string_equal(found(s, "a", "99", true), "a10");
    assert_string_equal(found(s, "a", "99", false), "a10");
    /* 0 and nothing are no oids. */
    assert_string_equal(found(s, "x", "0", true), "none");
    assert_string_equal(found(s, "x", "", true), "none");
    assert_string_equal(found(s, "c", "0", true), "c0");
    assert_string_equal(found(s, "e", "", false), "e");
    assert_null(row_state_find(s, "t", "a", "10", false));
    assert_null(row_state_find(s, "", "", "", true));
    row_state_close(s);
}

static void each_of_ten_thousand_tables_is_found(void **state)
{
    (void)state;
    enum { TABLES = 10000 };
    char name[32];
    char oid[32];
    struct row_state_draft *d = row_state_draft_new(path, &id, &e);
    assert_non_null(d);
    for (int i = 0; i < TABLES; i++) {
        (void)snprintf(name, sizeof name, "table_%d", i);
        (void)snprintf(oid, sizeof oid, "%d", 2 * i + 1);
        add_empty(d, name, oid, name);
    }
    assert_done(commit(d, 1), &e);
    row_state_draft_free(d);
    struct row_state *s = opened();
    assert_int_equal(row_state_count(s), TABLES);
    for (int i = 0; i < TABLES; i++) {
        (void)snprintf(name, sizeof name, "table_%d", i);
        (void)snprintf(oid, sizeof oid, "%d", 2 * i + 1);
        assert_string_equal(found(s, name, oid, false), name);
        assert_string_equal(found(s, "another", oid, true), name);
        assert_string_equal(found(s, name, "2", true), name);
    }
    row_state_close(s);
}

/* ---- memory ---- */

static long resident_file_kib(void)
{
    struct buf b = {0};
    assert_done(file_load("/proc/self/status", 100000, &b, &e), &e);
    assert_done(buf_byte(&b, 0, &e), &e);
    const char *line = strstr((const char *)b.data, "RssFile:");
    assert_non_null(line);
    long kib = strtol(line + 8, NULL, 10);
    buf_done(&b);
    return kib;
}

static void hashes_that_are_checked_or_passed_take_no_memory(void **state)
{
    enum { ROWS = 2000000, KIB_ALL = ROWS / 1024 * ROW_STATE_HASH_LEN };
    static const struct sample s = {"s", "t", "1", ROWS, 1};
    static const struct sample small = {"s", "u", "2", 1000, 1};
    (void)state;
    const struct sample both[] = {s, small};
    const uint8_t *hashes;
    unsigned sum = 0;
    assert_done(write_file(both, 2, 1), &e);
    struct row_state *f = opened();
    const struct row_state_table *t = row_state_table(f, 0);
    long before = resident_file_kib();
    assert_done(row_state_hashes(f, t, &hashes, &e), &e);
    assert_true(resident_file_kib() - before < KIB_ALL / 4);
    for (size_t i = 0; i < (size_t)ROWS * ROW_STATE_HASH_LEN; i += 1024)
        sum += hashes[i];
    assert_true(resident_file_kib() - before > KIB_ALL / 4 * 3);
    for (uint64_t row = 0; row < ROWS / 2; row += 1000)
        row_state_passed(f, t, row);
    long half = resident_file_kib() - before;
    assert_true(half > KIB_ALL / 3 && half < KIB_ALL / 4 * 3);
    row_state_passed(f, t, ROWS);
    row_state_passed(f, t, UINT64_MAX);
    row_state_passed(f, row_state_table(f, 1), 1000);
    assert_true(resident_file_kib() - before < KIB_ALL / 8);
    for (size_t i = 0; i < (size_t)ROWS * ROW_STATE_HASH_LEN; i += 1024)
        sum -= hashes[i]; /* still there */
    assert_int_equal(sum, 0);
    row_state_close(f);
}

/* ---- two threads ---- */

enum { LAG_TABLES = 30, LAG = 10 };
static const struct sample lagging = {"s", "l", "1", 5000, 200};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct row_state_draft *d;
    struct row_state_draft_table *tables[LAG_TABLES];
    int count;
} hand = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

/* Follows the first thread, LAG tables behind. */
static void *add_recipes(void *arg)
{
    (void)arg;
    for (int i = 0; i < LAG_TABLES; i++) {
        (void)pthread_mutex_lock(&hand.lock);
        while (hand.count <= i + LAG && hand.count < LAG_TABLES)
            (void)pthread_cond_wait(&hand.more, &hand.lock);
        struct row_state_draft_table *n = hand.tables[i];
        (void)pthread_mutex_unlock(&hand.lock);
        draft_recipes(hand.d, n, &lagging);
    }
    return NULL;
}

static void the_thread_with_the_recipes_may_lag_behind(void **state)
{
    (void)state;
    struct sample all[LAG_TABLES];
    pthread_t second;
    hand.d = row_state_draft_new(path, &id, &e);
    assert_non_null(hand.d);
    assert_int_equal(pthread_create(&second, NULL, add_recipes, NULL), 0);
    for (int i = 0; i < LAG_TABLES; i++) {
        struct row_state_draft_table *n = draft_rows(hand.d, &lagging);
        (void)pthread_mutex_lock(&hand.lock);
        hand.tables[hand.count++] = n;
        (void)pthread_cond_signal(&hand.more);
        (void)pthread_mutex_unlock(&hand.lock);
        all[i] = lagging;
    }
    (void)pthread_join(second, NULL);
    assert_done(commit(hand.d, 9), &e);
    row_state_draft_free(hand.d);
    assert_file(all, LAG_TABLES, 9);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(tables_come_back_with_hashes_and_recipes),
        IN_FOLDER(tables_of_many_blocks_and_recipes_come_back),
        IN_FOLDER(a_file_without_tables_is_one),
        IN_FOLDER(no_file_is_absent_and_others_are_refused),
        IN_FOLDER(a_draft_that_is_given_up_leaves_the_old_file),
        IN_FOLDER(what_dead_drafts_left_is_removed_and_nothing_else),
        IN_FOLDER(tables_that_are_not_covered_are_left_out),
        IN_FOLDER(a_table_is_found_by_name_and_oid_then_oid_then_name),
        IN_FOLDER(each_of_ten_thousand_tables_is_found),
        IN_FOLDER(hashes_that_are_checked_or_passed_take_no_memory),
        IN_FOLDER(the_thread_with_the_recipes_may_lag_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
