/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile frames are put together by hand from RFC 8878 section 3.1.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/flow/compress.h"

/* Text that looks like COPY rows. */
static struct buf rows(size_t len)
{
    struct error e = {0};
    struct buf b = {0};
    for (unsigned i = 0; b.len < len; i++)
        assert_int_equal(
            buf_printf(&b, &e, "%u\tcustomer %u\t2024-01-%02u\t\\N\n", i, i * 7919, i % 31), 0);
    b.len = len;
    return b;
}

/* Undo into memory of exactly the right size, so that a sanitizer sees any byte beyond. */
static int undo(struct compress *c, struct bytes frame, size_t plain_len, struct buf *out,
                struct error *e)
{
    buf_done(out);
    out->data = malloc(plain_len > 0 ? plain_len : 1);
    assert_non_null(out->data);
    out->len = out->cap = plain_len;
    return compress_undo(c, frame, out->data, plain_len, e);
}

static void blocks_come_back_at_every_level_and_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {200, 4096, 65536, 131072, 131073, 1000000, 2 * MIB};
    struct error e = {0};
    struct compress *c = compress_new(COMPRESS_LEVEL, &e);
    assert_non_null(c);
    struct buf frame = {0}, out = {0};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct buf plain = rows(sizes[i]);
        static const int levels[] = {1, 3, 9, 15};
        for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
            assert_int_equal(compress_level(c, levels[l], &e), 0);
            assert_int_equal(compress_block(c, buf_view(&plain), &frame, &e), 0);
            assert_true(frame.len < plain.len);
            assert_int_equal(undo(c, buf_view(&frame), plain.len, &out, &e), 0);
            assert_true(bytes_equal(buf_view(&out), buf_view(&plain)));
        }
        buf_done(&plain);
    }
    buf_done(&frame);
    buf_done(&out);
    compress_free(c);
}

static void what_does_not_shrink_is_said_and_leaves_nothing(void **state)
{
    (void)state;
    struct error e = {0};
    struct compress *c = compress_new(COMPRESS_LEVEL, &e);
    assert_non_null(c);
    struct buf frame = {0};
    uint8_t noise[5000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (uint8_t)(x >> 24);
    }
    for (size_t len = 0; len <= sizeof noise; len += len < 40 ? 1 : 993) {
        assert_int_equal(buf_append(&frame, "old", 3, &e), 0);
        assert_int_equal(compress_block(c, bytes_of(noise, len), &frame, &e), COMPRESS_NO_GAIN);
        assert_int_equal(frame.len, 0);
    }
    buf_done(&frame);
    compress_free(c);
}

static void a_block_replaces_what_the_buffer_held(void **state)
{
    (void)state;
    struct error e = {0};
    struct compress *c = compress_new(COMPRESS_LEVEL, &e);
    assert_non_null(c);
    struct buf plain = rows(10000), a = {0}, b = {0};
    assert_int_equal(compress_block(c, buf_view(&plain), &a, &e), 0);
    assert_int_equal(buf_append(&b, "something else", 14, &e), 0);
    assert_int_equal(compress_block(c, buf_view(&plain), &b, &e), 0);
    assert_true(bytes_equal(buf_view(&a), buf_view(&b)));
    buf_done(&plain);
    buf_done(&a);
    buf_done(&b);
    compress_free(c);
}

static void levels_out_of_range_are_refused(void **state)
{
    (void)state;
    struct error e = {0};
    assert_null(compress_new(0, &e));
    assert_int_equal(e.kind, ERROR_USAGE);
    struct compress *c = compress_new(COMPRESS_LEVEL_MAX, &e);
    assert_non_null(c);
    assert_int_equal(compress_level(c, COMPRESS_LEVEL_MAX + 1, &e), -1);
    assert_int_equal(compress_level(c, -1, &e), -1);
    compress_free(c);
}

static void assert_corrupt(struct compress *c, struct bytes frame, size_t plain_len)
{
    struct error e = {0};
    struct buf out = {0};
    assert_int_equal(undo(c, frame, plain_len, &out, &e), -1);
    assert_int_equal(e.kind, ERROR_CORRUPT);
    buf_done(&out);
}

