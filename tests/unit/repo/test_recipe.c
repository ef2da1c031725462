/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes in memory: what their ends grow by, and what operations come to. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/repo/recipe.h"
#include "tests/support/made_recipe.h"

/* Chunks of 100, 50 and 10 rows, a long row of two chunks, one of 7 rows. */
static struct recipe some_chunks(void)
{
    static const struct {
        enum format_kind kind;
        uint32_t rows;
    } chunks[] = {{FORMAT_KIND_ROWS, 100}, {FORMAT_KIND_ROWS, 50}, {FORMAT_KIND_ROWS, 10},
                  {FORMAT_KIND_BYTES, 1},  {FORMAT_KIND_BYTES, 0}, {FORMAT_KIND_ROWS, 7}};
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_ROWS};
    for (uint32_t i = 0; i < ARRAY_SIZE(chunks); i++) {
        struct ref ref = made_recipe_ref(i, chunks[i].kind, 1000);
        assert_done(recipe_add_chunk(&r, &ref, chunks[i].rows, &e), &e);
    }
    return r;
}

static void add(struct recipe *r, uint32_t n, uint32_t chunk, uint32_t first)
{
    struct error e = {0};
    const struct recipe_source s = {chunk, first};
    assert_done(recipe_add_extent(r, n, 0, &s, &e), &e);
}

static void an_extent_that_goes_on_becomes_part_of_the_last_one(void **state)
{
    (void)state;
    struct recipe r = some_chunks();
    add(&r, 10, 0, 5);
    add(&r, 1, 0, 15);
    add(&r, 4, 0, 16);
    assert_int_equal(r.extent_count, 1);
    add(&r, 4, 0, 21); /* a row is left out */
    add(&r, 4, 1, 25); /* another chunk */
    add(&r, 4, 1, 25); /* the same rows again */
    assert_int_equal(r.extent_count, 4);
    assert_int_equal(r.rows, 27);
    assert_int_equal(recipe_extent_rows(&r, 0), 15);
    assert_int_equal(recipe_extent_rows(&r, 3), 4);
    assert_int_equal(r.extents[2].row, 19);
    add(&r, 1, 3, 0);
    add(&r, 1, 3, 0);
    assert_int_equal(r.extent_count, 6);
    assert_int_equal(recipe_long_row(&r, 3), 2);
    assert_int_equal(recipe_long_row(&r, 5), 1);
    recipe_done(&r);
}

static void extents_of_several_sources_go_on_together_or_not_at_all(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = some_chunks();
    static const struct recipe_column columns[] = {{0, 0}, {1, 0}};
    uint32_t p;
    assert_done(recipe_add_projection(&r, 2, columns, 2, &p, &e), &e);
    assert_int_equal(p, 1);
    struct recipe_source s[2] = {{0, 3}, {1, 0}};
    assert_done(recipe_add_extent(&r, 5, p, s, &e), &e);
    s[0].first = 8;
    s[1].first = 5;
    assert_done(recipe_add_extent(&r, 5, p, s, &e), &e);
    assert_int_equal(r.extent_count, 1);
    s[0].first = 13;
    assert_done(recipe_add_extent(&r, 5, p, s, &e), &e);
    assert_int_equal(r.extent_count, 2);
    add(&r, 5, 0, 18); /* source 0 goes on, under another projection */
    assert_int_equal(r.extent_count, 3);
    assert_int_equal(r.source_count, 5);
    recipe_done(&r);
}

static void a_projection_is_kept_once(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_ROWS};
    struct recipe_column columns[] = {{0, 0}, {0, 2}, {1, 1663}};
    uint32_t p;
    assert_done(recipe_add_projection(&r, 2, columns, 3, &p, &e), &e);
    assert_int_equal(p, 1);
    assert_done(recipe_add_projection(&r, 3, columns, 3, &p, &e), &e);
    assert_int_equal(p, 2);
    assert_done(recipe_add_projection(&r, 2, columns, 2, &p, &e), &e);
    assert_int_equal(p, 3);
    assert_done(recipe_add_projection(&r, 2, columns, 3, &p, &e), &e);
    assert_int_equal(p, 1);
    assert_int_equal(r.column_count, 8);
    assert_refused(recipe_add_projection(&r, 1, columns, 3, &p, &e), &e, ERROR_CORRUPT);
    assert_refused(recipe_add_projection(&r, 0, columns, 0, &p, &e), &e, ERROR_CORRUPT);
    assert_refused(recipe_add_projection(&r, 65, columns, 3, &p, &e), &e, ERROR_UNSUPPORTED);
    columns[2].column = 1664;
    assert_refused(recipe_add_projection(&r, 2, columns, 3, &p, &e), &e, ERROR_CORRUPT);
    for (uint16_t i = 3; i < RECIPE_MAX_PROJECTIONS; i++) {
        columns[2].column = i;
        assert_done(recipe_add_projection(&r, 2, columns, 3, &p, &e), &e);
        assert_int_equal(p, i + 1);
    }
    columns[2].column = 2;
    assert_refused(recipe_add_projection(&r, 2, columns, 3, &p, &e), &e, ERROR_UNSUPPORTED);
    recipe_done(&r);
}

