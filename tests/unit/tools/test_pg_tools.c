/* SPDX-License-Identifier: Apache-2.0 */
/* With the PostgreSQL that is installed (15 or newer), and with folders of small scripts that
 * answer --version. */
#include "tests/support/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/file.h"
#include "core/base/str.h"
#include "tests/support/scratch.h"
#include "tools/pg_tools.h"

#define INSTALLED 15

static struct error e;
static char folder[SCRATCH_PATH];
static char *path_before;

/* folder/place/name prints what it is told, and is run by sh. */
static void script(const char *place, const char *name, const char *body)
{
    char file[SCRATCH_PATH];
    char inside[SCRATCH_PATH];
    scratch_path(file, folder, place);
    assert_done(file_make_dirs(file, 0755, &e), &e);
    scratch_path(inside, file, name);
    char *text = str_format(&e, "#!/bin/sh\n%s\n", body);
    assert_non_null(text);
    assert_done(file_replace(inside, bytes_text(text), 0755, &e), &e);
    free(text);
}

static void version_script(const char *place, const char *name, const char *line)
{
    char *body = str_format(&e, "[ \"$1\" = --version ] && echo '%s'", line);
    assert_non_null(body);
    script(place, name, body);
    free(body);
}

/* Only folder/place is looked in. */
static void only_in(const char *place)
{
    char file[SCRATCH_PATH];
    scratch_path(file, folder, place);
    (void)setenv("PGKEEP_PG_BIN", file, 1);
}

/* PATH is these places of folder, of which the second may be NULL. */
static void path_is(const char *first, const char *second)
{
    char *path = str_format(&e, "%s/%s:relative::%s/%s", folder, first, folder,
                            second ? second : "none");
    assert_non_null(path);
    (void)setenv("PATH", path, 1);
    free(path);
}

static void assert_version(const char *line, const char *text, int major)
{
    char file[SCRATCH_PATH];
    char *got = NULL;
    int its = 0;
    version_script("version", "pg_any", line);
    scratch_path(file, folder, "version/pg_any");
    if (pg_tools_version(file, &got, &its, &e) != 0)
        fail_msg("%s: %s", line, e.text);
    assert_string_equal(got, text);
    assert_int_equal(its, major);
    free(got);
    assert_done(pg_tools_version(file, NULL, NULL, &e), &e);
}

static void versions_are_read(void **state)
{
    (void)state;
    assert_version("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
                   "15.18 (Debian 15.18-0+deb12u1)", 15);
    assert_version("pg_dump (PostgreSQL) 17.2", "17.2", 17);
    assert_version("pg_dump (PostgreSQL) 19rc1", "19rc1", 19);
    assert_version("pg_restore (PostgreSQL) 17beta2", "17beta2", 17);
    assert_version("psql (PostgreSQL) 19devel", "19devel", 19);
    assert_version("pg_dump (PostgreSQL) 9.6.24", "9.6.24", 9);
    assert_version("pg_dump (EnterpriseDB) 16.4.1", "16.4.1", 16);
}

static void assert_no_version(const char *body, const char *says)
{
    char file[SCRATCH_PATH];
    script("version", "pg_any", body);
    scratch_path(file, folder, "version/pg_any");
    assert_refused(pg_tools_version(file, NULL, NULL, &e), &e, ERROR_CHILD);
    if (!strstr(e.text, says) || !strstr(e.text, file))
        fail_msg("%s: says \"%s\", not \"%s\"", body, e.text, says);
}