static void another_length_a_cut_and_a_tail_are_refused(void **state)
{
    (void)state;
    struct error e = {0};
    struct compress *c = compress_new(COMPRESS_LEVEL, &e);
    assert_non_null(c);
    struct buf plain = rows(700), frame = {0};
    assert_int_equal(compress_block(c, buf_view(&plain), &frame, &e), 0);
    assert_corrupt(c, buf_view(&frame), plain.len - 1);
    assert_corrupt(c, buf_view(&frame), plain.len + 1);
    assert_corrupt(c, buf_view(&frame), 0);
    for (size_t len = 0; len < frame.len; len++)
        assert_corrupt(c, bytes_of(frame.data, len), plain.len);
    size_t whole = frame.len;
    assert_int_equal(buf_byte(&frame, 0, &e), 0);
    assert_corrupt(c, buf_view(&frame), plain.len);
    frame.len = whole;
    /* A skippable frame behind, which zstd itself would pass over. */
    assert_int_equal(buf_append(&frame, "\x50\x2a\x4d\x18\x01\0\0\0x", 9, &e), 0);
    assert_corrupt(c, buf_view(&frame), plain.len);
    frame.len = whole;
    assert_int_equal(buf_reserve(&frame, whole, &e), 0);
    assert_int_equal(buf_append(&frame, frame.data, whole, &e), 0);
    assert_corrupt(c, buf_view(&frame), plain.len);
    assert_corrupt(c, buf_view(&frame), 2 * plain.len);
    buf_done(&plain);
    buf_done(&frame);
    compress_free(c);
}

