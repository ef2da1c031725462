/* SPDX-License-Identifier: Apache-2.0 */
/* The process ends at the n-th durable step of a backup into a folder, for every n. What is
 * visible then restores to the byte, and the next backup needs no hand. Whatever passes
 * failpoints runs in a fork (tests/support/fault.h); this process only reads. */
#include "tests/support/check.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "backends/store_dir.h"
#include "core/base/str.h"
#include "tests/support/fault.h"
#include "tests/support/made_dump.h"
#include "tests/support/night.h"
#include "tests/support/scratch.h"
#include "tests/support/store_memory.h"

#ifdef PGKEEP_FAILPOINTS

#define MAX_STEPS 300

struct world {
    struct store *fresh; /* a repository without backups, in memory */
    struct repository made;
    struct buf dump;
    struct buf later; /* the same table with a few other rows */
    char folder[SCRATCH_PATH];
    char state_folder[SCRATCH_PATH]; /* of the row state */
    char state[SCRATCH_PATH];
    bool is_later;
};

static int copy_out(void *arg, const struct store_item *item, struct error *e)
{
    struct world *w = arg;
    char path[SCRATCH_PATH];
    struct buf b = {0};
    assert_done(store_get(w->fresh, item->name, 0, STORE_ALL, &b, e), e);
    scratch_path(path, w->folder, item->name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.data, 1, b.len, f), b.len);
    assert_int_equal(fclose(f), 0);
    buf_done(&b);
    return 0;
}

/* The fresh repository as a new folder. */
static void begin(struct world *w)
{
    char hosts[SCRATCH_PATH];
    struct error e = {0};
    scratch_make(w->folder);
    scratch_make(w->state_folder);
    scratch_path(w->state, w->state_folder, "state");
    scratch_path(hosts, w->folder, "hosts");
    assert_int_equal(mkdir(hosts, 0700), 0);
    assert_done(store_list(w->fresh, "", copy_out, w, &e), &e);
}

static int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    struct buf rows = {0};
    assert_non_null(w);
    w->fresh = store_memory_new(&e);
    assert_non_null(w->fresh);
    repository_make(&w->made, w->fresh);
    made_rows(&rows, 500, 300, 3);
    w->dump = made_dump(1, false);
    made_table(&w->dump, 100, buf_view(&rows), MADE_LINES, 0);
    made_rows(&rows, 20, 300, 4);
    w->later = made_dump(1, false);
    made_table(&w->later, 100, buf_view(&rows), MADE_LINES, 0);
    buf_done(&rows);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    repository_done(&w->made);
    store_close(w->fresh);
    buf_done(&w->dump);
    buf_done(&w->later);
    free(w);
    return 0;
}

/* In a fork: a backup into the folder. */
static int one_night(void *arg)
{
    struct world *w = arg;
    struct error e = {0};
    struct repository r = {0};
    struct night night = {0};
    const struct night_rows rows = {.path = w->state};
    struct store *s = store_dir_open(w->folder, false, &e);
    int rc = s ? night_open(&r, &w->made, s, &e) : -1;
    if (rc == 0)
        rc = night_store_rows(&r, buf_view(w->is_later ? &w->later : &w->dump), &rows, &night,
                              &e);
    if (rc != 0)
        (void)fprintf(stderr, "night: %s\n", e.text);
    night_done(&night);
    if (r.repo)
        repository_done(&r);
    store_close(s);
    return rc == 0 ? 0 : 1;
}

static int known_name(void *arg, const struct store_item *item, struct error *e)
{
    (void)arg;
    return repo_name_known(item->name)
               ? 0
               : error_set(e, ERROR_CORRUPT, "%s is listed as an object", item->name);
}

static void end(struct world *w)
{
    scratch_remove(w->folder);
    scratch_remove(w->state_folder);
}

static size_t backups_in(const struct world *w)
{
    char path[SCRATCH_PATH];
    scratch_path(path, w->folder, "backups");
    return scratch_count(path);
}

