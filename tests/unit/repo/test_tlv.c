/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/repo/tlv.h"

static struct tlv_reader reader_of(const char *raw, size_t len)
{
    return tlv_reader_of(bytes_of(raw, len));
}

static void values_come_back(void **state)
{
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        assert_done(tlv_uint(&b, i + 1, numbers[i], &e), &e);
    assert_done(tlv_text(&b, 20, "text", &e), &e);
    assert_done(tlv_text(&b, 21, NULL, &e), &e);
    assert_done(tlv_put(&b, 300, bytes_of("\0\1", 2), &e), &e);
    assert_done(tlv_put(&b, UINT64_MAX, (struct bytes){0}, &e), &e);
    struct tlv_reader r = tlv_reader_of(buf_view(&b));
    struct tlv t;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        assert_true(tlv_next(&r, &t));
        assert_int_equal(t.tag, i + 1);
        assert_true(tlv_get_uint(&r, &t, UINT64_MAX) == numbers[i]);
    }
    assert_true(tlv_next(&r, &t));
    assert_int_equal(t.tag, 20);
    assert_true(bytes_equal(t.value, bytes_text("text")));
    assert_true(tlv_next(&r, &t));
    assert_int_equal(t.tag, 300);
    assert_true(bytes_equal(t.value, bytes_of("\0\1", 2)));
    assert_true(tlv_next(&r, &t));
    assert_true(t.tag == UINT64_MAX && t.value.len == 0);
    assert_false(tlv_next(&r, &t));
    assert_done(tlv_end(&r, "it", &e), &e);
    buf_done(&b);
}

static void every_cut_is_seen(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    assert_done(tlv_uint(&b, 1, 70000, &e), &e);
    assert_done(tlv_text(&b, 200, "some text", &e), &e);
    for (size_t len = 1; len < b.len; len++) {
        struct tlv_reader r = tlv_reader_of(bytes_of(b.data, len));
        struct tlv t;
        size_t whole = 0;
        while (tlv_next(&r, &t))
            whole++;
        if (len == 5) { /* just behind the first one */
            assert_int_equal(whole, 1);
            assert_done(tlv_end(&r, "it", &e), &e);
        } else {
            assert_refused(tlv_end(&r, "it", &e), &e, ERROR_CORRUPT);
        }
    }
    buf_done(&b);
}

static void lengths_beyond_the_end_are_refused(void **state)
{
    static const char *const raw[] = {"\1\2x", "\1\377\377\377\377\17x",
                                      "\1\377\377\377\377\377\377\377\377\377\1x"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(raw); i++) {
        struct error e = {0};
        struct tlv_reader r = reader_of(raw[i], strlen(raw[i]));
        struct tlv t;
        assert_false(tlv_next(&r, &t));
        assert_false(tlv_next(&r, &t));
        assert_refused(tlv_end(&r, "it", &e), &e, ERROR_CORRUPT);
    }
}

static void tags_and_lengths_have_one_form(void **state)
{
    (void)state;
    struct error e = {0};
    struct tlv t;
    struct tlv_reader r = reader_of("\201\0\0", 3); /* tag 1 in two bytes */
    assert_false(tlv_next(&r, &t));
    assert_refused(tlv_end(&r, "it", &e), &e, ERROR_CORRUPT);
    r = reader_of("\1\201\0x", 4); /* length 1 in two bytes */
    assert_false(tlv_next(&r, &t));
    assert_refused(tlv_end(&r, "it", &e), &e, ERROR_CORRUPT);
}

static void the_second_of_a_tag_is_refused(void **state)
{
    (void)state;
    for (uint64_t tag = 0; tag < 64; tag++) {
        struct error e = {0};
        struct buf b = {0};
        struct tlv t;
        assert_done(tlv_uint(&b, tag, 1, &e), &e);
        assert_done(tlv_uint(&b, tag ^ 1, 2, &e), &e);
        assert_done(tlv_uint(&b, tag, 3, &e), &e);
        struct tlv_reader r = tlv_reader_of(buf_view(&b));
        while (tlv_next(&r, &t))
            (void)tlv_get_uint(&r, &t, 10);
        assert_refused(tlv_end(&r, "it", &e), &e, ERROR_CORRUPT);
        buf_done(&b);
    }
}

static void numbers_fill_their_value_and_keep_their_limit(void **state)
{
    static const struct {
        const char *raw;
        size_t len;
        uint64_t max;
        bool good;
    } cases[] = {
        {"\1\1\7", 3, 7, true},       {"\1\1\7", 3, 6, false},
        {"\1\0", 2, 7, false},        {"\1\2\7\0", 4, 7, false},
        {"\1\1\207", 3, 1000, false}, {"\1\2\207\0", 4, 1000, false},
        {"\1\2\200\1", 4, 128, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error e = {0};
        struct tlv t;
        struct tlv_reader r = reader_of(cases[i].raw, cases[i].len);
        assert_true(tlv_next(&r, &t));
        uint64_t value = tlv_get_uint(&r, &t, cases[i].max);
        assert_int_equal(tlv_end(&r, "it", &e), cases[i].good ? 0 : -1);
        assert_true(cases[i].good || value == 0);
    }
}

static void fixed_values_have_their_length(void **state)
{
    (void)state;
    for (size_t len = 0; len < 8; len++) {
        struct error e = {0};
        struct buf b = {0};
        struct tlv t;
        uint8_t out[4] = {9, 9, 9, 9};
        assert_done(tlv_put(&b, 3, bytes_of("abcdefgh", len), &e), &e);
        struct tlv_reader r = tlv_reader_of(buf_view(&b));
        assert_true(tlv_next(&r, &t));
        tlv_get_fixed(&r, &t, out, sizeof out);
        assert_int_equal(tlv_end(&r, "it", &e), len == 4 ? 0 : -1);
        assert_memory_equal(out, len == 4 ? "abcd" : "\0\0\0\0", 4);
        buf_done(&b);
    }
}

static void a_refusal_ends_the_walk(void **state)
{
    (void)state;
    struct error e = {0};
    struct tlv t;
    struct tlv_reader r = reader_of("\1\1\7\2\1\7", 6);
    assert_true(tlv_next(&r, &t));
    (void)tlv_get_uint(&r, &t, 1);
    assert_false(tlv_next(&r, &t));
    assert_refused(tlv_end(&r, "thing", &e), &e, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "thing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(every_cut_is_seen),
        cmocka_unit_test(lengths_beyond_the_end_are_refused),
        cmocka_unit_test(tags_and_lengths_have_one_form),
        cmocka_unit_test(the_second_of_a_tag_is_refused),
        cmocka_unit_test(numbers_fill_their_value_and_keep_their_limit),
        cmocka_unit_test(fixed_values_have_their_length),
        cmocka_unit_test(a_refusal_ends_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
