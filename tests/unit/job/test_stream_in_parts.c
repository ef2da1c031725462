/* SPDX-License-Identifier: Apache-2.0 */
/* Long rows and bytes, and streams that no writer of ours makes. */
#include "tests/unit/job/stream_model.h"

/* ---- long rows and bytes ----------------------------------------------------------- */

/* A long row of `parts` chunks at the end of r's directory; its place. */
static uint32_t add_long_row(struct world *w, struct recipe *r, unsigned parts,
                             struct buf *text)
{
    struct error e = {0};
    uint32_t place = r->count;
    for (unsigned i = 0; i < parts; i++) {
        size_t at = text->len;
        made_row(text, 20000 + 1000 * (size_t)i, true, ++w->seed);
        if (i + 1 < parts)
            text->data[text->len - 1] = 'x';
        struct ref ref = chunk_maker_put(&w->maker, FORMAT_KIND_BYTES, FORMAT_CODEC_ZSTD,
                                         bytes_of(text->data + at, text->len - at));
        assert_done(recipe_add_chunk(r, &ref, i == 0, &e), &e);
    }
    return place;
}

static void long_rows_come_in_their_parts(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    struct rows expected = {.count = 0};
    struct buf first = {0};
    struct buf second = {0};
    struct seen seen = {.rows = 0};
    begin_recipe(&recipe);
    add_chunk(w, &recipe, 0);
    const struct recipe_source a = {.chunk = add_long_row(w, &recipe, 40, &first)};
    const struct recipe_source b = {.chunk = add_long_row(w, &recipe, 1, &second)};
    add_extent(w, &recipe, 0, 0, 10, &expected);
    assert_done(recipe_add_extent(&recipe, 1, 0, &a, &e), &e);
    add_row(&expected, buf_view(&first));
    assert_done(recipe_add_extent(&recipe, 1, 0, &b, &e), &e);
    add_row(&expected, buf_view(&second));
    add_extent(w, &recipe, 0, 10, 10, &expected);
    assert_done(recipe_add_extent(&recipe, 1, 0, &a, &e), &e);
    add_row(&expected, buf_view(&first));
    assert_done(read_recipe(w, &recipe, 1, &seen, &e), &e);
    assert_rows(&seen, &expected);
    assert_int_equal(seen.long_rows, 3);
    seen_done(&seen);
    assert_recipe_gives(w, &recipe, 0, &expected);
    recipe_done(&recipe);
    rows_done(&expected);
    buf_done(&first);
    buf_done(&second);
}

static void the_parts_of_a_long_row_say_how_long_it_is(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    struct buf text = {0};
    struct stream_in_item item;
    begin_recipe(&recipe);
    const struct recipe_source source = {.chunk = add_long_row(w, &recipe, 3, &text)};
    assert_done(recipe_add_extent(&recipe, 1, 0, &source, &e), &e);
    struct ref ref = chunk_maker_recipe(&w->maker, &recipe);
    struct stream stream = chunk_maker_stream(FORMAT_STREAM_ROWS, &ref, 1);
    chunk_maker_seal(&w->maker);
    struct fetch *f = chunk_maker_fetch(&w->maker);
    struct stream_in *in = stream_in_new(f, 1, &e);
    assert_non_null(in);
    assert_done(stream_in_begin(in, &stream, &e), &e);
    for (unsigned i = 0; i < 3; i++) {
        assert_done(stream_in_next(in, &item, &e), &e);
        assert_int_equal(item.rows, 0);
        assert_int_equal(item.long_row_bytes, text.len);
        assert_int_equal(item.row_begins, i == 0);
        assert_int_equal(item.row_ends, i == 2);
    }
    assert_int_equal(stream_in_next(in, &item, &e), STREAM_IN_END);
    stream_in_free(in);
    fetch_free(f);
    stream_done(&stream);
    recipe_done(&recipe);
    buf_done(&text);
}

static void long_rows_under_a_projection_are_refused(void **state)
{
    static const struct recipe_column columns[] = {{0, 0}};
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    struct buf text = {0};
    uint32_t projection;
    begin_recipe(&recipe);
    const struct recipe_source source = {.chunk = add_long_row(w, &recipe, 2, &text)};
    assert_done(recipe_add_projection(&recipe, 1, columns, 1, &projection, &e), &e);
    assert_done(recipe_add_extent(&recipe, 1, projection, &source, &e), &e);
    assert_recipe_refused(w, &recipe, ERROR_UNSUPPORTED, "row above 4 MiB");
    recipe_done(&recipe);
    buf_done(&text);
}

static void bytes_come_chunk_by_chunk(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe = {0};
    struct buf all = {0};
    struct seen seen = {.rows = 0};
    recipe_clear(&recipe, FORMAT_STREAM_BYTES);
    for (size_t i = 0; i < 1000; i++) {
        size_t at = all.len;
        made_row(&all, 1 + made_random(&w->seed) % 3000, i % 2, i);
        struct ref ref = chunk_maker_put(&w->maker, FORMAT_KIND_META, FORMAT_CODEC_ZSTD,
                                         bytes_of(all.data + at, all.len - at));
        assert_done(recipe_add_chunk(&recipe, &ref, 0, &e), &e);
    }
    for (size_t cache = 0; cache < 2; cache++) {
        assert_done(read_recipe(w, &recipe, cache * 5000, &seen, &e), &e);
        assert_int_equal(seen.rows, 0);
        assert_int_equal(seen.text.len, all.len);
        assert_memory_equal(seen.text.data, all.data, all.len);
        seen_done(&seen);
    }
    recipe_done(&recipe);
    buf_done(&all);
}

