/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/dump/dump_writer.h"
#include "tests/support/check.h"

static void expect_int(int64_t value, const char *bytes)
{
    uint8_t out[DUMP_WRITER_INT_LEN];
    dump_writer_int(out, value);
    assert_memory_equal(out, bytes, sizeof out);
}

static void ints_are_sign_and_magnitude(void **state)
{
    (void)state;
    expect_int(0, "\0\0\0\0\0");
    expect_int(-1, "\1\1\0\0\0");
    expect_int(0x01020304, "\0\4\3\2\1");
    expect_int(-0x01020304, "\1\4\3\2\1");
    expect_int(2147483647, "\0\xff\xff\xff\x7f");
    expect_int(-2147483648, "\1\0\0\0\x80");
}

/* The forms that pg_dump was seen to write for these oids. */
static void large_oids_are_negative_ints(void **state)
{
    (void)state;
    static const struct {
        uint32_t oid;
        const char *bytes;
    } cases[] = {{500001, "\0\x21\xa1\x07\0"},
                 {2147483647, "\0\xff\xff\xff\x7f"},
                 {2147483648, "\1\0\0\0\x80"},
                 {3000000001, "\1\xff\xa1\x2f\x4d"},
                 {4294967295, "\1\1\0\0\0"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t out[DUMP_WRITER_INT_LEN];
        dump_writer_object(out, cases[i].oid);
        assert_memory_equal(out, cases[i].bytes, sizeof out);
    }
}

static void an_offset_is_a_state_and_eight_bytes(void **state)
{
    (void)state;
    uint8_t out[DUMP_WRITER_OFFSET_LEN];
    dump_writer_offset(out, 0x0102030405060708);
    assert_memory_equal(out, "\2\x8\7\6\5\4\3\2\1", sizeof out);
    dump_writer_offset_unknown(out);
    assert_memory_equal(out, "\1\0\0\0\0\0\0\0\0", sizeof out);
}

static void a_block_is_head_pieces_and_end(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(dump_writer_block(&b, false, 258, NULL), 0);
    assert_int_equal(dump_writer_piece(&b, bytes_text("row\n"), NULL), 0);
    assert_int_equal(dump_writer_end(&b, NULL), 0);
    static const char table[] = "\1\0\2\1\0\0\0\4\0\0\0row\n\0\0\0\0\0";
    assert_true(bytes_equal(buf_view(&b), bytes_of(table, sizeof table - 1)));
    b.len = 0;
    assert_int_equal(dump_writer_block(&b, true, 1, NULL), 0);
    assert_true(bytes_equal(buf_view(&b), bytes_of("\3\0\1\0\0\0", 6)));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints_are_sign_and_magnitude),
        cmocka_unit_test(large_oids_are_negative_ints),
        cmocka_unit_test(an_offset_is_a_state_and_eight_bytes),
        cmocka_unit_test(a_block_is_head_pieces_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