static void a_flipped_bit_never_writes_outside(void **state)
{
    (void)state;
    struct error e = {0};
    struct compress *c = compress_new(COMPRESS_LEVEL, &e);
    assert_non_null(c);
    struct buf plain = rows(3000), frame = {0}, out = {0};
    assert_int_equal(compress_block(c, buf_view(&plain), &frame, &e), 0);
    size_t refused = 0;
    for (size_t bit = 0; bit < 8 * frame.len; bit++) {
        frame.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int rc = undo(c, buf_view(&frame), plain.len, &out, &e);
        assert_true(rc == 0 || (rc == -1 && e.kind == ERROR_CORRUPT));
        refused += rc == -1;
        frame.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(refused > frame.len);
    assert_int_equal(undo(c, buf_view(&frame), plain.len, &out, &e), 0);
    assert_true(bytes_equal(buf_view(&out), buf_view(&plain)));
    buf_done(&plain);
    buf_done(&frame);
    buf_done(&out);
    compress_free(c);
}

#define FRAME(...)                                                                             \
    (const uint8_t[])                                                                          \
    {                                                                                          \
        0x28, 0xb5, 0x2f, 0xfd, __VA_ARGS__                                                    \
    }
#define AS_BYTES(frame) bytes_of(frame, sizeof(frame))

static void hand_made_frames_are_read_strictly(void **state)
{
    (void)state;
    struct error e = {0};
    struct compress *c = compress_new(COMPRESS_LEVEL, &e);
    assert_non_null(c);
    struct buf out = {0};
    /* One segment, content size 5, one raw block "hello": the frame all others are bent from.
     */
    assert_int_equal(
        undo(c, AS_BYTES(FRAME(0x20, 5, 0x29, 0, 0, 'h', 'e', 'l', 'l', 'o')), 5, &out, &e), 0);
    assert_memory_equal(out.data, "hello", 5);
    /* No content size. */
    assert_corrupt(c, AS_BYTES(FRAME(0x00, 0x00, 0x29, 0, 0, 'h', 'e', 'l', 'l', 'o')), 5);
    /* A block that repeats one byte 100000 times where 5 are announced. */
    assert_corrupt(c, AS_BYTES(FRAME(0x20, 5, 0x03, 0x35, 0x0c, 'x')), 5);
    /* Fewer bytes than announced. */
    assert_corrupt(c, AS_BYTES(FRAME(0x20, 6, 0x29, 0, 0, 'h', 'e', 'l', 'l', 'o')), 6);
    /* A dictionary that nobody has. */
    assert_corrupt(c, AS_BYTES(FRAME(0x21, 9, 5, 0x29, 0, 0, 'h', 'e', 'l', 'l', 'o')), 5);
    /* A checksum that is wrong. */
    assert_corrupt(c, AS_BYTES(FRAME(0x24, 5, 0x29, 0, 0, 'h', 'e', 'l', 'l', 'o', 1, 2, 3, 4)),
                   5);
    /* The reserved block type. */
    assert_corrupt(c, AS_BYTES(FRAME(0x20, 5, 0x2f, 0, 0, 'h', 'e', 'l', 'l', 'o')), 5);
    /* Announced and wanted: nothing at all, and a skippable frame. */
    assert_corrupt(c, AS_BYTES(FRAME(0x20, 0, 0x01, 0, 0)), 0);
    assert_corrupt(c, bytes_of("\x50\x2a\x4d\x18\x01\0\0\0x", 9), 0);
    buf_done(&out);
    compress_free(c);
}

static void a_vast_window_costs_nothing(void **state)
{
    (void)state;
    struct error e = {0};
    struct compress *c = compress_new(COMPRESS_LEVEL, &e);
    assert_non_null(c);
    struct buf out = {0};
    /* A window of 2 GiB for 5 bytes (content size in 4 bytes). A decoder that made room for it
     * would need the address space; the one call into out does not. */
    int rc =
        undo(c, AS_BYTES(FRAME(0x80, 0xa8, 5, 0, 0, 0, 0x29, 0, 0, 'h', 'e', 'l', 'l', 'o')), 5,
             &out, &e);
    assert_int_equal(rc, 0);
    assert_memory_equal(out.data, "hello", 5);
    /* Beyond what the format knows. */
    assert_corrupt(
        c, AS_BYTES(FRAME(0x80, 0xff, 5, 0, 0, 0, 0x29, 0, 0, 'h', 'e', 'l', 'l', 'o')), 5);
    buf_done(&out);
    compress_free(c);
}

/* Blocks of a frame of ours (RFC 8878 3.1.1): behind the head, each with its size in 3 bytes;
 * an RLE block has one byte. */
static size_t blocks_in(const struct buf *frame)
{
    static const uint8_t size_bytes[] = {0, 2, 4, 8};
    uint8_t head = frame->data[4];
    bool single = head & 0x20;
    size_t at = (single ? 5U : 6U) + (head >> 6 == 0 && single ? 1U : size_bytes[head >> 6]);
    size_t count = 0;
    bool last = false;
    for (; !last; count++) {
        assert_true(at + 3 <= frame->len);
        uint32_t block = frame->data[at] | (uint32_t)frame->data[at + 1] << 8 |
                         (uint32_t)frame->data[at + 2] << 16;
        last = block & 1;
        at += 3 + ((block >> 1 & 3) == 1 ? 1 : block >> 3);
    }
    assert_int_equal(at, frame->len);
    return count;
}

static void sections_become_blocks_and_come_back(void **state)
{
    (void)state;
    static const size_t ends[] = {0, 1, 900, 900, 20000, 65000, 70000};
    struct error e = {0};
    struct compress *c = compress_new(COMPRESS_LEVEL, &e);
    assert_non_null(c);
    struct buf plain = rows(70000), frame = {0}, out = {0};
    for (size_t count = 0; count <= ARRAY_SIZE(ends); count++) {
        size_t len = 0;
        assert_int_equal(buf_append(&frame, "old", 3, &e), 0);
        assert_int_equal(compress_sections(c, buf_view(&plain), ends, count, &frame, &e), 0);
        assert_int_equal(compress_content_size(buf_view(&frame), plain.len, &len, &e), 0);
        assert_int_equal(len, plain.len);
        assert_int_equal(undo(c, buf_view(&frame), plain.len, &out, &e), 0);
        assert_true(bytes_equal(buf_view(&out), buf_view(&plain)));
    }
    assert_int_equal(blocks_in(&frame), 5);
    buf_done(&plain);
    buf_done(&frame);
    buf_done(&out);
    compress_free(c);
}

static void sections_of_different_kinds_are_smaller_apart(void **state)
{
    (void)state;
    struct error e = {0};
    struct compress *c = compress_new(COMPRESS_LEVEL, &e);
    assert_non_null(c);
    struct buf plain = {0}, apart = {0}, together = {0};
    uint32_t x = 1;
    for (size_t i = 0; i < 60000; i++) {
        x = x * 1664525 + 1013904223;
        assert_int_equal(buf_byte(&plain, (uint8_t)(i < 30000 ? x >> 24 : 'a' + (x >> 30)), &e),
                         0);
    }
    const size_t ends[] = {30000, 60000};
    assert_int_equal(compress_block(c, buf_view(&plain), &together, &e), 0);
    assert_int_equal(compress_sections(c, buf_view(&plain), ends, 2, &apart, &e), 0);
    assert_true(apart.len < together.len);
    buf_done(&plain);
    buf_done(&apart);
    buf_done(&together);
    compress_free(c);
}

static void sections_without_gain_are_said(void **state)
{
    (void)state;
    struct error e = {0};
    struct compress *c = compress_new(COMPRESS_LEVEL, &e);
    assert_non_null(c);
    struct buf frame = {0};
    uint8_t noise[2000];
    size_t ends[sizeof noise];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (uint8_t)(x >> 24);
        ends[i] = i + 1;
    }
    /* The frame outgrows its room in the middle of it; the next one is none the worse. */
    for (size_t len = 0; len <= sizeof noise; len += len < 40 ? 1 : 493) {
        assert_int_equal(buf_append(&frame, "old", 3, &e), 0);
        assert_int_equal(compress_sections(c, bytes_of(noise, len), ends, len, &frame, &e),
                         COMPRESS_NO_GAIN);
        assert_int_equal(frame.len, 0);
    }
    struct buf plain = rows(5000), out = {0};
    assert_int_equal(compress_sections(c, buf_view(&plain), NULL, 0, &frame, &e), 0);
    assert_int_equal(undo(c, buf_view(&frame), plain.len, &out, &e), 0);
    assert_int_equal(compress_block(c, buf_view(&plain), &frame, &e), 0);
    assert_int_equal(undo(c, buf_view(&frame), plain.len, &out, &e), 0);
    buf_done(&plain);
    buf_done(&out);
    buf_done(&frame);
    compress_free(c);
}

