/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a table holds comes back to the byte; and what holds numbers, times or keys is known
 * for it. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/base/cursor.h"
#include "core/rows/columns.h"
#include "tests/support/made_columns.h"
#include "tests/support/made_dump.h"

#define ROWS 300

static struct columns *columns_made(void)
{
    struct error e = {0};
    struct columns *c = columns_new(&e);
    assert_non_null(c);
    return c;
}

static void assert_sections(const struct columns *c, const struct buf *body)
{
    size_t count;
    const size_t *ends = columns_ends(c, &count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        assert_true(ends[i] > (i > 0 ? ends[i - 1] : 0));
    assert_int_equal(ends[count - 1], body->len);
}

/* Joins body out of and into memory of exactly its size, so that a sanitizer sees any byte
 * beyond. The text is in *out. */
static int join(struct columns *c, struct bytes body, size_t text_len, struct buf *out,
                struct error *e)
{
    uint8_t *exact = malloc(body.len > 0 ? body.len : 1);
    buf_done(out);
    out->data = malloc(text_len);
    assert_non_null(exact);
    assert_non_null(out->data);
    if (body.len > 0)
        memcpy(exact, body.data, body.len);
    out->len = out->cap = text_len;
    int rc = columns_join(c, bytes_of(exact, body.len), out->data, text_len, e);
    free(exact);
    return rc;
}

/* Splits text into body, joins it, compares. */
static void there_and_back(struct columns *c, struct bytes text, struct buf *body)
{
    struct error e = {0};
    struct buf out = {0};
    assert_done(columns_split(c, text, body, &e), &e);
    assert_true(body->len <= COLUMNS_BODY_MAX(text.len));
    assert_sections(c, body);
    assert_done(join(c, buf_view(body), text.len, &out, &e), &e);
    assert_memory_equal(out.data, text.data, text.len);
    buf_done(&out);
}

static void comes_back(struct bytes text)
{
    struct columns *c = columns_made();
    struct buf body = {0};
    there_and_back(c, text, &body);
    buf_done(&body);
    columns_free(c);
}

/* The kind of a body's first column. */
static enum columns_kind first_kind(struct bytes body)
{
    struct cursor in = cursor_of(body);
    (void)cursor_varint(&in);
    (void)cursor_varint(&in);
    return cursor_u8(&in);
}

static void every_sort_of_column_is_known_and_comes_back(void **state)
{
    (void)state;
    struct columns *c = columns_made();
    struct buf body = {0};
    for (size_t i = 0; i < made_columns_sort_count; i++) {
        struct buf text = made_columns_column(&made_columns_sorts[i], ROWS);
        there_and_back(c, buf_view(&text), &body);
        if (first_kind(buf_view(&body)) != made_columns_sorts[i].kind)
            fail_msg("%s: kind %d, not %d", made_columns_sorts[i].name,
                     (int)first_kind(buf_view(&body)), (int)made_columns_sorts[i].kind);
        buf_done(&text);
    }
    buf_done(&body);
    columns_free(c);
}

/* What a good column must not be mistaken with. */
static const struct {
    const char *sort;
    const char *values[24];
} nasty[] = {
    {"integer",
     {"007",
      "-0",
      "+1",
      "00",
      "-",
      "",
      "1 ",
      " 1",
      "9223372036854775807",
      "-9223372036854775808",
      "9223372036854775808",
      "-9223372036854775809",
      "18446744073709551616",
      "99999999999999999999",
      "-1",
      "0",
      "1e5",
      "0x10",
      "1:",
      "/1",
      "--1",
      "12345678901234567x"}},
    {"sequence", {"-1", "0", "9223372036854775807", "-9223372036854775808"}},
    {"padded", {"12345678", "1234567890", "-12345678", "00000000:", "12345 789"}},
    {"decimal",
     {"-0.000",
      "0.000",
      "00.123",
      ".123",
      "-.123",
      "1.12",
      "1.1234",
      "+1.123",
      "12.",
      "1.123 ",
      "99999999999999999.123",
      "999999999999999.999",
      "-999999999999999.999",
      "9999999999999999.999",
      "1.1.123",
      "NaN",
      "Infinity",
      "1,000.123",
      "1.5e-07",
      "12",
      "-123",
      "0x1.123"}},
    {"real",
     {"0.0", "0.10", "1.", ".5", "-0", "-0.5", "1e10", "1.5e-07", "123456789012345678.5",
      "0.123456789012345678", "-1.2345678901234e-200", "01", "00.5", "infinity", "5.0625x"}},
    {"date",
     {"2023-02-29",  "1900-02-29", "2000-02-29", "2024-02-29",    "2024-02-30", "2024-04-31",
      "2024-13-01",  "2024-00-10", "2024-01-00", "0000-01-01",    "0001-01-01", "9999-12-31",
      "10000-01-01", "infinity",   "-infinity",  "0044-03-15 BC", "2024-1-01",  "2024-01-1",
      "2024/01/01",  "24-01-01",   "2024-01-0a", "2024-12-31",    "1999-12-31"}},
    {"time",
     {"24:00:00", "23:60:00", "23:59:60", "23:59:59.999999", "00:00:00", "1:00:00", "12:00",
      "12:00:00.", "12:00:00.10", "12:00:00.1234567", "12:00:00.000000", "-12:00:00",
      "12:00:00+00", "12:00:00.5 ", "12:00:00..1"}},
    {"timestamp",
     {"2024-02-29 12:00:00+05:30",
      "2023-02-29 12:00:00+05:30",
      "2024-01-01 12:00:00.100+05:30",
      "2024-01-01 12:00:00.1+05:30",
      "2024-01-01 12:00:00.+05:30",
      "2024-01-01 24:00:00+05:30",
      "2024-01-01 12:00:00+05",
      "2024-01-01 12:00:00",
      "2024-01-01",
      "infinity",
      "-infinity",
      "0044-03-15 12:00:00+05:30 BC",
      "10000-01-01 12:00:00+05:30",
      "2024-01-01T12:00:00+05:30",
      "2024-01-01 12:00:00.1234567+05:30",
      "2024-01-01 12:00:00+05:31",
      "0001-01-01 00:00:00.000001+05:30",
      "9999-12-31 23:59:59.999999+05:30",
      "1969-12-31 23:59:59.5+05:30",
      "1970-01-01 00:00:00+05:30",
      "2024-01-01  2:00:00+05:30"}},
    {"iso", {"2024-01-01T12:00:00Z", "2024-01-01T12:00:00.12Z", "2024-01-01T12:00:00.1200Z"}},
    {"hex",
     {"0123456789abcdeF01", "0123456789ABCDEF01", "0123456789abcdeg01", "0123456789abcde",
      "0123456789abcdef0", "0123456789abcdef0102", "0123456789abcde/01", "0123456789abcde`01",
      "0123456789abcdeo01", "o123456789abcde001", "0123456789abcde:01", "0123456789abcde01@"}},
    {"uuid",
     {"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
      "a0eebc999c0b4ef8bb6d6bb9bd380a11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
      "a0eebc99-9c0b-4ef8-bb6d_6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g",
      "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
    {"bytea",
     {"\\\\x0", "\\\\xAB", "\\\\x", "\\x00", "\\\\X00", "", "\\\\", "x00", "\\\\x0g",
      "\\\\xabc", "\\\\x000102030405060708090a0b0c0d0e0f"}},
    {"code", {"", "K", "Kb1234567Bz1", "Kb1234567B\x01", "          "}},
    {"word", {"\\\\N", "\\N ", " \\N", "\\n", "N", "\\", "redd"}},
    {"json",
     {"{}", "null", "", "{\"id\": 1}", "{\"id\": 1, \"name\": \"", "{\"id\": , \"name\": \"\"}",
      "[1, 2]", "{\"id\": 1, \"name\": \"a\", \"in\": {\"x\": 1}, \"l\": []}x", "{", "\"",
      "{\"id\": 7, \"name\": \"\\\\\"\", \"in\": {\"x\": true}, \"l\": [0, \"]\"]}",
      "{\"\\\\\":",
      "{\"id\": 1, \"name\": \"b\", \"in\": {\"x\": , \"in\": {\"x\": 2}, \"l\": 5}"}},
    {"address",
     {"1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4/24", "::1", "1.2.3.", "", "256.256.256.99999",
      "1..2.3", "1.2.3.99999999999999999999999"}},
    {"mail", {"a@b", "@", "a@@b.c", "\xff@\xfe.\xfd", "a1@b2.c3"}},
    {"nullable", {"\\\\N", "", "x", "-0"}},
    {"prose", {"\xe9t\xe9", "\\t\\n\\\\", "\r", "", "\x01\x7f\x80\xff"}},
};

static const struct made_sort *sort_named(const char *name)
{
    for (size_t i = 0; i < made_columns_sort_count; i++)
        if (strcmp(made_columns_sorts[i].name, name) == 0)
            return &made_columns_sorts[i];
    fail_msg("no sort of value: %s", name);
    return NULL;
}

/* A column of good values with another one at row `place`. */
static struct buf column_with(const struct made_sort *sort, const char *value, unsigned place)
{
    struct error e = {0};
    struct buf b = {0};
    for (unsigned i = 0; i < ROWS; i++) {
        if (i == place)
            assert_done(buf_append(&b, value, strlen(value), &e), &e);
        else
            made_columns_value(&b, sort, i);
        assert_done(buf_byte(&b, '\n', &e), &e);
    }
    return b;
}

static void nasty_values_next_to_good_ones_come_back(void **state)
{
    (void)state;
    struct columns *c = columns_made();
    struct buf body = {0};
    for (size_t n = 0; n < ARRAY_SIZE(nasty); n++)
        for (size_t i = 0; i < ARRAY_SIZE(nasty[n].values) && nasty[n].values[i]; i++)
            for (unsigned place = 0; place < 3; place++) {
                struct buf text = column_with(sort_named(nasty[n].sort), nasty[n].values[i],
                                              place * (ROWS - 1) / 2);
                there_and_back(c, buf_view(&text), &body);
                buf_done(&text);
            }
    buf_done(&body);
    columns_free(c);
}

static void limits_of_numbers_keep_their_kind(void **state)
{
    (void)state;
    static const struct {
        const char *sort;
        const char *value;
        bool kept;
    } cases[] = {
        {"integer", "9223372036854775807", true},
        {"integer", "-9223372036854775808", true},
        {"integer", "9223372036854775808", false},
        {"integer", "-9223372036854775809", false},
        {"integer", "-0", false},
        {"integer", "007", false},
        {"decimal", "-0.000", false},
        {"decimal", "999999999999999.999", true},
        {"date", "2000-02-29", true},
        {"date", "1900-02-29", false},
        {"date", "9999-12-31", true},
        {"date", "0001-01-01", true},
        {"date", "0000-01-01", false},
        {"time", "23:59:59.999999", true},
        {"time", "23:60:00", false},
        {"time", "24:00:00", false},
        {"timestamp", "0001-01-01 00:00:00+05:30", true},
        {"timestamp", "9999-12-31 23:59:59.999999+05:30", true},
        {"timestamp", "2024-01-01 12:00:00.10+05:30", false},
        {"uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", false},
        {"bytea", "\\\\x0", false},
    };
    struct columns *c = columns_made();
    struct buf body = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct made_sort *sort = sort_named(cases[i].sort);
        struct buf text = column_with(sort, cases[i].value, ROWS / 2);
        there_and_back(c, buf_view(&text), &body);
        if ((first_kind(buf_view(&body)) == sort->kind) != cases[i].kept)
            fail_msg("%s with %s: kind %d", sort->name, cases[i].value,
                     (int)first_kind(buf_view(&body)));
        buf_done(&text);
    }
    buf_done(&body);
    columns_free(c);
}

static void tables_of_strange_forms_come_back(void **state)
{
    (void)state;
    struct error e = {0};
    comes_back(bytes_text("\n"));
    comes_back(bytes_text("\n\n\n\n\n"));
    comes_back(bytes_text("\t\n"));
    comes_back(bytes_text("x\n"));
    comes_back(bytes_text("1\n2\n"));
    comes_back(bytes_text("\\N\n"));
    comes_back(bytes_text("\\N\t\\N\n\\N\t\\N\n"));
    comes_back(bytes_text("\\\\N\n\\N\nN\n\\\\\\N\n"));
    comes_back(bytes_of("\0\t\0\n\1\t\n", 7));
    comes_back(bytes_text("\xe4\xf6\xfc\t\xff\n\xe4\t\\N\n"));
    comes_back(bytes_text("2024-01-01 00:00:00+00\t{\"a\": 1}\t\\\\x00\t1.5\tt\n"));
    struct buf wide = {0};
    for (unsigned row = 0; row < 3; row++)
        for (unsigned i = 0; i < 1600; i++)
            assert_done(buf_printf(&wide, &e, "%u%c", i * row, i < 1599 ? '\t' : '\n'), &e);
    comes_back(buf_view(&wide));
    wide.len = 0;
    made_row(&wide, 2 * MIB, false, 1);
    for (size_t i = 0; i < wide.len - 1; i++)
        wide.data[i] = wide.data[i] == '\t' ? ' ' : wide.data[i];
    comes_back(buf_view(&wide));
    buf_done(&wide);
}

static void what_is_no_table_is_unfit(void **state)
{
    (void)state;
    static const struct bytes texts[] = {
        {(const uint8_t *)"", 0},          {(const uint8_t *)"a", 1},
        {(const uint8_t *)"a\nb", 3},      {(const uint8_t *)"a\tb\nc\n", 6},
        {(const uint8_t *)"a\nb\tc\n", 6}, {(const uint8_t *)"a\tb\nc\td\te\n\n", 11},
        {(const uint8_t *)"a\t", 2},       {(const uint8_t *)"\t\n\n\t\t\n", 6},
    };
    struct error e = {0};
    struct columns *c = columns_made();
    struct buf body = {0};
    size_t count;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_done(buf_append(&body, "old", 3, &e), &e);
        assert_int_equal(columns_split(c, texts[i], &body, &e), COLUMNS_UNFIT);
        assert_int_equal(body.len, 0);
        (void)columns_ends(c, &count);
        assert_int_equal(count, 0);
    }
    struct buf many = {0};
    for (size_t i = 0; i < COLUMNS_NODES_MAX; i++)
        assert_done(buf_byte(&many, '\t', &e), &e);
    assert_done(buf_byte(&many, '\n', &e), &e);
    assert_int_equal(columns_split(c, buf_view(&many), &body, &e), COLUMNS_UNFIT);
    many.len = 0;
    made_row(&many, COLUMNS_TEXT_MAX + 1, false, 1);
    assert_int_equal(columns_split(c, buf_view(&many), &body, &e), COLUMNS_UNFIT);
    buf_done(&many);
    buf_done(&body);
    columns_free(c);
}

static void thousands_of_random_tables_come_back(void **state)
{
    (void)state;
    struct columns *c = columns_made();
    struct buf body = {0};
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        struct buf text = made_columns_table(seed);
        there_and_back(c, buf_view(&text), &body);
        buf_done(&text);
    }
    buf_done(&body);
    columns_free(c);
}

