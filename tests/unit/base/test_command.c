/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that print a secret: how their words are cut, and how they are ended. */
#include "tests/support/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/command.h"
#include "core/base/secret.h"

static struct error e;

static int run(const struct command_options *o, struct buf *out)
{
    *out = (struct buf){0};
    return command_read(o, out, &e);
}

static void assert_prints(const char *text, const char *expected)
{
    const struct command_options o = {.text = text, .most = 100};
    struct buf out;
    assert_done(run(&o, &out), &e);
    assert_true(bytes_equal(buf_view(&out), bytes_text(expected)));
    secret_free_buf(&out);
}

static void assert_fails(struct command_options o, enum error_kind kind)
{
    struct buf out;
    int64_t began = clock_monotonic_ms();
    assert_refused(run(&o, &out), &e, kind);
    assert_true(clock_monotonic_ms() - began < 5000);
    secret_free_buf(&out);
}

static void words_are_cut_as_a_shell_does(void **state)
{
    (void)state;
    assert_prints("printf [%s] a '' \"\" 'b c' \"d\\\"e\" f\\ g", "[a][][][b c][d\"e][f g]");
    assert_prints("  printf\t%s  'a\\b'\"c\"d  ", "a\\bcd");
    assert_fails((struct command_options){.text = "printf 'a", .most = 10}, ERROR_USAGE);
    assert_fails((struct command_options){.text = "  ", .most = 10}, ERROR_USAGE);
    assert_fails((struct command_options){.text = "''", .most = 10}, ERROR_USAGE);
}

static void words_are_bounded(void **state)
{
    char text[400] = "printf x";
    size_t at = strlen(text);
    (void)state;
    for (size_t i = 2; i < 64; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, " %zu", i % 10);
    assert_prints(text, "x");
    (void)snprintf(text + at, sizeof text - at, " 1");
    assert_fails((struct command_options){.text = text, .most = 10}, ERROR_USAGE);
}

static void what_is_too_much_is_refused(void **state)
{
    (void)state;
    assert_fails((struct command_options){.text = "printf 12345678901", .most = 10}, ERROR_KEY);
    assert_prints("printf 1234567890", "1234567890");
}

static void a_late_program_is_ended(void **state)
{
    (void)state;
    assert_fails((struct command_options){.text = "sleep 60", .most = 10, .most_ms = 200},
                 ERROR_BUSY);
    /* Also one that says no more but stays. */
    assert_fails((struct command_options){.text = "sh -c 'exec >&-; exec sleep 60'",
                                          .most = 10,
                                          .most_ms = 200},
                 ERROR_BUSY);
}

static void one_that_leaves_an_agent_behind_has_ended(void **state)
{
    (void)state;
    int64_t began = clock_monotonic_ms();
    assert_prints("sh -c 'sleep 3 & echo secret'", "secret\n");
    assert_true(clock_monotonic_ms() - began < 2000);
}

static void a_signal_ends_it(void **state)
{
    volatile sig_atomic_t stop = SIGTERM;
    (void)state;
    assert_fails((struct command_options){.text = "sleep 60", .most = 10, .stop = &stop},
                 ERROR_TERMINATED);
    assert_fails((struct command_options){.text = "sh -c 'exec >&-; exec sleep 60'",
                                          .most = 10,
                                          .stop = &stop},
                 ERROR_TERMINATED);
}

static void it_does_not_see_our_secrets(void **state)
{
    (void)state;
    (void)setenv("PGKEEP_PASSPHRASE", "canary", 1);
    (void)setenv("PGKEEP_SSH_KEY_PASSPHRASE_FILE", "canary", 1);
    assert_prints("sh -c 'printf [$PGKEEP_PASSPHRASE$PGKEEP_SSH_KEY_PASSPHRASE_FILE]'", "[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_as_a_shell_does),
        cmocka_unit_test(words_are_bounded),
        cmocka_unit_test(what_is_too_much_is_refused),
        cmocka_unit_test(a_late_program_is_ended),
        cmocka_unit_test(one_that_leaves_an_agent_behind_has_ended),
        cmocka_unit_test(a_signal_ends_it),
        cmocka_unit_test(it_does_not_see_our_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
