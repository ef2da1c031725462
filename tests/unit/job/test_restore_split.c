/* SPDX-License-Identifier: Apache-2.0 */
/* A restore divided: every entry in one part, the data about evenly. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/job/restore_split.h"
#include "tests/support/made_dump.h"
#include "tests/support/night.h"
#include "tests/support/selection.h"

#define MANY 9
#define ENTRY_COST (64 * KIB) /* what a table costs besides its rows */

struct world {
    struct night_world made;
    struct selection s;
    struct manifest m;
    struct restore *restore;
    struct restore_split split;
};

static int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    night_world_make(&w->made);
    struct repository *r = &w->made.repository;
    assert_done(repo_use_seed(r->repo, &r->seed, &e), &e);
    *state = w;
    return 0;
}

static void forget(struct world *w)
{
    restore_split_done(&w->split);
    restore_free(w->restore);
    w->restore = NULL;
    manifest_done(&w->m);
    w->m = (struct manifest){0};
    selection_done(&w->s);
}

static int teardown(void **state)
{
    struct world *w = *state;
    night_world_done(&w->made);
    free(w);
    return 0;
}

static void store(struct world *w)
{
    struct error e = {0};
    struct night night;
    struct repository *r = &w->made.repository;
    assert_done(night_store(r, buf_view(&w->s.archive), NULL, &night, &e), &e);
    assert_done(repo_manifest(r->repo, night.id, true, &w->m, &e), &e);
    const struct restore_options options = {.repo = r->repo, .manifest = &w->m, .workers = 1};
    w->restore = restore_new(&options, &e);
    assert_non_null(w->restore);
    night_done(&night);
}

static void split(struct world *w, const struct toc_select *selection, unsigned jobs)
{
    struct error e = {0};
    const struct restore_split_what what = {.member = &w->m.private_part.members[0],
                                            .list = &w->s.list,
                                            .selection = selection,
                                            .jobs = jobs};
    restore_split_done(&w->split);
    assert_done(restore_split_make(w->restore, &what, &w->split, &e), &e);
}

static bool is_setting(const struct world *w, uint32_t i)
{
    return w->s.list.entries[i].facts->kind == TOC_KIND_SETTING;
}

static unsigned in(const struct toc_select *part, uint32_t i)
{
    return part->count > 0 && toc_select_keeps(part, i);
}

static uint32_t kept_in(const struct toc_select *part)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < part->count; i++)
        kept += in(part, i);
    return kept;
}

/* Every entry of the selection in exactly one part, settings in each. */
static void check_parts(const struct world *w, const struct toc_select *selection)
{
    const struct restore_split *s = &w->split;
    bool last = false;
    for (uint32_t i = 0; i < w->s.list.count; i++) {
        unsigned wanted = !selection || toc_select_keeps(selection, i);
        unsigned early = in(&s->define, i);
        unsigned late = in(&s->finish, i);
        unsigned behind = in(&s->last, i);
        unsigned data = 0;
        for (unsigned k = 0; k < s->data_count; k++)
            data += in(&s->data[k], i);
        if (is_setting(w, i)) {
            assert_int_equal(data, wanted * s->data_count);
            assert_int_equal(early, wanted);
            assert_int_equal(behind, wanted);
            continue;
        }
        assert_int_equal(early + late + behind + data, wanted);
        if (s->data_count > 0)
            assert_int_equal(data, wanted && w->s.list.entries[i].has_data);
        if (s->all.count > 0)
            assert_int_equal(in(&s->all, i), wanted && !behind);
        last = last || behind;
    }
    assert_int_equal(s->has_last, last);
    for (unsigned k = 0; k < s->data_count; k++)
        assert_int_equal(s->data[k].kept, kept_in(&s->data[k]));
    assert_int_equal(s->define.kept, kept_in(&s->define));
    assert_int_equal(s->finish.kept, kept_in(&s->finish));
    assert_int_equal(s->last.kept, kept_in(&s->last));
}

