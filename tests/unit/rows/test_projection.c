/* SPDX-License-Identifier: Apache-2.0 */
/* Rows from fields of other rows, and rows in the shape that the table had before. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/rows/projection.h"

static struct bytes text(const char *s)
{
    return bytes_text(s);
}

/* Joins rows, which are cut at their LFs, and compares; NULL: it must be refused. */
static void check_join(const char *rows, const struct projection_column *columns, size_t count,
                       const char *wanted)
{
    struct error e = {0};
    struct bytes sources[8];
    size_t n = 0;
    for (const char *at = rows, *end; *at; at = end) {
        end = strchr(at, '\n');
        end = end ? end + 1 : at + strlen(at);
        sources[n++] = bytes_of(at, (size_t)(end - at));
    }
    struct buf out = {0};
    assert_done(buf_append(&out, "before", 6, &e), &e);
    if (wanted) {
        assert_done(projection_join(columns, count, sources, n, &out, &e), &e);
        assert_int_equal(out.len, 6 + strlen(wanted));
        assert_memory_equal(out.data + 6, wanted, out.len - 6);
    } else {
        assert_refused(projection_join(columns, count, sources, n, &out, &e), &e,
                       ERROR_CORRUPT);
        assert_int_equal(out.len, 6);
    }
    buf_done(&out);
}

#define check_joined(rows, wanted, ...)                                                        \
    do {                                                                                       \
        const struct projection_column columns_[] = {__VA_ARGS__};                             \
        check_join(rows, columns_, ARRAY_SIZE(columns_), wanted);                              \
    } while (0)

static void a_row_is_made_of_fields(void **state)
{
    (void)state;
    check_joined("a\tbb\tccc\n", "ccc\ta\n", {0, 2}, {0, 0});
    check_joined("a\tbb\tccc\n", "bb\n", {0, 1});
    check_joined("a\tbb\tccc\n", "a\tbb\tccc\n", {0, 0}, {0, 1}, {0, 2});
    check_joined("a\tbb\tccc\n", "bb\tbb\n", {0, 1}, {0, 1});
    check_joined("a\tb\nx\ty\n", "a\tb\tx\ty\n", {0, 0}, {0, 1}, {1, 0}, {1, 1});
    check_joined("a\tb\nx\ty\n", "a\tb\tx\n", {0, 0}, {0, 1}, {1, 0});
    check_joined("a\tb\nx\ty\n", "a\tx\ty\n", {0, 0}, {1, 0}, {1, 1});
    check_joined("a\tb\nx\ty\n", "y\tb\n", {1, 1}, {0, 1});
    check_joined("a\n\n\\N\n", "\t\\N\ta\n", {1, 0}, {2, 0}, {0, 0});
    check_joined("\n\n", "\t\n", {0, 0}, {1, 0});
    check_joined("\t\t\n", "\t\n", {0, 2}, {0, 0});
    check_joined("a\tb\nx\ny\tz\n", "a\tb\tx\ty\tz\n", {0, 0}, {0, 1}, {1, 0}, {2, 0}, {2, 1});
    check_joined("a\tb\nx\ny\tz\n", "a\tb\tx\ty\n", {0, 0}, {0, 1}, {1, 0}, {2, 0});
    check_joined("\nx\n", "x\n", {1, 0}); /* beside a table without columns */
}

static void a_row_with_too_few_fields_is_refused(void **state)
{
    (void)state;
    check_joined("a\tbb\tccc\n", NULL, {0, 3});
    check_joined("a\tb\nx\n", NULL, {0, 0}, {0, 1}, {1, 0}, {1, 1});
    check_joined("a\nx\ty\n", NULL, {0, 0}, {0, 1}, {1, 0}, {1, 1});
    check_joined("a\tbb", NULL, {0, 0}); /* no LF */
    check_joined("a\tbb", NULL, {0, 0}, {0, 1});
    check_joined("a\nx", NULL, {0, 0}, {1, 0});
    check_joined("a\n", NULL, {1, 0});
    check_joined("a\n", NULL, {0, 65535});
}

