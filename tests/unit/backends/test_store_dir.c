/* SPDX-License-Identifier: Apache-2.0 */
/* What the directory store promises beyond core/repo/store.h: modes, links, syncs. */
#include "tests/support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/backends.h"
#include "backends/store_dir.h"
#include "tests/support/scratch.h"

static char folder[SCRATCH_PATH];
static struct store *store;

static int setup(void **state)
{
    struct error e = {0};
    (void)state;
    scratch_make(folder);
    store = store_dir_open(folder, true, &e);
    assert_non_null(store);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    scratch_remove(folder);
    return 0;
}

static void put_text(const char *name, const char *text)
{
    struct error e = {0};
    assert_done(store_put(store, name, bytes_text(text), &e), &e);
}

static void make_file(const char *name, const char *text)
{
    char path[SCRATCH_PATH];
    scratch_path(path, folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(dprintf(fd, "%s", text), (int)strlen(text));
    assert_int_equal(close(fd), 0);
}

static unsigned mode_of(const char *name)
{
    char path[SCRATCH_PATH];
    struct stat st;
    scratch_path(path, folder, name);
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777U;
}

static int count_one(void *arg, const struct store_item *item, struct error *e)
{
    (void)item;
    (void)e;
    ++*(int *)arg;
    return 0;
}

static int count_of(const char *prefix)
{
    struct error e = {0};
    int n = 0;
    assert_done(store_list(store, prefix, count_one, &n, &e), &e);
    return n;
}

static void files_are_0600_and_folders_0700_under_any_umask(void **state)
{
    static const mode_t masks[] = {0, 022, 077};
    (void)state;
    mode_t old = umask(0);
    for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
        char name[32];
        char in[24];
        (void)umask(masks[i]);
        (void)snprintf(in, sizeof in, "packs/a%zu", i);
        (void)snprintf(name, sizeof name, "%s/b", in);
        put_text(name, "x");
        assert_int_equal(mode_of(name), 0600);
        assert_int_equal(mode_of(in), 0700);
        assert_int_equal(mode_of("packs"), 0700);
    }
    (void)umask(old);
}

static void a_link_is_no_object(void **state)
{
    char target[SCRATCH_PATH];
    char link[SCRATCH_PATH];
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    make_file("elsewhere", "secret");
    scratch_path(target, folder, "elsewhere");
    scratch_path(link, folder, "config");
    assert_int_equal(symlink(target, link), 0);
    assert_refused(store_get(store, "config", 0, STORE_ALL, &b, &e), &e, ERROR_IO);
    assert_int_equal(e.sys, ELOOP);
    assert_int_equal(store_put(store, "config", bytes_text("x"), &e), STORE_EXISTS);
    assert_int_equal(count_of("config"), 0);
    /* Removing takes the link, not what it points at. */
    assert_done(store_remove(store, "config", &e), &e);
    assert_done(store_get(store, "elsewhere", 0, STORE_ALL, &b, &e), &e);
    assert_true(bytes_equal(buf_view(&b), bytes_text("secret")));
    buf_done(&b);
}

static void a_link_is_no_folder(void **state)
{
    char other[SCRATCH_PATH];
    char link[SCRATCH_PATH];
    char inside[SCRATCH_PATH];
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    scratch_make(other);
    scratch_path(inside, other, "cd");
    int fd = open(inside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    scratch_path(link, folder, "packs");
    assert_int_equal(symlink(other, link), 0);
    assert_refused(store_put(store, "packs/ab/cd", bytes_text("x"), &e), &e, ERROR_IO);
    assert_int_equal(e.sys, ELOOP);
    assert_refused(store_put(store, "packs/ce", bytes_text("x"), &e), &e, ERROR_IO);
    assert_refused(store_get(store, "packs/cd", 0, STORE_ALL, &b, &e), &e, ERROR_IO);
    assert_refused(store_remove(store, "packs/cd", &e), &e, ERROR_IO);
    assert_int_equal(access(inside, F_OK), 0);
    assert_int_equal(scratch_count(other), 1);
    assert_int_equal(count_of(""), 0);
    buf_done(&b);
    scratch_remove(other);
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
    char path[SCRATCH_PATH];
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    scratch_path(path, folder, "config");
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)alarm(20);
    assert_refused(store_get(store, "config", 0, STORE_ALL, &b, &e), &e, ERROR_CORRUPT);
    (void)alarm(0);
    assert_int_equal(count_of(""), 0);
    put_text("packs/ab/cd", "x");
    assert_refused(store_get(store, "packs/ab", 0, STORE_ALL, &b, &e), &e, ERROR_CORRUPT);
    put_text("hosts", "a file where a folder should be");
    assert_refused(store_put(store, "hosts/ab", bytes_text("x"), &e), &e, ERROR_IO);
    buf_done(&b);
}