static void operations_that_go_on_are_one(void **state)
{
    static const struct recipe_op ops[] = {{7, 0, 3},  {9, 0, 2},  {0, 5, 0},
                                           {5, 5, 1},  {0, 0, 0},  {3, 0, 1},
                                           {10, 1, 0}, {12, 1, 0}, {13, 2, 4}};
    static const struct recipe_op wanted[] = {{0, 0, 5}, {0, 10, 2}, {10, 1, 0}, {12, 3, 4}};
    (void)state;
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_ROWS, .has_base = true};
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        assert_done(recipe_add_op(&r, &ops[i], &e), &e);
    assert_int_equal(r.op_count, ARRAY_SIZE(wanted));
    assert_memory_equal(r.ops, wanted, sizeof wanted);
    assert_int_equal(r.rows, 5 + 12 + 1 + 7);
    recipe_done(&r);
}

static void limits_are_told(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_BYTES};
    struct ref ref = made_recipe_ref(1, FORMAT_KIND_BYTES, 10);
    for (size_t i = 0; i < FORMAT_MAX_RECIPE_CHUNKS; i++)
        assert_done(recipe_add_chunk(&r, &ref, 0, &e), &e);
    assert_int_equal(r.bytes, 10 * FORMAT_MAX_RECIPE_CHUNKS);
    assert_refused(recipe_add_chunk(&r, &ref, 0, &e), &e, ERROR_UNSUPPORTED);
    assert_refused(recipe_add_added(&r, &ref, 0, &e), &e, ERROR_UNSUPPORTED);
    recipe_done(&r);
    r = some_chunks();
    for (size_t i = 0; i < RECIPE_MAX_EXTENTS; i++)
        add(&r, 1, 0, 3); /* always the same row, which never goes on */
    add(&r, 1, 0, 4);
    struct recipe_source s = {0};
    assert_refused(recipe_add_extent(&r, 1, 0, &s, &e), &e, ERROR_UNSUPPORTED);
    recipe_done(&r);
    const struct recipe_op large = {0, UINT32_MAX, 0};
    const struct recipe_op small = {5, 1, 0};
    const struct recipe_op beyond = {5, UINT32_MAX - 4, 0};
    assert_refused(recipe_add_op(&r, &beyond, &e), &e, ERROR_UNSUPPORTED);
    assert_done(recipe_add_op(&r, &large, &e), &e);
    assert_refused(recipe_add_op(&r, &small, &e), &e, ERROR_UNSUPPORTED);
    assert_int_equal(r.op_count, 1);
    recipe_done(&r);
}

static void every_row_is_found_with_any_hint(void **state)
{
    (void)state;
    struct made_recipe m = {.seed = 5, .width = 4};
    struct recipe r = {0};
    made_recipe_full(&m, &r, 60);
    for (uint32_t i = 0; i < r.extent_count; i++)
        for (uint32_t k = 0; k < recipe_extent_rows(&r, i); k++)
            for (uint32_t hint = 0; hint <= r.extent_count + 1; hint++)
                assert_int_equal(recipe_find(&r, r.extents[i].row + k, hint), i);
    assert_true(r.extent_count > 20);
    recipe_done(&r);
}

static void rows_of_a_directory_are_taken_in_order(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = some_chunks();
    struct recipe_source next = {0};
    assert_done(recipe_take(&r, &next, r.count, 90, &e), &e);
    assert_true(next.chunk == 0 && next.first == 90);
    assert_done(recipe_take(&r, &next, r.count, 70, &e), &e);
    assert_true(next.chunk == 3 && next.first == 0);
    assert_done(recipe_take(&r, &next, r.count, 2, &e), &e);
    assert_true(next.chunk == 5 && next.first == 1);
    assert_int_equal(r.extent_count, 5);
    assert_true(r.sources[3].chunk == 3 && r.sources[4].chunk == 5);
    assert_refused(recipe_take(&r, &next, r.count, 7, &e), &e, ERROR_CORRUPT);
    assert_refused(recipe_take(&r, &next, 5, 1, &e), &e, ERROR_CORRUPT);
    recipe_done(&r);
}