static int match(const char *old, const char *new, struct projection_shape *s)
{
    struct error e = {0};
    *s = (struct projection_shape){0};
    int rc = projection_match(text(old), text(new), s, &e);
    if (rc < 0)
        fail_msg("%s", e.text);
    return rc;
}

static void columns_that_are_appended_make_a_shape(void **state)
{
    (void)state;
    struct projection_shape s;
    assert_int_equal(match("COPY public.t (id, \"B\") FROM stdin;\n",
                           "COPY public.t (id, \"B\", c, d) FROM stdin;\n", &s),
                     0);
    static const struct projection_column columns[] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    assert_true(s.old_count == 2 && s.new_count == 4 && s.added_count == 2);
    assert_true(s.is_appended);
    assert_memory_equal(s.columns, columns, sizeof columns);
    projection_shape_done(&s);
}

static void columns_may_be_added_and_reordered_at_once(void **state)
{
    (void)state;
    struct projection_shape s;
    assert_int_equal(
        match("COPY t (a, b, c) FROM stdin;", "COPY t (x, c, a, y, b) FROM stdin;", &s), 0);
    static const struct projection_column columns[] = {{1, 0}, {0, 2}, {0, 0}, {1, 1}, {0, 1}};
    static const uint16_t places[] = {2, 4, 1};
    static const uint16_t added[] = {0, 3};
    assert_false(s.is_appended);
    assert_memory_equal(s.columns, columns, sizeof columns);
    assert_memory_equal(s.old_places, places, sizeof places);
    assert_memory_equal(s.added_places, added, sizeof added);
    projection_shape_done(&s);
    assert_int_equal(match("COPY t (a, b) FROM stdin;", "COPY t (b, a) FROM stdin;", &s), 0);
    assert_true(s.added_count == 0 && s.old_places[0] == 1);
    projection_shape_done(&s);
}

static void every_other_change_has_its_answer(void **state)
{
    static const struct {
        const char *old, *new;
        int wanted;
    } cases[] = {
        {"(a, b)", "(a, b)", PROJECTION_SAME},
        {"(a, b)", "(a, c)", PROJECTION_SAME}, /* renamed */
        {"(a, b)", "(x, y)", PROJECTION_SAME},
        {"(a, b)", "(\"a\", b)", PROJECTION_SAME}, /* quotes are not the name */
        {"(\"A\")", "(a)", PROJECTION_SAME},
        {"(a, b, c)", "(b, a, x)", 0}, /* c was dropped, or renamed and moved */
        {"(a, b, c)", "(a, c, x)", 0}, /* one dropped, one added */
        {"(a, b)", "(a)", 0},
        {"(a, b)", "(a, c, d)", 0},
        {"(a, b)", "(c, d, e)", PROJECTION_LOST}, /* nothing is left */
        {"(a, b)", "", PROJECTION_LOST},
        {"", "", PROJECTION_SAME},
        {"", "(a)", 0},
        {"(\"B\")", "(b, c)", PROJECTION_LOST},
        {"(a)", "(a, \"x, (y) \"\"z\"\"\n\")", 0},
        {"(\"a\"\"b\")", "(\"a\"\"b\", c)", 0},
        {"(\"a\"\"b\")", "(\"a\"\"c\", c)", PROJECTION_LOST},
        {"(\"\"\"\")", "(b, \"\"\"\")", 0},
        /* not understood */
        {"(a)", "(a, b", PROJECTION_LOST},
        {"(a)", "(a, ", PROJECTION_LOST},
        {"(a)", "(a b)", PROJECTION_LOST},
        {"(a)", "(a,, b)", PROJECTION_LOST},
        {"(a)", "()", PROJECTION_LOST},
        {"(a)", "(", PROJECTION_LOST},
        {"(a)", "(a, \"b)", PROJECTION_LOST},
        {"(a)", "(a, \"\")", PROJECTION_LOST},
        {"(a)", "(a, \"b\"c)", PROJECTION_LOST},
        {"(a, a)", "(a, b, c)", PROJECTION_LOST},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char old[100];
        char new[100];
        struct projection_shape s;
        (void)snprintf(old, sizeof old, "COPY \"s (x)\".t %s FROM stdin;\n", cases[i].old);
        (void)snprintf(new, sizeof new, "COPY \"s (x)\".t %s FROM stdin;\n", cases[i].new);
        int rc = match(old, new, &s);
        if (rc != cases[i].wanted)
            fail_msg("%s -> %s: %d, not %d", cases[i].old, cases[i].new, rc, cases[i].wanted);
        projection_shape_done(&s);
    }
}

