/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a dump put together side by side: all arrive, or all end. */
#include "tests/support/check.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <pthread.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/job/restore_jobs.h"
#include "tests/support/dump_walk.h"
#include "tests/support/made_dump.h"
#include "tests/support/night.h"
#include "tests/support/selection.h"

#define PARTS 4

/* Where a part goes. What it holds is its thread's until the run is over. */
struct place {
    struct world *world;
    struct buf got;
    size_t fail_at;  /* bytes after which a write fails; 0: none does */
    bool blocks;     /* its first write waits until it is cancelled */
    bool better;     /* finish knows a better reason */
    bool fails_last; /* finish fails though all was delivered */
    unsigned finishes;
    bool failed; /* as finish was told */
    enum error_kind kind;
    atomic_uint cancels;
};

struct world {
    struct night_world made;
    struct selection s;
    struct manifest m;
    struct toc_select parts[PARTS];
    struct place places[PARTS];
    struct restore_jobs_part jobs[PARTS];
    pthread_mutex_t lock;
    pthread_cond_t change;
    unsigned waiting; /* places whose writes wait */
    volatile sig_atomic_t stop;
    int signal_at;     /* this signal comes once all that block do so */
    unsigned blocking; /* so many */
    unsigned ticks;
    uint64_t told; /* bytes, by the last tick */
};

/* ---- the places ---------------------------------------------------------------------- */

static void wait_for_cancel(struct place *p)
{
    struct world *w = p->world;
    (void)pthread_mutex_lock(&w->lock);
    w->waiting++;
    (void)pthread_cond_broadcast(&w->change);
    while (atomic_load(&p->cancels) == 0)
        (void)pthread_cond_wait(&w->change, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
}

/* The one that fails does so when the others are inside their writes. */
static void wait_for_others(struct world *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (w->waiting < w->blocking)
        (void)pthread_cond_wait(&w->change, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
}

static int write_place(void *arg, struct bytes b, struct error *e)
{
    struct place *p = arg;
    if (p->blocks) {
        wait_for_cancel(p);
        return error_set(e, ERROR_IO, "the other end went away");
    }
    if (buf_append(&p->got, b.data, b.len, e) < 0)
        return -1;
    if (p->fail_at == 0 || p->got.len < p->fail_at)
        return 0;
    wait_for_others(p->world);
    return error_set(e, ERROR_CHILD, "the first reason");
}

static int finish_place(void *arg, bool failed, struct error *e)
{
    struct place *p = arg;
    p->finishes++;
    p->failed = failed;
    p->kind = failed ? e->kind : 0;
    if (p->better || p->fails_last)
        return error_set(e, ERROR_SERVER, "the better reason");
    return failed ? -1 : 0;
}

static void cancel_place(void *arg)
{
    struct place *p = arg;
    struct world *w = p->world;
    (void)pthread_mutex_lock(&w->lock);
    atomic_fetch_add(&p->cancels, 1);
    (void)pthread_cond_broadcast(&w->change);
    (void)pthread_mutex_unlock(&w->lock);
}

/* In the thread that runs the jobs, as a signal's handler would. */
static void tick(void *arg, uint64_t bytes)
{
    struct world *w = arg;
    w->ticks++;
    assert_true(bytes >= w->told);
    w->told = bytes;
    (void)pthread_mutex_lock(&w->lock);
    if (w->signal_at && w->waiting >= w->blocking)
        w->stop = w->signal_at;
    (void)pthread_mutex_unlock(&w->lock);
}

/* ---- the world ----------------------------------------------------------------------- */

/* Each table, 300 kB of it, is a part. */
static void make_dump(struct world *w)
{
    struct error e = {0};
    struct night night;
    struct repository *r = &w->made.repository;
    struct buf dump = made_dump(PARTS, false);
    for (int i = 0; i < PARTS; i++) {
        struct buf rows = {0};
        made_rows(&rows, 3000, 200, (uint64_t)i);
        made_table(&dump, 100 + i, buf_view(&rows), MADE_LINES, 0);
        buf_done(&rows);
    }
    selection_take(&w->s, dump);
    assert_done(repo_use_seed(r->repo, &r->seed, &e), &e);
    assert_done(night_store(r, buf_view(&w->s.archive), NULL, &night, &e), &e);
    assert_done(repo_manifest(r->repo, night.id, true, &w->m, &e), &e);
    night_done(&night);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    night_world_make(&w->made);
    make_dump(w);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->change, NULL);
    for (unsigned i = 0; i < PARTS; i++) {
        struct toc_select *part = &w->parts[i];
        part->count = w->s.list.count;
        part->marks = calloc(part->count, sizeof *part->marks);
        assert_non_null(part->marks);
        part->marks[i].why = TOC_SELECT_ASKED;
        part->kept = 1;
        w->places[i].world = w;
        w->jobs[i] = (struct restore_jobs_part){.selection = part,
                                                .write = write_place,
                                                .finish = finish_place,
                                                .cancel = cancel_place,
                                                .arg = &w->places[i]};
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < PARTS; i++) {
        toc_select_done(&w->parts[i]);
        buf_done(&w->places[i].got);
    }
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->change);
    manifest_done(&w->m);
    selection_done(&w->s);
    night_world_done(&w->made);
    free(w);
    return 0;
}

