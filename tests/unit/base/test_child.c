/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "tests/support/scratch.h"

static struct error e;

/* A shell with a script; o says the rest. */
static struct child *shell(const char *script, struct child_options o)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    o.argv = argv;
    struct child *c = child_start(&o, &e);
    if (!c)
        fail_msg("%s: %s", script, e.text);
    return c;
}

static void read_all(int fd, struct buf *out)
{
    size_t got = 1;
    while (got > 0) {
        assert_done(buf_reserve(out, 65536, &e), &e);
        assert_done(file_read_some(fd, out->data + out->len, 65536, &got, &e), &e);
        out->len += got;
    }
}

static void assert_says(const char *script, struct child_options o, const char *want)
{
    struct buf b = {0};
    o.pipe_out = true;
    struct child *c = shell(script, o);
    read_all(child_out(c), &b);
    assert_done(child_finish(c, "sh", &e), &e);
    if (!bytes_equal(buf_view(&b), bytes_text(want)))
        fail_msg("%s says \"%.*s\"", script, (int)b.len, (const char *)b.data);
    child_free(c);
    buf_done(&b);
}

static void stdout_comes_through_the_pipe(void **state)
{
    (void)state;
    assert_says("echo hello", (struct child_options){.in_fd = -1}, "hello\n");
}

static void stdin_is_dev_null_unless_given(void **state)
{
    (void)state;
    assert_says("cat; echo end", (struct child_options){.in_fd = -1}, "end\n");
    int fd = file_memfd("input", bytes_text("from a file "), &e);
    assert_true(fd >= 0);
    assert_says("cat; echo end", (struct child_options){.in_fd = fd}, "from a file end\n");
    (void)close(fd);
}

static void stdout_can_be_a_descriptor(void **state)
{
    (void)state;
    char out[8] = {0};
    size_t got;
    int fd = file_memfd("output", bytes_text(""), &e);
    assert_true(fd >= 0);
    struct child *c = shell("echo 12", (struct child_options){.in_fd = -1, .out_fd = fd});
    assert_int_equal(child_out(c), -1);
    assert_int_equal(child_in(c), -1);
    assert_done(child_finish(c, "sh", &e), &e);
    assert_done(file_read_at(fd, 0, out, sizeof out, &got, &e), &e);
    assert_int_equal(got, 3);
    assert_memory_equal(out, "12\n", 3);
    child_free(c);
    (void)close(fd);
}

static void *feed(void *arg)
{
    struct child *c = arg;
    char block[5000];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 1000; i++)
        if (file_write_full(child_in(c), bytes_of(block, sizeof block), NULL) < 0)
            break;
    child_close_in(c);
    return NULL;
}

static void much_can_go_in_and_out_at_once_with_a_noisy_stderr(void **state)
{
    (void)state;
    pthread_t thread;
    struct buf b = {0};
    struct child *c = shell("head -c 3000000 /dev/zero | tr '\\0' 'e' >&2; echo >&2; "
                            "cat; echo 'the last word' >&2",
                            (struct child_options){.pipe_in = true, .pipe_out = true});
    assert_int_equal(pthread_create(&thread, NULL, feed, c), 0);
    read_all(child_out(c), &b);
    (void)pthread_join(thread, NULL);
    assert_int_equal(b.len, 5000000);
    assert_done(child_finish(c, "sh", &e), &e);
    const char *errors = child_errors(c);
    const size_t tail = 16 * KIB;
    assert_int_equal(strlen(errors), tail);
    assert_int_equal(errors[0], 'e');
    assert_string_equal(errors + tail - 14, "the last word\n");
    child_free(c);
    buf_done(&b);
}

static void assert_ends_with(const char *script, const char *text)
{
    struct child *c = shell(script, (struct child_options){.in_fd = -1});
    assert_refused(child_finish(c, "pg_dump", &e), &e, ERROR_CHILD);
    assert_string_equal(e.text, text);
    child_free(c);
}

static void a_failure_is_told_with_the_last_line_of_stderr(void **state)
{
    (void)state;
    assert_ends_with("echo one >&2; echo 'two \033[1m' >&2; echo >&2; exit 3",
                     "pg_dump: exit status 3: two \\x1b[1m");
    assert_ends_with("exit 1", "pg_dump: exit status 1");
}

