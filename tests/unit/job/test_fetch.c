/* SPDX-License-Identifier: Apache-2.0 */
/* What is checked of a chunk, and what is not. */
#include "core/flow/compress.h"
#include "tests/unit/job/stream_model.h"

/* The signed manifest speaks for metadata by its id alone, for content by digests too. */
static void the_ids_of_metadata_are_checked(void **state)
{
    static const enum format_kind kinds[] = {FORMAT_KIND_ROWS, FORMAT_KIND_BYTES,
                                             FORMAT_KIND_RECIPE, FORMAT_KIND_META};
    struct world *w = *state;
    struct ref refs[4];
    w->maker.wrong_ids = true;
    for (size_t i = 0; i < 4; i++)
        refs[i] = chunk_maker_put(&w->maker, kinds[i], FORMAT_CODEC_ZSTD, bytes_text("row\n"));
    chunk_maker_seal(&w->maker);
    struct error e = {0};
    struct fetch_scratch scratch;
    struct buf plain = {0};
    struct fetch *f = chunk_maker_fetch(&w->maker);
    assert_done(fetch_scratch_init(&scratch, f, &e), &e);
    for (size_t i = 0; i < 4; i++) {
        if (format_kind_is_metadata((uint8_t)kinds[i])) {
            assert_refused(fetch_chunk(f, &scratch, &refs[i], &plain, &e), &e, ERROR_CORRUPT);
            assert_non_null(strstr(e.text, "does not match its id"));
            continue;
        }
        assert_done(fetch_chunk(f, &scratch, &refs[i], &plain, &e), &e);
        assert_memory_equal(plain.data, "row\n", 4);
        /* Another id than the one that was sealed is damage even so. */
        refs[i].chunk_id[5] ^= 1;
        assert_refused(fetch_chunk(f, &scratch, &refs[i], &plain, &e), &e, ERROR_CORRUPT);
    }
    fetch_scratch_done(&scratch);
    fetch_free(f);
    buf_done(&plain);
}

static void assert_columns_refused(struct world *w, struct bytes stored, uint8_t codec,
                                   enum error_kind kind)
{
    struct error e = {0};
    struct fetch_scratch scratch;
    struct buf plain = {0};
    struct ref ref = {.plain = 1000, .codec = codec, .kind = FORMAT_KIND_ROWS};
    chunk_maker_put_stored(&w->maker, &ref, stored);
    chunk_maker_seal(&w->maker);
    struct fetch *f = chunk_maker_fetch(&w->maker);
    assert_done(fetch_scratch_init(&scratch, f, &e), &e);
    assert_refused(fetch_chunk(f, &scratch, &ref, &plain, &e), &e, kind);
    fetch_scratch_done(&scratch);
    fetch_free(f);
    buf_done(&plain);
}

static void columns_that_do_not_decode_are_damage(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct buf body = {0};
    struct buf frame = {0};
    assert_columns_refused(w, bytes_text("no frame at all"), FORMAT_CODEC_COLUMNS,
                           ERROR_CORRUPT);
    made_row(&body, 300, false, 1);
    assert_done(compress_block(w->maker.compress, buf_view(&body), &frame, &e), &e);
    assert_columns_refused(w, buf_view(&frame), FORMAT_CODEC_COLUMNS, ERROR_CORRUPT);
    made_row(&body, 300 * KIB, false, 1);
    assert_done(compress_block(w->maker.compress, buf_view(&body), &frame, &e), &e);
    assert_columns_refused(w, buf_view(&frame), FORMAT_CODEC_COLUMNS, ERROR_CORRUPT);
    assert_columns_refused(w, bytes_text("x"), 17, ERROR_UNSUPPORTED);
    buf_done(&body);
    buf_done(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ids_of_metadata_are_checked),
        cmocka_unit_test(columns_that_do_not_decode_are_damage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