/* A thread that was joined may still be listed for a moment. */
static void no_thread_is_left(size_t before)
{
    const int64_t until = clock_monotonic_ms() + 10000;
    while (scratch_count("/proc/self/task") > before && clock_monotonic_ms() < until)
        (void)usleep(1000);
    assert_int_equal(scratch_count("/proc/self/task"), before);
}

static int run(struct world *w, unsigned count, struct error *e)
{
    const struct restore_options options = {
        .repo = w->made.repository.repo, .manifest = &w->m, .workers = 2, .stop = &w->stop};
    const struct restore_jobs_options jobs = {
        .restore = &options, .parts = w->jobs, .count = count, .tick = tick, .tick_arg = w};
    size_t before = scratch_count("/proc/self/task");
    int rc = restore_jobs_run(&jobs, &w->m.private_part.members[0], e);
    no_thread_is_left(before);
    return rc;
}

/* All have come to their end, once. */
static void all_are_finished(const struct world *w)
{
    for (unsigned i = 0; i < PARTS; i++)
        assert_int_equal(w->places[i].finishes, w->jobs[i].finish ? 1 : 0);
}

static void all_were_cancelled(struct world *w)
{
    for (unsigned i = 0; i < PARTS; i++)
        assert_int_equal(atomic_load(&w->places[i].cancels), w->jobs[i].cancel ? 1 : 0);
}

/* ---- the tests ----------------------------------------------------------------------- */

static const struct dump_walk_stream *stream_of(const struct dump_walk *walk, uint32_t dump_id)
{
    for (size_t i = 0; i < walk->stream_count; i++)
        if (walk->streams[i].dump_id == dump_id)
            return &walk->streams[i];
    return NULL;
}

static void every_part_arrives_whole(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct dump_walk whole = {0};
    assert_done(run(w, PARTS, &e), &e);
    assert_done(dump_walk(&whole, buf_view(&w->s.archive), 0, &e), &e);
    for (unsigned i = 0; i < PARTS; i++) {
        struct dump_walk part = {0};
        const struct place *p = &w->places[i];
        assert_false(p->failed);
        assert_done(dump_walk(&part, buf_view(&p->got), 0, &e), &e);
        assert_int_equal(part.entries, 1);
        assert_int_equal(part.stream_count, 1);
        const struct dump_walk_stream *was = stream_of(&whole, 100 + i);
        assert_non_null(was);
        assert_int_equal(part.streams[0].dump_id, 100 + i);
        assert_memory_equal(part.streams[0].sha256, was->sha256, DIGEST_LEN);
        dump_walk_done(&part);
    }
    all_are_finished(w);
    for (unsigned i = 0; i < PARTS; i++)
        assert_int_equal(atomic_load(&w->places[i].cancels), 0);
    dump_walk_done(&whole);
}

