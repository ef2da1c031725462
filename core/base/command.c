/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/command.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "core/base/child.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define SLICE_MS 50 /* how late a stop flag may be seen */

/* ---- words --------------------------------------------------------------------------- */

/* One word from *from on, written in place, where it is never longer. False when a quote does
 * not end. */
static bool cut_word(char **from, char **to)
{
    char quote = '\0';
    for (; **from; ++*from) {
        char c = **from;
        if (!quote && (c == ' ' || c == '\t'))
            break;
        if (c == quote || (!quote && (c == '\'' || c == '"'))) {
            quote = quote ? '\0' : c;
            continue;
        }
        /* Within "…" only these two lose the backslash. */
        bool escapes = c == '\\' && (!quote || (quote == '"' && strchr("\"\\", (*from)[1])));
        if (escapes && (*from)[1])
            c = *++*from;
        *(*to)++ = c;
    }
    return !quote;
}

int command_words(char *text, const char *words[COMMAND_WORDS + 1], struct error *e)
{
    size_t count = 0;
    char *from = text, *to = text;
    for (;;) {
        from += strspn(from, " \t");
        if (!*from)
            break;
        if (count == COMMAND_WORDS)
            return error_set(e, ERROR_USAGE, "more than %d words", COMMAND_WORDS);
        words[count++] = to;
        if (!cut_word(&from, &to))
            return error_set(e, ERROR_USAGE, "a quote that does not end");
        bool more = *from;
        *to++ = '\0';
        from += more;
    }
    words[count] = NULL;
    return count > 0 && *words[0] ? 0 : error_set(e, ERROR_USAGE, "it names no program");
}

/* ---- the program --------------------------------------------------------------------- */

#define NO_MORE 1

/* Until there is something to read. NO_MORE when it has ended and left a process behind that
 * holds the pipe, as agents do. */
static int await(const struct command_options *o, struct child *c, int64_t until_ms,
                 struct error *e)
{
    struct pollfd p = {.fd = child_out(c), .events = POLLIN};
    for (;;) {
        bool ended = child_has_ended(c);
        int n = poll(&p, 1, SLICE_MS);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return error_system(e, "poll");
        if (ended && n == 0)
            return NO_MORE;
        if (o->stop && *o->stop)
            return error_stopped(e, *o->stop);
        if (until_ms > 0 && clock_monotonic_ms() >= until_ms)
            return error_set(e, ERROR_BUSY, "no answer in time");
    }
}

static int read_answer(const struct command_options *o, struct child *c, int64_t until_ms,
                       struct buf *out, struct error *e)
{
    size_t got = 1;
    if (buf_reserve(out, o->most + 1, e) < 0) /* at once: no copy stays behind */
        return -1;
    while (got > 0) {
        size_t room = o->most + 1 - out->len;
        if (room == 0)
            return error_set(e, ERROR_KEY, "the answer is too long: more than %zu bytes",
                             o->most);
        int rc = await(o, c, until_ms, e);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
        if (file_read_some(child_out(c), out->data + out->len, room, &got, e) < 0)
            return -1;
        out->len += got;
    }
    return 0;
}

static int finish(struct child *c, struct error *e)
{
    int status = 0;
    if (child_wait(c, &status, e) < 0)
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status))
        (void)error_set(e, ERROR_CHILD, "exit status %d", WEXITSTATUS(status));
    else
        (void)error_set(e, ERROR_CHILD, "ended by signal %d", WTERMSIG(status));
    return error_hint(e, "run it by hand: what it says is not shown here, as it may be secret");
}

static int run(const struct command_options *o, const char *const *words, struct buf *out,
               struct error *e)
{
    const char **environment = secret_environment(e);
    if (!environment)
        return -1;
    const struct child_options how = {
        .argv = words, .env = environment, .in_fd = -1, .pipe_out = true};
    struct child *c = child_start(&how, e);
    int rc = -1;
    if (c) {
        int64_t until_ms = o->most_ms > 0 ? clock_monotonic_ms() + (int64_t)o->most_ms : 0;
        child_obey(c, o->stop);
        child_until(c, until_ms);
        rc = read_answer(o, c, until_ms, out, e);
        if (rc == 0)
            rc = finish(c, e);
        if (rc < 0)
            (void)error_wrap(e, "%s", words[0]);
    }
    child_free(c);
    free(environment);
    return rc;
}

int command_read(const struct command_options *o, struct buf *out, struct error *e)
{
    const char *words[COMMAND_WORDS + 1];
    char *text = str_copy(o->text, e);
    if (!text)
        return -1;
    /* Cutting shortens the text, and what it held behind its new end is to be wiped too. */
    size_t len = strlen(text);
    int rc = command_words(text, words, e);
    if (rc == 0)
        rc = run(o, words, out, e);
    explicit_bzero(text, len);
    free(text);
    return rc;
}
