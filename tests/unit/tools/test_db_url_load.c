/* SPDX-License-Identifier: Apache-2.0 */
/* Where the URL is looked for. */
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "tests/support/scratch.h"
#include "tools/db_url.h"

static struct error e;
static char folder[SCRATCH_PATH];
static const struct db_url_options plain;

static void write_file(char path[SCRATCH_PATH], const char *name, const char *text, mode_t mode)
{
    scratch_path(path, folder, name);
    assert_done(file_replace(path, bytes_text(text), mode, &e), &e);
}

static void assert_loads(const struct db_url_options *o, const char *dbname)
{
    struct db_url u = {0};
    assert_done(db_url_load(&u, o, &e), &e);
    assert_non_null(db_url_get(&u, "dbname"));
    assert_string_equal(db_url_get(&u, "dbname"), dbname);
    db_url_done(&u);
}

static void assert_load_answers(const struct db_url_options *o, int answer)
{
    struct db_url u = {0};
    error_clear(&e);
    assert_int_equal(db_url_load(&u, o, &e), answer);
    assert_int_equal(e.kind, answer < 0 ? ERROR_USAGE : ERROR_NONE);
    assert_int_equal(u.count, 0);
    assert_null(strstr(e.text, "canary"));
}

static void clear_environment(void)
{
    (void)unsetenv("DIRECT_URL");
    (void)unsetenv("DATABASE_URL");
    (void)unsetenv("TEST_URL");
}

static void direct_url_comes_before_database_url(void **state)
{
    (void)state;
    clear_environment();
    const struct db_url_options given = {.given = true};
    const struct db_url_options named = {.url_env = "TEST_URL"};
    const struct db_url_options both = {.url_env = "TEST_URL", .given = true};
    assert_load_answers(&plain, DB_URL_NONE);
    (void)setenv("DATABASE_URL", "postgresql://h/database", 1);
    assert_loads(&plain, "database");
    (void)setenv("DIRECT_URL", "", 1);
    assert_loads(&plain, "database");
    (void)setenv("DIRECT_URL", "postgresql://h/direct", 1);
    assert_loads(&plain, "direct");
    assert_load_answers(&given, DB_URL_NONE);
    assert_load_answers(&named, -1);
    assert_non_null(strstr(e.text, "TEST_URL: not set"));
    (void)setenv("TEST_URL", "postgresql://h/test", 1);
    assert_loads(&named, "test");
    assert_loads(&both, "test");
    (void)setenv("TEST_URL", "postgresql://u:canary@h:cage/test", 1);
    assert_load_answers(&named, -1);
    assert_non_null(strstr(e.text, "TEST_URL: port"));
    clear_environment();
}

static void env_files_come_before_the_environment(void **state)
{
    (void)state;
    char path[SCRATCH_PATH];
    clear_environment();
    write_file(path, ".env", "A=1\nDATABASE_URL=\"postgresql://h/file\"\n", 0644);
    const struct db_url_options o = {.env_file = path};
    const struct db_url_options named = {.env_file = path, .url_env = "TEST_URL"};
    const struct db_url_options given = {.env_file = path, .given = true};
    (void)setenv("DIRECT_URL", "postgresql://h/environment", 1);
    assert_loads(&o, "file");
    assert_loads(&given, "file");
    assert_load_answers(&named, -1);
    (void)setenv("TEST_URL", "postgresql://h/test", 1);
    assert_loads(&named, "test");
    write_file(path, ".env", "A=1\n", 0600);
    assert_loads(&o, "environment");
    assert_load_answers(&given, DB_URL_NONE);
    clear_environment();
    assert_load_answers(&o, -1);
    assert_non_null(strstr(e.text, "no DATABASE_URL"));
    (void)unlink(path);
    assert_load_answers(&o, -1);
    assert_non_null(strstr(e.text, "no such file"));
}

static void references_in_env_files_are_not_taken_as_they_stand(void **state)
{
    (void)state;
    char path[SCRATCH_PATH];
    clear_environment();
    write_file(path, ".env", "DATABASE_URL=postgresql://u:${canary}@h/d\n", 0600);
    const struct db_url_options o = {.env_file = path};
    assert_load_answers(&o, -1);
    assert_non_null(strstr(e.text, "DATABASE_URL in "));
    assert_non_null(strstr(e.text, "is not replaced"));
}

static void url_files_must_be_private(void **state)
{
    (void)state;
    char path[SCRATCH_PATH];
    write_file(path, "url", "postgresql://u:canary@h/file\n", 0600);
    const struct db_url_options o = {.url_file = path, .url_env = "TEST_URL", .given = true};
    assert_loads(&o, "file");
    (void)chmod(path, 0644);
    assert_load_answers(&o, -1);
    assert_non_null(strstr(e.text, "chmod 600"));
    (void)unlink(path);
    assert_load_answers(&o, -1);
    write_file(path, "url", "postgresql://u:can@ary@h/file\n", 0600);
    assert_load_answers(&o, -1);
    assert_non_null(strstr(e.text, path));
}

static void urls_come_through_descriptors(void **state)
{
    (void)state;
    char name[32];
    int ends[2];
    const struct db_url_options from_stdin = {.url_file = "-"};
    const struct db_url_options by_number = {.url_file = name};
    int fd = file_memfd("url", bytes_text("postgresql://u:p@h/numbered\n"), &e);
    assert_true(fd >= 0);
    (void)snprintf(name, sizeof name, "fd:%d", fd);
    assert_loads(&by_number, "numbered");
    (void)close(fd);
    struct db_url u = {0};
    assert_refused(db_url_load(&u, &by_number, &e), &e, ERROR_IO);
    (void)snprintf(name, sizeof name, "fd:x");
    assert_load_answers(&by_number, -1);

    int saved = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_done(file_write_full(ends[1], bytes_text("postgresql://h/piped\n"), &e), &e);
    (void)close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    assert_loads(&from_stdin, "piped");
    (void)dup2(saved, STDIN_FILENO);
    (void)close(saved);
    (void)close(ends[0]);
}

static void what_is_too_long_or_holds_zeros_is_refused(void **state)
{
    (void)state;
    char name[32];
    static uint8_t big[65 * 1024];
    const struct db_url_options o = {.url_file = name};
    memset(big, 'x', sizeof big);
    int fd = file_memfd("url", bytes_of(big, sizeof big), &e);
    (void)snprintf(name, sizeof name, "fd:%d", fd);
    assert_load_answers(&o, -1);
    assert_non_null(strstr(e.text, "more than 65536 bytes"));
    (void)close(fd);
    fd = file_memfd("url", bytes_of("postgresql://h/d\0canary", 23), &e);
    (void)snprintf(name, sizeof name, "fd:%d", fd);
    assert_load_answers(&o, -1);
    assert_non_null(strstr(e.text, "zero byte"));
    (void)close(fd);
}

static int make_folder(void **state)
{
    (void)state;
    scratch_make(folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(direct_url_comes_before_database_url),
        cmocka_unit_test(env_files_come_before_the_environment),
        cmocka_unit_test(references_in_env_files_are_not_taken_as_they_stand),
        cmocka_unit_test(url_files_must_be_private),
        cmocka_unit_test(urls_come_through_descriptors),
        cmocka_unit_test(what_is_too_long_or_holds_zeros_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