static void what_is_no_program_of_postgresql_is_told(void **state)
{
    (void)state;
    assert_no_version("true", "--version says \"\"");
    assert_no_version("echo 'pg_dump 15'", "--version says \"pg_dump 15\"");
    assert_no_version("echo 'pg_dump (PostgreSQL) x15'", "not a program");
    assert_no_version("echo 'pg_dump (PostgreSQL) 0'", "not a program");
    assert_no_version("echo 'pg_dump (PostgreSQL) 99999999999'", "not a program");
    assert_no_version("printf '\\033[2Jx'", "\"\\x1b[2Jx\"");
    assert_no_version("echo cannot load >&2; exit 1", "exit status 1: cannot load");
    assert_no_version("while :; do echo 'pg_dump (PostgreSQL) 15'; done", "more than 4096");
    assert_refused(pg_tools_version("/nowhere/pg_dump", NULL, NULL, &e), &e, ERROR_CHILD);
}

static void the_installed_one_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {"pg_dump", "pg_restore", "initdb"};
    (void)unsetenv("PGKEEP_PG_BIN");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char *path = NULL;
        char *text = NULL;
        int major = 0;
        int again = 0;
        assert_done(pg_tools_find(names[i], INSTALLED, &path, &major, &e), &e);
        assert_true(major >= INSTALLED);
        assert_int_equal(access(path, X_OK), 0);
        assert_done(pg_tools_version(path, &text, &again, &e), &e);
        assert_int_equal(again, major);
        assert_int_equal(strtol(text, NULL, 10), major);
        free(text);
        free(path);
    }
}

static void assert_found(const char *name, int least, const char *suffix, int want)
{
    char *path = NULL;
    int major = 0;
    if (pg_tools_find(name, least, &path, &major, &e) != 0)
        fail_msg("%s %d: %s", name, least, e.text);
    size_t len = strlen(path);
    size_t tail = strlen(suffix);
    if (len < tail || strcmp(path + len - tail, suffix) != 0)
        fail_msg("%s %d: found %s", name, least, path);
    assert_int_equal(major, want);
    free(path);
}

static void assert_not_found(const char *name, int least, const char *says)
{
    char *path = NULL;
    assert_refused(pg_tools_find(name, least, &path, NULL, &e), &e, ERROR_CHILD);
    assert_null(path);
    if (!strstr(e.text, says))
        fail_msg("says \"%s\", not \"%s\"", e.text, says);
}

static void the_folder_that_was_named_is_the_only_one(void **state)
{
    (void)state;
    version_script("named", "pg_dump", "pg_dump (PostgreSQL) 17.2");
    only_in("named");
    assert_found("pg_dump", 17, "/named/pg_dump", 17);
    assert_found("pg_dump", 12, "/named/pg_dump", 17);
    assert_not_found("pg_dump", 18, "/named/pg_dump 17.2\nhint: PGKEEP_PG_BIN is set");
    assert_not_found("pg_restore", 15, "found none");
    only_in("nowhere");
    assert_not_found("pg_dump", 15, "found none");
    (void)setenv("PGKEEP_PG_BIN", "", 1);
    char *path = NULL;
    assert_done(pg_tools_find("pg_dump", INSTALLED, &path, NULL, &e), &e);
    free(path);
}

static void the_same_major_comes_first_then_the_next_newer(void **state)
{
    (void)state;
    (void)unsetenv("PGKEEP_PG_BIN");
    version_script("newest", "pg_test_x", "pg_test_x (PostgreSQL) 98.1");
    version_script("middle", "pg_test_x", "pg_test_x (PostgreSQL) 97.1");
    path_is("newest", "middle");
    assert_found("pg_test_x", 98, "/newest/pg_test_x", 98);
    assert_found("pg_test_x", 97, "/middle/pg_test_x", 97);
    assert_found("pg_test_x", 90, "/middle/pg_test_x", 97);
    assert_not_found("pg_test_x", 99, "/newest/pg_test_x 98.1, ");
    assert_not_found("pg_test_x", 99, "/middle/pg_test_x 97.1\nhint: apt-get install ");
    assert_not_found("pg_test_x", 99, "postgresql-client-99");
    assert_not_found("initdb", 99, "apt-get install postgresql-99");
    version_script("middle", "pg_test_x", "pg_test_x (PostgreSQL) 98.9");
    assert_found("pg_test_x", 98, "/newest/pg_test_x", 98);
    (void)setenv("PATH", path_before, 1);
}

