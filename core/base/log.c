/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/str.h"

enum { MESSAGE_MAX = 4096 };

/* A line leaves in one write, so lines of several processes do not mix; the lock guards the
 * descriptors against log_close. */
static struct {
    pthread_mutex_t lock;
    struct log_options options;
    bool open;
    int fd; /* -1: no file */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

int log_open(const struct log_options *o, struct error *e)
{
    int fd = -1;
    if (o->path) {
        fd = open(o->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
        if (fd < 0)
            return error_system(e, "log file %s", o->path);
    }
    log_close();
    (void)pthread_mutex_lock(&state.lock);
    state.options = *o;
    state.options.path = NULL; /* borrowed for the call only */
    state.fd = fd;
    state.open = true;
    (void)pthread_mutex_unlock(&state.lock);
    return 0;
}

void log_close(void)
{
    (void)pthread_mutex_lock(&state.lock);
    if (state.fd >= 0)
        (void)close(state.fd);
    state.fd = -1;
    state.open = false;
    (void)pthread_mutex_unlock(&state.lock);
}

static bool wanted(enum log_level level)
{
    return state.open && level <= state.options.level;
}

bool log_wanted(enum log_level level)
{
    (void)pthread_mutex_lock(&state.lock);
    bool yes = wanted(level);
    (void)pthread_mutex_unlock(&state.lock);
    return yes;
}

static int json_line(struct buf *line, const char *time, const char *level, const char *text)
{
    struct json *j = json_new_object();
    json_put_text(j, "time", time);
    json_put_text(j, "level", level);
    json_put_text(j, "message", text);
    int result = json_print(j, false, line, NULL);
    json_free(j);
    return result < 0 ? -1 : buf_byte(line, '\n', NULL);
}

PRINTF_LIKE(2, 0)
static void put(enum log_level level, const char *fmt, va_list ap)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char raw[MESSAGE_MAX];
    char text[MESSAGE_MAX];
    char time[CLOCK_TEXT];
    struct buf line = {0};
    int sys = errno; /* logging must not change what the caller is about to report */
    if (!log_wanted(level))
        return;
    (void)vsnprintf(raw, sizeof raw, fmt, ap);
    str_safe(text, sizeof text, bytes_text(raw));
    clock_rfc3339(time, clock_now_us());

    (void)pthread_mutex_lock(&state.lock);
    int made = state.options.json
                   ? json_line(&line, time, names[level], text)
                   : buf_printf(&line, NULL, "%s %s: %s\n", time, names[level], text);
    /* Nobody can be told when this fails. */
    if (made == 0 && wanted(level)) {
        int lost =
            state.options.to_stderr ? file_write_full(STDERR_FILENO, buf_view(&line), NULL) : 0;
        if (state.fd >= 0)
            lost |= file_write_full(state.fd, buf_view(&line), NULL);
        (void)lost;
    }
    (void)pthread_mutex_unlock(&state.lock);
    buf_done(&line);
    errno = sys;
}

void log_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put(LOG_LEVEL_ERROR, fmt, ap);
    va_end(ap);
}

void log_warning(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put(LOG_LEVEL_WARNING, fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put(LOG_LEVEL_INFO, fmt, ap);
    va_end(ap);
}

void log_debug(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put(LOG_LEVEL_DEBUG, fmt, ap);
    va_end(ap);
}