static void a_statement_that_is_none_is_not_understood(void **state)
{
    static const char *const statements[] = {"", "COPY", "COPY \"t (a)", "copy t (a)",
                                             "INSERT INTO t (a)"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
        struct projection_shape s;
        assert_int_equal(match(statements[i], "COPY t (a) FROM stdin;", &s), PROJECTION_LOST);
        assert_int_equal(match("COPY t (a) FROM stdin;", statements[i], &s), PROJECTION_LOST);
    }
}

/* A statement of columns c0, c1, … */
static struct buf statement_of(size_t columns)
{
    struct error e = {0};
    struct buf b = {0};
    assert_done(buf_printf(&b, &e, "COPY t "), &e);
    for (size_t i = 0; i < columns; i++)
        assert_done(buf_printf(&b, &e, "%sc%zu", i ? ", " : "(", i), &e);
    assert_done(buf_printf(&b, &e, ") FROM stdin;"), &e);
    return b;
}

static void there_are_at_most_1664_columns(void **state)
{
    (void)state;
    struct error e = {0};
    struct projection_shape s = {0};
    struct buf small = statement_of(1663);
    struct buf full = statement_of(1664);
    struct buf large = statement_of(1665);
    assert_done(projection_match(buf_view(&small), buf_view(&full), &s, &e), &e);
    assert_int_equal(s.new_count, 1664);
    struct buf row = {0};
    struct buf old = {0};
    struct buf added = {0};
    struct buf joined = {0};
    for (size_t i = 0; i < 1664; i++)
        assert_done(buf_printf(&row, &e, "%zu%c", i, i < 1663 ? '\t' : '\n'), &e);
    s.is_appended = false; /* the other way must do as well */
    assert_done(projection_split(&s, buf_view(&row), &old, &added, &e), &e);
    const struct bytes rows[] = {buf_view(&old), buf_view(&added)};
    assert_true(bytes_equal(rows[1], text("1663\n")));
    assert_done(projection_join(s.columns, 1664, rows, 2, &joined, &e), &e);
    assert_true(bytes_equal(buf_view(&joined), buf_view(&row)));
    projection_shape_done(&s);
    assert_int_equal(projection_match(buf_view(&full), buf_view(&large), &s, &e),
                     PROJECTION_LOST);
    buf_done(&small);
    buf_done(&full);
    buf_done(&large);
    buf_done(&row);
    buf_done(&old);
    buf_done(&added);
    buf_done(&joined);
}

/* What is split off a new row is an old row without the dropped columns, and the new row
 * is made of the whole old row and the added one. */
