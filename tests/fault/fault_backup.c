/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th call to the store goes wrong, for every n: a backup is acknowledged and restores, or
 * it failed with an error and what is visible restores all the same. The next night needs no
 * hand. */
#include "tests/support/check.h"

#include "tests/support/made_dump.h"
#include "tests/support/memory_index.h"
#include "tests/support/night.h"
#include "tests/support/store_fault.h"
#include "tests/support/store_memory.h"

#define MAX_CALLS 200

struct world {
    struct store *store;
    struct repository repository;
    struct memory_index *index;
    struct buf dump;
};

static struct buf small_dump(void)
{
    struct buf rows = {0};
    struct buf dump = made_dump(2, true);
    made_rows(&rows, 300, 200, 7);
    made_table(&dump, 100, buf_view(&rows), MADE_LINES, 0);
    made_table(&dump, 101, buf_view(&rows), MADE_RANDOM, 50);
    archive_block(&dump, 3, 5);
    archive_int(&dump, 16401);
    made_pieces(&dump, buf_view(&rows), MADE_FIXED, 4096, 0);
    archive_int(&dump, 0);
    archive_int(&dump, 0);
    buf_done(&rows);
    return dump;
}

/* Three packs, of bytes that do not shrink. */
static struct buf large_dump(void)
{
    struct buf rows = {0};
    struct buf dump = made_dump(1, false);
    for (uint64_t i = 0; i < 40; i++)
        made_row(&rows, MIB, true, i);
    made_table(&dump, 100, buf_view(&rows), MADE_LINES, 0);
    buf_done(&rows);
    return dump;
}

static void begin(struct world *w, struct buf dump)
{
    struct error e = {0};
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    repository_make(&w->repository, w->store);
    w->index = memory_index_new();
    w->dump = dump;
}

static void end(struct world *w)
{
    repository_done(&w->repository);
    memory_index_free(w->index);
    store_close(w->store);
}

/* A night through a store whose n-th call goes wrong. 0 acknowledged. */
static int broken_night(struct world *w, struct store *fault, struct error *e)
{
    struct repository broken;
    struct night night = {0};
    int rc = night_open(&broken, &w->repository, fault, e);
    if (rc < 0)
        return rc;
    rc = night_store(&broken, buf_view(&w->dump), memory_index_callbacks(w->index), &night, e);
    night_done(&night);
    repository_done(&broken);
    return rc;
}

static void a_good_night_follows(struct world *w, size_t visible)
{
    struct error e = {0};
    struct night night;
    size_t count;
    assert_done(night_store(&w->repository, buf_view(&w->dump),
                            memory_index_callbacks(w->index), &night, &e),
                &e);
    assert_done(night_compare_all(&w->repository, buf_view(&w->dump), &count, &e), &e);
    assert_int_equal(count, visible + 1);
    night_done(&night);
}

/* False once n is beyond the last call. */
static bool try_call(enum store_fault fault, unsigned n, struct buf dump, size_t *failed)
{
    struct world w;
    struct error e = {0};
    size_t visible;
    begin(&w, dump);
    struct store *s = store_fault_new(w.store, fault, n, &e);
    assert_non_null(s);
    int rc = broken_night(&w, s, &e);
    bool met = store_fault_met(s);
    store_close(s);
    if (rc < 0 && e.kind != ERROR_BUSY && e.kind != ERROR_IO)
        fail_msg("call %u: kind %d: %s", n, (int)e.kind, e.text);
    *failed += rc < 0;
    assert_done(night_compare_all(&w.repository, buf_view(&w.dump), &visible, &e), &e);
    assert_true(visible <= 1);
    if (rc == 0)
        assert_int_equal(visible, 1);
    if (!met)
        assert_int_equal(rc, 0);
    a_good_night_follows(&w, visible);
    end(&w);
    return met;
}

static void try_every_call(enum store_fault fault, struct buf dump, bool always_fails)
{
    size_t failed = 0;
    unsigned n = 1;
    while (try_call(fault, n, dump, &failed)) {
        n++;
        assert_true(n < MAX_CALLS);
    }
    /* config, hosts, an enrolment; session, 2 listings, pack, manifest and their syncs. */
    assert_true(n > 12);
    if (always_fails)
        assert_true(failed >= n - 2); /* but the removal of the session object */
    else
        assert_int_equal(failed, 0);
    buf_done(&dump);
}

static void a_call_that_fails_before_it_is_done(void **state)
{
    (void)state;
    try_every_call(STORE_FAULT_BEFORE, small_dump(), true);
}

static void a_call_that_is_done_but_not_answered(void **state)
{
    (void)state;
    try_every_call(STORE_FAULT_AFTER, small_dump(), true);
}

static void a_store_that_is_gone_from_a_call_on(void **state)
{
    (void)state;
    try_every_call(STORE_FAULT_CRASH, small_dump(), true);
}

static void a_call_that_is_late_is_no_failure(void **state)
{
    (void)state;
    try_every_call(STORE_FAULT_DELAY, small_dump(), false);
}

static void several_packs_and_one_lost_answer(void **state)
{
    (void)state;
    try_every_call(STORE_FAULT_AFTER, large_dump(), true);
}

/* Nothing is visible while the manifest is not put: whatever went wrong before. */
static void nothing_is_visible_before_the_manifest(void **state)
{
    (void)state;
    struct buf dump = small_dump();
    size_t count = 1;
    for (unsigned n = 1; count == 1; n++) {
        struct world w;
        struct error e = {0};
        begin(&w, dump);
        struct store *s = store_fault_new(w.store, STORE_FAULT_CRASH, n, &e);
        assert_non_null(s);
        int rc = broken_night(&w, s, &e);
        bool packs = store_memory_count(w.store, "packs/") > 0;
        count = store_memory_count(w.store, "backups/") == 0;
        assert_true(rc < 0 || !count);
        assert_true(packs || count);
        store_close(s);
        end(&w);
        assert_true(n < MAX_CALLS);
    }
    buf_done(&dump);
}

static void an_index_that_fails_stops_the_backup(void **state)
{
    (void)state;
    struct buf dump = small_dump();
    int rc = -1;
    for (unsigned n = 1; rc < 0; n++) {
        struct world w;
        struct error e = {0};
        struct night night = {0};
        begin(&w, dump);
        memory_index_fail_at(w.index, n);
        rc = night_store(&w.repository, buf_view(&dump), memory_index_callbacks(w.index),
                         &night, &e);
        assert_true(rc == 0 || e.kind == ERROR_IO);
        assert_int_equal(store_memory_count(w.store, "backups/"), rc == 0);
        memory_index_fail_at(w.index, 0);
        a_good_night_follows(&w, rc == 0);
        night_done(&night);
        end(&w);
        assert_true(n > 3 || rc < 0);
        assert_true(n < MAX_CALLS);
    }
    buf_done(&dump);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_fails_before_it_is_done),
        cmocka_unit_test(a_call_that_is_done_but_not_answered),
        cmocka_unit_test(a_store_that_is_gone_from_a_call_on),
        cmocka_unit_test(a_call_that_is_late_is_no_failure),
        cmocka_unit_test(nothing_is_visible_before_the_manifest),
        cmocka_unit_test(an_index_that_fails_stops_the_backup),
        cmocka_unit_test(several_packs_and_one_lost_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
