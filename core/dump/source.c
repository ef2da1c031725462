/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/str.h"

#define STOP_MS 200

struct source {
    int fd; /* the child's pipe belongs to the child */
    struct child *child;
    const char *what;
    char *path;
    uint64_t size;
    const volatile sig_atomic_t *stop;
};

static struct source *make(const char *what, struct error *e)
{
    struct source *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "source");
        return NULL;
    }
    s->fd = -1;
    s->what = what;
    return s;
}

struct source *source_fd(int fd, const char *what, struct error *e)
{
    struct stat st;
    struct source *s = make(what, e);
    if (!s)
        return NULL;
    s->fd = fd;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        s->size = (uint64_t)st.st_size;
    return s;
}

struct source *source_file(const char *path, struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        (void)error_system(e, "dump file %s", path);
        return NULL;
    }
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        (void)close(fd);
        (void)error_set(e, ERROR_INCOMPLETE, "%s is a folder, not a custom-format dump", path);
        (void)error_hint(e,
                         "a dump in directory format is not read; make one with pg_dump -Fc");
        return NULL;
    }
    struct source *s = source_fd(fd, "dump file", e);
    if (!s) {
        (void)close(fd);
        return NULL;
    }
    s->path = str_copy(path, e);
    if (!s->path) {
        source_free(s);
        return NULL;
    }
    s->what = s->path;
    return s;
}

struct source *source_child(const struct child_options *o, const char *what, struct error *e)
{
    struct source *s = make(what, e);
    if (!s)
        return NULL;
    s->child = child_start(o, e);
    if (!s->child) {
        source_free(s);
        return NULL;
    }
    s->fd = child_out(s->child);
    return s;
}

void source_free(struct source *s)
{
    if (!s)
        return;
    if (s->child)
        child_free(s->child);
    else if (s->fd > 0)
        (void)close(s->fd);
    free(s->path);
    free(s);
}

uint64_t source_size(const struct source *s)
{
    return s->size;
}

void source_obey(struct source *s, const volatile sig_atomic_t *stop)
{
    s->stop = stop;
    if (s->child)
        child_obey(s->child, stop);
}

/* A pg_dump that waits for a lock says nothing for a minute: a signal must not wait with it. */
static int wait_for_bytes(const struct source *s, struct error *e)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    for (;;) {
        int n = *s->stop;
        if (n)
            return error_stopped(e, n);
        int ready = poll(&p, 1, STOP_MS);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return error_system(e, "%s", s->what);
    }
}

int source_read(struct source *s, void *out, size_t size, size_t *got, struct error *e)
{
    if (s->stop && wait_for_bytes(s, e) < 0)
        return -1;
    if (file_read_some(s->fd, out, size, got, e) < 0)
        return error_wrap(e, "%s", s->what);
    return 0;
}

/* pg_dump's words for what goes away by itself. */
static bool worth_a_retry(const char *words)
{
    static const char *const signs[] = {
        "lock timeout",
        "statement timeout", /* what --lock-wait-timeout sets for its LOCK TABLE */
        "conflict with recovery",
        "the database system is starting up",
        "the database system is shutting down",
        "Connection refused",
        "could not connect to server",
        "too many clients",
        "server closed the connection",
    };
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (strstr(words, signs[i]))
            return true;
    return false;
}

int source_finish(struct source *s, struct error *e)
{
    if (!s->child || child_finish(s->child, s->what, e) == 0)
        return 0;
    if (e && e->kind == ERROR_CHILD) {
        const char *words = child_errors(s->child);
        e->kind = worth_a_retry(words) ? ERROR_BUSY : ERROR_INCOMPLETE;
        if (strstr(words, "conflict with recovery"))
            (void)error_hint(e, "on a standby: raise max_standby_streaming_delay, or dump "
                                "from the primary");
        else if (strstr(words, "lock timeout") || strstr(words, "statement timeout"))
            (void)error_hint(e, "somebody holds a lock on a table; --lock-wait-timeout waits "
                                "longer");
    }
    return -1;
}

void source_stop(struct source *s)
{
    if (s->child)
        child_kill(s->child);
}