static void one_part_is_enough_and_none_is_nothing(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    assert_done(run(w, 0, &e), &e);
    assert_int_equal(w->places[0].finishes, 0);
    assert_done(run(w, 1, &e), &e);
    assert_int_equal(w->places[0].finishes, 1);
    assert_int_equal(w->places[1].finishes, 0);
    assert_true(w->places[0].got.len > 0);
}

/* The others sit in writes that end for nothing but a cancel. */
static void the_first_failure_wakes_the_others(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    for (unsigned i = 0; i < PARTS; i++)
        w->places[i].blocks = i != 2;
    w->blocking = PARTS - 1;
    w->places[2].fail_at = 1;
    assert_refused(run(w, PARTS, &e), &e, ERROR_CHILD);
    assert_non_null(strstr(e.text, "the first reason"));
    all_are_finished(w);
    all_were_cancelled(w);
    for (unsigned i = 0; i < PARTS; i++)
        assert_true(w->places[i].failed);
}

static void the_reason_that_finish_knows_is_told(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    w->places[1].fail_at = 100000;
    w->places[1].better = true;
    assert_refused(run(w, PARTS, &e), &e, ERROR_SERVER);
    assert_non_null(strstr(e.text, "the better reason"));
    assert_int_equal(w->places[1].kind, ERROR_CHILD);
    all_are_finished(w);
}

/* As with a pg_restore that reads all, and fails then. */
static void a_bad_end_is_a_failure_though_all_was_delivered(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    w->places[3].fails_last = true;
    w->places[0].blocks = true;
    assert_refused(run(w, PARTS, &e), &e, ERROR_SERVER);
    assert_false(w->places[3].failed);
    assert_true(w->places[0].failed);
    all_are_finished(w);
    all_were_cancelled(w);
}

static void what_fails_without_a_finish_is_told_too(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    w->places[0].fail_at = 1;
    w->jobs[0].finish = NULL;
    w->jobs[0].cancel = NULL;
    assert_refused(run(w, PARTS, &e), &e, ERROR_CHILD);
    all_are_finished(w);
}

static void a_signal_ends_all(void **state)
{
    static const struct {
        int number;
        enum error_kind kind;
    } signals[] = {{SIGINT, ERROR_INTERRUPTED}, {SIGTERM, ERROR_TERMINATED}};
    for (size_t k = 0; k < ARRAY_SIZE(signals); k++) {
        struct world *w = *state;
        struct error e = {0};
        w->stop = 0;
        w->waiting = 0;
        w->told = 0;
        w->signal_at = signals[k].number;
        w->blocking = PARTS;
        for (unsigned i = 0; i < PARTS; i++) {
            w->places[i].blocks = true;
            w->places[i].finishes = 0;
            atomic_store(&w->places[i].cancels, 0);
        }
        assert_refused(run(w, PARTS, &e), &e, signals[k].kind);
        assert_true(w->ticks > 0);
        all_are_finished(w);
        all_were_cancelled(w);
    }
}

/* Nothing is written when the signal was there before. */
static void a_signal_that_came_before_is_obeyed(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    w->stop = SIGTERM;
    assert_refused(run(w, PARTS, &e), &e, ERROR_TERMINATED);
    all_are_finished(w);
}

static void damage_in_one_part_ends_all(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    w->parts[1].count--; /* of another TOC */
    for (unsigned i = 0; i < PARTS; i++)
        w->places[i].blocks = i != 1;
    assert_refused(run(w, PARTS, &e), &e, ERROR_CORRUPT);
    all_are_finished(w);
    all_were_cancelled(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_part_arrives_whole),
        TEST(one_part_is_enough_and_none_is_nothing),
        TEST(the_first_failure_wakes_the_others),
        TEST(the_reason_that_finish_knows_is_told),
        TEST(a_bad_end_is_a_failure_though_all_was_delivered),
        TEST(what_fails_without_a_finish_is_told_too),
        TEST(a_signal_ends_all),
        TEST(a_signal_that_came_before_is_obeyed),
        TEST(damage_in_one_part_ends_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
