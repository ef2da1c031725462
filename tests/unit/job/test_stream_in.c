/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of hand-made recipes, read back and compared with what the model says they hold. */
#include "tests/unit/job/stream_model.h"

/* ---- whole chunks and extents ------------------------------------------------------ */

static void whole_chunks_come_in_order_over_recipes_and_parts(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    struct rows expected = {.count = 0};
    struct seen seen = {.rows = 0};
    struct stream stream = {.kind = FORMAT_STREAM_ROWS};
    for (unsigned i = 0; i < 4; i++) {
        whole_chunks(w, 10 * i, i == 1 ? 0 : 10, &recipe, &expected);
        struct ref ref = chunk_maker_recipe(&w->maker, &recipe);
        struct stream_part *part =
            i % 2 == 0 ? stream_add_part(&stream, &e) : &stream.parts[stream.part_count - 1];
        assert_non_null(part);
        assert_done(stream_add_recipe(part, &ref, &e), &e);
        recipe_done(&recipe);
    }
    assert_non_null(stream_add_part(&stream, &e)); /* one without recipes */
    for (unsigned workers = 1; workers < 4; workers++) {
        assert_done(read_with(w, &stream, 0, workers, &seen, &e), &e);
        assert_rows(&seen, &expected);
        assert_int_equal(seen.counts.chunks_decoded, 30);
        assert_int_equal(seen.counts.rows_decoded, 30 * ROWS);
        seen_done(&seen);
    }
    stream_done(&stream);
    rows_done(&expected);
}

static void a_chunk_that_is_named_often_is_decoded_once(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    struct rows expected = {.count = 0};
    struct seen seen = {.rows = 0};
    mixed_extents(w, 12000, 20, 10, &recipe, &expected);
    assert_done(read_recipe(w, &recipe, 0, &seen, &e), &e);
    assert_rows(&seen, &expected);
    assert_int_equal(seen.counts.chunks_decoded, CHUNKS);
    seen_done(&seen);
    recipe_done(&recipe);
    rows_done(&expected);
}

static void a_cache_that_is_too_small_gives_the_same_rows(void **state)
{
    struct world *w = *state;
    static const size_t caches[] = {1, 40 * KIB, 100 * KIB, 1 * MIB, 3 * MIB};
    struct recipe recipe;
    struct rows expected = {.count = 0};
    mixed_extents(w, 1500, 30, 10, &recipe, &expected);
    for (size_t i = 0; i < ARRAY_SIZE(caches); i++)
        assert_recipe_gives(w, &recipe, caches[i], &expected);
    recipe_done(&recipe);
    rows_done(&expected);
}

static void a_chunk_that_is_wanted_again_stays(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    struct rows expected = {.count = 0};
    struct seen seen = {.rows = 0};
    begin_recipe(&recipe);
    for (unsigned i = 0; i < CHUNKS; i++)
        add_chunk(w, &recipe, i);
    for (unsigned i = 1; i < CHUNKS; i++) {
        add_extent(w, &recipe, i, 0, ROWS, &expected);
        if (i == 1 || i == CHUNKS - 1)
            add_extent(w, &recipe, 0, i, 5, &expected);
    }
    struct ref ref = chunk_maker_recipe(&w->maker, &recipe);
    struct stream stream = chunk_maker_stream(FORMAT_STREAM_ROWS, &ref, 1);
    assert_done(read_with(w, &stream, 400 * KIB, 2, &seen, &e), &e);
    assert_rows(&seen, &expected);
    assert_int_equal(seen.counts.chunks_decoded, CHUNKS);
    assert_int_equal(seen.counts.rows_decoded, CHUNKS * ROWS);
    seen_done(&seen);
    stream_done(&stream);
    recipe_done(&recipe);
    rows_done(&expected);
}

static void rows_can_come_backwards_and_twice(void **state)
{
    struct world *w = *state;
    struct recipe recipe;
    struct rows expected = {.count = 0};
    begin_recipe(&recipe);
    add_chunk(w, &recipe, 7);
    add_chunk(w, &recipe, 8);
    for (uint32_t row = ROWS; row > 0; row--)
        for (unsigned i = 0; i < 2; i++)
            add_extent(w, &recipe, i, row - 1, 1, &expected);
    add_extent(w, &recipe, 0, 0, ROWS, &expected);
    add_extent(w, &recipe, 1, 0, ROWS, &expected);
    add_extent(w, &recipe, 0, 0, ROWS, &expected);
    assert_recipe_gives(w, &recipe, 0, &expected);
    recipe_done(&recipe);
    rows_done(&expected);
}

static void one_chunk_may_stand_twice_in_a_directory(void **state)
{
    struct world *w = *state;
    struct recipe recipe;
    struct rows expected = {.count = 0};
    begin_recipe(&recipe);
    add_chunk(w, &recipe, 3);
    add_chunk(w, &recipe, 3);
    for (uint32_t i = 0; i < ROWS; i++)
        add_extent(w, &recipe, i % 2, i, 1, &expected);
    assert_recipe_gives(w, &recipe, 1, &expected);
    assert_recipe_gives(w, &recipe, 0, &expected);
    recipe_done(&recipe);
    rows_done(&expected);
}