static void what_does_not_work_is_passed_by(void **state)
{
    (void)state;
    (void)unsetenv("PGKEEP_PG_BIN");
    script("broken", "pg_test_y", "echo no such library >&2; exit 127");
    version_script("good", "pg_test_y", "pg_test_y (PostgreSQL) 97.1");
    path_is("broken", "good");
    assert_found("pg_test_y", 97, "/good/pg_test_y", 97);
    assert_not_found("pg_test_y", 98, "/broken/pg_test_y (does not work), ");
    (void)setenv("PATH", path_before, 1);
}

static void debians_wrapper_is_the_last_resort(void **state)
{
    (void)state;
    char link_path[SCRATCH_PATH];
    (void)unsetenv("PGKEEP_PG_BIN");
    version_script("wrapped", "pg_wrapper", "pg_test_z (PostgreSQL) 97.3");
    scratch_path(link_path, folder, "wrapped/pg_test_z");
    assert_int_equal(symlink("pg_wrapper", link_path), 0);
    path_is("wrapped", NULL);
    assert_found("pg_test_z", 97, "/wrapped/pg_test_z", 97);
    version_script("real", "pg_test_z", "pg_test_z (PostgreSQL) 98.3");
    path_is("wrapped", "real");
    assert_found("pg_test_z", 97, "/real/pg_test_z", 98);
    (void)setenv("PATH", path_before, 1);
}

static void one_file_is_asked_once(void **state)
{
    (void)state;
    char count[SCRATCH_PATH];
    struct buf text = {0};
    (void)unsetenv("PGKEEP_PG_BIN");
    scratch_path(count, folder, "count");
    char *body = str_format(&e, "echo x >> %s; echo 'pg_test_w (PostgreSQL) 97.1'", count);
    assert_non_null(body);
    script("once", "pg_test_w", body);
    path_is("once", "once");
    assert_found("pg_test_w", 97, "/once/pg_test_w", 97);
    assert_done(file_load(count, KIB, &text, &e), &e);
    assert_int_equal(text.len, 2);
    buf_done(&text);
    free(body);
    (void)setenv("PATH", path_before, 1);
}

/* -- what a child is given -- */

static const char *variable(char *const *environment, const char *name)
{
    size_t len = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
            return *environment + len + 1;
    return NULL;
}

static size_t length(char *const *environment)
{
    size_t n = 0;
    while (environment[n])
        n++;
    return n;
}

static void the_environment_is_of_our_making(void **state)
{
    (void)state;
    char **env = NULL;
    char *home = str_copy(getenv("HOME") ? getenv("HOME") : "/", &e);
    (void)setenv("HOME", "/home/x", 1);
    (void)setenv("TMPDIR", "/var/tmp", 1);
    (void)setenv("PGPASSWORD", "canary", 1);
    (void)setenv("PGPASSFILE", "/home/x/canary", 1);
    (void)setenv("LD_PRELOAD_X", "canary", 1);
    (void)setenv("PGKEEP_PASSPHRASE", "canary", 1);
    assert_done(pg_tools_environment("/proc/self/fd/7", &env, &e), &e);
    assert_int_equal(length(env), 6);
    assert_string_equal(variable(env, "PATH"), "/usr/local/bin:/usr/bin:/bin");
    assert_string_equal(variable(env, "LC_ALL"), "C.UTF-8");
    assert_string_equal(variable(env, "PGTZ"), "UTC");
    assert_string_equal(variable(env, "HOME"), "/home/x");
    assert_string_equal(variable(env, "TMPDIR"), "/var/tmp");
    assert_string_equal(variable(env, "PGPASSFILE"), "/proc/self/fd/7");
    pg_tools_environment_free(env);
    (void)unsetenv("TMPDIR");
    (void)unsetenv("HOME");
    assert_done(pg_tools_environment(NULL, &env, &e), &e);
    assert_int_equal(length(env), 3);
    assert_null(variable(env, "PGPASSFILE"));
    pg_tools_environment_free(env);
    pg_tools_environment_free(NULL);
    (void)setenv("HOME", home, 1);
    (void)unsetenv("PGPASSWORD");
    (void)unsetenv("PGPASSFILE");
    (void)unsetenv("LD_PRELOAD_X");
    (void)unsetenv("PGKEEP_PASSPHRASE");
    free(home);
}

