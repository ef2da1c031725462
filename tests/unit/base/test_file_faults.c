/* SPDX-License-Identifier: Apache-2.0 */
/* Every durable step of base/file crashes or is refused in turn; what is on disk afterwards is
 * the old thing or the new one. Each attempt runs in a process of its own. */
#include "tests/support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#ifdef PGKEEP_FAILPOINTS

enum { MAX_STEPS = 40, DONE = 0, EXISTS = 1, FAILED = 2, WRONG_ERROR = 3 };

static char folder[SCRATCH_PATH];
static char path[SCRATCH_PATH];

static int make(void **state)
{
    (void)state;
    scratch_make(folder);
    scratch_path(path, folder, "it");
    return 0;
}

static int clear(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

/* What a fork says about how it went: a failure must be ERROR_IO with errno EIO. */
static int verdict(int result, const struct error *e)
{
    if (result < 0)
        return e->kind == ERROR_IO && e->sys == EIO && e->text[0] ? FAILED : WRONG_ERROR;
    return result == FILE_EXISTS ? EXISTS : DONE;
}

static int replace_it(void *arg)
{
    struct error e = {0};
    return verdict(file_replace(path, bytes_text(arg), 0600, &e), &e);
}

static int create_it(void *arg)
{
    struct error e = {0};
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = file_create_at(dir, "it", bytes_text(arg), 0600, &e);
    if (result == 0)
        result = file_sync_dir(dir, &e);
    return verdict(result, &e);
}

static int make_deep(void *arg)
{
    struct error e = {0};
    return verdict(file_make_dirs(arg, 0700, &e), &e);
}

/* 'n' new, 'o' old, '-' absent; fails the test for anything else. */
static char content(void)
{
    struct buf b = {0};
    struct error e;
    char what = '-';
    int result = file_load(path, 1000, &b, &e);
    if (result == 0 && bytes_equal(buf_view(&b), bytes_text("new content")))
        what = 'n';
    else if (result == 0 && bytes_equal(buf_view(&b), bytes_text("old content")))
        what = 'o';
    else if (result != FILE_ABSENT)
        fail_msg("neither old nor new: %zu bytes", b.len);
    buf_done(&b);
    return what;
}

static void put_old(void)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(dprintf(fd, "old content"), 11);
    assert_int_equal(close(fd), 0);
}

static void at(char out[32], const char *prefix, int n)
{
    (void)snprintf(out, 32, "%s%d", prefix, n);
}

static char new_text[] = "new content";

static void a_crash_in_replace_leaves_old_or_new(void **state)
{
    (void)state;
    char n[32];
    int crashes = 0;
    bool renamed = false;
    for (int i = 1; i < MAX_STEPS; i++) {
        put_old();
        at(n, "", i);
        int status = fault_run("PGKEEP_FAIL_AT", n, replace_it, new_text);
        char what = content();
        if (status == DONE) {
            assert_int_equal(what, 'n');
            assert_int_equal(crashes, 4); /* write, fsync, rename, fsync of the folder */
            return;
        }
        assert_int_equal(status, FAULT_CRASHED);
        assert_true(what == 'o' ? !renamed : what == 'n');
        renamed = what == 'n';
        crashes++;
    }
    fail_msg("it never came to its end");
}

static void a_refusal_in_replace_is_reported_and_leaves_no_temporary_file(void **state)
{
    (void)state;
    char n[32];
    for (int i = 1; i < MAX_STEPS; i++) {
        put_old();
        at(n, "5:", i);
        int status = fault_run("PGKEEP_FAIL_ERRNO", n, replace_it, new_text);
        assert_int_equal(scratch_count(folder), 1);
        if (status == DONE) {
            assert_int_equal(i, 5);
            assert_int_equal(content(), 'n');
            return;
        }
        assert_int_equal(status, FAILED);
        assert_int_equal(content(), i < 4 ? 'o' : 'n');
    }
    fail_msg("it never came to its end");
}

static void a_crash_in_create_leaves_nothing_or_all(void **state)
{
    (void)state;
    char n[32];
    for (int i = 1; i < MAX_STEPS; i++) {
        (void)unlink(path);
        at(n, "", i);
        int status = fault_run("PGKEEP_FAIL_AT", n, create_it, new_text);
        if (status == DONE) {
            assert_int_equal(content(), 'n');
            assert_true(i > 4);
            return;
        }
        assert_int_equal(status, FAULT_CRASHED);
        assert_int_equal(scratch_count(folder), content() == 'n');
    }
    fail_msg("it never came to its end");
}

