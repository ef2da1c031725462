/* SPDX-License-Identifier: Apache-2.0 */
/* A copy that ends at any step, by a crash or by a store that fails: what is visible at the
 * target is whole, the next copy needs no hand and sends no pack twice. */
#include "tests/unit/job/copy_world.h"

#include <errno.h>

#include "backends/store_dir.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"
#include "tests/support/store_fault.h"

#define MAX_CALLS 400

static int two_nights(void **state)
{
    if (setup(state) < 0)
        return -1;
    struct world *w = *state;
    w->row_bytes = 8 * KIB;
    night(w);
    night(w);
    return 0;
}

/* Nights that are visible in a store; each comes back. A place without a config has none. */
static size_t visible(struct world *w, struct store *store)
{
    struct error e = {0};
    struct repository r;
    size_t count = 0;
    if (night_open(&r, &w->repository, store, &e) < 0) {
        assert_int_equal(e.kind, ERROR_NO_REPOSITORY);
        return 0;
    }
    for (size_t i = 0; i < w->nights; i++) {
        struct manifest m = {0};
        int rc = repo_manifest(r.repo, w->ids[i], false, &m, &e);
        assert_true(rc == 0 || rc == STORE_ABSENT);
        manifest_done(&m);
        if (rc != 0)
            continue;
        assert_done(night_compare(&r, w->ids[i], buf_view(&w->dumps[i]), &e), &e);
        count++;
    }
    repository_done(&r);
    return count;
}

/* ---- stores that fail ----------------------------------------------------------------- */

static void start_anew(struct world *w)
{
    struct error e = {0};
    store_close(w->to);
    w->to = store_memory_new(&e);
    assert_non_null(w->to);
}

static void copy_follows(struct world *w, size_t seen)
{
    w->options.from = w->repository.repo;
    w->options.to = w->to;
    copies(w, w->nights - seen, seen);
    assert_int_equal(visible(w, w->to), w->nights);
    struct error e = {0};
    struct names names = {0};
    assert_done(names_list(&names, w->to, "packs/", &e), &e);
    assert_int_equal(names.count, store_memory_count(w->from, "packs/"));
    names_done(&names);
}

/* Trouble with call n of the target. False once n is beyond the last one. */
static bool try_target(struct world *w, enum store_fault fault, unsigned n)
{
    struct error e = {0};
    start_anew(w);
    struct store *s = store_fault_new(w->to, fault, n, &e);
    assert_non_null(s);
    w->options.to = s;
    int rc = copy(w, &e);
    bool met = store_fault_met(s);
    store_close(s);
    if (rc < 0 && e.kind != ERROR_BUSY && e.kind != ERROR_IO)
        fail_msg("call %u: kind %d: %s", n, (int)e.kind, e.text);
    assert_int_equal(w->totals.failed, 0);
    size_t seen = visible(w, w->to);
    if (rc == 0)
        assert_int_equal(seen, w->nights);
    assert_true(seen >= w->totals.copied);
    if (!met)
        assert_int_equal(rc, 0);
    copy_follows(w, seen);
    return met;
}

/* Trouble with call n of the source. */
static bool try_source(struct world *w, enum store_fault fault, unsigned n)
{
    struct error e = {0};
    struct repository broken;
    start_anew(w);
    struct store *s = store_fault_new(w->from, fault, n, &e);
    assert_non_null(s);
    int rc = night_open(&broken, &w->repository, s, &e);
    w->options.to = w->to;
    w->totals = (struct copy_totals){0};
    if (rc == 0) {
        w->options.from = broken.repo;
        rc = copy(w, &e);
        repository_done(&broken);
    }
    bool met = store_fault_met(s);
    store_close(s);
    if (rc < 0 && e.kind != ERROR_BUSY && e.kind != ERROR_IO)
        fail_msg("call %u: kind %d: %s", n, (int)e.kind, e.text);
    size_t seen = visible(w, w->to);
    assert_int_equal(seen, w->totals.copied);
    if (!met)
        assert_int_equal(seen, w->nights);
    copy_follows(w, seen);
    return met;
}

