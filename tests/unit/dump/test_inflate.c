/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/dump/inflate.h"
#include "tests/support/check.h"
#include "tests/support/deflated.h"

#define PLAIN_BYTES (3 * MIB + 17)

static const enum dump_codec codecs[] = {DUMP_CODEC_GZIP, DUMP_CODEC_LZ4, DUMP_CODEC_ZSTD};

/* Text that compresses, but not to nothing. */
static struct buf plain_text(void)
{
    struct buf b = {0};
    uint32_t random = 1;
    while (b.len < PLAIN_BYTES) {
        random = random * 1664525 + 1013904223;
        assert_int_equal(buf_printf(&b, NULL, "%u\tcustomer\t%08x\n", random >> 20, random), 0);
    }
    return b;
}

/* All of in through f, `split` bytes at a time, behind *plain; the last answer. */
static int inflate_all(struct inflate *f, struct bytes *in, size_t split, struct buf *plain,
                       struct error *e)
{
    int rc = INFLATE_MORE;
    while (in->len > 0 && rc == INFLATE_MORE) {
        struct bytes part = bytes_of(in->data, split < in->len ? split : in->len);
        size_t before = part.len;
        do {
            struct bytes out;
            rc = inflate_step(f, &part, &out, e);
            assert_true(out.len <= 256 * KIB);
            if (rc >= 0)
                assert_int_equal(buf_append(plain, out.data, out.len, NULL), 0);
        } while (rc == 0);
        (void)bytes_take(in, before - part.len);
    }
    return rc;
}

static void each_codec_gives_the_plain_bytes_back(void **state)
{
    (void)state;
    static const size_t splits[] = {1, 4096, SIZE_MAX};
    struct buf text = plain_text();
    for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
        struct buf packed = deflated(codecs[c], buf_view(&text));
        struct inflate *f = inflate_new(codecs[c], NULL);
        for (size_t i = 0; i < ARRAY_SIZE(splits); i++) {
            struct buf plain = {0};
            struct bytes in = buf_view(&packed);
            assert_int_equal(inflate_reset(f, NULL), 0);
            assert_int_equal(inflate_all(f, &in, splits[i], &plain, NULL), INFLATE_END);
            assert_int_equal(in.len, 0);
            assert_true(bytes_equal(buf_view(&plain), buf_view(&text)));
            buf_done(&plain);
        }
        inflate_free(f);
        buf_done(&packed);
    }
    buf_done(&text);
}

static void what_is_behind_the_end_is_left(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
        struct buf packed = deflated(codecs[c], bytes_text("text"));
        assert_int_equal(buf_append(&packed, "behind", 6, NULL), 0);
        struct inflate *f = inflate_new(codecs[c], NULL);
        struct buf plain = {0};
        struct bytes in = buf_view(&packed);
        assert_int_equal(inflate_all(f, &in, SIZE_MAX, &plain, NULL), INFLATE_END);
        assert_true(bytes_equal(in, bytes_text("behind")));
        struct bytes out;
        assert_int_equal(inflate_step(f, &in, &out, NULL), INFLATE_END);
        assert_int_equal(in.len, 6);
        assert_int_equal(out.len, 0);
        inflate_free(f);
        buf_done(&plain);
        buf_done(&packed);
    }
}

static void a_cut_stream_wants_more(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
        struct buf packed = deflated(codecs[c], bytes_text("some text, some text"));
        struct inflate *f = inflate_new(codecs[c], NULL);
        for (size_t n = 1; n < packed.len; n++) {
            struct buf plain = {0};
            struct bytes in = bytes_of(packed.data, n);
            assert_int_equal(inflate_reset(f, NULL), 0);
            assert_int_equal(inflate_all(f, &in, SIZE_MAX, &plain, NULL), INFLATE_MORE);
            buf_done(&plain);
        }
        inflate_free(f);
        buf_done(&packed);
    }
}

static void garbage_is_refused_and_reset_forgets_it(void **state)
{
    (void)state;
    static const char *const words[] = {
        [DUMP_CODEC_GZIP] = "zlib: ", [DUMP_CODEC_LZ4] = "lz4: ", [DUMP_CODEC_ZSTD] = "zstd: "};
    for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
        struct error e = {0};
        struct inflate *f = inflate_new(codecs[c], NULL);
        struct buf plain = {0};
        struct bytes in = bytes_text("this is no compressed stream at all");
        assert_int_equal(inflate_all(f, &in, SIZE_MAX, &plain, &e), -1);
        assert_int_equal(e.kind, ERROR_INCOMPLETE);
        assert_non_null(strstr(e.text, words[codecs[c]]));

        struct buf packed = deflated(codecs[c], bytes_text("text"));
        in = buf_view(&packed);
        plain.len = 0;
        assert_int_equal(inflate_reset(f, NULL), 0);
        assert_int_equal(inflate_all(f, &in, SIZE_MAX, &plain, NULL), INFLATE_END);
        assert_true(bytes_equal(buf_view(&plain), bytes_text("text")));
        inflate_free(f);
        buf_done(&plain);
        buf_done(&packed);
    }
}

static void a_zstd_window_above_the_limit_is_refused(void **state)
{
    (void)state;
    for (int log = 27; log <= 28; log++) {
        struct buf packed = deflated_zstd_window(bytes_text("text"), log);
        struct inflate *f = inflate_new(DUMP_CODEC_ZSTD, NULL);
        struct buf plain = {0};
        struct bytes in = buf_view(&packed);
        assert_int_equal(inflate_all(f, &in, SIZE_MAX, &plain, NULL),
                         log == 27 ? INFLATE_END : -1);
        inflate_free(f);
        buf_done(&plain);
        buf_done(&packed);
    }
}

/* The last block crosses the end of the output buffer when no input is left. */
static void output_that_the_codec_still_holds_is_handed_out(void **state)
{
    (void)state;
    const uint32_t len[] = {100 * 1024, 128 * 1024, 128 * 1024};
    struct buf packed = deflated_zstd_runs(len, ARRAY_SIZE(len));
    struct inflate *f = inflate_new(DUMP_CODEC_ZSTD, NULL);
    struct buf plain = {0};
    struct bytes in = buf_view(&packed);
    assert_int_equal(inflate_all(f, &in, SIZE_MAX, &plain, NULL), INFLATE_END);
    assert_int_equal(plain.len, 356 * KIB);
    inflate_free(f);
    buf_done(&plain);
    buf_done(&packed);
}

static void no_codec_passes_bytes_through(void **state)
{
    (void)state;
    struct buf text = plain_text();
    struct inflate *f = inflate_new(DUMP_CODEC_NONE, NULL);
    struct buf plain = {0};
    struct bytes in = buf_view(&text);
    assert_int_equal(inflate_all(f, &in, SIZE_MAX, &plain, NULL), INFLATE_MORE);
    assert_true(bytes_equal(buf_view(&plain), buf_view(&text)));
    inflate_free(f);
    buf_done(&plain);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_codec_gives_the_plain_bytes_back),
        cmocka_unit_test(what_is_behind_the_end_is_left),
        cmocka_unit_test(a_cut_stream_wants_more),
        cmocka_unit_test(garbage_is_refused_and_reset_forgets_it),
        cmocka_unit_test(a_zstd_window_above_the_limit_is_refused),
        cmocka_unit_test(output_that_the_codec_still_holds_is_handed_out),
        cmocka_unit_test(no_codec_passes_bytes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
