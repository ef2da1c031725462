/* SPDX-License-Identifier: Apache-2.0 */
/* Values are found as they are in the database, however the text is cut into pieces. */
#include "tests/support/check.h"

#include "core/rows/copy_match.h"
#include "core/rows/copy_text.h"

static uint64_t count_in_pieces(const char *rows, const char *text, bool whole, uint16_t column,
                                size_t piece)
{
    struct error e = {0};
    struct bytes left = bytes_text(rows);
    struct copy_match *m = copy_match_new(bytes_text(text), whole, &e);
    assert_non_null(m);
    copy_match_begin(m, column);
    while (left.len > 0)
        copy_match_add(m, bytes_take(&left, piece < left.len ? piece : left.len));
    uint64_t found = copy_match_rows(m);
    copy_match_free(m);
    return found;
}

static void expect(const char *rows, const char *text, bool whole, uint16_t column,
                   uint64_t wanted)
{
    for (size_t piece = 1; piece <= strlen(rows) + 1; piece++)
        assert_int_equal(count_in_pieces(rows, text, whole, column, piece), wanted);
}

static const char rows[] = "1\tann\t\\N\n"
                           "2\tanna\tbanana\n"
                           "3\t\tline\\nnext\n"
                           "4\ttab\\there\tback\\\\slash\n"
                           "5\tN\t\\N\n"
                           "6\tababab\tababac\n";

static void a_text_is_found_within_one_value(void **state)
{
    (void)state;
    expect(rows, "ann", false, COPY_MATCH_ANY, 2);
    expect(rows, "ana", false, COPY_MATCH_ANY, 1);
    expect(rows, "ababac", false, COPY_MATCH_ANY, 1);
    expect(rows, "bababac", false, COPY_MATCH_ANY, 0);
    expect(rows, "2\tanna", false, COPY_MATCH_ANY, 0);
    expect(rows, "6", false, COPY_MATCH_ANY, 1);
    expect("", "6", false, COPY_MATCH_ANY, 0);
    expect("\n\n", "6", false, COPY_MATCH_ANY, 0);
}

static void escapes_are_undone_and_null_is_no_value(void **state)
{
    (void)state;
    expect(rows, "line\nnext", false, COPY_MATCH_ANY, 1);
    expect(rows, "nnext", false, COPY_MATCH_ANY, 0);
    expect(rows, "tab\there", false, COPY_MATCH_ANY, 1);
    expect(rows, "back\\slash", false, COPY_MATCH_ANY, 1);
    expect(rows, "\\", false, COPY_MATCH_ANY, 1);
    expect(rows, "N", false, COPY_MATCH_ANY, 1);
    expect(rows, "\\N", false, COPY_MATCH_ANY, 0);
}

static void a_column_has_exactly_the_value(void **state)
{
    (void)state;
    expect(rows, "ann", true, 1, 1);
    expect(rows, "ann", true, 2, 0);
    expect(rows, "an", true, 1, 0);
    expect(rows, "", true, 1, 1);
    expect(rows, "", true, 2, 0);
    expect(rows, "N", true, 1, 1);
    expect(rows, "N", true, 2, 0);
    expect(rows, "line\nnext", true, 2, 1);
    expect(rows, "ababac", true, COPY_MATCH_ANY, 1);
    expect(rows, "banana", false, 1, 0);
    expect(rows, "banana", false, 2, 1);
    expect("\n", "", true, 0, 1);
}

static void value_of(const char *field, const char *wanted)
{
    struct error e = {0};
    struct buf out = {0};
    assert_done(copy_text_value(bytes_text(field), &out, &e), &e);
    assert_true(bytes_equal(buf_view(&out), bytes_text(wanted)));
    buf_done(&out);
}

static void visible(const char *line, const char *wanted)
{
    struct error e = {0};
    struct buf out = {0};
    assert_done(copy_text_visible(bytes_text(line), &out, &e), &e);
    assert_true(bytes_equal(buf_view(&out), bytes_text(wanted)));
    buf_done(&out);
}

static void fields_have_values(void **state)
{
    struct bytes line = bytes_text("a\t\t\\N");
    struct bytes field;
    (void)state;
    assert_true(copy_text_field(&line, &field) && bytes_equal(field, bytes_text("a")));
    assert_true(copy_text_field(&line, &field) && field.len == 0);
    assert_false(copy_text_is_null(field));
    assert_false(copy_text_field(&line, &field));
    assert_true(copy_text_is_null(field));
    value_of("", "");
    value_of("\\b\\f\\n\\r\\t\\v\\\\x", "\b\f\n\r\t\v\\x");
    value_of("tail\\", "tail\\");
    visible("1\ta\033[1mb\n", "1\ta\\x1b[1mb\n");
    visible("\302\233x \303\244\177", "\\xc2\\x9bx \303\244\\x7f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_found_within_one_value),
        cmocka_unit_test(escapes_are_undone_and_null_is_no_value),
        cmocka_unit_test(a_column_has_exactly_the_value),
        cmocka_unit_test(fields_have_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