static void columns_may_be_dropped(void **state)
{
    static const struct {
        const char *old_columns, *new_columns, *old_row, *new_row, *common, *added;
    } cases[] = {
        {"(a, b, c)", "(a, c)", "1\t2\t3\n", "1\t3\n", "1\t3\n", ""},
        {"(a, b, c)", "(b, c)", "1\t2\t3\n", "2\t3\n", "2\t3\n", ""},
        {"(a, b, c)", "(a)", "1\t2\t3\n", "1\n", "1\n", ""},
        {"(a, b, c)", "(c, a)", "1\t2\t3\n", "3\t1\n", "1\t3\n", ""},
        {"(a, b, c)", "(a, c, x)", "1\t2\t3\n", "1\t3\t9\n", "1\t3\n", "9\n"},
        {"(a, b, c)", "(x, c, y)", "1\t2\t\n", "8\t\t9\n", "\n", "8\t9\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error e = {0};
        struct projection_shape s;
        struct buf narrow = {0};
        struct buf old = {0};
        struct buf added = {0};
        struct buf joined = {0};
        char old_copy[100];
        char new_copy[100];
        (void)snprintf(old_copy, sizeof old_copy, "COPY t %s FROM stdin;\n",
                       cases[i].old_columns);
        (void)snprintf(new_copy, sizeof new_copy, "COPY t %s FROM stdin;\n",
                       cases[i].new_columns);
        assert_int_equal(match(old_copy, new_copy, &s), 0);
        assert_int_equal(s.old_count + s.lost_count, 3);
        assert_done(projection_narrow(&s, text(cases[i].old_row), &narrow, &e), &e);
        assert_true(bytes_equal(buf_view(&narrow), text(cases[i].common)));
        assert_int_equal(projection_narrow(&s, text("1\t2\n"), &narrow, &e), PROJECTION_LOST);
        assert_int_equal(projection_narrow(&s, text("1\t2\t3\t4\n"), &narrow, &e),
                         PROJECTION_LOST);
        assert_int_equal(projection_narrow(&s, text("1\t2\t3"), &narrow, &e), PROJECTION_LOST);
        assert_done(projection_split(&s, text(cases[i].new_row), &old, &added, &e), &e);
        assert_true(bytes_equal(buf_view(&old), text(cases[i].common)));
        assert_true(bytes_equal(buf_view(&added), text(cases[i].added)));
        const struct bytes rows[] = {text(cases[i].old_row), buf_view(&added)};
        assert_done(projection_join(s.columns, s.new_count, rows, s.added_count > 0 ? 2 : 1,
                                    &joined, &e),
                    &e);
        assert_true(bytes_equal(buf_view(&joined), text(cases[i].new_row)));
        projection_shape_done(&s);
        buf_done(&narrow);
        buf_done(&old);
        buf_done(&added);
        buf_done(&joined);
    }
}

static void a_row_of_another_width_is_lost(void **state)
{
    static const char *const statements[][2] = {
        {"COPY t (a, b) FROM stdin;", "COPY t (a, b, c) FROM stdin;"},
        {"COPY t (a, b) FROM stdin;", "COPY t (b, a, c) FROM stdin;"},
    };
    static const char *const rows[] = {"1\t2\n", "1\t2\t3\t4\n", "1\t2\t3", "\n", "", "1\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
        struct error e = {0};
        struct projection_shape s;
        struct buf old = {0};
        struct buf added = {0};
        assert_int_equal(match(statements[i][0], statements[i][1], &s), 0);
        assert_done(projection_split(&s, text("1\t2\t3\n"), &old, &added, &e), &e);
        for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
            assert_int_equal(projection_split(&s, text(rows[k]), &old, &added, &e),
                             PROJECTION_LOST);
        assert_true(bytes_equal(buf_view(&old), text(i == 0 ? "1\t2\n" : "2\t1\n")));
        assert_true(bytes_equal(buf_view(&added), text("3\n")));
        projection_shape_done(&s);
        buf_done(&old);
        buf_done(&added);
    }
}

static void without_added_columns_there_is_no_added_row(void **state)
{
    (void)state;
    struct error e = {0};
    struct projection_shape s;
    struct buf old = {0};
    struct buf added = {0};
    assert_int_equal(match("COPY t (a, b) FROM stdin;", "COPY t (b, a) FROM stdin;", &s), 0);
    assert_done(buf_append(&added, "as it was", 9, &e), &e);
    assert_done(projection_split(&s, text("1\t2\n"), &old, &added, &e), &e);
    assert_true(bytes_equal(buf_view(&old), text("2\t1\n")));
    assert_true(bytes_equal(buf_view(&added), text("as it was")));
    projection_shape_done(&s);
    buf_done(&old);
    buf_done(&added);
}

static uint32_t random_below(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

/* A statement of columns of these names. */
static struct buf statement_of_names(const uint32_t *names, size_t count)
{
    struct error e = {0};
    struct buf b = {0};
    assert_done(buf_printf(&b, &e, "COPY t "), &e);
    for (size_t i = 0; i < count; i++)
        assert_done(buf_printf(&b, &e, "%s\"c\"\"%u\"", i ? ", " : "(", names[i]), &e);
    assert_done(buf_printf(&b, &e, "%s FROM stdin;", count > 0 ? ")" : ""), &e);
    return b;
}

static struct buf random_row(uint64_t *seed, size_t fields)
{
    struct error e = {0};
    struct buf b = {0};
    for (size_t i = 0; i < fields; i++) {
        for (uint32_t n = random_below(seed, 4); n > 0; n--)
            assert_done(buf_byte(&b, (uint8_t)('a' + random_below(seed, 26)), &e), &e);
        assert_done(buf_byte(&b, i + 1 < fields ? '\t' : '\n', &e), &e);
    }
    return b;
}

static void shuffle(uint32_t *names, size_t count, uint64_t *seed)
{
    for (size_t i = count; i > 1; i--) {
        uint32_t k = random_below(seed, (uint32_t)i);
        uint32_t name = names[i - 1];
        names[i - 1] = names[k];
        names[k] = name;
    }
}

/* The old row has the field of every old column, found by its name. */
static void check_old_row(const uint32_t *names, const struct projection_shape *s,
                          struct bytes row, struct bytes old)
{
    struct error e = {0};
    struct buf wanted = {0};
    for (size_t i = 0; i < s->old_count; i++) {
        size_t place = 0;
        while (names[place] != i)
            place++;
        struct bytes rest = row;
        for (size_t k = 0; k < place; k++)
            (void)bytes_take(
                &rest,
                (size_t)((const uint8_t *)memchr(rest.data, '\t', rest.len) - rest.data) + 1);
        size_t len = 0;
        while (rest.data[len] != '\t' && rest.data[len] != '\n')
            len++;
        assert_done(buf_append(&wanted, rest.data, len, &e), &e);
        assert_done(buf_byte(&wanted, i + 1 < s->old_count ? '\t' : '\n', &e), &e);
    }
    if (s->old_count == 0)
        assert_done(buf_byte(&wanted, '\n', &e), &e);
    assert_true(bytes_equal(buf_view(&wanted), old));
    buf_done(&wanted);
}

static void what_is_split_is_joined(void **state)
{
    (void)state;
    uint64_t seed = 1;
    size_t shapes = 0;
    struct buf old = {0};
    struct buf added = {0};
    struct buf joined = {0};
    for (int round = 0; round < 3000; round++) {
        struct error e = {0};
        struct projection_shape s = {0};
        uint32_t names[24];
        uint32_t old_count = random_below(&seed, 12);
        uint32_t new_count = old_count + random_below(&seed, 12);
        for (uint32_t i = 0; i < new_count; i++)
            names[i] = i;
        struct buf before = statement_of_names(names, old_count);
        if (round % 3 > 0)
            shuffle(names, new_count, &seed);
        struct buf after = statement_of_names(names, new_count);
        int rc = projection_match(buf_view(&before), buf_view(&after), &s, &e);
        shapes += rc == 0;
        for (int i = 0; i < 10 && rc == 0; i++) {
            struct buf row = random_row(&seed, new_count);
            assert_done(projection_split(&s, buf_view(&row), &old, &added, &e), &e);
            check_old_row(names, &s, buf_view(&row), buf_view(&old));
            const struct bytes rows[] = {buf_view(&old), buf_view(&added)};
            joined.len = 0;
            assert_done(projection_join(s.columns, new_count, rows, s.added_count > 0 ? 2 : 1,
                                        &joined, &e),
                        &e);
            assert_true(bytes_equal(buf_view(&joined), buf_view(&row)));
            buf_done(&row);
        }
        if (rc != 0)
            assert_int_equal(rc, PROJECTION_SAME);
        projection_shape_done(&s);
        buf_done(&before);
        buf_done(&after);
    }
    assert_true(shapes > 2000);
    buf_done(&old);
    buf_done(&added);
    buf_done(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_made_of_fields),
        cmocka_unit_test(a_row_with_too_few_fields_is_refused),
        cmocka_unit_test(columns_that_are_appended_make_a_shape),
        cmocka_unit_test(columns_may_be_added_and_reordered_at_once),
        cmocka_unit_test(every_other_change_has_its_answer),
        cmocka_unit_test(a_statement_that_is_none_is_not_understood),
        cmocka_unit_test(there_are_at_most_1664_columns),
        cmocka_unit_test(columns_may_be_dropped),
        cmocka_unit_test(a_row_of_another_width_is_lost),
        cmocka_unit_test(without_added_columns_there_is_no_added_row),
        cmocka_unit_test(what_is_split_is_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
