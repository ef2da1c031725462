/* SPDX-License-Identifier: Apache-2.0 */
/* Roles in statements as pg_dump writes them. */
#include "tests/support/check.h"

#include <string.h>

#include "tools/toc_roles.h"

/* What an entry names, joined with "|". */
static void names(const char *desc, const char *defn, const char *expected)
{
    struct error e = {0};
    struct member_texts roles = {0};
    struct buf text = {0};
    const struct dump_entry entry = {.desc = bytes_text(desc), .defn = bytes_text(defn)};
    assert_done(toc_roles_read(&entry, &roles, &e), &e);
    for (size_t i = 0; i < roles.count; i++)
        assert_done(buf_printf(&text, &e, i ? "|%s" : "%s", roles.items[i]), &e);
    assert_done(buf_byte(&text, 0, &e), &e);
    assert_string_equal((const char *)text.data, expected);
    buf_done(&text);
    member_texts_done(&roles);
}

static void grants_name_who_gets_and_who_loses(void **state)
{
    (void)state;
    names("ACL", "GRANT SELECT ON TABLE app.users TO fx_reader;\n", "fx_reader");
    names("ACL",
          "REVOKE ALL ON TABLE app.t FROM own;\nGRANT SELECT,INSERT ON TABLE app.t TO joe WITH "
          "GRANT OPTION;\nGRANT SELECT(id),UPDATE(note) ON TABLE app.t TO ann;\n",
          "own|joe|ann");
    names("ACL",
          "SET SESSION AUTHORIZATION boss;\nGRANT USAGE ON SCHEMA s TO joe;\n"
          "RESET SESSION AUTHORIZATION;\n",
          "boss|joe");
}

static void each_is_named_once(void **state)
{
    (void)state;
    names("ACL", "GRANT SELECT ON TABLE a TO joe;\nREVOKE INSERT ON TABLE a FROM joe;\n",
          "joe");
}

static void names_may_be_quoted(void **state)
{
    (void)state;
    names("ACL", "GRANT ALL ON TABLE a TO \"odd, \"\"name\"\" TO x\";\n", "odd, \"name\" TO x");
    names("ACL", "GRANT ALL ON TABLE \"a TO b\" TO \"C\";\n", "C");
    names("ACL", "GRANT ALL ON TABLE \"a\"\" TO b\" TO \"C d\";\n", "C d");
    names("ACL", "GRANT ALL ON TABLE a TO \"PUBLIC\";\n", "PUBLIC");
    names("ACL", "GRANT ALL ON TABLE a TO \"new\nline\";\n", "new\nline");
    names("POLICY", "CREATE POLICY p ON s.t TO \"a, b\", c, \"D\" USING (true);\n", "a, b|c|D");
}

static void public_is_no_role(void **state)
{
    (void)state;
    names("ACL", "REVOKE ALL ON SCHEMA public FROM PUBLIC;\n", "");
    names("ACL", "GRANT ALL ON SCHEMA public TO PUBLIC;\nGRANT ALL ON SCHEMA public TO joe;\n",
          "joe");
    names("DEFAULT ACL",
          "ALTER DEFAULT PRIVILEGES FOR ROLE own REVOKE ALL ON FUNCTIONS FROM PUBLIC;\n",
          "own");
    /* Of the view that pg_dump reads it from it has the name in small letters. */
    names("USER MAPPING", "CREATE USER MAPPING FOR public SERVER far;\n", "");
}

static void default_grants_name_whose_they_are(void **state)
{
    (void)state;
    names("DEFAULT ACL",
          "ALTER DEFAULT PRIVILEGES FOR ROLE own IN SCHEMA app GRANT SELECT ON TABLES  TO "
          "fx_reader;\n",
          "own|fx_reader");
    names("DEFAULT ACL",
          "ALTER DEFAULT PRIVILEGES FOR ROLE \"O w\" REVOKE ALL ON TYPES  FROM \"O w\";\n",
          "O w");
}

