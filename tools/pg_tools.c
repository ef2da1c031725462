/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/pg_tools.h"

#include <glob.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/child.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/secret.h"
#include "core/base/str.h"

enum { MAX_PROGRAMS = 64, MAX_ANSWER = 4096, PATIENCE_MS = 20000, MAX_SHOWN = 600 };

/* -- the version of one -- */

/* Reads until the end, to MAX_ANSWER bytes or until patience runs out: a program that only
 * happens to have the name must not hold us up. */
static int read_answer(int fd, struct buf *answer, struct error *e)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    if (buf_reserve(answer, MAX_ANSWER, e) < 0)
        return -1;
    while (answer->len < MAX_ANSWER) {
        size_t got;
        int64_t left = deadline - clock_monotonic_ms();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (left <= 0)
            return error_set(e, ERROR_CHILD, "no answer within %d s", PATIENCE_MS / 1000);
        /* A timeout and a signal both end in another look at the clock. */
        if (poll(&ready, 1, (int)left) <= 0)
            continue;
        if (file_read_some(fd, answer->data + answer->len, MAX_ANSWER - answer->len, &got, e) <
            0)
            return -1;
        if (got == 0)
            return 0;
        answer->len += got;
    }
    return error_set(e, ERROR_CHILD, "more than %d bytes in answer to --version", MAX_ANSWER);
}

/* "pg_dump (PostgreSQL) 17beta2" is 17; the product in parentheses may be another one's name
 * for it. The version's text begins at *from. */
static bool parse_version(const char *line, const char **from, int *major)
{
    const char *p = strchr(line, '(');
    p = p ? strstr(p, ") ") : NULL;
    if (!p)
        return false;
    p += 2;
    size_t digits = strspn(p, "0123456789");
    if (digits < 1 || digits > 3)
        return false;
    *from = p;
    *major = 0;
    for (size_t i = 0; i < digits; i++)
        *major = *major * 10 + (p[i] - '0');
    return *major > 0;
}

static int ask(const char *path, struct buf *answer, struct error *e)
{
    int result = -1;
    char **environment = NULL;
    struct child *c = NULL;
    const char *const argv[] = {path, "--version", NULL};
    if (pg_tools_environment(NULL, &environment, e) < 0)
        return -1;
    const struct child_options o = {
        .argv = argv, .env = (const char *const *)environment, .in_fd = -1, .pipe_out = true};
    c = child_start(&o, e);
    if (c && read_answer(child_out(c), answer, e) == 0)
        result = child_finish(c, "--version", e);
    child_free(c);
    pg_tools_environment_free(environment);
    return result;
}

int pg_tools_major(const char *version)
{
    return version ? (int)strtol(version, NULL, 10) : 0;
}

int pg_tools_version(const char *path, char **text, int *major, struct error *e)
{
    int result = -1;
    int found;
    const char *version;
    char line[256];
    struct buf answer = {0};
    if (ask(path, &answer, e) < 0) {
        (void)error_wrap(e, "%s", path);
        goto out;
    }
    const uint8_t *end = answer.len > 0 ? memchr(answer.data, '\n', answer.len) : NULL;
    str_safe(line, sizeof line,
             bytes_of(answer.data, end ? (size_t)(end - answer.data) : answer.len));
    if (!parse_version(line, &version, &found)) {
        (void)error_set(e, ERROR_CHILD,
                        "%s: not a program of PostgreSQL: --version says \"%s\"", path, line);
        goto out;
    }
    if (text && !(*text = str_copy(version, e)))
        goto out;
    if (major)
        *major = found;
    result = 0;
out:
    buf_done(&answer);
    return result;
}

/* -- the right one of several -- */

struct program {
    char *path;
    dev_t device; /* one file found by several ways is asked once */
    ino_t inode;
    bool wrapper;
};

struct programs {
    struct program items[MAX_PROGRAMS];
    size_t count;
};

static void programs_done(struct programs *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i].path);
}

static bool is_wrapper(const char *path)
{
    char *real = realpath(path, NULL);
    const char *slash = real ? strrchr(real, '/') : NULL;
    bool wrapper = slash && strcmp(slash + 1, "pg_wrapper") == 0;
    free(real);
    return wrapper;
}

/* Takes folder/name into the list when it is there. */
static int add(struct programs *l, struct bytes folder, const char *name, struct error *e)
{
    struct stat st;
    if (l->count == MAX_PROGRAMS || folder.len == 0 || folder.data[0] != '/')
        return 0;
    char *path = str_format(e, "%.*s/%s", (int)folder.len, (const char *)folder.data, name);
    if (!path)
        return -1;
    bool usable = stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
    for (size_t i = 0; usable && i < l->count; i++)
        usable = l->items[i].device != st.st_dev || l->items[i].inode != st.st_ino;
    if (!usable) {
        free(path);
        return 0;
    }
    l->items[l->count++] = (struct program){
        .path = path, .device = st.st_dev, .inode = st.st_ino, .wrapper = is_wrapper(path)};
    return 0;
}

static int add_matching(struct programs *l, const char *pattern, const char *name,
                        struct error *e)
{
    glob_t found = {0};
    int result = 0;
    int answer = glob(pattern, 0, NULL, &found);
    if (answer == GLOB_NOSPACE)
        result = error_memory(e, pattern);
    for (size_t i = 0; answer == 0 && i < found.gl_pathc && result == 0; i++)
        result = add(l, bytes_text(found.gl_pathv[i]), name, e);
    globfree(&found);
    return result;
}