static void a_body_depends_on_its_text_alone(void **state)
{
    (void)state;
    struct error e = {0};
    struct columns *used = columns_made();
    struct buf a = {0};
    struct buf b = {0};
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct columns *fresh = columns_made();
        struct buf text = made_columns_table(seed);
        assert_done(columns_split(used, buf_view(&text), &a, &e), &e);
        assert_done(columns_split(fresh, buf_view(&text), &b, &e), &e);
        assert_true(bytes_equal(buf_view(&a), buf_view(&b)));
        buf_done(&text);
        columns_free(fresh);
    }
    buf_done(&a);
    buf_done(&b);
    columns_free(used);
}

static void dictionaries_end_where_they_do_not_pay(void **state)
{
    (void)state;
    static const struct {
        unsigned entries;
        bool pays;
    } cases[] = {{2, true}, {255, true}, {256, true}, {600, true}, {5000, false}};
    struct error e = {0};
    struct columns *c = columns_made();
    struct buf text = {0};
    struct buf body = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t random = 1;
        text.len = 0;
        for (unsigned n = 0; n < 1500; n++) {
            unsigned entry = (unsigned)(made_random(&random) % cases[i].entries);
            assert_done(buf_printf(&text, &e, "%.*s name %c%c\n", (int)(entry % 9), "some long",
                                   'a' + (int)(entry % 26), (int)(entry / 26 + 40)),
                        &e);
        }
        there_and_back(c, buf_view(&text), &body);
        assert_int_equal(first_kind(buf_view(&body)) == COLUMNS_DICTIONARY, cases[i].pays);
    }
    buf_done(&text);
    buf_done(&body);
    columns_free(c);
}