/* ---- chains ------------------------------------------------------------------------ */

/* Rows [0, cut) of the base, one new chunk, the rest of the base but its last row. */
static void next_night(struct world *w, const struct ref *base, unsigned chunk, uint32_t cut,
                       struct recipe *r, struct rows *rows)
{
    struct error e = {0};
    struct rows next = {.count = 0};
    uint32_t tail = (uint32_t)rows->count - 1 - cut;
    begin_recipe(r);
    r->has_base = true;
    r->base = *base;
    add_chunk(w, r, chunk);
    const struct recipe_op ops[] = {{.copy = cut, .take = w->refs[chunk].rows},
                                    {.from = cut, .copy = tail}};
    for (size_t i = 0; i < 2; i++)
        assert_done(recipe_add_op(r, &ops[i], &e), &e);
    for (uint32_t i = 0; i < cut; i++)
        add_row(&next, row_of(rows, i));
    for (uint32_t i = 0; i < w->refs[chunk].rows; i++)
        add_row(&next, row_of(&w->chunks[chunk], i));
    for (uint32_t i = 0; i < tail; i++)
        add_row(&next, row_of(rows, cut + i));
    rows_done(rows);
    *rows = next;
}

static void a_chain_of_eight_recipes_is_read_and_nine_are_refused(void **state)
{
    struct world *w = *state;
    struct recipe recipe;
    struct rows rows = {.count = 0};
    whole_chunks(w, 0, 5, &recipe, &rows);
    for (unsigned depth = 2; depth <= RECIPE_MAX_CHAIN + 1; depth++) {
        struct ref ref = chunk_maker_recipe(&w->maker, &recipe);
        recipe_done(&recipe);
        next_night(w, &ref, 10 + depth, 100 * depth + 7, &recipe, &rows);
        if (depth <= RECIPE_MAX_CHAIN)
            assert_recipe_gives(w, &recipe, depth % 2 ? 1 : 0, &rows);
        else
            assert_recipe_refused(w, &recipe, ERROR_CORRUPT, "chain of more than 8");
    }
    recipe_done(&recipe);
    rows_done(&rows);
}

static void a_base_must_be_a_recipe_of_rows(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    struct recipe bytes = {0};
    struct rows rows = {.count = 0};
    struct ref data =
        chunk_maker_put(&w->maker, FORMAT_KIND_META, FORMAT_CODEC_RAW, bytes_text("abc"));
    recipe_clear(&bytes, FORMAT_STREAM_BYTES);
    assert_done(recipe_add_chunk(&bytes, &data, 0, &e), &e);
    struct ref ref = chunk_maker_recipe(&w->maker, &bytes);
    whole_chunks(w, 0, 1, &recipe, &rows);
    recipe_done(&recipe);
    next_night(w, &ref, 10, 1, &recipe, &rows);
    assert_recipe_refused(w, &recipe, ERROR_CORRUPT, "another kind");
    recipe.base = data;
    assert_recipe_refused(w, &recipe, ERROR_CORRUPT, "");
    recipe_done(&recipe);
    recipe_done(&bytes);
    rows_done(&rows);
}

/* ---- projections ------------------------------------------------------------------- */

/* Every row of the base with columns of chunk `added` beside it, and chunk `taken` behind. */
static void changed_columns(struct world *w, const struct ref *base, unsigned added,
                            unsigned taken, struct recipe *r, struct rows *rows)
{
    static const struct recipe_column columns[] = {{0, 2}, {1, 1}, {0, 0}, {1, 2}};
    struct error e = {0};
    struct rows next = {.count = 0};
    uint32_t projection;
    begin_recipe(r);
    r->has_base = true;
    r->base = *base;
    add_chunk(w, r, taken);
    uint32_t copy = (uint32_t)rows->count < ROWS ? (uint32_t)rows->count : ROWS;
    assert_done(recipe_add_added(r, &w->refs[added].ref, ROWS, &e), &e);
    assert_int_equal(copy, ROWS);
    assert_done(recipe_add_projection(r, 2, columns, ARRAY_SIZE(columns), &projection, &e), &e);
    const struct recipe_op ops[] = {{.from = (uint32_t)rows->count - 100, .copy = 100},
                                    {.copy = ROWS - 100, .take = ROWS}};
    for (size_t i = 0; i < 2; i++)
        assert_done(recipe_add_op(r, &ops[i], &e), &e);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t row = i < 100 ? ops[0].from + i : i - 100;
        const struct bytes sources[] = {row_of(rows, row), row_of(&w->chunks[added], i)};
        add_joined(&next, columns, ARRAY_SIZE(columns), sources);
    }
    for (uint32_t i = 0; i < ROWS; i++)
        add_row(&next, row_of(&w->chunks[taken], i));
    rows_done(rows);
    *rows = next;
}

