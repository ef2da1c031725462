/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "tests/support/scratch.h"

enum { THREADS = 4, LINES = 2000 };

static char folder[SCRATCH_PATH];
static char path[SCRATCH_PATH];
static struct error e;

static int make(void **state)
{
    (void)state;
    scratch_make(folder);
    scratch_path(path, folder, "log");
    return 0;
}

static int clear(void **state)
{
    (void)state;
    log_close();
    scratch_remove(folder);
    return 0;
}

static void open_log(enum log_level level, bool json)
{
    const struct log_options o = {.level = level, .json = json, .path = path};
    assert_done(log_open(&o, &e), &e);
}

static void load(struct buf *b)
{
    assert_done(file_load(path, 10000000, b, &e), &e);
}

/* The next line without its end; fails the test when there is none. */
static struct bytes next_line(struct bytes *left)
{
    const uint8_t *end = left->len ? memchr(left->data, '\n', left->len) : NULL;
    assert_non_null(end);
    struct bytes line = bytes_take(left, (size_t)(end - left->data));
    (void)bytes_take(left, 1);
    return line;
}

static void a_line_has_time_level_and_message(void **state)
{
    (void)state;
    struct buf b = {0};
    char time[CLOCK_TEXT];
    int64_t us;
    open_log(LOG_LEVEL_DEBUG, false);
    log_error("cannot %s", "go");
    log_warning("take care");
    log_info("%d rows", 12);
    log_debug("detail");
    load(&b);
    static const char *const want[] = {" error: cannot go", " warning: take care",
                                       " info: 12 rows", " debug: detail"};
    struct bytes left = buf_view(&b);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        struct bytes line = next_line(&left);
        assert_true(line.len > 20);
        struct bytes stamp = bytes_take(&line, 20);
        (void)snprintf(time, sizeof time, "%.20s", (const char *)stamp.data);
        assert_true(clock_parse(time, &us));
        assert_true(bytes_equal(line, bytes_text(want[i])));
    }
    assert_int_equal(left.len, 0);
    buf_done(&b);
}

static void less_important_messages_are_left_out(void **state)
{
    (void)state;
    struct buf b = {0};
    open_log(LOG_LEVEL_WARNING, false);
    log_info("no");
    log_debug("no");
    assert_true(log_wanted(LOG_LEVEL_WARNING));
    assert_false(log_wanted(LOG_LEVEL_INFO));
    log_error("yes");
    load(&b);
    struct bytes left = buf_view(&b);
    (void)next_line(&left);
    assert_int_equal(left.len, 0);
    buf_done(&b);
}

static void a_message_cannot_forge_a_second_line(void **state)
{
    (void)state;
    struct buf b = {0};
    open_log(LOG_LEVEL_INFO, false);
    log_info("name a\n2026-01-01T00:00:00Z info: all is well\x1b[2J");
    load(&b);
    struct bytes left = buf_view(&b);
    struct bytes line = next_line(&left);
    assert_int_equal(left.len, 0);
    assert_null(memchr(line.data, 0x1b, line.len));
    buf_done(&b);
}

static void a_very_long_message_is_cut(void **state)
{
    (void)state;
    struct buf b = {0};
    char *text = malloc(100001);
    assert_non_null(text);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    open_log(LOG_LEVEL_INFO, false);
    log_info("%s", text);
    load(&b);
    assert_true(b.len > 4000 && b.len < 4200);
    struct bytes left = buf_view(&b);
    (void)next_line(&left);
    assert_int_equal(left.len, 0);
    buf_done(&b);
    free(text);
}

static void json_lines_are_objects(void **state)
{
    (void)state;
    struct buf b = {0};
    open_log(LOG_LEVEL_INFO, true);
    log_warning("quote \" and \\ and \xc3\xbc");
    load(&b);
    struct bytes left = buf_view(&b);
    struct json *j = json_parse(next_line(&left), 10000, &e);
    assert_non_null(j);
    assert_string_equal(json_text(j, "level"), "warning");
    assert_string_equal(json_text(j, "message"), "quote \" and \\ and \xc3\xbc");
    int64_t us;
    assert_true(clock_parse(json_text(j, "time"), &us));
    assert_int_equal(left.len, 0);
    json_free(j);
    buf_done(&b);
}

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_info("thread %d line %d end", *(int *)arg, i);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    int next[THREADS] = {0};
    char want[64];
    struct buf b = {0};
    open_log(LOG_LEVEL_INFO, false);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    load(&b);
    struct bytes left = buf_view(&b);
    for (int i = 0; i < THREADS * LINES; i++) {
        struct bytes line = next_line(&left);
        assert_true(line.len > 33);
        (void)bytes_take(&line, 20);
        size_t who = (size_t)(line.data[14] - '0');
        assert_true(who < THREADS);
        (void)snprintf(want, sizeof want, " info: thread %zu line %d end", who, next[who]++);
        assert_true(bytes_equal(line, bytes_text(want)));
    }
    assert_int_equal(left.len, 0);
    buf_done(&b);
}

static void the_file_is_private_and_appended_to(void **state)
{
    (void)state;
    struct buf b = {0};
    struct stat st;
    open_log(LOG_LEVEL_INFO, false);
    log_info("one");
    open_log(LOG_LEVEL_INFO, false);
    log_info("two");
    load(&b);
    struct bytes left = buf_view(&b);
    (void)next_line(&left);
    (void)next_line(&left);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    buf_done(&b);
}

static void stderr_gets_the_lines_when_asked_for(void **state)
{
    (void)state;
    struct buf b = {0};
    char out[64] = {0};
    size_t got;
    int ends[2];
    int old = dup(STDERR_FILENO);
    const struct log_options o = {.level = LOG_LEVEL_INFO, .to_stderr = true};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    int opened = log_open(&o, &e);
    log_info("here");
    assert_int_equal(dup2(old, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(opened, 0);
    assert_done(file_read_some(ends[0], out, sizeof out - 1, &got, &e), &e);
    assert_string_equal(out + 20, " info: here\n");
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)close(old);
    buf_done(&b);
}

static void logging_leaves_errno_alone_and_a_closed_log_is_silent(void **state)
{
    (void)state;
    struct buf b = {0};
    open_log(LOG_LEVEL_INFO, false);
    errno = ENOSPC;
    log_info("x");
    assert_int_equal(errno, ENOSPC);
    log_close();
    log_error("lost");
    assert_false(log_wanted(LOG_LEVEL_ERROR));
    load(&b);
    struct bytes left = buf_view(&b);
    (void)next_line(&left);
    assert_int_equal(left.len, 0);
    buf_done(&b);
}

static void a_log_that_cannot_be_opened_is_told(void **state)
{
    (void)state;
    const struct log_options o = {.path = folder};
    assert_refused(log_open(&o, &e), &e, ERROR_IO);
    assert_int_equal(e.sys, EISDIR);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_line_has_time_level_and_message),
        IN_FOLDER(less_important_messages_are_left_out),
        IN_FOLDER(a_message_cannot_forge_a_second_line),
        IN_FOLDER(a_very_long_message_is_cut),
        IN_FOLDER(json_lines_are_objects),
        IN_FOLDER(lines_of_threads_do_not_mix),
        IN_FOLDER(the_file_is_private_and_appended_to),
        IN_FOLDER(stderr_gets_the_lines_when_asked_for),
        IN_FOLDER(logging_leaves_errno_alone_and_a_closed_log_is_silent),
        IN_FOLDER(a_log_that_cannot_be_opened_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
