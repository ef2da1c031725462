/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/toc_name.h"
#include "tests/support/check.h"

static bool matches(const char *text, const char *schema, const char *tag)
{
    struct error e = {0};
    struct toc_name n;
    assert_done(toc_name_parse(text, true, &n, &e), &e);
    bool yes = toc_name_matches(&n, bytes_text(schema), bytes_text(tag));
    toc_name_done(&n);
    return yes;
}

static bool is(const char *text, const char *schema, const char *tag)
{
    const struct toc_name n = {.text = text};
    return toc_name_is(&n, schema ? bytes_text(schema) : (struct bytes){0}, bytes_text(tag));
}

static void a_name_as_it_was_typed_is_taken_first(void **state)
{
    (void)state;
    assert_true(is("Orders", "shop", "Orders"));
    assert_true(is("shop.Orders", "shop", "Orders"));
    assert_true(is("a.b.c", "a.b", "c"));
    assert_true(is("a.b.c", "a", "b.c"));
    assert_true(is("a.b", "z", "a.b"));
    assert_true(is("a*", NULL, "a*"));
    assert_false(is("orders", "shop", "Orders"));
    assert_false(is("shop.orders", "shops", "orders"));
    assert_false(is("shop.orders", NULL, "orders"));
    assert_false(is("shop", "shop", ""));
}

static void letters_outside_quotes_are_made_small(void **state)
{
    (void)state;
    assert_true(matches("ORDERS", "shop", "orders"));
    assert_true(matches("Shop.Orders", "shop", "orders"));
    assert_false(matches("\"Orders\"", "shop", "orders"));
    assert_true(matches("\"Odd \"\"q\"\"\".\"T.t\"", "Odd \"q\"", "T.t"));
    assert_true(matches("shop.\"Order\"s", "shop", "Orders"));
    assert_false(matches("other.orders", "shop", "orders"));
}

static void stars_and_question_marks_match(void **state)
{
    (void)state;
    assert_true(matches("*", "s", "anything"));
    assert_true(matches("*", "s", ""));
    assert_true(matches("or*s", "s", "orders"));
    assert_true(matches("o*r*s", "s", "orders"));
    assert_true(matches("*ers", "s", "orders"));
    assert_true(matches("order?", "s", "orders"));
    assert_true(matches("s*.o?ders", "shop", "orders"));
    assert_true(matches("*a*b", "s", "aabab"));
    assert_true(matches("\"*\"x", "s", "*x"));
    assert_false(matches("\"*\"x", "s", "yx"));
    assert_false(matches("order?", "s", "order"));
    assert_false(matches("*a", "s", "ab"));
    assert_false(matches("a*b*c", "s", "abbd"));
    assert_false(matches("x*.orders", "shop", "orders"));
}

static void many_stars_take_no_time(void **state)
{
    char pattern[201];
    char name[5001];
    (void)state;
    for (size_t i = 0; i < 100; i++)
        memcpy(pattern + 2 * i, "a*", 2);
    memcpy(pattern + 198, "b", 2);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(matches(pattern, "s", name));
}

static void what_is_no_name_is_refused(void **state)
{
    static const char *const texts[] = {"", ".", "a.", ".a", "a.b.c", "\"", "\"a", "\"\""};
    struct error e = {0};
    struct toc_name n;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_refused(toc_name_parse(texts[i], true, &n, &e), &e, ERROR_USAGE);
    assert_done(toc_name_parse("a.b.c", false, &n, &e), &e);
    assert_true(toc_name_matches(&n, bytes_text(""), bytes_text("a.b.c")));
    assert_false(n.wild);
    toc_name_done(&n);
}

static unsigned apart(const char *a, const char *b)
{
    return toc_name_distance(bytes_text(a), bytes_text(b));
}

static void distance_counts_changes(void **state)
{
    char a[101];
    char b[101];
    (void)state;
    assert_int_equal(apart("", ""), 0);
    assert_int_equal(apart("", "abc"), 3);
    assert_int_equal(apart("abc", ""), 3);
    assert_int_equal(apart("orders", "orders"), 0);
    assert_int_equal(apart("Orders", "orders"), 0);
    assert_int_equal(apart("order", "orders"), 1);
    assert_int_equal(apart("odrers", "orders"), 2);
    assert_int_equal(apart("kitten", "sitting"), 3);
    memset(a, 'a', 100);
    memset(b, 'b', 100);
    a[100] = b[100] = '\0';
    assert_int_equal(apart(a, b), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_as_it_was_typed_is_taken_first),
        cmocka_unit_test(letters_outside_quotes_are_made_small),
        cmocka_unit_test(stars_and_question_marks_match),
        cmocka_unit_test(many_stars_take_no_time),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(distance_counts_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