static void every_call(struct world *w,
                       bool (*attempt)(struct world *, enum store_fault, unsigned))
{
    static const enum store_fault faults[] = {STORE_FAULT_BEFORE, STORE_FAULT_AFTER,
                                              STORE_FAULT_CRASH};
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        unsigned n = 1;
        while (attempt(w, faults[i], n)) {
            n++;
            assert_true(n < MAX_CALLS);
        }
        assert_true(n > 15);
    }
}

static void a_target_that_fails_at_any_call(void **state)
{
    every_call(*state, try_target);
}

static void a_source_that_fails_at_any_call(void **state)
{
    every_call(*state, try_source);
}

/* ---- crashes -------------------------------------------------------------------------- */

#ifdef PGKEEP_FAILPOINTS

struct crash {
    struct world *w;
    char folder[SCRATCH_PATH];
};

/* In a fork: a copy into the folder. */
static int one_copy(void *arg)
{
    struct crash *c = arg;
    struct error e = {0};
    struct store *s = store_dir_open(c->folder, true, &e);
    c->w->options.to = s;
    int rc = s ? copy(c->w, &e) : -1;
    if (rc != 0)
        (void)fprintf(stderr, "copy: %s\n", e.text);
    store_close(s);
    return rc == 0 && c->w->totals.failed == 0 ? 0 : 1;
}

static size_t look(struct crash *c, size_t *packs)
{
    struct error e = {0};
    struct names names = {0};
    struct store *s = store_dir_open(c->folder, false, &e);
    assert_non_null(s);
    size_t count = visible(c->w, s);
    assert_done(names_list(&names, s, "packs/", &e), &e);
    *packs = names.count;
    names_done(&names);
    store_close(s);
    return count;
}

/* At step n a crash, or (errno_there) a refusal; then a copy that works. The exit status. */
static int break_and_mend(struct crash *c, int n, int errno_there)
{
    char value[32];
    size_t packs;
    scratch_make(c->folder);
    if (errno_there)
        (void)snprintf(value, sizeof value, "%d:%d", errno_there, n);
    else
        (void)snprintf(value, sizeof value, "%d", n);
    int status =
        fault_run(errno_there ? "PGKEEP_FAIL_ERRNO" : "PGKEEP_FAIL_AT", value, one_copy, c);
    size_t seen = look(c, &packs);
    if (status == 0)
        assert_int_equal(seen, c->w->nights);
    assert_int_equal(fault_run("PGKEEP_FAIL_AT", "0", one_copy, c), 0);
    assert_int_equal(look(c, &packs), c->w->nights);
    assert_int_equal(packs, store_memory_count(c->w->from, "packs/"));
    scratch_remove(c->folder);
    return status;
}

static void a_crash_at_any_step_leaves_what_the_next_copy_goes_on_with(void **state)
{
    struct crash c = {.w = *state};
    int n = 1;
    for (int status = FAULT_CRASHED; status != 0; n++) {
        status = break_and_mend(&c, n, 0);
        assert_true(status == 0 || status == FAULT_CRASHED);
        assert_true(n < MAX_CALLS);
    }
    /* replica, enrolment, config, sessions, packs, manifests: content, its sync, link; folders
     * and their syncs. */
    assert_true(n > 40);
}

static void refusals_of_the_system_are_no_loss(void **state)
{
    static const int errors[] = {ENOSPC, EIO};
    struct crash c = {.w = *state};
    size_t failed = 0;
    for (int n = 1; n < 80; n++)
        failed += break_and_mend(&c, n, errors[n % 2]) != 0;
    assert_true(failed > 30);
}

#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, two_nights, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_target_that_fails_at_any_call),
        TEST(a_source_that_fails_at_any_call),
#ifdef PGKEEP_FAILPOINTS
        TEST(a_crash_at_any_step_leaves_what_the_next_copy_goes_on_with),
        TEST(refusals_of_the_system_are_no_loss),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