/* A base of one chunk of 100 rows under the projection given. */
static struct recipe small_base(const struct recipe_column *columns, uint16_t count)
{
    struct error e = {0};
    struct recipe r = some_chunks();
    uint32_t p = 0;
    if (count > 0)
        assert_done(recipe_add_projection(&r, 1, columns, count, &p, &e), &e);
    const struct recipe_source s = {0, 0};
    assert_done(recipe_add_extent(&r, 100, p, &s, &e), &e);
    return r;
}

static void copies_beyond_the_base_are_refused(void **state)
{
    (void)state;
    struct error e = {0};
    static const struct recipe_column three[] = {{0, 5}, {0, 6}, {0, 7}};
    static const struct recipe_column fourth[] = {{0, 3}};
    struct recipe base = small_base(three, 3);
    struct recipe r = {.kind = FORMAT_STREAM_ROWS};
    uint32_t other; /* its columns stand behind those of the first one */
    assert_done(recipe_add_projection(&base, 1, fourth, 1, &other, &e), &e);
    uint32_t map[] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    struct recipe_copy c = {.base = &base, .map = map};
    assert_refused(recipe_copy(&r, &c, 0, 101, &e), &e, ERROR_CORRUPT);
    assert_refused(recipe_copy(&r, &c, UINT32_MAX, UINT32_MAX, &e), &e, ERROR_CORRUPT);
    assert_done(recipe_copy(&r, &c, 99, 1, &e), &e);
    assert_done(recipe_copy(&r, &c, 100, 0, &e), &e);
    assert_int_equal(r.rows, 1);
    assert_int_equal(r.count, 1);
    c = (struct recipe_copy){.base = &base, .map = map, .columns = fourth, .column_count = 1};
    assert_refused(recipe_copy(&r, &c, 0, 1, &e), &e, ERROR_CORRUPT);
    recipe_done(&r);
    recipe_done(&base);
}

static void projections_are_composed(void **state)
{
    (void)state;
    struct error e = {0};
    static const struct recipe_column three[] = {{0, 5}, {0, 6}, {0, 7}};
    static const struct recipe_column change[] = {{0, 2}, {1, 0}, {0, 0}};
    static const struct recipe_column wanted[] = {{0, 7}, {1, 0}, {0, 5}};
    struct recipe base = small_base(three, 3);
    struct recipe r = {.kind = FORMAT_STREAM_ROWS, .has_base = true};
    struct recipe out = {0};
    uint32_t p;
    struct ref ref = made_recipe_ref(70, FORMAT_KIND_ROWS, 100);
    const struct recipe_op op = {10, 30, 0};
    assert_done(recipe_add_projection(&r, 2, change, 3, &p, &e), &e);
    assert_done(recipe_add_added(&r, &ref, 12, &e), &e);
    assert_done(recipe_add_added(&r, &ref, 18, &e), &e);
    assert_done(recipe_add_op(&r, &op, &e), &e);
    assert_done(recipe_resolve(&base, &r, &out, &e), &e);
    assert_int_equal(out.projection_count, 1);
    assert_int_equal(out.projections[0].sources, 2);
    assert_memory_equal(out.columns, wanted, sizeof wanted);
    assert_int_equal(out.extent_count, 2);
    assert_int_equal(out.extents[1].row, 12);
    static const struct recipe_source sources[] = {{2, 10}, {0, 0}, {2, 22}, {1, 0}};
    assert_int_equal(out.source_count, 4);
    assert_memory_equal(out.sources, sources, sizeof sources);
    recipe_done(&base);
    recipe_done(&r);
    recipe_done(&out);
}