static void of_a_policy_the_expression_is_not_read(void **state)
{
    (void)state;
    names("POLICY", "CREATE POLICY p ON s.t USING ((a = ' TO evil'::text));\n", "");
    names("POLICY",
          "CREATE POLICY p ON s.t AS RESTRICTIVE FOR SELECT TO joe USING ((a = b) AND (c = "
          "' TO evil (FROM)'::text));\n",
          "joe");
    names("POLICY",
          "CREATE POLICY p ON s.t FOR INSERT TO joe WITH CHECK ((\" TO evil\" IS NULL));\n",
          "joe");
    names("POLICY", "CREATE POLICY \"p TO evil\" ON s.\"t TO evil\" TO joe USING (true);\n",
          "joe");
    names("POLICY", "CREATE POLICY \"p (\" ON s.t TO joe USING (true);\n", "joe");
    names("POLICY", "CREATE POLICY p ON s.t TO joe USING ((a SIMILAR TO evil));\n", "joe");
}

static void of_a_user_mapping_the_options_are_not_read(void **state)
{
    (void)state;
    names("USER MAPPING",
          "CREATE USER MAPPING FOR joe SERVER far OPTIONS (\n    note 'USER MAPPING FOR "
          "evil'\n);\n",
          "joe");
    names("USER MAPPING", "CREATE USER MAPPING FOR \"J o\" SERVER \"f a r\";\n", "J o");
}

static void settings_of_a_role_in_a_database_name_it(void **state)
{
    (void)state;
    names("DATABASE PROPERTIES",
          "ALTER DATABASE shop SET search_path TO 'app';\n"
          "ALTER ROLE joe IN DATABASE shop SET work_mem TO '1MB';\n"
          "ALTER ROLE \"A b\" IN DATABASE shop SET \"x.y\" TO 'ALTER ROLE evil';\n",
          "joe|A b");
}

static void other_entries_name_nobody(void **state)
{
    (void)state;
    names("FUNCTION", "CREATE FUNCTION f() RETURNS int AS 'GRANT a TO b';\n", "");
    names("COMMENT", "COMMENT ON TABLE a IS 'GRANT x TO y';\n", "");
    names("ACL", "", "");
}

static void a_statement_that_is_cut_ends_the_reading(void **state)
{
    (void)state;
    names("ACL", "GRANT ALL ON TABLE a TO ", "");
    names("ACL", "GRANT ALL ON TABLE a TO \"", "");
    names("ACL", "GRANT ALL ON TABLE a TO joe", "joe");
    names("ACL", "GRANT ALL ON TABLE \"a TO joe", "");
    names("POLICY", "CREATE POLICY p ON t TO joe, ", "joe");
}

static void what_is_added_twice_is_there_once(void **state)
{
    struct error e = {0};
    struct member_texts roles = {0};
    (void)state;
    assert_done(toc_roles_add(&roles, bytes_text("joe"), &e), &e);
    assert_done(toc_roles_add(&roles, bytes_text("joe"), &e), &e);
    assert_done(toc_roles_add(&roles, bytes_text(""), &e), &e);
    assert_done(toc_roles_add(&roles, bytes_text("jo"), &e), &e);
    assert_int_equal(roles.count, 2);
    assert_string_equal(roles.items[1], "jo");
    member_texts_done(&roles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_name_who_gets_and_who_loses),
        cmocka_unit_test(each_is_named_once),
        cmocka_unit_test(names_may_be_quoted),
        cmocka_unit_test(public_is_no_role),
        cmocka_unit_test(default_grants_name_whose_they_are),
        cmocka_unit_test(of_a_policy_the_expression_is_not_read),
        cmocka_unit_test(of_a_user_mapping_the_options_are_not_read),
        cmocka_unit_test(settings_of_a_role_in_a_database_name_it),
        cmocka_unit_test(other_entries_name_nobody),
        cmocka_unit_test(a_statement_that_is_cut_ends_the_reading),
        cmocka_unit_test(what_is_added_twice_is_there_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