static void a_refusal_in_create_is_reported_and_leaves_nothing_half(void **state)
{
    (void)state;
    char n[32];
    for (int i = 1; i < MAX_STEPS; i++) {
        (void)unlink(path);
        at(n, "5:", i);
        int status = fault_run("PGKEEP_FAIL_ERRNO", n, create_it, new_text);
        if (status == DONE) {
            assert_int_equal(content(), 'n');
            assert_true(i > 4);
            return;
        }
        assert_int_equal(status, FAILED);
        assert_int_equal(scratch_count(folder), content() == 'n');
    }
    fail_msg("it never came to its end");
}

/* 95 is EOPNOTSUPP: the file system has no nameless files; then steps 2 to 4 are write, fsync
 * and renameat2, and 22 (EINVAL) is what a file system without RENAME_NOREPLACE says. */
static void without_nameless_files_create_works_by_a_temporary_name(void **state)
{
    (void)state;
    static const char *const ways[] = {"95:1", "2:4", "95:1,22:4"};
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        (void)unlink(path);
        assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", ways[i], create_it, new_text), DONE);
        assert_int_equal(content(), 'n');
        assert_int_equal(scratch_count(folder), 1);
        put_old();
        assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", ways[i], create_it, new_text), EXISTS);
        assert_int_equal(content(), 'o');
        assert_int_equal(scratch_count(folder), 1);
    }
}

static void a_name_taken_while_the_content_was_written_is_left_alone(void **state)
{
    (void)state;
    /* 17 is EEXIST, as a link or rename says it when another came first. */
    static const char *const ways[] = {"17:4", "95:1,17:4", "95:1,22:4,17:5"};
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", ways[i], create_it, new_text), EXISTS);
        assert_int_equal(scratch_count(folder), 0);
    }
}

static void refusals_on_the_other_way_are_reported_and_tidy(void **state)
{
    (void)state;
    static const char *const ways[] = {"95:1,5:2", "95:1,5:3", "95:1,5:4", "95:1,22:4,5:5"};
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", ways[i], create_it, new_text), FAILED);
        assert_int_equal(scratch_count(folder), 0);
    }
}

static int make_temporary(void *arg)
{
    (void)arg;
    struct error e = {0};
    int fd = file_temporary(path, &e);
    int result = fd < 0 ? -1 : file_write_full(fd, bytes_text("x"), &e);
    return scratch_count(folder) == 0 ? verdict(result, &e) : WRONG_ERROR;
}

static void without_nameless_files_a_temporary_file_loses_its_name_at_once(void **state)
{
    (void)state;
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "95:1", make_temporary, NULL), DONE);
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "5:1", make_temporary, NULL), FAILED);
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "5:2", make_temporary, NULL), DONE);
}

static void folders_can_be_made_after_a_crash_at_any_step(void **state)
{
    (void)state;
    char n[32], deep[SCRATCH_PATH];
    struct stat st;
    scratch_path(deep, folder, "a/b/c");
    for (int i = 1; i < MAX_STEPS; i++) {
        at(n, "", i);
        int status = fault_run("PGKEEP_FAIL_AT", n, make_deep, deep);
        assert_true(status == DONE || status == FAULT_CRASHED);
        if (status == DONE) {
            assert_true(i > 6);
            return;
        }
        assert_int_equal(fault_run("PGKEEP_FAIL_AT", "99", make_deep, deep), DONE);
        assert_int_equal(stat(deep, &st), 0);
        scratch_remove(folder);
        assert_int_equal(mkdir(folder, 0700), 0);
    }
    fail_msg("it never came to its end");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_crash_in_replace_leaves_old_or_new),
        IN_FOLDER(a_refusal_in_replace_is_reported_and_leaves_no_temporary_file),
        IN_FOLDER(a_crash_in_create_leaves_nothing_or_all),
        IN_FOLDER(a_refusal_in_create_is_reported_and_leaves_nothing_half),
        IN_FOLDER(without_nameless_files_create_works_by_a_temporary_name),
        IN_FOLDER(a_name_taken_while_the_content_was_written_is_left_alone),
        IN_FOLDER(refusals_on_the_other_way_are_reported_and_tidy),
        IN_FOLDER(without_nameless_files_a_temporary_file_loses_its_name_at_once),
        IN_FOLDER(folders_can_be_made_after_a_crash_at_any_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    (void)printf("built without failpoints: nothing to test\n");
    return 0;
}

#endif