static void operations_that_do_not_fit_are_refused(void **state)
{
    static const struct recipe_column change[] = {{0, 2}, {1, 0}};
    static const struct {
        struct recipe_op op;
        uint32_t own, added;
        int wanted;
    } cases[] = {
        {{0, 100, 10}, 10, 100, 0},  {{0, 101, 10}, 10, 101, -1}, {{1, 100, 10}, 10, 100, -1},
        {{0, 100, 10}, 10, 99, -1},  {{0, 100, 10}, 10, 101, -1}, {{0, 100, 10}, 9, 100, -1},
        {{0, 100, 10}, 11, 100, -1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error e = {0};
        struct recipe base = small_base(NULL, 0);
        struct recipe r = {.kind = FORMAT_STREAM_ROWS, .has_base = true};
        struct recipe out = {0};
        struct ref ref = made_recipe_ref(70, FORMAT_KIND_ROWS, 1000);
        uint32_t p;
        assert_done(recipe_add_projection(&r, 2, change, 2, &p, &e), &e);
        assert_done(recipe_add_chunk(&r, &ref, cases[i].own, &e), &e);
        assert_done(recipe_add_added(&r, &ref, cases[i].added, &e), &e);
        assert_done(recipe_add_op(&r, &cases[i].op, &e), &e);
        if (recipe_resolve(&base, &r, &out, &e) != cases[i].wanted ||
            (cases[i].wanted < 0 && e.kind != ERROR_CORRUPT))
            fail_msg("case %zu: %s", i, e.text);
        recipe_done(&base);
        recipe_done(&r);
        recipe_done(&out);
    }
}

static void columns_are_added_until_there_are_64_sources(void **state)
{
    static const struct recipe_column change[] = {{0, 0}, {1, 0}};
    (void)state;
    struct error e = {0};
    struct recipe base = small_base(NULL, 0);
    for (uint32_t i = 1; i <= RECIPE_MAX_SOURCES; i++) {
        struct recipe r = {.kind = FORMAT_STREAM_ROWS, .has_base = true};
        struct recipe out = {0};
        struct ref ref = made_recipe_ref(100 + i, FORMAT_KIND_ROWS, 1000);
        const struct recipe_op op = {0, 100, 0};
        uint32_t p;
        assert_done(recipe_add_projection(&r, 2, change, 2, &p, &e), &e);
        assert_done(recipe_add_added(&r, &ref, 100, &e), &e);
        assert_done(recipe_add_op(&r, &op, &e), &e);
        if (i < RECIPE_MAX_SOURCES) {
            assert_done(recipe_resolve(&base, &r, &out, &e), &e);
            assert_int_equal(recipe_sources(&out, 1), i + 1);
        } else {
            assert_refused(recipe_resolve(&base, &r, &out, &e), &e, ERROR_UNSUPPORTED);
        }
        recipe_done(&base);
        recipe_done(&r);
        base = out;
    }
    recipe_done(&base);
}

/* A chain of recipes, each resolved against the one before, says of every row what a model
 * says that knows rows only. */
static void a_chain_says_of_every_row_what_the_model_says(void **state)
{
    (void)state;
    uint32_t projected = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct error e = {0};
        struct made_recipe m = {.seed = seed, .width = 5};
        struct recipe base = {0};
        made_recipe_full(&m, &base, 1 + (uint32_t)seed % 40);
        struct made_recipe_row *rows = made_recipe_rows(&base);
        for (int night = 0; night < RECIPE_MAX_CHAIN && base.rows > 0; night++) {
            struct recipe r = {0};
            struct recipe out = {0};
            made_recipe_ops(&m, &r, &base);
            struct made_recipe_row *wanted = made_recipe_model(&r, rows);
            assert_done(recipe_resolve(&base, &r, &out, &e), &e);
            assert_int_equal(out.rows, r.rows);
            assert_int_equal(out.bytes, r.bytes);
            assert_true(made_recipe_sound(&out));
            struct made_recipe_row *found = made_recipe_rows(&out);
            assert_true(made_recipe_rows_equal(found, wanted, r.rows));
            projected += out.projection_count > 0;
            made_recipe_rows_free(found, out.rows);
            made_recipe_rows_free(rows, base.rows);
            rows = wanted;
            recipe_done(&r);
            recipe_done(&base);
            base = out;
        }
        made_recipe_rows_free(rows, base.rows);
        recipe_done(&base);
    }
    assert_true(projected > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_extent_that_goes_on_becomes_part_of_the_last_one),
        cmocka_unit_test(extents_of_several_sources_go_on_together_or_not_at_all),
        cmocka_unit_test(a_projection_is_kept_once),
        cmocka_unit_test(operations_that_go_on_are_one),
        cmocka_unit_test(limits_are_told),
        cmocka_unit_test(every_row_is_found_with_any_hint),
        cmocka_unit_test(rows_of_a_directory_are_taken_in_order),
        cmocka_unit_test(copies_beyond_the_base_are_refused),
        cmocka_unit_test(projections_are_composed),
        cmocka_unit_test(operations_that_do_not_fit_are_refused),
        cmocka_unit_test(columns_are_added_until_there_are_64_sources),
        cmocka_unit_test(a_chain_says_of_every_row_what_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
