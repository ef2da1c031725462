/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/secret.h"
#include "core/base/secret_find.h"
#include "tests/support/scratch.h"

#define NAME "PGKEEP_PASSPHRASE"

static struct error e;

static int none(void **state)
{
    (void)state;
    (void)unsetenv(NAME);
    (void)unsetenv(NAME "_FILE");
    (void)unsetenv(NAME "_COMMAND");
    return 0;
}

static void assert_found(const char *expected)
{
    char *text = NULL;
    assert_done(secret_find(NAME, NULL, &text, &e), &e);
    assert_string_equal(text, expected);
    secret_free_text(text);
}

static void assert_not_found(enum error_kind kind)
{
    char *text = NULL;
    assert_refused(secret_find(NAME, NULL, &text, &e), &e, kind);
    assert_null(text);
    assert_null(strstr(e.text, "canary"));
}

static void the_variable_comes_before_the_file_before_the_command(void **state)
{
    char dir[SCRATCH_PATH], path[SCRATCH_PATH];
    char *text = NULL;
    (void)state;
    assert_int_equal(secret_find(NAME, NULL, &text, &e), SECRET_NONE);
    scratch_make(dir);
    scratch_path(path, dir, "secret");
    assert_done(file_replace(path, bytes_text("of the file\r\n"), 0600, &e), &e);
    (void)setenv(NAME "_COMMAND", "printf 'of  the %s\\n' \"com\"mand", 1);
    assert_found("of  the command");
    (void)setenv(NAME "_FILE", path, 1);
    assert_found("of the file");
    (void)setenv(NAME, "of the variable\n", 1);
    assert_found("of the variable\n");
    (void)setenv(NAME, "", 1); /* as if it were not there */
    assert_found("of the file");
    scratch_remove(dir);
}

static void one_line_end_is_taken_off(void **state)
{
    (void)state;
    (void)setenv(NAME "_COMMAND", "printf 'a\\n\\n'", 1);
    assert_found("a\n");
    (void)setenv(NAME "_COMMAND", "true", 1);
    assert_found("");
}

static void what_is_no_secret_is_refused_without_showing_it(void **state)
{
    (void)state;
    (void)setenv(NAME "_COMMAND", "sh -c 'echo canary; echo canary >&2; exit 4' canary", 1);
    assert_not_found(ERROR_CHILD);
    assert_non_null(strstr(e.text, NAME "_COMMAND: sh: exit status 4"));
    (void)setenv(NAME "_COMMAND", "printf 'canary\\0x'", 1);
    assert_not_found(ERROR_KEY);
    (void)setenv(NAME "_COMMAND", "head -c 5000 /dev/zero", 1);
    assert_not_found(ERROR_KEY);
    (void)setenv(NAME "_COMMAND", "printf 'canary", 1);
    assert_not_found(ERROR_USAGE);
    (void)setenv(NAME "_FILE", "/nowhere/secret", 1);
    assert_not_found(ERROR_KEY);
    assert_non_null(strstr(e.text, "/nowhere/secret"));
}

static void the_command_sees_no_secret_of_ours(void **state)
{
    (void)state;
    (void)setenv("PGKEEP_RECOVERY_KEY", "canary", 1);
    (void)setenv("PGKEEP_SSH_KEY_PASSPHRASE_FILE", "canary", 1);
    (void)setenv("OTHER", "seen", 1);
    (void)setenv(NAME "_COMMAND", "sh -c 'printf %s \"$(env | grep -c canary)$OTHER\"'", 1);
    assert_found("0seen");
    (void)unsetenv("PGKEEP_RECOVERY_KEY");
    (void)unsetenv("PGKEEP_SSH_KEY_PASSPHRASE_FILE");
    (void)unsetenv("OTHER");
}

#define TEST(name) cmocka_unit_test_setup(name, none)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_variable_comes_before_the_file_before_the_command),
        TEST(one_line_end_is_taken_off),
        TEST(what_is_no_secret_is_refused_without_showing_it),
        TEST(the_command_sees_no_secret_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
