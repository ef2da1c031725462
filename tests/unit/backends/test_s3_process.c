/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that print a key. */
#include "tests/support/check.h"

#include <signal.h>
#include <stdio.h>

#include "backends/s3_process.h"
#include "core/base/buf.h"
#include "core/base/clock.h"

static struct error e;

static int run(const char *command, struct s3_key *out)
{
    const struct s3_process_options o = {.command = command, .most_ms = 60000};
    return s3_process_key(&o, out, &e);
}

static void words_are_cut_as_a_shell_does_and_no_shell_sees_them(void **state)
{
#define PRINT "printf '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\"}' "
    static const struct {
        const char *command, *id, *secret;
    } rows[] = {
        {PRINT "A s", "A", "s"},
        {"  " PRINT "\tA  \t s ", "A", "s"},
        {PRINT "'A'B\"C\" s", "ABC", "s"},
        {"printf \"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"%s\\\","
         "\\\"SecretAccessKey\\\":\\\"%s\\\"}\" A s",
         "A", "s"},
        {PRINT "$(id) $HOME;x", "$(id)", "$HOME;x"},
        {PRINT "A\\'B '*'", "A'B", "*"},
        {"printf {\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"A\\\","
         "\\\"SecretAccessKey\\\":\\\"s\\\"}",
         "A", "s"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct s3_key k = {0};
        assert_done(run(rows[i].command, &k), &e);
        assert_string_equal(k.id, rows[i].id);
        assert_string_equal(k.secret, rows[i].secret);
        assert_null(k.token);
        s3_key_done(&k);
    }
}

static void what_cannot_be_cut_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "  ", "''", "\"\" x", "printf 'canary", "printf \"canary"};
    struct s3_key k = {0};
    struct buf many = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_refused(run(wrong[i], &k), &e, ERROR_USAGE);
        assert_null(strstr(e.text, "canary"));
    }
    for (int i = 0; i < 65; i++)
        assert_done(buf_append(&many, "echo ", 5, &e), &e);
    assert_done(buf_byte(&many, 0, &e), &e);
    assert_refused(run((const char *)many.data, &k), &e, ERROR_USAGE);
    buf_done(&many);
}

static void a_program_that_fails_is_told_without_its_words(void **state)
{
    struct s3_key k = {0};
    (void)state;
    assert_refused(run("sh -c 'echo canary >&2; echo canary; exit 3' canary", &k), &e,
                   ERROR_CHILD);
    assert_non_null(strstr(e.text, "credential_process: sh: exit status 3"));
    assert_null(strstr(e.text, "canary"));
    assert_refused(run("sh -c 'kill -9 $$'", &k), &e, ERROR_CHILD);
    assert_non_null(strstr(e.text, "signal 9"));
    assert_refused(run("/nowhere/program canary", &k), &e, ERROR_CHILD);
    assert_null(strstr(e.text, "canary"));
    assert_refused(run("echo canary", &k), &e, ERROR_KEY);
    assert_null(strstr(e.text, "canary"));
    assert_refused(run("head -c 300000 /dev/zero", &k), &e, ERROR_KEY);
    assert_non_null(strstr(e.text, "too long"));
}

static void a_program_that_hangs_is_ended(void **state)
{
    struct s3_key k = {0};
    volatile sig_atomic_t stop = SIGTERM;
    (void)state;
    /* Its child keeps the pipe open, and must end too. */
    struct s3_process_options o = {.command = "sh -c 'sleep 600; true'", .most_ms = 100};
    int64_t begun = clock_monotonic_ms();
    assert_refused(s3_process_key(&o, &k, &e), &e, ERROR_BUSY);
    o.most_ms = 600000;
    o.stop = &stop;
    assert_refused(s3_process_key(&o, &k, &e), &e, ERROR_TERMINATED);
    assert_true(clock_monotonic_ms() - begun < 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_as_a_shell_does_and_no_shell_sees_them),
        cmocka_unit_test(what_cannot_be_cut_is_refused),
        cmocka_unit_test(a_program_that_fails_is_told_without_its_words),
        cmocka_unit_test(a_program_that_hangs_is_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