static uint32_t blocks_in(const struct world *w, const struct toc_select *part)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < part->count; i++)
        count += in(part, i) && w->s.list.entries[i].has_data;
    return count;
}

static void every_entry_is_in_one_part(void **state)
{
    static const char *const fixtures[] = {"A-pg15-none-file", "A-pg17-gzip-pipe",
                                           "A-pg18-none-file-statistics"};
    static const unsigned jobs[] = {2, 3, 7};
    for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
        struct world *w = *state;
        selection_load(&w->s, fixtures[i]);
        store(w);
        split(w, NULL, jobs[i]);
        check_parts(w, NULL);
        assert_int_equal(w->split.data_count, jobs[i]);
        assert_true(w->split.has_last);
        assert_true(w->split.payload_bytes > 0);
        forget(w);
    }
}

static void a_selection_alone_is_divided(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    selection_load(&w->s, "A-pg15-none-file");
    store(w);
    assert_done(selection_tables(&w->s, "app.users|app.orders|audit.wide", &e), &e);
    split(w, &w->s.select, 2);
    check_parts(w, &w->s.select);
    assert_int_equal(w->split.data_count, 2);
    assert_false(w->split.has_last);
    forget(w);
}

static void one_job_takes_all_but_event_triggers_at_once(void **state)
{
    struct world *w = *state;
    selection_load(&w->s, "A-pg15-none-file");
    store(w);
    split(w, NULL, 1);
    check_parts(w, NULL);
    assert_int_equal(w->split.data_count, 0);
    assert_int_equal(w->split.finish.kept, 0);
    uint32_t settings = 0;
    for (uint32_t i = 0; i < w->s.list.count; i++)
        settings += is_setting(w, i);
    assert_true(settings > 0);
    assert_int_equal(w->split.define.kept + w->split.last.kept, w->s.list.count + settings);
    assert_true(in(&w->split.last, selection_find(&w->s, "EVENT TRIGGER fx_evt")));
    assert_false(in(&w->split.define, selection_find(&w->s, "EVENT TRIGGER fx_evt")));
    forget(w);
}

static void more_jobs_than_tables_are_not_used(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    selection_load(&w->s, "A-pg15-none-file");
    store(w);
    split(w, NULL, 100);
    check_parts(w, NULL);
    assert_int_equal(w->split.data_count, 22); /* and the large objects */
    for (unsigned k = 0; k < w->split.data_count; k++)
        assert_int_equal(blocks_in(w, &w->split.data[k]), 1);
    assert_done(selection_tables(&w->s, "audit.wide", &e), &e);
    split(w, &w->s.select, 4);
    check_parts(w, &w->s.select);
    assert_int_equal(w->split.data_count, 1);
    forget(w);
}

static void nothing_with_data_is_no_part(void **state)
{
    struct world *w = *state;
    const struct toc_select_options o = {.content = TOC_SELECT_SCHEMA_ONLY};
    struct error e = {0};
    selection_load(&w->s, "A-pg18-none-file-schemaonly");
    store(w);
    split(w, NULL, 3);
    check_parts(w, NULL);
    assert_int_equal(w->split.data_count, 0);
    assert_int_equal(w->split.payload_bytes, 0);
    assert_true(w->split.define.kept > 0 && w->split.finish.kept > 0);
    forget(w);
    selection_load(&w->s, "A-pg15-gzip-file");
    store(w);
    assert_done(selection_run(&w->s, &o, &e), &e);
    split(w, &w->s.select, 3);
    check_parts(w, &w->s.select);
    assert_int_equal(w->split.data_count, 0);
    forget(w);
}

/* ---- balance ------------------------------------------------------------------------ */

