/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/json.h"

static struct error e;

static void assert_prints(const struct json *j, bool indented, const char *want)
{
    struct buf b = {0};
    assert_done(json_print(j, indented, &b, &e), &e);
    assert_done(buf_byte(&b, 0, &e), &e);
    assert_string_equal((const char *)b.data, want);
    buf_done(&b);
}

static struct json *parse(const char *text)
{
    struct json *j = json_parse(bytes_text(text), 1000, &e);
    if (!j)
        fail_msg("%s: %s", text, e.text);
    return j;
}

static void values_of_every_kind_are_written_in_order(void **state)
{
    (void)state;
    struct json *j = json_new_object();
    json_put_text(j, "text", "a\"b\\c\n");
    json_put_text(j, "nothing", NULL);
    json_put_bytes(j, "bytes", bytes_of("xyz", 2));
    json_put_bytes(j, "no_bytes", (struct bytes){0});
    json_put_u64(j, "most", INT64_MAX);
    json_put_i64(j, "least", INT64_MIN);
    json_put_bool(j, "yes", true);
    json_put_bool(j, "no", false);
    json_put_double(j, "half", 0.5);
    json_put_null(j, "null");
    assert_prints(j, false,
                  "{\"text\":\"a\\\"b\\\\c\\n\",\"nothing\":null,\"bytes\":\"xy\","
                  "\"no_bytes\":\"\",\"most\":9223372036854775807,"
                  "\"least\":-9223372036854775808,\"yes\":true,\"no\":false,\"half\":0.5,"
                  "\"null\":null}");
    json_free(j);
}

static void values_nest_and_may_be_filled_in_any_order(void **state)
{
    (void)state;
    struct json *j = json_new_object();
    struct json *list = json_put_list(j, "backups");
    struct json *first = json_put_object(list, NULL);
    struct json *second = json_put_object(list, NULL);
    json_put_u64(second, "id", 2);
    json_put_u64(first, "id", 1);
    json_put_text(list, NULL, "x");
    json_put_list(j, "empty");
    assert_prints(j, false, "{\"backups\":[{\"id\":1},{\"id\":2},\"x\"],\"empty\":[]}");
    json_put_null(j, "backups");
    assert_prints(j, false, "{\"backups\":null,\"empty\":[]}");
    json_free(j);
}

static void indented_output_is_for_people(void **state)
{
    (void)state;
    struct json *j = json_new_list();
    json_put_u64(j, NULL, 1);
    assert_prints(j, true, "[\n  1\n]");
    json_free(j);
}

static void bytes_that_are_not_utf8_are_escaped_and_the_rest_is_kept(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } texts[] = {
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x98", "[\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x98\"]"},
        {"\xc3\xbc\xff", "[\"\xc3\xbc\\\\xff\"]"},
        {"\xc3", "[\"\\\\xc3\"]"},
        {"\xc0\xaf", "[\"\\\\xc0\\\\xaf\"]"},
        {"\xed\xa0\x80", "[\"\\\\xed\\\\xa0\\\\x80\"]"},
        {"\xe0\x80\x80", "[\"\\\\xe0\\\\x80\\\\x80\"]"},
        {"\xf0\x80\x80\x80", "[\"\\\\xf0\\\\x80\\\\x80\\\\x80\"]"},
        {"\xf4\x90\x80\x80", "[\"\\\\xf4\\\\x90\\\\x80\\\\x80\"]"},
        {"\xf5"
         "a",
         "[\"\\\\xf5"
         "a\"]"},
        {"a\xe2\x82", "[\"a\\\\xe2\\\\x82\"]"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct json *j = json_new_list();
        json_put_text(j, NULL, texts[i].text);
        assert_prints(j, false, texts[i].want);
        json_free(j);
    }
}

static void every_pair_of_bytes_can_be_written_and_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 65536; i += 7) {
        const uint8_t pair[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        struct buf b = {0};
        struct json *j = json_new_list();
        json_put_bytes(j, NULL, bytes_of(pair, sizeof pair));
        assert_done(json_print(j, false, &b, &e), &e);
        json_free(j);
        if (pair[0] && pair[1]) {
            j = json_parse(buf_view(&b), 100, &e);
            assert_non_null(j);
            assert_non_null(json_text_at(j, 0));
            json_free(j);
        }
        buf_done(&b);
    }
}

static void a_number_too_large_is_told_once_at_the_end(void **state)
{
    (void)state;
    struct buf b = {0};
    struct json *j = json_new_object();
    json_put_u64(j, "n", (uint64_t)INT64_MAX + 1);
    json_put_text(j, "after", "x");
    assert_refused(json_print(j, false, &b, &e), &e, ERROR_CORRUPT);
    assert_int_equal(b.len, 0);
    json_free(j);
    j = json_new_object();
    json_put_double(j, "n", (double)NAN);
    assert_refused(json_print(j, false, &b, &e), &e, ERROR_CORRUPT);
    json_free(j);
}

