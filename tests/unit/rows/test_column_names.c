/* SPDX-License-Identifier: Apache-2.0 */
/* Names of columns out of COPY and out of primary keys. */
#include "tests/support/check.h"

#include "core/rows/column_names.h"

/* The names joined by "|". */
static void expect(const struct column_names *n, const char *wanted)
{
    struct error e = {0};
    struct buf found = {0};
    for (size_t i = 0; i < n->count; i++) {
        struct bytes name = column_names_at(n, i);
        assert_done(i > 0 ? buf_byte(&found, '|', &e) : 0, &e);
        assert_done(buf_append(&found, name.data, name.len, &e), &e);
    }
    assert_done(buf_byte(&found, 0, &e), &e);
    assert_string_equal((const char *)found.data, wanted);
    buf_done(&found);
}

static void of_copy(const char *statement, const char *wanted)
{
    struct error e = {0};
    struct column_names n = {0};
    int rc = column_names_of_copy(bytes_text(statement), &n, &e);
    assert_int_equal(rc, wanted ? 0 : COLUMN_NAMES_NONE);
    if (wanted)
        expect(&n, wanted);
    column_names_done(&n);
}

static void columns_of_copy_are_read_with_their_quotes(void **state)
{
    (void)state;
    of_copy("COPY app.t (id, v) FROM stdin;\n", "id|v");
    of_copy("COPY app.\"odd (name\" (id, \"a, b\", \"say \"\"hi\"\"\") FROM stdin;\n",
            "id|a, b|say \"hi\"");
    of_copy("COPY app.t FROM stdin;\n", "");
    of_copy("COPY app.t (id, FROM stdin;\n", NULL);
    of_copy("COPY app.t (id, \"v) FROM stdin;\n", NULL);
    of_copy("INSERT INTO t (a)", NULL);
    of_copy("", NULL);
}

static void of_key(const char *statement, const char *tag, const char *table,
                   const char *wanted)
{
    struct error e = {0};
    struct column_names n = {0};
    int rc =
        column_names_of_key(bytes_text(statement), bytes_text(tag), bytes_text(table), &n, &e);
    assert_int_equal(rc, wanted ? 0 : COLUMN_NAMES_NONE);
    if (wanted)
        expect(&n, wanted);
    column_names_done(&n);
}

static void a_primary_key_is_that_of_its_table(void **state)
{
    (void)state;
    of_key("ALTER TABLE ONLY app.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id, \"B\");\n",
           "t t_pkey", "t", "id|B");
    of_key("ALTER TABLE ONLY app.t\n    ADD CONSTRAINT \"odd key\" PRIMARY KEY (id) "
           "INCLUDE (v);\n",
           "t odd key", "t", "id");
    of_key("ALTER TABLE ONLY \"a ADD CONSTRAINT x\"\n    ADD CONSTRAINT k PRIMARY KEY (id);\n",
           "a ADD CONSTRAINT x k", "a ADD CONSTRAINT x", "id");
    of_key("ALTER TABLE ONLY app.t\n    ADD CONSTRAINT t_v_key UNIQUE (v);\n", "t t_v_key", "t",
           NULL);
    /* Tables "t" and "t a" with constraints "a k" and "k" have the same tag. */
    of_key("ALTER TABLE ONLY app.\"t a\"\n    ADD CONSTRAINT k PRIMARY KEY (id);\n", "t a k",
           "t", NULL);
    of_key("ALTER TABLE ONLY app.\"t a\"\n    ADD CONSTRAINT k PRIMARY KEY (id);\n", "t a k",
           "t a", "id");
    of_key("ALTER TABLE ONLY app.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id", "t t_pkey", "t",
           NULL);
    of_key("", "t k", "t", NULL);
    of_key("ALTER TABLE ONLY app.t ADD CONSTRAINT", "t", "t", NULL);
}

static void names_are_found_and_compared(void **state)
{
    struct error e = {0};
    struct column_names a = {0};
    struct column_names b = {0};
    (void)state;
    assert_done(column_names_add(&a, bytes_text("ab"), &e), &e);
    assert_done(column_names_add(&a, bytes_text("c"), &e), &e);
    assert_done(column_names_add(&b, bytes_text("a"), &e), &e);
    assert_done(column_names_add(&b, bytes_text("bc"), &e), &e);
    assert_false(column_names_equal(&a, &b));
    assert_true(column_names_equal(&a, &a));
    assert_int_equal(column_names_place(&a, bytes_text("c"), 0), 1);
    assert_int_equal(column_names_place(&a, bytes_text("bc"), 1), COLUMN_NAMES_NOWHERE);
    column_names_done(&a);
    column_names_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_of_copy_are_read_with_their_quotes),
        cmocka_unit_test(a_primary_key_is_that_of_its_table),
        cmocka_unit_test(names_are_found_and_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