static void assert_passfile(const char *password, const char *want)
{
    char path[PG_TOOLS_PASSFILE];
    struct stat st;
    struct buf text = {0};
    int fd = pg_tools_passfile(password, &e);
    if (fd < 0)
        fail_msg("%s: %s", password, e.text);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0600);
    pg_tools_passfile_path(path, fd);
    assert_done(file_load(path, KIB, &text, &e), &e);
    if (!bytes_equal(buf_view(&text), bytes_text(want)))
        fail_msg("%s: %.*s", password, (int)text.len, (const char *)text.data);
    buf_done(&text);
    (void)close(fd);
}

static void passfiles_hold_one_escaped_line(void **state)
{
    (void)state;
    assert_passfile("secret", "*:*:*:*:secret\n");
    assert_passfile("a:b\\c", "*:*:*:*:a\\:b\\\\c\n");
    assert_passfile("\\", "*:*:*:*:\\\\\n");
    assert_passfile(" # \xc3\xa4", "*:*:*:*: # \xc3\xa4\n");
    assert_passfile("", "*:*:*:*:\n");
    assert_refused(pg_tools_passfile("canary\n", &e), &e, ERROR_USAGE);
    assert_null(strstr(e.text, "canary"));
    assert_refused(pg_tools_passfile("canary\rcage", &e), &e, ERROR_USAGE);
}

static void a_child_reads_the_passfile_by_its_path(void **state)
{
    (void)state;
    char path[PG_TOOLS_PASSFILE];
    char text[64];
    size_t got;
    char **env = NULL;
    const char *const argv[] = {"sh", "-c", "cat \"$PGPASSFILE\"", NULL};
    int fd = pg_tools_passfile("secret", &e);
    assert_true(fd > 2);
    pg_tools_passfile_path(path, fd);
    assert_done(pg_tools_environment(path, &env, &e), &e);
    struct child_options o = {.argv = argv, .in_fd = -1, .pipe_out = true};
    o.env = (const char *const *)env;
    o.keep_fds = &fd;
    o.keep_count = 1;
    struct child *c = child_start(&o, &e);
    if (!c)
        fail_msg("%s", e.text);
    assert_done(file_read_some(child_out(c), text, sizeof text, &got, &e), &e);
    assert_done(child_finish(c, "sh", &e), &e);
    assert_true(bytes_equal(bytes_of(text, got), bytes_text("*:*:*:*:secret\n")));
    child_free(c);
    pg_tools_environment_free(env);
    (void)close(fd);
}

static int make_folder(void **state)
{
    (void)state;
    scratch_make(folder);
    path_before = str_copy(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin", &e);
    return path_before ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    free(path_before);
    scratch_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_read),
        cmocka_unit_test(what_is_no_program_of_postgresql_is_told),
        cmocka_unit_test(the_installed_one_is_found),
        cmocka_unit_test(the_folder_that_was_named_is_the_only_one),
        cmocka_unit_test(the_same_major_comes_first_then_the_next_newer),
        cmocka_unit_test(what_does_not_work_is_passed_by),
        cmocka_unit_test(debians_wrapper_is_the_last_resort),
        cmocka_unit_test(one_file_is_asked_once),
        cmocka_unit_test(the_environment_is_of_our_making),
        cmocka_unit_test(passfiles_hold_one_escaped_line),
        cmocka_unit_test(a_child_reads_the_passfile_by_its_path),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
