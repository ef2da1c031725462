/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/base/buf.h"
#include "core/base/cursor.h"

static struct error e;

static void a_zeroed_buf_is_empty_and_can_be_done(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_view(&b).len, 0);
    buf_done(&b);
    buf_done(&b);
}

static void appended_bytes_stand_one_behind_the_other(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 100000; i++)
        assert_done(buf_byte(&b, (uint8_t)i, &e), &e);
    assert_int_equal(b.len, 100000);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.data[i], (uint8_t)i);
    buf_done(&b);
}

static void appending_nothing_needs_no_memory(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_done(buf_append(&b, NULL, 0, &e), &e);
    assert_null(b.data);
}

static void integers_are_little_endian(void **state)
{
    (void)state;
    static const uint8_t want[] = {0x02, 0x01, 0x04, 0x03, 0x02, 0x01, 0x08,
                                   0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01};
    struct buf b = {0};
    assert_done(buf_u16(&b, 0x0102, &e), &e);
    assert_done(buf_u32(&b, 0x01020304, &e), &e);
    assert_done(buf_u64(&b, 0x0102030405060708, &e), &e);
    assert_int_equal(b.len, sizeof want);
    assert_memory_equal(b.data, want, sizeof want);
    buf_done(&b);
}

static void varints_come_back_and_are_shortest(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit <= 64; bit++)
        for (uint64_t less = 0; less < 2; less++) {
            uint64_t value = (bit < 64 ? UINT64_C(1) << bit : 0) - less;
            unsigned bits = value ? 64 - (unsigned)__builtin_clzll(value) : 1;
            struct buf b = {0};
            assert_done(buf_varint(&b, value, &e), &e);
            assert_int_equal(b.len, (bits + 6) / 7);
            struct cursor c = cursor_of(buf_view(&b));
            assert_true(cursor_varint(&c) == value);
            assert_true(cursor_ended(&c));
            buf_done(&b);
        }
}

static void formatted_text_has_no_terminator_in_its_length(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_done(buf_printf(&b, &e, "%d-%s", 12, "ab"), &e);
    assert_done(buf_printf(&b, &e, "%0200d", 7), &e);
    assert_int_equal(b.len, 205);
    assert_memory_equal(b.data, "12-ab0", 6);
    assert_int_equal(b.data[204], '7');
    buf_done(&b);
}

static void a_size_that_cannot_be_is_an_error_and_changes_nothing(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_done(buf_byte(&b, 1, &e), &e);
    assert_refused(buf_reserve(&b, SIZE_MAX, &e), &e, ERROR_MEMORY);
    assert_refused(buf_reserve(&b, SIZE_MAX / 2, &e), &e, ERROR_MEMORY);
    assert_int_equal(b.len, 1);
    assert_int_equal(b.data[0], 1);
    buf_done(&b);
}

static void consume_drops_from_the_front(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_done(buf_append(&b, "abcdef", 6, &e), &e);
    buf_consume(&b, 0);
    buf_consume(&b, 4);
    assert_int_equal(b.len, 2);
    assert_memory_equal(b.data, "ef", 2);
    buf_consume(&b, 2);
    assert_int_equal(b.len, 0);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_buf_is_empty_and_can_be_done),
        cmocka_unit_test(appended_bytes_stand_one_behind_the_other),
        cmocka_unit_test(appending_nothing_needs_no_memory),
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(varints_come_back_and_are_shortest),
        cmocka_unit_test(formatted_text_has_no_terminator_in_its_length),
        cmocka_unit_test(a_size_that_cannot_be_is_an_error_and_changes_nothing),
        cmocka_unit_test(consume_drops_from_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
