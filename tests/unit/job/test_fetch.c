/* SPDX-License-Identifier: Apache-2.0 */
/* What is checked of a chunk, and what is not. */
#include "core/flow/compress.h"
#include "tests/unit/job/stream_model.h"

static void ids_are_checked_when_that_is_asked(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct fetch_scratch scratch;
    struct buf plain = {0};
    w->maker.wrong_ids = true;
    struct ref ref =
        chunk_maker_put(&w->maker, FORMAT_KIND_ROWS, FORMAT_CODEC_ZSTD, bytes_text("row\n"));
    w->maker.wrong_ids = false;
    chunk_maker_seal(&w->maker);
    for (int check = 0; check < 2; check++) {
        struct fetch *f = chunk_maker_fetch(&w->maker, check);
        assert_done(fetch_scratch_init(&scratch, f, &e), &e);
        if (check) {
            assert_refused(fetch_chunk(f, &scratch, &ref, &plain, &e), &e, ERROR_CORRUPT);
            assert_non_null(strstr(e.text, "does not match its id"));
        } else {
            assert_done(fetch_chunk(f, &scratch, &ref, &plain, &e), &e);
            assert_memory_equal(plain.data, "row\n", 4);
            /* Another id than the one that was sealed is damage even so. */
            ref.chunk_id[5] ^= 1;
            assert_refused(fetch_chunk(f, &scratch, &ref, &plain, &e), &e, ERROR_CORRUPT);
            ref.chunk_id[5] ^= 1;
        }
        fetch_scratch_done(&scratch);
        fetch_free(f);
    }
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
    struct fetch *f = chunk_maker_fetch(&w->maker, false);
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
        cmocka_unit_test(ids_are_checked_when_that_is_asked),
        cmocka_unit_test(columns_that_do_not_decode_are_damage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
