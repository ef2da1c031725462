/* SPDX-License-Identifier: Apache-2.0 */
/* A sync that failed: nothing later may claim that what stood before it is safe. */
#include "tests/support/check.h"

#include <errno.h>

#include "backends/store_dir.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#ifdef PGKEEP_FAILPOINTS

/* 0: the first sync failed, and no later one claimed that all is safe. */
static int sync_twice(void *arg)
{
    struct error e = {0};
    struct store *s = store_dir_open(arg, false, &e);
    if (!s || store_put(s, "packs/ab/cd", bytes_text("x"), &e) != 0)
        return 1;
    if (store_sync(s, &e) != -1 || e.kind != ERROR_IO || e.sys != EIO)
        return 2;
    if (store_sync(s, &e) != -1 || e.kind != ERROR_IO)
        return 3;
    if (store_put(s, "packs/ab/ce", bytes_text("x"), &e) != 0 || store_sync(s, &e) != -1)
        return 4;
    store_close(s);
    return 0;
}

static void a_sync_that_failed_is_not_forgotten(void **state)
{
    char folder[SCRATCH_PATH];
    (void)state;
    /* mkdir, mkdir, nameless file, write, fsync, link; then three folders are synced. */
    for (int n = 7; n <= 9; n++) {
        char value[32];
        scratch_make(folder);
        (void)snprintf(value, sizeof value, "%d:%d", EIO, n);
        assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", value, sync_twice, folder), 0);
        scratch_remove(folder);
    }
}

static int see(void *arg, const struct store_item *item, struct error *e)
{
    (void)e;
    (void)item;
    ++*(int *)arg;
    return 0;
}

/* 0: what only a listing has shown is synced by this handle too, and that sync was refused. */
static int list_and_sync(void *arg)
{
    struct error e = {0};
    int seen = 0;
    struct store *s = store_dir_open(arg, false, &e);
    if (!s || store_list(s, "packs/", see, &seen, &e) != 0 || seen != 1)
        return 1;
    if (store_sync(s, &e) != -1 || e.kind != ERROR_IO || e.sys != EIO)
        return 2;
    store_close(s);
    return 0;
}

static int put_and_die(void *arg)
{
    struct error e = {0};
    struct store *s = store_dir_open(arg, false, &e);
    return !s || store_put(s, "packs/ab/cd", bytes_text("x"), &e) != 0;
}

static void names_that_a_dead_writer_left_are_synced_by_who_listed_them(void **state)
{
    char folder[SCRATCH_PATH];
    (void)state;
    scratch_make(folder);
    assert_int_equal(fault_run("PGKEEP_FAIL_AT", "1000", put_and_die, folder), 0);
    /* packs/ab, packs and the root: each of the three must be synced. */
    for (int n = 1; n <= 3; n++) {
        char value[32];
        (void)snprintf(value, sizeof value, "%d:%d", EIO, n);
        assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", value, list_and_sync, folder), 0);
    }
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sync_that_failed_is_not_forgotten),
        cmocka_unit_test(names_that_a_dead_writer_left_are_synced_by_who_listed_them),
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