static int compare_either(void *arg, const struct store_item *item, struct error *e)
{
    struct world *w = arg;
    uint8_t id[FORMAT_ID_LEN];
    struct repository r;
    struct store *s = store_dir_open(w->folder, false, e);
    assert_non_null(s);
    assert_true(str_unhex(id, sizeof id, item->name + strlen("backups/")));
    assert_done(night_open(&r, &w->made, s, e), e);
    if (night_compare(&r, id, buf_view(&w->dump), e) < 0)
        assert_done(night_compare(&r, id, buf_view(&w->later), e), e);
    repository_done(&r);
    store_close(s);
    return 0;
}

/* Number of backups that are there; each restores, and nothing else is listed. */
static size_t look(struct world *w)
{
    struct error e = {0};
    struct repository r;
    size_t count;
    struct store *s = store_dir_open(w->folder, false, &e);
    assert_non_null(s);
    assert_done(night_open(&r, &w->made, s, &e), &e);
    assert_done(store_list(s, "", known_name, NULL, &e), &e);
    if (w->is_later) {
        assert_done(store_list(s, "backups/", compare_either, w, &e), &e);
        count = backups_in(w);
    } else {
        assert_done(night_compare_all(&r, buf_view(&w->dump), &count, &e), &e);
    }
    repository_done(&r);
    store_close(s);
    return count;
}

static void a_crash_at_any_step_leaves_a_sound_repository(void **state)
{
    struct world *w = *state;
    size_t before = 0;
    for (int n = 1; n < MAX_STEPS; n++) {
        char at[16];
        begin(w);
        (void)snprintf(at, sizeof at, "%d", n);
        int status = fault_run("PGKEEP_FAIL_AT", at, one_night, w);
        assert_true(status == 0 || status == FAULT_CRASHED);
        size_t visible = look(w);
        assert_true(visible >= before && visible <= 1);
        before = visible;
        assert_int_equal(fault_run("PGKEEP_FAIL_AT", "0", one_night, w), 0);
        assert_int_equal(look(w), visible + 1);
        end(w);
        if (status == 0) {
            assert_int_equal(visible, 1);
            /* session, pack, manifest: content, its sync, link; folders and their syncs. */
            assert_true(n > 20);
            return;
        }
    }
    fail_msg("it never came to its end");
}

/* In a later night, which points at the rows of the first and replaces its row state: at the
 * end the state is one that the next night can use. */
static void a_crash_on_a_later_night_leaves_a_sound_state(void **state)
{
    struct world *w = *state;
    for (int n = 1; n < MAX_STEPS; n++) {
        char at[16];
        begin(w);
        w->is_later = false;
        assert_int_equal(fault_run("PGKEEP_FAIL_AT", "0", one_night, w), 0);
        w->is_later = true;
        (void)snprintf(at, sizeof at, "%d", n);
        int status = fault_run("PGKEEP_FAIL_AT", at, one_night, w);
        assert_true(status == 0 || status == FAULT_CRASHED);
        size_t visible = look(w);
        assert_in_range(visible, 1, 2);
        assert_int_equal(scratch_count(w->state_folder) > 2, false);
        assert_int_equal(fault_run("PGKEEP_FAIL_AT", "0", one_night, w), 0);
        assert_int_equal(look(w), visible + 1);
        /* The crashed run's draft is gone, and rows are matched. */
        assert_int_equal(scratch_count(w->state_folder), 1);
        end(w);
        if (status == 0) {
            assert_true(n > 24);
            return;
        }
    }
    fail_msg("it never came to its end");
}

static void refusals_of_the_system_leave_a_sound_repository(void **state)
{
    static const int errors[] = {ENOSPC, EIO};
    struct world *w = *state;
    size_t failed = 0;
    for (int n = 1; n < 60; n++) {
        char what[32];
        begin(w);
        (void)snprintf(what, sizeof what, "%d:%d", errors[n % 2], n);
        int status = fault_run("PGKEEP_FAIL_ERRNO", what, one_night, w);
        assert_true(status <= 1);
        failed += status == 1;
        size_t visible = look(w);
        assert_true(status == 1 || visible == 1);
        assert_int_equal(fault_run("PGKEEP_FAIL_AT", "0", one_night, w), 0);
        assert_int_equal(look(w), visible + 1);
        end(w);
    }
    assert_true(failed > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_crash_at_any_step_leaves_a_sound_repository, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_crash_on_a_later_night_leaves_a_sound_state, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(refusals_of_the_system_leave_a_sound_repository, setup,
                                        teardown),
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
