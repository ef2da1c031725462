/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <string.h>

#include "core/base/secret.h"
#include "tools/env_file.h"

static struct error e;

static void assert_name(const char *name, const char *text, const char *want)
{
    char *value = NULL;
    int answer = env_file_get(bytes_text(text), name, &value, &e);
    if (!want) {
        assert_int_equal(answer, ENV_FILE_ABSENT);
        assert_null(value);
        return;
    }
    if (answer != 0 || strcmp(value, want) != 0)
        fail_msg("\"%s\": %d, \"%s\", not \"%s\"", text, answer, value ? value : "", want);
    secret_free_text(value);
}

static void assert_a(const char *text, const char *want)
{
    assert_name("A", text, want);
}

static void lines_give_names_and_values(void **state)
{
    (void)state;
    assert_a("A=1", "1");
    assert_a("B=2\nA=1\nC=3\n", "1");
    assert_a("  A =  1 2  \n", "1 2");
    assert_a("A=a=b\n", "a=b");
    assert_a("A=\nB=1\n", "");
    assert_a("A=", "");
    assert_a("A=1\r\nB=2\r\n", "1");
    assert_a("\xef\xbb\xbf"
             "A=1\n",
             "1");
    assert_a("A=1\nA=2\n", "2");
}

static void other_lines_do_not(void **state)
{
    (void)state;
    assert_a("", NULL);
    assert_a("\n\n", NULL);
    assert_a("A\nB=1", NULL);
    assert_a("AA=1\nXA=2\n", NULL);
    assert_a("#A=1\n # A=2\n", NULL);
    assert_a("=1\n", NULL);
    assert_a("B=\"x\nA=1\ny\"\n", NULL);
}

static void export_stands_in_front_or_is_a_name(void **state)
{
    (void)state;
    assert_a("export A=1\n", "1");
    assert_a("export\tA = 1\n", "1");
    assert_a("exportA=1\n", NULL);
    assert_name("export", "export=1\n", "1");
}

static void one_pair_of_quotes_is_taken_off(void **state)
{
    (void)state;
    assert_a("A=\"1 # 2\"\n", "1 # 2");
    assert_a("A='1'", "1");
    assert_a("A=`1`\n", "1");
    assert_a("A = \" 1 \" # why\n", " 1 ");
    assert_a("A=\"'1'\"\n", "'1'");
    assert_a("A=\"\"\n", "");
    assert_a("A=\"x\ny\"\nB=1\n", "x\ny");
    assert_name("B", "A=\"x\ny\"\nB=1\n", "1");
}

static void quotes_without_a_partner_are_part_of_the_value(void **state)
{
    (void)state;
    assert_a("A=\"1\nB=2\n", "\"1");
    assert_a("A=\"1\nB=\"2\"\n", "\"1");
    assert_name("B", "A=\"1\nB=\"2\"\n", "2");
    assert_a("A=\"p\"w\"\n", "\"p\"w\"");
    assert_a("A=it's\n", "it's");
    assert_a("A=\"", "\"");
}

static void comments_begin_behind_a_blank(void **state)
{
    (void)state;
    assert_a("A=1 # why\n", "1");
    assert_a("A=1#2\n", "1#2");
    assert_a("A=#why\n", "");
    assert_a("# it's = \"fine\nA=1\n", "1");
}

static void zero_bytes_are_refused(void **state)
{
    (void)state;
    char *value = NULL;
    assert_refused(env_file_get(bytes_of("A=1\0002", 5), "A", &value, &e), &e, ERROR_USAGE);
    assert_null(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_give_names_and_values),
        cmocka_unit_test(other_lines_do_not),
        cmocka_unit_test(export_stands_in_front_or_is_a_name),
        cmocka_unit_test(one_pair_of_quotes_is_taken_off),
        cmocka_unit_test(quotes_without_a_partner_are_part_of_the_value),
        cmocka_unit_test(comments_begin_behind_a_blank),
        cmocka_unit_test(zero_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