static void a_missing_document_is_taken_everywhere_and_told_when_written(void **state)
{
    (void)state;
    struct buf b = {0};
    uint64_t n;
    bool yes;
    json_put_text(NULL, "a", "b");
    json_put_u64(NULL, "a", UINT64_MAX);
    json_put_double(NULL, "a", 1);
    assert_null(json_put_object(NULL, "a"));
    assert_null(json_put_list(NULL, NULL));
    assert_null(json_get(NULL, "a", 0));
    assert_null(json_text(NULL, "a"));
    assert_null(json_text_at(NULL, 0));
    assert_false(json_u64(NULL, "a", &n));
    assert_false(json_bool(NULL, "a", &yes));
    assert_int_equal(json_count(NULL), 0);
    assert_refused(json_print(NULL, false, &b, &e), &e, ERROR_MEMORY);
    json_free(NULL);
}

static void a_document_is_written_to_a_file(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    struct json *j = json_new_list();
    json_put_bool(j, NULL, true);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_done(json_write(j, false, out, &e), &e);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "[true]");
    free(text);
    out = fopen("/dev/full", "w");
    assert_non_null(out);
    (void)setvbuf(out, NULL, _IONBF, 0);
    assert_refused(json_write(j, false, out, &e), &e, ERROR_IO);
    assert_int_equal(e.sys, ENOSPC);
    (void)fclose(out);
    json_free(j);
}

static void fields_are_read_by_type(void **state)
{
    (void)state;
    uint64_t n = 0;
    bool yes = false;
    struct json *j = parse("{\"t\":\"x\",\"n\":7,\"minus\":-1,\"b\":true,\"z\":null,"
                           "\"r\":1.5,\"l\":[\"p\",{\"q\":9}]}");
    assert_string_equal(json_text(j, "t"), "x");
    assert_null(json_text(j, "n"));
    assert_null(json_text(j, "absent"));
    double real = 0;
    assert_true(json_double(j, "n", &real));
    assert_true(json_double(j, "r", &real));
    assert_false(json_double(j, "t", &real));
    assert_true(json_u64(j, "n", &n));
    assert_true(n == 7);
    assert_false(json_u64(j, "minus", &n));
    assert_false(json_u64(j, "r", &n));
    assert_false(json_u64(j, "t", &n));
    assert_true(json_bool(j, "b", &yes));
    assert_true(yes);
    assert_false(json_bool(j, "z", &yes));
    assert_int_equal(json_count(j), 7);
    struct json *list = json_get(j, "l", 0);
    assert_int_equal(json_count(list), 2);
    assert_string_equal(json_text_at(list, 0), "p");
    assert_null(json_text_at(list, 1));
    assert_null(json_text_at(list, 2));
    assert_true(json_u64(json_get(list, NULL, 1), "q", &n));
    assert_true(n == 9);
    assert_null(json_get(list, NULL, 2));
    assert_null(json_get(j, "absent", 0));
    assert_int_equal(json_count(json_get(j, "t", 0)), 0);
    json_free(j);
}

static void what_is_no_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const char *const bad[] = {"",           "{",
                                      "{\"a\":1,}", "[1]x",
                                      "\"text\"",   "{\"a\":1,\"a\":2}",
                                      "[\"\xff\"]", "[\"\\u0000\"]",
                                      "nul"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        error_clear(&e);
        struct json *j = json_parse(bytes_text(bad[i]), 1000, &e);
        if (j || e.kind != ERROR_CORRUPT)
            fail_msg("%s was taken", bad[i]);
    }
    assert_null(json_parse(bytes_text("[\n 1,\n ?]"), 1000, &e));
    assert_non_null(strstr(e.text, "line 3"));
    assert_null(json_parse((struct bytes){0}, 1000, &e));
}

static void a_document_above_the_limit_is_refused(void **state)
{
    (void)state;
    struct json *j = json_parse(bytes_text("[12]"), 4, &e);
    assert_non_null(j);
    json_free(j);
    assert_null(json_parse(bytes_text("[123]"), 4, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

static void a_very_deep_document_is_refused(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 100000; i++)
        assert_done(buf_byte(&b, '[', &e), &e);
    assert_null(json_parse(buf_view(&b), 1000000, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_kind_are_written_in_order),
        cmocka_unit_test(values_nest_and_may_be_filled_in_any_order),
        cmocka_unit_test(indented_output_is_for_people),
        cmocka_unit_test(bytes_that_are_not_utf8_are_escaped_and_the_rest_is_kept),
        cmocka_unit_test(every_pair_of_bytes_can_be_written_and_read),
        cmocka_unit_test(a_number_too_large_is_told_once_at_the_end),
        cmocka_unit_test(a_missing_document_is_taken_everywhere_and_told_when_written),
        cmocka_unit_test(a_document_is_written_to_a_file),
        cmocka_unit_test(fields_are_read_by_type),
        cmocka_unit_test(what_is_no_json_is_refused_with_its_place),
        cmocka_unit_test(a_document_above_the_limit_is_refused),
        cmocka_unit_test(a_very_deep_document_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
