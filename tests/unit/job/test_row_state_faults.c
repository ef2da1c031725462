/* SPDX-License-Identifier: Apache-2.0 */
/* A draft that crashes, or whose disk is full, at every step: the file is the old one or the
 * new one, and whoever writes is never stopped. Each attempt runs in a process of its own. */
#include "core/base/file.h"
#include "tests/unit/job/row_state_samples.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/fault.h"

enum { DONE = 0, REFUSED = 1, FAILED = 2, FULL = 3, MAX_STEPS = 60 };

static const struct sample old = {"s", "old", "1", 10, 1};
static const struct sample new = {"s", "new", "1", 70000, 1500};

/* What a fork says; FULL: at the commit, by a disk without room. */
static int write_new(void *arg)
{
    (void)arg;
    struct row_state_draft *d = row_state_draft_new(path, &id, &e);
    if (!d)
        return REFUSED;
    draft_recipes(d, draft_rows(d, &new), &new);
    e.sys = 0;
    int rc = commit(d, 2);
    row_state_draft_free(d);
    if (rc == 0)
        return DONE;
    return e.kind == ERROR_IO && (e.sys == ENOSPC || e.sys == EFBIG) ? FULL : FAILED;
}

/* Is it the new file? If not, it is the old one. */
static bool is_new(void)
{
    struct row_state *s = opened();
    bool is = row_state_backup(s)[0] == 2;
    assert_int_equal(row_state_count(s), 1);
    assert_table(s, row_state_table(s, 0), is ? &new : &old);
    row_state_close(s);
    return is;
}

/* Files of this process become at most so long; a write above that is refused with EFBIG. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    assert_int_equal(sigaction(SIGXFSZ, &ignore, NULL), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_disk_without_room_is_told_at_the_commit(void **state)
{
    (void)state;
    assert_done(write_file(&old, 1, 1), &e);
    limit_files(600000);
    int status = write_new(NULL);
    limit_files(RLIM_INFINITY);
    assert_int_equal(status, FULL);
    assert_int_equal(scratch_count(folder), 1);
    assert_false(is_new());
}

static void a_draft_gives_its_space_back_at_once(void **state)
{
    (void)state;
    struct row_state_draft *d = row_state_draft_new(path, &id, &e);
    assert_non_null(d);
    assert_int_equal(scratch_count(folder), 1);
    limit_files(600000);
    (void)draft_rows(d, &new);
    limit_files(RLIM_INFINITY);
    assert_int_equal(scratch_count(folder), 0);
    assert_refused(commit(d, 2), &e, ERROR_IO);
    row_state_draft_free(d);
}

static void a_folder_that_is_not_there_is_told_at_once(void **state)
{
    (void)state;
    char deep[SCRATCH_PATH];
    scratch_path(deep, folder, "no/rows");
    assert_null(row_state_draft_new(deep, &id, &e));
    assert_int_equal(e.kind, ERROR_IO);
    assert_int_equal(e.sys, ENOENT);
}

#ifdef PGKEEP_FAILPOINTS

static int write_old(void *arg)
{
    (void)arg;
    return write_file(&old, 1, 1) == 0 ? DONE : FAILED;
}

static void a_crash_at_any_step_leaves_the_old_file_or_the_new_one(void **state)
{
    (void)state;
    char n[32];
    bool renamed = false;
    for (int i = 1; i < MAX_STEPS; i++) {
        if (!renamed)
            assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "5:999", write_old, NULL), DONE);
        (void)snprintf(n, sizeof n, "%d", i);
        int status = fault_run("PGKEEP_FAIL_AT", n, write_new, NULL);
        assert_true(status == DONE || status == FAULT_CRASHED);
        bool now = is_new();
        assert_true(now || !renamed);
        renamed = now;
        if (status == DONE) {
            assert_true(renamed && i > 10);
            assert_int_equal(scratch_count(folder), 1); /* what the crashes left is gone */
            return;
        }
    }
    fail_msg("it never came to its end");
}

static void a_full_disk_at_any_step_is_told_and_leaves_nothing_half(void **state)
{
    (void)state;
    char n[32];
    int full = 0;
    for (int i = 1; i < MAX_STEPS; i++) {
        assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "5:999", write_old, NULL), DONE);
        (void)snprintf(n, sizeof n, "%d:%d", ENOSPC, i);
        int status = fault_run("PGKEEP_FAIL_ERRNO", n, write_new, NULL);
        assert_int_equal(scratch_count(folder), 1);
        if (status == DONE) {
            assert_true(is_new());
            assert_true(full > 12); /* both threads write long before the commit */
            return;
        }
        /* The first step is that of the new draft. */
        assert_int_equal(status, i == 1 ? REFUSED : FULL);
        full += status == FULL;
        (void)is_new();
    }
    fail_msg("it never came to its end");
}

static void without_nameless_files_it_works_all_the_same(void **state)
{
    (void)state;
    char n[32];
    (void)snprintf(n, sizeof n, "%d:1", EOPNOTSUPP);
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", n, write_new, NULL), DONE);
    assert_true(is_new());
    assert_int_equal(scratch_count(folder), 1);
}

#endif

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef PGKEEP_FAILPOINTS
        IN_FOLDER(a_crash_at_any_step_leaves_the_old_file_or_the_new_one),
        IN_FOLDER(a_full_disk_at_any_step_is_told_and_leaves_nothing_half),
        IN_FOLDER(without_nameless_files_it_works_all_the_same),
#endif
        /* These pass failpoints in this process. */
        IN_FOLDER(a_disk_without_room_is_told_at_the_commit),
        IN_FOLDER(a_draft_gives_its_space_back_at_once),
        IN_FOLDER(a_folder_that_is_not_there_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
