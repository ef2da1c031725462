/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/error.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *e, enum error_kind kind, const char *fmt, ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    e->kind = kind;
    e->sys = 0;
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    return -1;
}

int error_system(struct error *e, const char *fmt, ...)
{
    int sys = errno;
    if (!e)
        return -1;
    char why[128];
    va_list ap;
    va_start(ap, fmt);
    e->kind = ERROR_IO;
    e->sys = sys;
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->text)
        (void)snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s",
                       strerror_r(sys, why, sizeof why));
    return -1;
}

int error_wrap(struct error *e, const char *fmt, ...)
{
    if (!e)
        return -1;
    char old[sizeof e->text];
    memcpy(old, e->text, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->text &&
        snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", old) < 0)
        e->text[n] = '\0';
    return -1;
}

int error_hint(struct error *e, const char *fmt, ...)
{
    if (!e || strstr(e->text, "\nhint: "))
        return -1;
    size_t used = strlen(e->text);
    int n = snprintf(e->text + used, sizeof e->text - used, "\nhint: ");
    if (n < 0 || used + (size_t)n >= sizeof e->text)
        return -1;
    used += (size_t)n;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(e->text + used, sizeof e->text - used, fmt, ap);
    va_end(ap);
    return -1;
}

int error_memory(struct error *e, const char *what)
{
    return error_set(e, ERROR_MEMORY, "out of memory: %s", what);
}

int error_stopped(struct error *e, int signal_number)
{
    return error_set(e, signal_number == SIGTERM ? ERROR_TERMINATED : ERROR_INTERRUPTED,
                     "stopped by a signal: nothing was acknowledged");
}

void error_clear(struct error *e)
{
    e->kind = ERROR_NONE;
    e->sys = 0;
    e->text[0] = '\0';
}