/* Entries that have a shape whose fields could be dictionaries again. */
static void a_dictionary_has_no_dictionary_below(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf text = {0};
    for (unsigned i = 0; i < 340; i++) {
        unsigned entry = i % 255;
        unsigned a = entry % 190;
        unsigned b = (entry * 7 + entry / 190) % 190;
        assert_done(buf_printf(&text, &e, "first%c%c%s.second%c%c\n", 'a' + (int)(a / 26),
                               'a' + (int)(a % 26), a % 2 ? "" : "b", 'a' + (int)(b / 26),
                               'a' + (int)(b % 26)),
                    &e);
    }
    comes_back(buf_view(&text));
    buf_done(&text);
}

static void columns_within_columns_end_somewhere(void **state)
{
    (void)state;
    struct error e = {0};
    struct columns *c = columns_made();
    struct buf text = {0};
    struct buf body = {0};
    /* More fields in all than there may be columns. */
    for (unsigned row = 0; row < 40; row++)
        for (unsigned i = 0; i < 1600; i++)
            assert_done(buf_printf(&text, &e,
                                   "{\"a\": %u, \"b\": %u, \"c\": \"%u.%u.%u.%u\", \"d\": "
                                   "%u, \"e\": %u, \"f\": %u}%c",
                                   i, row, row, row * 7 % 40, i, row * 3 % 17, row + i, row, i,
                                   i < 1599 ? '\t' : '\n'),
                        &e);
    there_and_back(c, buf_view(&text), &body);
    buf_done(&text);
    buf_done(&body);
    columns_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sort_of_column_is_known_and_comes_back),
        cmocka_unit_test(nasty_values_next_to_good_ones_come_back),
        cmocka_unit_test(limits_of_numbers_keep_their_kind),
        cmocka_unit_test(tables_of_strange_forms_come_back),
        cmocka_unit_test(what_is_no_table_is_unfit),
        cmocka_unit_test(thousands_of_random_tables_come_back),
        cmocka_unit_test(a_body_depends_on_its_text_alone),
        cmocka_unit_test(dictionaries_end_where_they_do_not_pay),
        cmocka_unit_test(a_dictionary_has_no_dictionary_below),
        cmocka_unit_test(columns_within_columns_end_somewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
