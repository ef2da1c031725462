/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/base/str.h"

static struct error e;

static void assert_safe(const char *text, size_t len, const char *want)
{
    char out[64];
    str_safe(out, sizeof out, bytes_of(text, len));
    assert_string_equal(out, want);
}

static void hex_goes_there_and_back(void **state)
{
    (void)state;
    uint8_t all[256];
    uint8_t back[256];
    char text[513];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    str_hex(text, all, sizeof all);
    assert_memory_equal(text, "000102030405060708090a0b", 24);
    assert_true(str_unhex(back, sizeof back, text));
    assert_memory_equal(back, all, sizeof all);
}

static void only_exactly_so_many_lower_case_digits_are_hex(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_true(str_unhex(out, 2, "00ff"));
    assert_false(str_unhex(out, 2, "00FF"));
    assert_false(str_unhex(out, 2, "00f"));
    assert_false(str_unhex(out, 2, "00ff0"));
    assert_false(str_unhex(out, 2, "00fg"));
    assert_false(str_unhex(out, 2, ""));
}

static void copies_are_terminated(void **state)
{
    (void)state;
    char *a = str_copy("abc", &e);
    char *b = str_copy_bytes(bytes_of("abcdef", 3), &e);
    char *c = str_copy_bytes(bytes_of(NULL, 0), &e);
    char *d = str_format(&e, "%s-%d", "x", 5);
    assert_string_equal(a, "abc");
    assert_string_equal(b, "abc");
    assert_string_equal(c, "");
    assert_string_equal(d, "x-5");
    free(a);
    free(b);
    free(c);
    free(d);
}

static void printable_text_stays_as_it_is(void **state)
{
    (void)state;
    assert_safe("plain ~", 7, "plain ~");
    assert_safe("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x98", 15,
                "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x98");
}

static void controls_and_broken_utf8_become_visible(void **state)
{
    (void)state;
    assert_safe("a\nb\x1b[1m\x7f\0", 9, "a\\x0ab\\x1b[1m\\x7f\\x00");
    assert_safe("\xc2\x9b", 2, "\\xc2\\x9b");
    assert_safe("\xc3", 1, "\\xc3");
    assert_safe("\xff\xfe", 2, "\\xff\\xfe");
    assert_safe("\xc0\xaf", 2, "\\xc0\\xaf");
    assert_safe("\xe2\x82", 2, "\\xe2\\x82");
}

static void safe_text_is_cut_to_fit_at_every_size(void **state)
{
    (void)state;
    char out[40];
    for (size_t size = 1; size < sizeof out; size++) {
        memset(out, 0x55, sizeof out);
        str_safe(out, size,
                 bytes_text("0123\n\xc3\xbc"
                            "456789abcdefghijklmnopqrstuvwxyz"));
        assert_true(strlen(out) < size);
        for (size_t i = size; i < sizeof out; i++)
            assert_int_equal(out[i], 0x55);
    }
    str_safe(out, 12, bytes_text("0123456789abcdef"));
    assert_string_equal(out, "01234567...");
}

static void numbers_fill_the_whole_text(void **state)
{
    (void)state;
    uint64_t v = 0;
    assert_true(str_u64("0", 10, &v));
    assert_true(v == 0);
    assert_true(str_u64("18446744073709551615", UINT64_MAX, &v));
    assert_true(v == UINT64_MAX);
    assert_false(str_u64("18446744073709551616", UINT64_MAX, &v));
    assert_false(str_u64("99999999999999999999999", UINT64_MAX, &v));
    assert_false(str_u64("", 10, &v));
    assert_false(str_u64(" 1", 10, &v));
    assert_false(str_u64("1 ", 10, &v));
    assert_false(str_u64("-1", 10, &v));
    assert_false(str_u64("+1", 10, &v));
    assert_false(str_u64("0x1", 10, &v));
}

static void numbers_above_the_limit_are_refused(void **state)
{
    (void)state;
    uint64_t v = 0;
    assert_true(str_u64("10", 10, &v));
    assert_false(str_u64("11", 10, &v));
    assert_true(str_u64("5", 5, &v));
    assert_false(str_u64("6", 5, &v));
    assert_false(str_u64("100", 10, &v));
}

static void sizes_have_binary_units(void **state)
{
    (void)state;
    char out[32];
    str_size(out, 0);
    assert_string_equal(out, "0 B");
    str_size(out, 1023);
    assert_string_equal(out, "1023 B");
    str_size(out, 1536);
    assert_string_equal(out, "1.5 KiB");
    str_size(out, UINT64_MAX);
    assert_string_equal(out, "16.0 EiB");
}

static void sizes_are_read_with_binary_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {{"0", 0},        {"1", 1},           {"1024", 1024},
                {"3K", 3 * KIB}, {"0G", 0},          {"512M", 512 * MIB},
                {"1G", GIB},     {"2T", 2048 * GIB}, {"16777215T", UINT64_C(16777215) << 40}};
    static const char *const bad[] = {"",
                                      "K",
                                      "-1",
                                      "1.5G",
                                      "1k",
                                      "1GB",
                                      "1 G",
                                      "G1",
                                      "1GG",
                                      "16777216T",
                                      "99999999999999999999999999"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        uint64_t value = 99;
        assert_true(str_bytes(good[i].text, &value));
        assert_int_equal(value, good[i].value);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        uint64_t value;
        assert_false(str_bytes(bad[i], &value));
    }
}

static void starts_compares_the_prefix_only(void **state)
{
    (void)state;
    assert_true(str_starts("packs/ab", "packs/"));
    assert_true(str_starts("x", ""));
    assert_false(str_starts("pack", "packs/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_goes_there_and_back),
        cmocka_unit_test(only_exactly_so_many_lower_case_digits_are_hex),
        cmocka_unit_test(copies_are_terminated),
        cmocka_unit_test(printable_text_stays_as_it_is),
        cmocka_unit_test(controls_and_broken_utf8_become_visible),
        cmocka_unit_test(safe_text_is_cut_to_fit_at_every_size),
        cmocka_unit_test(numbers_fill_the_whole_text),
        cmocka_unit_test(numbers_above_the_limit_are_refused),
        cmocka_unit_test(sizes_have_binary_units),
        cmocka_unit_test(sizes_are_read_with_binary_units),
        cmocka_unit_test(starts_compares_the_prefix_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