/* PostgreSQL's programs go on with details, and with what else fails for it. */
static void a_failure_is_told_with_the_first_line_that_names_an_error(void **state)
{
    (void)state;
    assert_ends_with("echo 'pg_dump: hint' >&2; echo 'pg_dump: error: the cause  \r' >&2; "
                     "echo 'DETAIL: more' >&2; echo 'pg_dump: error: a consequence' >&2; "
                     "echo 'last' >&2; exit 1",
                     "pg_dump: exit status 1: pg_dump: error: the cause");
    assert_ends_with("echo 'x: fatal: gone' >&2; echo 'x: error: later' >&2; exit 2",
                     "pg_dump: exit status 2: x: fatal: gone");
    /* What came more than 16 KiB before the end is not known any more. */
    assert_ends_with("echo 'x: error: early' >&2; head -c 20000 /dev/zero | tr '\\0' 'e' >&2; "
                     "echo >&2; echo 'x: error: late' >&2; exit 2",
                     "pg_dump: exit status 2: x: error: late");
}

static void a_signal_is_told_by_name(void **state)
{
    (void)state;
    assert_ends_with("echo dying >&2; kill -9 $$",
                     "pg_dump: ended by signal 9 (SIGKILL): dying");
}

static void the_status_can_be_asked_for_again(void **state)
{
    (void)state;
    int status = -1;
    struct child *c = shell("printf 'a\\0b' >&2; exit 7", (struct child_options){.in_fd = -1});
    assert_done(child_wait(c, &status, &e), &e);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    status = -1;
    assert_done(child_wait(c, &status, &e), &e);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_string_equal(child_errors(c), "a?b");
    child_kill(c); /* nothing happens */
    child_free(c);
}

static void a_program_that_is_not_there_is_told(void **state)
{
    (void)state;
    static const char *const nowhere[] = {"pgkeep-no-such-program", NULL};
    static const char *const folder[] = {"/usr/bin", NULL};
    struct child_options o = {.argv = nowhere, .in_fd = -1};
    assert_null(child_start(&o, &e));
    assert_int_equal(e.kind, ERROR_CHILD);
    assert_string_equal(e.text, "pgkeep-no-such-program: no such program");
    o.argv = folder;
    assert_null(child_start(&o, &e));
    assert_int_equal(e.kind, ERROR_CHILD);
}

static void a_file_that_cannot_be_run_is_told(void **state)
{
    (void)state;
    char folder[SCRATCH_PATH], path[SCRATCH_PATH];
    scratch_make(folder);
    scratch_path(path, folder, "program");
    const char *const argv[] = {path, NULL};
    const struct child_options o = {.argv = argv, .in_fd = -1};
    assert_done(file_replace(path, bytes_text("neither script nor program"), 0755, &e), &e);
    assert_null(child_start(&o, &e));
    assert_int_equal(e.kind, ERROR_CHILD);
    assert_non_null(strstr(e.text, "cannot be run: Exec format error"));
    scratch_remove(folder);
}

static void the_environment_given_is_the_whole_one(void **state)
{
    (void)state;
    static const char *const env[] = {"PATH=/nowhere:/usr/bin:/bin", "WORD=x", NULL};
    static const char *const lost[] = {"PATH=/nowhere", NULL};
    static const char *const argv[] = {"sh", NULL};
    assert_int_equal(setenv("PGPASSWORD", "leak", 1), 0);
    assert_says("echo $WORD$PGPASSWORD", (struct child_options){.in_fd = -1, .env = env},
                "x\n");
    assert_says("echo $PGPASSWORD", (struct child_options){.in_fd = -1}, "leak\n");
    struct child_options o = {.argv = argv, .env = lost, .in_fd = -1};
    assert_null(child_start(&o, &e));
    assert_int_equal(unsetenv("PGPASSWORD"), 0);
}

static void only_descriptors_to_keep_reach_the_child(void **state)
{
    (void)state;
    char script[128];
    int kept = file_memfd("kept", bytes_text("kept"), &e);
    int other = file_memfd("other", bytes_text("other"), &e);
    assert_true(kept > 2 && other > 2);
    (void)snprintf(script, sizeof script, "cat <&%d; test -e /proc/self/fd/%d || echo -closed",
                   kept, other);
    assert_says(script, (struct child_options){.in_fd = -1, .keep_fds = &kept, .keep_count = 1},
                "kept-closed\n");
    (void)close(kept);
    (void)close(other);
}

static void a_child_starts_with_fresh_signals_in_its_own_group(void **state)
{
    (void)state;
    sigset_t term;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    assert_int_equal(sigaction(SIGPIPE, &ignore, &old), 0);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &term, NULL), 0);
    assert_says("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'",
                (struct child_options){.in_fd = -1},
                "SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
    assert_says("test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo own",
                (struct child_options){.in_fd = -1}, "own\n");
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &term, NULL), 0);
    assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
}

