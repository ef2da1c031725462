/* SPDX-License-Identifier: Apache-2.0 */
/* Process-wide state is the point here: the n-th durable step of the whole process is what a
 * crash test enumerates. */
#include "core/base/failpoint.h"

#ifdef PGKEEP_FAILPOINTS

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_REFUSALS = 16, CRASHED = 137, MAX_DELAY_MS = 60000 };

struct refusal {
    int sys;
    unsigned long at;
};

static struct {
    pthread_mutex_t lock;
    bool ready;
    unsigned long hits;
    unsigned long crash_at; /* 0: never */
    int count_fd;           /* -1: not asked for */
    unsigned long delay_ms;
    const char *delayed; /* NULL: nothing is; the environment's */
    size_t refusals;
    struct refusal refusal[MAX_REFUSALS];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .count_fd = -1};

/* A test that asks for something unreadable must not pass for want of a fault. */
static void give_up(const char *variable)
{
    (void)dprintf(STDERR_FILENO, "%s cannot be used\n", variable);
    _exit(2);
}

static void read_refusals(const char *text)
{
    while (*text) {
        char *end;
        long sys = strtol(text, &end, 10);
        if (end == text || *end != ':' || state.refusals == MAX_REFUSALS)
            give_up("PGKEEP_FAIL_ERRNO");
        text = end + 1;
        unsigned long at = strtoul(text, &end, 10);
        if (end == text || (*end && *end != ','))
            give_up("PGKEEP_FAIL_ERRNO");
        state.refusal[state.refusals++] = (struct refusal){.sys = (int)sys, .at = at};
        text = *end ? end + 1 : end;
    }
}

static void read_delay(const char *text)
{
    char *end;
    state.delay_ms = strtoul(text, &end, 10);
    if (end == text || *end != ':' || state.delay_ms > MAX_DELAY_MS)
        give_up("PGKEEP_FAIL_DELAY");
    state.delayed = end + 1;
}

static void read_environment(void)
{
    const char *at = getenv("PGKEEP_FAIL_AT");
    const char *refuse = getenv("PGKEEP_FAIL_ERRNO");
    const char *count = getenv("PGKEEP_FAIL_COUNT");
    const char *delay = getenv("PGKEEP_FAIL_DELAY");
    if (at) {
        char *end;
        state.crash_at = strtoul(at, &end, 10);
        if (end == at || *end)
            give_up("PGKEEP_FAIL_AT");
    }
    if (refuse)
        read_refusals(refuse);
    if (delay)
        read_delay(delay);
    if (count) {
        state.count_fd = open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (state.count_fd < 0)
            give_up("PGKEEP_FAIL_COUNT");
    }
    state.ready = true;
}

int failpoint_hit(const char *what)
{
    int sys = 0;
    (void)pthread_mutex_lock(&state.lock);
    if (!state.ready)
        read_environment();
    unsigned long n = ++state.hits;
    if (state.count_fd >= 0 && dprintf(state.count_fd, "%lu %s\n", n, what) < 0)
        give_up("PGKEEP_FAIL_COUNT");
    if (n == state.crash_at)
        _exit(CRASHED);
    for (size_t i = 0; i < state.refusals; i++)
        if (state.refusal[i].at == n)
            sys = state.refusal[i].sys;
    bool slow = state.delayed && strcmp(state.delayed, what) == 0;
    (void)pthread_mutex_unlock(&state.lock);
    if (slow)
        (void)usleep((useconds_t)state.delay_ms * 1000);
    if (sys == 0)
        return 0;
    errno = sys;
    return -1;
}

#endif