static void rows_are_put_together_of_many_sources(void **state)
{
    struct world *w = *state;
    struct recipe recipe;
    struct rows rows = {.count = 0};
    mixed_extents(w, 200, 7, 0, &recipe, &rows);
    for (unsigned night = 0; night < 6; night++) {
        struct ref ref = chunk_maker_recipe(&w->maker, &recipe);
        recipe_done(&recipe);
        changed_columns(w, &ref, 30 + night, 50 + night, &recipe, &rows);
        assert_recipe_gives(w, &recipe, night % 2 ? 1 : 0, &rows);
    }
    recipe_done(&recipe);
    rows_done(&rows);
}

static void an_extent_of_columns_longer_than_an_item_comes_whole(void **state)
{
    static const struct recipe_column columns[] = {{0, 1}, {0, 0}};
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    struct rows expected = {.count = 0};
    struct rows many = {.count = 0};
    uint32_t projection;
    for (unsigned i = 0; i < 30000; i++)
        add_row(&many, i % 1000 == 0 ? row_of(&w->chunks[1], i / 1000)
                                     : bytes_text(i % 2 ? "1\t2\n" : "33\t44\n"));
    struct ref ref =
        chunk_maker_put(&w->maker, FORMAT_KIND_ROWS, FORMAT_CODEC_ZSTD, buf_view(&many.text));
    begin_recipe(&recipe);
    assert_done(recipe_add_chunk(&recipe, &ref, (uint32_t)many.count, &e), &e);
    assert_done(recipe_add_projection(&recipe, 1, columns, 2, &projection, &e), &e);
    const struct recipe_source source = {.first = 5};
    uint32_t rows = (uint32_t)many.count - 10;
    assert_done(recipe_add_extent(&recipe, rows, projection, &source, &e), &e);
    for (uint32_t i = 0; i < rows; i++) {
        struct bytes row = row_of(&many, 5 + i);
        add_joined(&expected, columns, 2, &row);
    }
    assert_recipe_gives(w, &recipe, 0, &expected);
    recipe_done(&recipe);
    rows_done(&expected);
    rows_done(&many);
}

/* ---- giving up --------------------------------------------------------------------- */

static void a_stream_can_be_given_up_anywhere(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipes[2];
    struct rows expected[2] = {{.count = 0}, {.count = 0}};
    struct stream streams[2];
    struct stream_in_item item;
    mixed_extents(w, 900, 20, 10, &recipes[0], &expected[0]);
    whole_chunks(w, 20, 60, &recipes[1], &expected[1]);
    for (int i = 0; i < 2; i++) {
        struct ref ref = chunk_maker_recipe(&w->maker, &recipes[i]);
        streams[i] = chunk_maker_stream(FORMAT_STREAM_ROWS, &ref, 1);
    }
    chunk_maker_seal(&w->maker);
    for (size_t cache = 1; cache <= 64 * MIB; cache *= 256) {
        struct fetch *f = chunk_maker_fetch(&w->maker);
        struct stream_in *in = stream_in_new(f, 3, &e);
        assert_non_null(in);
        stream_in_limit(in, cache);
        for (unsigned turn = 0; turn < 60; turn++) {
            struct seen seen = {.rows = 0};
            assert_done(stream_in_begin(in, &streams[turn % 2], &e), &e);
            for (unsigned i = 0; i < 3 * turn; i++)
                if (stream_in_next(in, &item, &e) == 0)
                    see(&seen, &item);
            assert_true(seen.text.len <= expected[turn % 2].text.len);
            if (seen.text.len > 0)
                assert_memory_equal(seen.text.data, expected[turn % 2].text.data,
                                    seen.text.len);
            seen_done(&seen);
        }
        stream_in_free(in);
        fetch_free(f);
    }
    for (int i = 0; i < 2; i++) {
        stream_done(&streams[i]);
        recipe_done(&recipes[i]);
        rows_done(&expected[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_chunks_come_in_order_over_recipes_and_parts),
        cmocka_unit_test(a_chunk_that_is_named_often_is_decoded_once),
        cmocka_unit_test(a_cache_that_is_too_small_gives_the_same_rows),
        cmocka_unit_test(a_chunk_that_is_wanted_again_stays),
        cmocka_unit_test(rows_can_come_backwards_and_twice),
        cmocka_unit_test(one_chunk_may_stand_twice_in_a_directory),
        cmocka_unit_test(a_chain_of_eight_recipes_is_read_and_nine_are_refused),
        cmocka_unit_test(a_base_must_be_a_recipe_of_rows),
        cmocka_unit_test(rows_are_put_together_of_many_sources),
        cmocka_unit_test(an_extent_of_columns_longer_than_an_item_comes_whole),
        cmocka_unit_test(a_stream_can_be_given_up_anywhere),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