static void term_ends_a_child_at_once(void **state)
{
    (void)state;
    int status;
    int64_t start = clock_monotonic_ms();
    struct child *c = shell("sleep 100", (struct child_options){.in_fd = -1});
    child_kill(c);
    assert_done(child_wait(c, &status, &e), &e);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_true(clock_monotonic_ms() - start < 1900);
    child_free(c);
}

static void kill_ends_a_child_that_ignores_term(void **state)
{
    (void)state;
    int status;
    char ready;
    size_t got;
    struct child *c = shell("trap '' TERM; echo r; while :; do sleep 1; done",
                            (struct child_options){.in_fd = -1, .pipe_out = true});
    assert_done(file_read_some(child_out(c), &ready, 1, &got, &e), &e);
    int64_t start = clock_monotonic_ms();
    child_kill(c);
    assert_true(clock_monotonic_ms() - start >= 1900);
    assert_done(child_wait(c, &status, &e), &e);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    child_free(c);
}

static void *kill_soon(void *arg)
{
    (void)usleep(100000);
    child_kill(arg);
    return NULL;
}

static void another_thread_can_kill_a_child_that_is_waited_for(void **state)
{
    (void)state;
    int status;
    pthread_t thread;
    struct child *c = shell("sleep 100", (struct child_options){.in_fd = -1});
    assert_int_equal(pthread_create(&thread, NULL, kill_soon, c), 0);
    assert_done(child_wait(c, &status, &e), &e);
    assert_true(WIFSIGNALED(status));
    (void)pthread_join(thread, NULL);
    child_free(c);
}

static void a_grandchild_that_holds_stderr_does_not_hold_us(void **state)
{
    (void)state;
    int64_t start = clock_monotonic_ms();
    struct child *c = shell("sleep 30 </dev/null & echo quick >&2; exit 2",
                            (struct child_options){.in_fd = -1});
    assert_refused(child_finish(c, "sh", &e), &e, ERROR_CHILD);
    assert_string_equal(e.text, "sh: exit status 2: quick");
    assert_true(clock_monotonic_ms() - start < 20000);
    child_free(c);
}

static void free_ends_what_still_runs(void **state)
{
    (void)state;
    struct buf b = {0};
    size_t got;
    struct child *c = shell("echo $$; cat; sleep 100",
                            (struct child_options){.pipe_in = true, .pipe_out = true});
    assert_done(buf_reserve(&b, 32, &e), &e);
    assert_done(file_read_some(child_out(c), b.data, 31, &got, &e), &e);
    b.data[got] = '\0';
    pid_t pid = (pid_t)strtol((const char *)b.data, NULL, 10);
    assert_int_equal(kill(pid, 0), 0);
    child_free(c);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    buf_done(&b);
    child_free(NULL);
}

static void no_descriptor_is_left_behind(void **state)
{
    (void)state;
    size_t before = scratch_count("/proc/self/fd");
    for (int i = 0; i < 20; i++) {
        static const char *const nowhere[] = {"/dev/null", NULL};
        const struct child_options o = {.argv = nowhere, .in_fd = -1, .pipe_out = true};
        assert_null(child_start(&o, &e));
        child_free(shell("exit 1", (struct child_options){.pipe_in = true, .pipe_out = true}));
    }
    assert_int_equal(scratch_count("/proc/self/fd"), before);
}

static void find_looks_through_path_and_at_paths(void **state)
{
    (void)state;
    char *path = NULL;
    assert_done(child_find("sh", &path, &e), &e);
    assert_int_equal(path[0], '/');
    assert_int_equal(access(path, X_OK), 0);
    free(path);
    assert_done(child_find("/bin/sh", &path, &e), &e);
    assert_string_equal(path, "/bin/sh");
    free(path);
    assert_int_equal(child_find("pgkeep-no-such-program", &path, &e), CHILD_ABSENT);
    assert_int_equal(child_find("/etc/passwd", &path, &e), CHILD_ABSENT);
    assert_int_equal(child_find("", &path, &e), CHILD_ABSENT);
    assert_null(path);
}

/* Whom root may choose: nobody, whose number is nowhere looked up. */
static void a_child_runs_as_the_user_it_is_given(void **state)
{
    (void)state;
    static const struct child_user other = {.uid = 65534, .gid = 65533};
    static const char *const argv[] = {"sh", "-c", "exit 0", NULL};
    const struct child_options o = {.argv = argv, .in_fd = -1, .user = &other};
    if (geteuid() == 0) {
        assert_says("id -u; id -g; id -G; id -ru; id -rg",
                    (struct child_options){.in_fd = -1, .user = &other},
                    "65534\n65533\n65533\n65534\n65533\n");
        assert_says("test ! -r /proc/1/environ && echo refused",
                    (struct child_options){.in_fd = -1, .user = &other}, "refused\n");
        return;
    }
    assert_null(child_start(&o, &e));
    assert_int_equal(e.kind, ERROR_CHILD);
    assert_non_null(strstr(e.text, "Operation not permitted"));
}

