/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "tools/database_sql.h"

/* The only statement that comes of sql; "" when it is left out. */
static void gives(const char *sql, const char *expected)
{
    struct member_texts out = {0};
    struct error e = {0};
    size_t left_out = 0;
    assert_done(database_sql_rewrite(bytes_text(sql), "\"new\"", &out, &left_out, &e), &e);
    if (*expected) {
        assert_int_equal(out.count, 1);
        assert_int_equal(left_out, 0);
        assert_string_equal(out.items[0], expected);
    } else {
        assert_int_equal(out.count, 0);
        assert_int_equal(left_out, 1);
    }
    for (size_t i = 0; i < out.count; i++)
        free(out.items[i]);
    free(out.items);
}

static void settings_go_to_the_new_name(void **state)
{
    (void)state;
    gives("ALTER DATABASE shop SET \"TimeZone\" TO 'Asia/Tokyo';\n",
          "ALTER DATABASE \"new\" SET \"TimeZone\" TO 'Asia/Tokyo'");
    gives("ALTER DATABASE \"odd \"\" name\" SET search_path TO 'app', 'public';",
          "ALTER DATABASE \"new\" SET search_path TO 'app', 'public'");
    gives("ALTER DATABASE shop CONNECTION LIMIT = 5;",
          "ALTER DATABASE \"new\" CONNECTION LIMIT = 5");
    gives("ALTER ROLE joe IN DATABASE shop SET work_mem TO '1MB';",
          "ALTER ROLE joe IN DATABASE \"new\" SET work_mem TO '1MB'");
}

static void comments_and_grants_go_there_too(void **state)
{
    (void)state;
    gives("COMMENT ON DATABASE shop IS 'it''s ; a DATABASE shop';",
          "COMMENT ON DATABASE \"new\" IS 'it''s ; a DATABASE shop'");
    gives("COMMENT ON DATABASE shop IS E'back\\\\slash \\' ; quote';",
          "COMMENT ON DATABASE \"new\" IS E'back\\\\slash \\' ; quote'");
    gives("GRANT TEMPORARY ON DATABASE shop TO reader;",
          "GRANT TEMPORARY ON DATABASE \"new\" TO reader");
    gives("REVOKE CONNECT,TEMPORARY ON DATABASE shop FROM PUBLIC;",
          "REVOKE CONNECT,TEMPORARY ON DATABASE \"new\" FROM PUBLIC");
}

static void anything_else_is_left_out(void **state)
{
    (void)state;
    gives("DROP DATABASE shop;", "");
    gives("ALTER DATABASE shop OWNER TO joe;", "");
    gives("ALTER DATABASE shop IS_TEMPLATE = true;", "");
    gives("UPDATE pg_catalog.pg_database SET datistemplate = true;", "");
    gives("GRANT joe TO jim;", "");
    gives("COMMENT ON TABLE t IS ' DATABASE shop';", "");
    gives("GRANT", "");
    gives("ALTER DATABASE ", "");
    gives("ALTER DATABASE \"open", "");
}

static void several_statements_are_told_apart(void **state)
{
    struct member_texts out = {0};
    struct error e = {0};
    size_t left_out = 0;
    (void)state;
    assert_done(database_sql_rewrite(bytes_text("ALTER DATABASE s SET a TO 'x;\ny';\n"
                                                "ALTER DATABASE s SET b TO 'z';\n\n"
                                                "DROP DATABASE s;\n"),
                                     "n", &out, &left_out, &e),
                &e);
    assert_int_equal(out.count, 2);
    assert_int_equal(left_out, 1);
    assert_string_equal(out.items[0], "ALTER DATABASE n SET a TO 'x;\ny'");
    assert_string_equal(out.items[1], "ALTER DATABASE n SET b TO 'z'");
    for (size_t i = 0; i < out.count; i++)
        free(out.items[i]);
    free(out.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_go_to_the_new_name),
        cmocka_unit_test(comments_and_grants_go_there_too),
        cmocka_unit_test(anything_else_is_left_out),
        cmocka_unit_test(several_statements_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