/* ---- damage ------------------------------------------------------------------------ */

/* A recipe of one extent of `rows` rows of a chunk that holds text. */
static void assert_text_refused(struct world *w, const char *text, uint32_t rows,
                                const char *part)
{
    struct error e = {0};
    struct recipe recipe;
    const struct recipe_source source = {.first = rows - 1};
    struct ref ref =
        chunk_maker_put(&w->maker, FORMAT_KIND_ROWS, FORMAT_CODEC_RAW, bytes_text(text));
    begin_recipe(&recipe);
    assert_done(recipe_add_chunk(&recipe, &ref, rows, &e), &e);
    assert_done(recipe_add_extent(&recipe, 1, 0, &source, &e), &e);
    assert_recipe_refused(w, &recipe, ERROR_CORRUPT, part);
    recipe_done(&recipe);
}

static void a_chunk_has_the_rows_that_its_recipe_says(void **state)
{
    struct world *w = *state;
    assert_text_refused(w, "a\nb\nc\n", 4, "3 rows, its recipe says 4");
    assert_text_refused(w, "a\nb\nc\n", 2, "more rows than the 2");
    assert_text_refused(w, "a\nb\nc", 2, "line end");
    assert_text_refused(w, "abc", 1, "0 rows, its recipe says 1");
}

static void a_pack_that_is_not_listed_is_damage(void **state)
{
    struct world *w = *state;
    struct recipe recipe;
    whole_chunks(w, 0, 40, &recipe, NULL);
    recipe.chunks[30].ref.pack_id[3] ^= 1;
    assert_recipe_refused(w, &recipe, ERROR_CORRUPT, "does not list");
    recipe_done(&recipe);
    whole_chunks(w, 0, 40, &recipe, NULL);
    recipe.chunks[35].ref.chunk_id[3] ^= 1;
    assert_recipe_refused(w, &recipe, ERROR_CORRUPT, "record 35");
    recipe_done(&recipe);
}

static void a_recipe_must_be_of_the_streams_kind(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    struct seen seen = {.rows = 0};
    whole_chunks(w, 0, 2, &recipe, NULL);
    struct ref ref = chunk_maker_recipe(&w->maker, &recipe);
    struct stream stream = chunk_maker_stream(FORMAT_STREAM_BYTES, &ref, 1);
    assert_refused(read_with(w, &stream, 0, 1, &seen, &e), &e, ERROR_CORRUPT);
    stream_done(&stream);
    stream = chunk_maker_stream(FORMAT_STREAM_ROWS, &w->refs[0].ref, 1);
    assert_refused(read_with(w, &stream, 0, 1, &seen, &e), &e, ERROR_CORRUPT);
    stream_done(&stream);
    recipe_done(&recipe);
    seen_done(&seen);
}

static void a_row_without_the_column_is_damage(void **state)
{
    static const struct recipe_column columns[] = {{0, 3}};
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    uint32_t projection;
    begin_recipe(&recipe);
    add_chunk(w, &recipe, 0);
    assert_done(recipe_add_projection(&recipe, 1, columns, 1, &projection, &e), &e);
    const struct recipe_source source = {.first = 0};
    assert_done(recipe_add_extent(&recipe, 1, projection, &source, &e), &e);
    assert_recipe_refused(w, &recipe, ERROR_CORRUPT, "field");
    recipe_done(&recipe);
}

static void columns_that_repeat_cannot_blow_up(void **state)
{
    static struct recipe_column columns[RECIPE_MAX_COLUMNS];
    struct world *w = *state;
    struct error e = {0};
    struct recipe recipe;
    struct buf row = {0};
    uint32_t projection;
    made_row(&row, 4 * MIB, false, 1);
    struct ref ref =
        chunk_maker_put(&w->maker, FORMAT_KIND_ROWS, FORMAT_CODEC_ZSTD, buf_view(&row));
    begin_recipe(&recipe);
    assert_done(recipe_add_chunk(&recipe, &ref, 1, &e), &e);
    assert_done(
        recipe_add_projection(&recipe, 1, columns, ARRAY_SIZE(columns), &projection, &e), &e);
    const struct recipe_source source = {.first = 0};
    assert_done(recipe_add_extent(&recipe, 1, projection, &source, &e), &e);
    assert_recipe_refused(w, &recipe, ERROR_CORRUPT, "twice");
    recipe_done(&recipe);
    buf_done(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_without_the_column_is_damage),
        cmocka_unit_test(columns_that_repeat_cannot_blow_up),
        cmocka_unit_test(long_rows_come_in_their_parts),
        cmocka_unit_test(the_parts_of_a_long_row_say_how_long_it_is),
        cmocka_unit_test(long_rows_under_a_projection_are_refused),
        cmocka_unit_test(bytes_come_chunk_by_chunk),
        cmocka_unit_test(a_chunk_has_the_rows_that_its_recipe_says),
        cmocka_unit_test(a_pack_that_is_not_listed_is_damage),
        cmocka_unit_test(a_recipe_must_be_of_the_streams_kind),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