/* In a process that is killed: it starts a child that tells its number and would sleep on. */
static void start_and_be_killed(int tell, const struct child_user *user)
{
    static const char *const argv[] = {"sh", "-c", "echo $$; exec sleep 100", NULL};
    const struct child_options o = {
        .argv = argv, .in_fd = -1, .out_fd = tell, .user = user, .death_signal = SIGKILL};
    if (child_start(&o, &e))
        (void)pause();
    _exit(1);
}

static bool is_gone(pid_t pid)
{
    const int64_t until = clock_monotonic_ms() + 10000;
    char path[64], state[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    while (clock_monotonic_ms() < until) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd >= 0 ? read(fd, state, sizeof state - 1) : 0;
        if (fd >= 0)
            (void)close(fd);
        /* Who has no parent that waits for it may stay a zombie. */
        if (n <= 0 || strstr(state, ") Z "))
            return true;
        (void)usleep(10000);
    }
    return false;
}

static void dies_with_its_parent(const struct child_user *user)
{
    int ends[2];
    char text[32] = "";
    size_t got;
    int status;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0)
        start_and_be_killed(ends[1], user);
    (void)close(ends[1]);
    assert_done(file_read_some(ends[0], text, sizeof text - 1, &got, &e), &e);
    (void)close(ends[0]);
    pid_t child = (pid_t)strtol(text, NULL, 10);
    assert_true(child > 1);
    assert_int_equal(kill(child, 0), 0);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_true(WIFSIGNALED(status));
    assert_true(is_gone(child));
}

static void a_child_with_a_death_signal_ends_with_us(void **state)
{
    (void)state;
    dies_with_its_parent(NULL);
}

/* The kernel forgets the signal when a process changes its user. */
static void so_does_a_child_of_another_user(void **state)
{
    (void)state;
    static const struct child_user other = {.uid = 65534, .gid = 65534};
    if (geteuid() != 0) {
        print_message("only root may choose a user\n");
        return;
    }
    dies_with_its_parent(&other);
}

static void *start_a_sleeper(void *arg)
{
    struct child **c = arg;
    *c = shell("exec sleep 100", (struct child_options){.in_fd = -1, .death_signal = SIGTERM});
    return NULL;
}

static void the_end_of_the_thread_that_started_it_counts(void **state)
{
    (void)state;
    struct child *c = NULL;
    pthread_t thread;
    int status = 0;
    assert_int_equal(pthread_create(&thread, NULL, start_a_sleeper, &c), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_non_null(c);
    child_until(c, clock_monotonic_ms() + 10000);
    assert_done(child_wait(c, &status, &e), &e);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    child_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stdout_comes_through_the_pipe),
        cmocka_unit_test(stdin_is_dev_null_unless_given),
        cmocka_unit_test(stdout_can_be_a_descriptor),
        cmocka_unit_test(much_can_go_in_and_out_at_once_with_a_noisy_stderr),
        cmocka_unit_test(a_failure_is_told_with_the_last_line_of_stderr),
        cmocka_unit_test(a_failure_is_told_with_the_first_line_that_names_an_error),
        cmocka_unit_test(a_signal_is_told_by_name),
        cmocka_unit_test(the_status_can_be_asked_for_again),
        cmocka_unit_test(a_program_that_is_not_there_is_told),
        cmocka_unit_test(a_file_that_cannot_be_run_is_told),
        cmocka_unit_test(the_environment_given_is_the_whole_one),
        cmocka_unit_test(only_descriptors_to_keep_reach_the_child),
        cmocka_unit_test(a_child_starts_with_fresh_signals_in_its_own_group),
        cmocka_unit_test(term_ends_a_child_at_once),
        cmocka_unit_test(kill_ends_a_child_that_ignores_term),
        cmocka_unit_test(another_thread_can_kill_a_child_that_is_waited_for),
        cmocka_unit_test(a_grandchild_that_holds_stderr_does_not_hold_us),
        cmocka_unit_test(free_ends_what_still_runs),
        cmocka_unit_test(no_descriptor_is_left_behind),
        cmocka_unit_test(find_looks_through_path_and_at_paths),
        cmocka_unit_test(a_child_runs_as_the_user_it_is_given),
        cmocka_unit_test(a_child_with_a_death_signal_ends_with_us),
        cmocka_unit_test(so_does_a_child_of_another_user),
        cmocka_unit_test(the_end_of_the_thread_that_started_it_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