static int collect(struct programs *l, const char *only, const char *name, struct error *e)
{
    static const char *const places[] = {"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
                                         "/usr/local/pgsql/bin"};
    if (only)
        return add(l, bytes_text(only), name, e);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (add_matching(l, places[i], name, e) < 0)
            return -1;
    for (const char *p = getenv("PATH"); p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL)
        if (add(l, bytes_of(p, strcspn(p, ":")), name, e) < 0)
            return -1;
    return 0;
}

struct choice {
    int least;
    const struct program *best; /* NULL: none is new enough */
    int major;                  /* of the best */
    struct buf seen;            /* all that were asked, as text for people */
};

/* Asks those that are wrappers, or those that are not. Programs that cannot be asked are passed
 * by: one broken installation must not stop a backup that has a good one. */
static int choose(struct choice *c, const struct programs *l, bool wrappers, struct error *e)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct program *p = &l->items[i];
        struct error why = {0};
        char *text = NULL;
        int major = 0;
        if (p->wrapper != wrappers)
            continue;
        int answer = pg_tools_version(p->path, &text, &major, &why);
        if (answer < 0 && why.kind == ERROR_MEMORY)
            return error_memory(e, p->path);
        int told = buf_printf(&c->seen, e, "%s%s %s", c->seen.len > 0 ? ", " : "", p->path,
                              text ? text : "(does not work)");
        free(text);
        if (told < 0)
            return -1;
        if (answer == 0 && major >= c->least && (!c->best || major < c->major)) {
            c->best = p;
            c->major = major;
        }
    }
    return 0;
}

static bool of_server(const char *name)
{
    static const char *const names[] = {"initdb", "pg_ctl", "postgres", "pg_controldata"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int refuse(const struct choice *c, const char *name, const char *only, struct error *e)
{
    const char *kind = of_server(name) ? "" : "-client";
    struct bytes found = c->seen.len > 0 ? buf_view(&c->seen) : bytes_text("none");
    if (found.len > MAX_SHOWN)
        found.len = MAX_SHOWN;
    (void)error_set(e, ERROR_CHILD, "%s: version %d or newer is needed, found %.*s", name,
                    c->least, (int)found.len, (const char *)found.data);
    if (only)
        return error_hint(e, "PGKEEP_PG_BIN is set, so only %s was looked in", only);
    return error_hint(e,
                      "apt-get install postgresql%s-%d (package repository of "
                      "apt.postgresql.org), or name its folder in PGKEEP_PG_BIN",
                      kind, c->least);
}

int pg_tools_find(const char *name, int least_major, char **path, int *major, struct error *e)
{
    int result = -1;
    struct programs l = {.count = 0};
    struct choice c = {.least = least_major};
    const char *only = getenv("PGKEEP_PG_BIN");
    if (only && !*only)
        only = NULL;
    if (collect(&l, only, name, e) < 0 || choose(&c, &l, false, e) < 0)
        goto out;
    /* pg_wrapper runs one of those that were asked already, and decides by itself which. */
    if (c.seen.len == 0 && choose(&c, &l, true, e) < 0)
        goto out;
    if (!c.best) {
        (void)refuse(&c, name, only, e);
        goto out;
    }
    *path = str_copy(c.best->path, e);
    if (!*path)
        goto out;
    if (major)
        *major = c.major;
    result = 0;
out:
    programs_done(&l);
    buf_done(&c.seen);
    return result;
}

/* -- what a child is given -- */

enum { MAX_VARIABLES = 6 };

static int put(char **environment, const char *name, const char *value, struct error *e)
{
    size_t i = 0;
    if (!value)
        return 0;
    while (environment[i])
        i++;
    environment[i] = str_format(e, "%s=%s", name, value);
    return environment[i] ? 0 : -1;
}

int pg_tools_environment(const char *passfile, char ***environment, struct error *e)
{
    char **list = calloc(MAX_VARIABLES + 1, sizeof *list);
    if (!list)
        return error_memory(e, "environment");
    if (put(list, "PATH", "/usr/local/bin:/usr/bin:/bin", e) < 0 ||
        put(list, "LC_ALL", "C.UTF-8", e) < 0 || put(list, "PGTZ", "UTC", e) < 0 ||
        put(list, "HOME", getenv("HOME"), e) < 0 ||
        put(list, "TMPDIR", getenv("TMPDIR"), e) < 0 ||
        put(list, "PGPASSFILE", passfile, e) < 0) {
        pg_tools_environment_free(list);
        return -1;
    }
    *environment = list;
    return 0;
}

void pg_tools_environment_free(char **environment)
{
    for (char **p = environment; p && *p; p++)
        free(*p);
    free(environment);
}

int pg_tools_passfile(const char *password, struct error *e)
{
    static const char everything[] = "*:*:*:*:";
    int fd = -1;
    struct buf line = {0};
    if (strpbrk(password, "\r\n"))
        return error_set(e, ERROR_USAGE,
                         "the password has a line break: no password file can "
                         "hold it");
    /* All at once: a buffer that grows leaves copies behind. */
    if (buf_reserve(&line, sizeof everything + 2 * strlen(password) + 1, e) < 0 ||
        buf_append(&line, everything, sizeof everything - 1, e) < 0)
        goto out;
    for (const char *p = password; *p; p++)
        if (((*p == ':' || *p == '\\') && buf_byte(&line, '\\', e) < 0) ||
            buf_byte(&line, (uint8_t)*p, e) < 0)
            goto out;
    if (buf_byte(&line, '\n', e) == 0)
        fd = file_memfd("pgpass", buf_view(&line), e);
out:
    secret_free_buf(&line);
    return fd;
}

void pg_tools_passfile_path(char out[PG_TOOLS_PASSFILE], int fd)
{
    (void)snprintf(out, PG_TOOLS_PASSFILE, "/proc/self/fd/%d", fd);
}
