/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/base/cursor.h"

#define CURSOR(...)                                                                            \
    cursor_of(bytes_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})))

static void integers_are_read_in_order_and_counted(void **state)
{
    (void)state;
    struct cursor c = CURSOR(1, 2, 1, 4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1, 'a', 'b');
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16(&c), 0x0102);
    assert_int_equal(cursor_u32(&c), 0x01020304);
    assert_true(cursor_u64(&c) == 0x0102030405060708);
    struct bytes b = cursor_bytes(&c, 2);
    assert_true(bytes_equal(b, bytes_text("ab")));
    assert_int_equal(c.at, 17);
    assert_true(cursor_ended(&c));
}

static void the_highest_values_are_not_sign_extended(void **state)
{
    (void)state;
    struct cursor c = CURSOR(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                             0xff, 0xff, 0xff, 0xff);
    assert_int_equal(cursor_u8(&c), 0xff);
    assert_int_equal(cursor_u16(&c), 0xffff);
    assert_true(cursor_u32(&c) == UINT32_MAX);
    assert_true(cursor_u64(&c) == UINT64_MAX);
}

static void a_read_past_the_end_is_bad_for_good(void **state)
{
    (void)state;
    struct cursor c = CURSOR(1, 2, 3);
    (void)cursor_u16(&c);
    assert_int_equal(cursor_u16(&c), 0);
    assert_true(c.bad);
    assert_int_equal(cursor_u32(&c), 0);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_bytes(&c, 0).len, 0);
    assert_false(cursor_ended(&c));
}

static void a_length_near_the_top_of_size_t_is_refused(void **state)
{
    (void)state;
    struct cursor c = CURSOR(1, 2, 3);
    assert_null(cursor_bytes(&c, SIZE_MAX).data);
    assert_true(c.bad);
}

static void copying_what_is_not_there_gives_zeros(void **state)
{
    (void)state;
    uint8_t out[4] = {9, 9, 9, 9};
    static const uint8_t zeros[4];
    struct cursor c = CURSOR(1, 2, 3);
    cursor_copy(&c, out, sizeof out);
    assert_memory_equal(out, zeros, sizeof out);
}

static void left_overs_are_seen(void **state)
{
    (void)state;
    struct cursor c = CURSOR(1, 2);
    (void)cursor_u8(&c);
    assert_false(c.bad);
    assert_false(cursor_ended(&c));
}

static void a_varint_longer_than_needed_is_bad(void **state)
{
    (void)state;
    struct cursor padded = CURSOR(0x81, 0x00);
    assert_int_equal(cursor_varint(&padded), 0);
    assert_true(padded.bad);
    struct cursor zero = CURSOR(0x80, 0x00);
    (void)cursor_varint(&zero);
    assert_true(zero.bad);
}

static void a_varint_above_64_bits_is_bad(void **state)
{
    (void)state;
    struct cursor most = CURSOR(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    assert_true(cursor_varint(&most) == UINT64_MAX);
    assert_true(cursor_ended(&most));
    struct cursor more = CURSOR(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02);
    assert_true(cursor_varint(&more) == 0);
    assert_true(more.bad);
    struct cursor longer =
        CURSOR(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x01);
    (void)cursor_varint(&longer);
    assert_true(longer.bad);
}

static void a_cut_varint_is_bad(void **state)
{
    (void)state;
    struct cursor c = CURSOR(0x80, 0x80);
    assert_int_equal(cursor_varint(&c), 0);
    assert_true(c.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_in_order_and_counted),
        cmocka_unit_test(the_highest_values_are_not_sign_extended),
        cmocka_unit_test(a_read_past_the_end_is_bad_for_good),
        cmocka_unit_test(a_length_near_the_top_of_size_t_is_refused),
        cmocka_unit_test(copying_what_is_not_there_gives_zeros),
        cmocka_unit_test(left_overs_are_seen),
        cmocka_unit_test(a_varint_longer_than_needed_is_bad),
        cmocka_unit_test(a_varint_above_64_bits_is_bad),
        cmocka_unit_test(a_cut_varint_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