static void a_content_size_is_known_or_refused(void **state)
{
    (void)state;
    struct error e = {0};
    size_t len = 0;
    const uint8_t good[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 5,   0x29,
                            0,    0,    'h',  'e',  'l',  'l', 'o'};
    assert_int_equal(compress_content_size(bytes_of(good, sizeof good), 5, &len, &e), 0);
    assert_int_equal(len, 5);
    const struct bytes bad[] = {
        bytes_of(good, sizeof good), /* more than 4 */
        AS_BYTES(FRAME(0x20, 0, 0x01, 0, 0)),
        AS_BYTES(FRAME(0x00, 0x00, 0x29, 0, 0, 'h', 'e', 'l', 'l', 'o')),
        bytes_of("\x50\x2a\x4d\x18\x01\0\0\0x", 9),
        bytes_of(good, 4),
        bytes_of(good, 0),
        bytes_of("hello, world", 12),
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        error_clear(&e);
        assert_int_equal(compress_content_size(bad[i], 4, &len, &e), -1);
        assert_int_equal(e.kind, ERROR_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_back_at_every_level_and_size),
        cmocka_unit_test(what_does_not_shrink_is_said_and_leaves_nothing),
        cmocka_unit_test(a_block_replaces_what_the_buffer_held),
        cmocka_unit_test(levels_out_of_range_are_refused),
        cmocka_unit_test(another_length_a_cut_and_a_tail_are_refused),
        cmocka_unit_test(a_flipped_bit_never_writes_outside),
        cmocka_unit_test(hand_made_frames_are_read_strictly),
        cmocka_unit_test(a_vast_window_costs_nothing),
        cmocka_unit_test(sections_become_blocks_and_come_back),
        cmocka_unit_test(sections_of_different_kinds_are_smaller_apart),
        cmocka_unit_test(sections_without_gain_are_said),
        cmocka_unit_test(a_content_size_is_known_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
