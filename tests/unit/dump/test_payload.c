/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/dump/payload.h"
#include "tests/support/check.h"
#include "tests/support/deflated.h"

static const enum dump_codec codecs[] = {DUMP_CODEC_NONE, DUMP_CODEC_GZIP, DUMP_CODEC_LZ4,
                                         DUMP_CODEC_ZSTD};

/* raw in parts of `split` bytes through p, begun anew. */
static int check(struct payload *p, bool copy_data, struct bytes raw, size_t split,
                 struct error *e)
{
    if (payload_begin(p, copy_data, e) < 0)
        return -1;
    while (raw.len > 0) {
        struct bytes part = bytes_take(&raw, split < raw.len ? split : raw.len);
        if (payload_feed(p, part, e) < 0)
            return -1;
    }
    return payload_end(p, e);
}

/* In every codec and in several splits, text must be taken or refused. */
static void expect(bool copy_data, const char *text, int answer)
{
    for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
        struct buf raw = deflated(codecs[c], bytes_text(text));
        struct payload *p = payload_new(codecs[c], NULL);
        for (size_t split = 1; split < 9; split++) {
            struct error e = {0};
            assert_int_equal(check(p, copy_data, buf_view(&raw), split, &e), answer);
            assert_int_equal(payload_plain_bytes(p), strlen(text));
            if (answer < 0) {
                assert_int_equal(e.kind, ERROR_INCOMPLETE);
                assert_non_null(strstr(e.text, "end mark"));
            }
        }
        payload_free(p);
        buf_done(&raw);
    }
}

static void copy_data_ends_in_its_mark(void **state)
{
    (void)state;
    expect(true, "\\.\n\n\n", 0);
    expect(true, "1\ta\n\\.\n\n\n", 0);
    expect(true, "\n\n\n\\.\n\n\n", 0);
    expect(true, "a\n\\.\n\n\n\\.\n\n\n", 0);
}

static void copy_data_without_its_mark_is_incomplete(void **state)
{
    (void)state;
    expect(true, "", -1);
    expect(true, "\n", -1);
    expect(true, ".\n\n\n", -1);
    expect(true, "1\ta\n", -1);
    expect(true, "1\ta\n\\.\n\n", -1);
    expect(true, "1\ta\n\\.\n\n\n\n", -1);
    expect(true, "1\ta\\.\n\n\n", -1);
    expect(true, "1\t\\\\.\n\n\n", -1);
}

static void other_data_may_end_anyhow(void **state)
{
    (void)state;
    expect(false, "", 0);
    expect(false, "INSERT INTO t VALUES (1);\n\n\n", 0);
}

static void a_compressed_payload_must_be_whole(void **state)
{
    (void)state;
    for (size_t c = 1; c < ARRAY_SIZE(codecs); c++) {
        struct buf raw = deflated(codecs[c], bytes_text("a row\n\\.\n\n\n"));
        struct payload *p = payload_new(codecs[c], NULL);
        for (size_t n = 0; n < raw.len; n++) {
            struct error e = {0};
            assert_int_equal(check(p, true, bytes_of(raw.data, n), SIZE_MAX, &e), -1);
            assert_int_equal(e.kind, ERROR_INCOMPLETE);
            assert_non_null(strstr(e.text, "before the end of its stream"));
        }
        assert_int_equal(check(p, true, buf_view(&raw), SIZE_MAX, NULL), 0);
        payload_free(p);
        buf_done(&raw);
    }
}

static void bytes_behind_a_compressed_payload_are_refused(void **state)
{
    (void)state;
    for (size_t c = 1; c < ARRAY_SIZE(codecs); c++) {
        struct buf raw = deflated(codecs[c], bytes_text("a row\n\\.\n\n\n"));
        assert_int_equal(buf_append(&raw, raw.data, 4, NULL), 0);
        struct payload *p = payload_new(codecs[c], NULL);
        for (size_t split = 1; split <= raw.len; split++) {
            struct error e = {0};
            assert_int_equal(check(p, true, buf_view(&raw), split, &e), -1);
            assert_non_null(strstr(e.text, "behind the end of the stream"));
        }
        payload_free(p);
        buf_done(&raw);
    }
}

static void a_damaged_compressed_payload_is_incomplete(void **state)
{
    (void)state;
    struct buf raw = deflated(DUMP_CODEC_GZIP, bytes_text("a row\n\\.\n\n\n"));
    struct payload *p = payload_new(DUMP_CODEC_GZIP, NULL);
    struct error e = {0};
    raw.data[raw.len - 1] ^= 1;
    assert_int_equal(check(p, true, buf_view(&raw), SIZE_MAX, &e), -1);
    assert_int_equal(e.kind, ERROR_INCOMPLETE);
    payload_free(p);
    buf_done(&raw);
}

/* Rows of one repeated byte are what the codecs pack best; real data stays below that. */
static void a_long_run_of_one_byte_is_no_bomb(void **state)
{
    (void)state;
    struct buf text = {0};
    assert_int_equal(buf_reserve(&text, 64 * MIB, NULL), 0);
    text.len = 64 * MIB;
    memset(text.data, 'a', text.len);
    for (size_t c = 1; c < ARRAY_SIZE(codecs); c++) {
        struct buf raw = deflated(codecs[c], buf_view(&text));
        struct payload *p = payload_new(codecs[c], NULL);
        assert_int_equal(check(p, false, buf_view(&raw), 4096, NULL), 0);
        assert_int_equal(payload_plain_bytes(p), text.len);
        payload_free(p);
        buf_done(&raw);
    }
    buf_done(&text);
}

static void the_tightest_zstd_frame_stays_below_the_limit(void **state)
{
    (void)state;
    enum { BLOCKS = 512 };
    uint32_t len[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++)
        len[i] = (uint32_t)(128 * KIB);
    struct buf raw = deflated_zstd_runs(len, BLOCKS);
    struct payload *p = payload_new(DUMP_CODEC_ZSTD, NULL);
    assert_int_equal(check(p, false, buf_view(&raw), 4096, NULL), 0);
    assert_int_equal(payload_plain_bytes(p), BLOCKS * 128 * KIB);
    payload_free(p);
    buf_done(&raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_data_ends_in_its_mark),
        cmocka_unit_test(copy_data_without_its_mark_is_incomplete),
        cmocka_unit_test(other_data_may_end_anyhow),
        cmocka_unit_test(a_compressed_payload_must_be_whole),
        cmocka_unit_test(bytes_behind_a_compressed_payload_are_refused),
        cmocka_unit_test(a_damaged_compressed_payload_is_incomplete),
        cmocka_unit_test(a_long_run_of_one_byte_is_no_bomb),
        cmocka_unit_test(the_tightest_zstd_frame_stays_below_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