/* Tables of these sizes; their entries are in this order. */
static void tables_of(struct world *w, const size_t *sizes, size_t count)
{
    struct buf dump = made_dump(count, false);
    for (size_t i = 0; i < count; i++) {
        struct buf rows = {0};
        for (size_t left = sizes[i]; left > 0;) {
            size_t len = left < 5000 ? left : 5000;
            made_row(&rows, len, false, i * 1000 + left);
            left -= len;
        }
        made_table(&dump, 100 + (int64_t)i, buf_view(&rows), MADE_LINES, 0);
        buf_done(&rows);
    }
    selection_take(&w->s, dump);
    store(w);
}

/* The heaviest of the parts when table i goes to part (code / jobs^i) % jobs. */
static uint64_t heaviest(const size_t *sizes, unsigned jobs, uint64_t code)
{
    uint64_t loads[MANY] = {0};
    uint64_t most = 0;
    for (size_t i = 0; i < MANY; i++, code /= jobs) {
        uint64_t *load = &loads[code % jobs];
        *load += sizes[i] + ENTRY_COST;
        most = *load > most ? *load : most;
    }
    return most;
}

static uint64_t best_there_is(const size_t *sizes, unsigned jobs)
{
    uint64_t best = UINT64_MAX;
    uint64_t ways = 1;
    for (size_t i = 0; i < MANY; i++)
        ways *= jobs;
    for (uint64_t code = 0; code < ways; code++) {
        uint64_t most = heaviest(sizes, jobs, code);
        best = most < best ? most : best;
    }
    return best;
}

static uint64_t as_split(const struct world *w, const size_t *sizes)
{
    uint64_t most = 0;
    for (unsigned k = 0; k < w->split.data_count; k++) {
        uint64_t load = 0;
        for (uint32_t i = 0; i < w->s.list.count; i++)
            load += in(&w->split.data[k], i) ? sizes[i] + ENTRY_COST : 0;
        most = load > most ? load : most;
    }
    return most;
}

static void the_heaviest_part_is_a_third_above_the_best_at_most(void **state)
{
    uint64_t seed = 7;
    for (int round = 0; round < 6; round++) {
        struct world *w = *state;
        unsigned jobs = 2 + (unsigned)round % 3;
        size_t sizes[MANY];
        uint64_t sum = 0;
        for (size_t i = 0; i < MANY; i++) {
            sizes[i] = (size_t)(made_random(&seed) % (i % 3 ? 50000 : 600000));
            sum += sizes[i];
        }
        tables_of(w, sizes, MANY);
        split(w, NULL, jobs);
        check_parts(w, NULL);
        assert_int_equal(w->split.data_count, jobs);
        /* The payloads have end marks too. */
        assert_in_range(w->split.payload_bytes, sum, sum + MANY * strlen(MADE_END_MARK));
        uint64_t found = as_split(w, sizes);
        uint64_t best = best_there_is(sizes, jobs);
        if (found < best || found * 3 > best * 4)
            fail_msg("%u jobs: %llu, the best is %llu", jobs, (unsigned long long)found,
                     (unsigned long long)best);
        forget(w);
    }
}

/* One large table and many small ones: it is alone. */
static void the_largest_table_has_a_part_to_itself(void **state)
{
    struct world *w = *state;
    const size_t sizes[MANY] = {3, 10, 4 * MIB, 0, 500, 20, 1, 9000, 77};
    tables_of(w, sizes, MANY);
    split(w, NULL, 2);
    check_parts(w, NULL);
    unsigned large = in(&w->split.data[1], 2);
    assert_int_equal(blocks_in(w, &w->split.data[large]), 1);
    assert_int_equal(blocks_in(w, &w->split.data[!large]), MANY - 1);
    forget(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_entry_is_in_one_part),
        TEST(a_selection_alone_is_divided),
        TEST(one_job_takes_all_but_event_triggers_at_once),
        TEST(more_jobs_than_tables_are_not_used),
        TEST(nothing_with_data_is_no_part),
        TEST(the_heaviest_part_is_a_third_above_the_best_at_most),
        TEST(the_largest_table_has_a_part_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