static void names_with_a_dot_and_deep_folders_are_not_listed(void **state)
{
    char path[SCRATCH_PATH];
    (void)state;
    put_text("packs/ab/cd", "x");
    make_file("packs/ab/.tmp-0123456789abcdef", "half");
    make_file(".tmp-0123456789abcdef", "half");
    scratch_path(path, folder, "packs/ab/deep");
    assert_int_equal(mkdir(path, 0700), 0);
    make_file("packs/ab/deep/ef", "x");
    assert_int_equal(count_of(""), 1);
    assert_int_equal(count_of("packs/"), 1);
    assert_int_equal(count_of("packs/ab/"), 1);
}

static void objects_too_large_to_load_are_refused(void **state)
{
    char path[SCRATCH_PATH];
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    make_file("config", "start");
    scratch_path(path, folder, "config");
    assert_int_equal(truncate(path, (off_t)(300 * MIB)), 0);
    assert_refused(store_get(store, "config", 0, STORE_ALL, &b, &e), &e, ERROR_CORRUPT);
    assert_int_equal(b.cap, 0);
    assert_done(store_get(store, "config", 0, 5, &b, &e), &e);
    assert_true(bytes_equal(buf_view(&b), bytes_text("start")));
    assert_done(store_get(store, "config", 299 * MIB, STORE_ALL, &b, &e), &e);
    assert_int_equal(b.len, MIB);
    buf_done(&b);
}

static void handles_of_one_folder_see_each_other(void **state)
{
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    struct store *other = store_dir_open(folder, false, &e);
    assert_non_null(other);
    put_text("packs/ab/cd", "x");
    assert_done(store_get(other, "packs/ab/cd", 0, STORE_ALL, &b, &e), &e);
    assert_int_equal(store_put(other, "packs/ab/cd", bytes_text("y"), &e), STORE_EXISTS);
    assert_done(store_remove(other, "packs/ab/cd", &e), &e);
    assert_int_equal(store_get(store, "packs/ab/cd", 0, STORE_ALL, &b, &e), STORE_ABSENT);
    assert_done(store_sync(store, &e), &e);
    store_close(other);
    buf_done(&b);
}

static void an_absent_folder_is_no_repository(void **state)
{
    char path[SCRATCH_PATH];
    char deep[SCRATCH_PATH];
    char url[SCRATCH_PATH + 10];
    struct error e = {0};
    (void)state;
    scratch_path(path, folder, "new");
    scratch_path(deep, folder, "new/and/deep");
    assert_null(store_dir_open(path, false, &e));
    assert_int_equal(e.kind, ERROR_NO_REPOSITORY);
    struct store *s = backends_open(deep, true, &e);
    assert_non_null(s);
    store_close(s);
    assert_int_equal(mode_of("new/and"), 0700);
    (void)snprintf(url, sizeof url, "file://%s", deep);
    s = backends_open(url, false, &e);
    assert_non_null(s);
    store_close(s);
    char *a = backends_canonical(url, &e);
    char *b = backends_canonical(deep, &e);
    assert_string_equal(a, url);
    assert_string_equal(b, url);
    free(a);
    free(b);
}

static void urls_that_mean_nothing_are_refused(void **state)
{
    static const char *const urls[] = {"", "gopher://host/path", "file://relative", "x://"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        struct error e = {0};
        assert_null(backends_open(urls[i], false, &e));
        assert_int_equal(e.kind, ERROR_USAGE);
        assert_null(backends_canonical(urls[i], &e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_0600_and_folders_0700_under_any_umask, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_link_is_no_object, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_is_no_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused_without_waiting, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(names_with_a_dot_and_deep_folders_are_not_listed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(objects_too_large_to_load_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(handles_of_one_folder_see_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(an_absent_folder_is_no_repository, setup, teardown),
        cmocka_unit_test_setup_teardown(urls_that_mean_nothing_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
