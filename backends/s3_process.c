/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/s3_process.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "core/base/buf.h"
#include "core/base/child.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define MOST_WORDS 64
#define MOST_MS 60000
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

/* Cuts text in place; words ends with NULL. */
static int cut(char *text, const char *words[MOST_WORDS + 1], struct error *e)
{
    size_t count = 0;
    char *from = text, *to = text;
    for (;;) {
        from += strspn(from, " \t");
        if (!*from)
            break;
        if (count == MOST_WORDS)
            return error_set(e, ERROR_USAGE, "more than %d words", MOST_WORDS);
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

/* Until there is something to read. */
static int await(const struct s3_process_options *o, int fd, int64_t until_ms, struct error *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (;;) {
        int n = poll(&p, 1, SLICE_MS);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return error_system(e, "poll");
        if (o->stop && *o->stop)
            return error_stopped(e, *o->stop);
        if (clock_monotonic_ms() >= until_ms)
            return error_set(e, ERROR_BUSY, "no answer in time");
    }
}

static int read_answer(const struct s3_process_options *o, const struct child *c,
                       struct buf *out, struct error *e)
{
    int64_t until_ms = clock_monotonic_ms() + (int64_t)(o->most_ms ? o->most_ms : MOST_MS);
    size_t got = 1;
    if (buf_reserve(out, S3_KEY_ANSWER + 1, e) < 0) /* at once: no copy stays behind */
        return -1;
    while (got > 0) {
        size_t room = S3_KEY_ANSWER + 1 - out->len;
        if (room == 0)
            return error_set(e, ERROR_KEY, "the answer is too long");
        if (await(o, child_out(c), until_ms, e) < 0 ||
            file_read_some(child_out(c), out->data + out->len, room, &got, e) < 0)
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

static int run(const struct s3_process_options *o, const char *const *words, struct buf *raw,
               struct error *e)
{
    const struct child_options how = {.argv = words, .in_fd = -1, .pipe_out = true};
    struct child *c = child_start(&how, e);
    if (!c)
        return -1;
    child_obey(c, o->stop);
    int rc = read_answer(o, c, raw, e);
    if (rc == 0)
        rc = finish(c, e);
    child_free(c);
    return rc < 0 ? error_wrap(e, "%s", words[0]) : 0;
}

int s3_process_key(const struct s3_process_options *o, struct s3_key *out, struct error *e)
{
    const char *words[MOST_WORDS + 1];
    struct buf raw = {0};
    char *text = str_copy(o->command, e);
    if (!text)
        return -1;
    /* Cutting shortens the text, and what it held behind its new end is to be wiped too. */
    size_t len = strlen(text);
    int rc = cut(text, words, e);
    if (rc == 0)
        rc = run(o, words, &raw, e);
    if (rc == 0) {
        const struct s3_key_form form = {
            .what = words[0], .token_name = "SessionToken", .has_version = true};
        rc = s3_key_read(out, buf_view(&raw), &form, e);
    }
    if (raw.data)
        explicit_bzero(raw.data, raw.cap);
    buf_done(&raw);
    explicit_bzero(text, len);
    free(text);
    return rc < 0 ? error_wrap(e, "credential_process") : 0;
}
