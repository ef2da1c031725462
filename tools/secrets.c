/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/secrets.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/child.h"
#include "core/base/file.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define MAX_SECRET (4 * KIB)
#define MAX_WORDS 32

/* The text of a secret, without one line end; the buffer is wiped. */
static char *take(struct buf *raw, struct error *e)
{
    size_t len = raw->len;
    if (len > 0 && raw->data[len - 1] == '\n')
        len--;
    if (len > 0 && raw->data[len - 1] == '\r')
        len--;
    char *text = NULL;
    if (memchr(raw->data ? raw->data : (const uint8_t *)"", 0, len))
        (void)error_set(e, ERROR_KEY, "a secret holds a zero byte");
    else
        text = str_copy_bytes(bytes_of(raw->data, len), e);
    if (raw->data)
        explicit_bzero(raw->data, raw->cap);
    buf_done(raw);
    return text;
}

static int from_file(const char *variable, const char *path, char **text, struct error *e)
{
    struct buf raw = {0};
    int rc = file_load_secret(path, MAX_SECRET, &raw, e);
    if (rc == FILE_ABSENT)
        return error_set(e, ERROR_KEY, "%s: there is no file %s", variable, path);
    if (rc < 0)
        return error_wrap(e, "%s", variable);
    *text = take(&raw, e);
    return *text ? 0 : -1;
}

static int read_child(struct child *c, struct buf *raw, struct error *e)
{
    for (;;) {
        size_t got;
        if (buf_reserve(raw, MAX_SECRET, e) < 0 ||
            file_read_some(child_out(c), raw->data + raw->len, raw->cap - raw->len, &got, e) <
                0)
            return -1;
        raw->len += got;
        if (got == 0)
            return 0;
        if (raw->len > MAX_SECRET)
            return error_set(e, ERROR_KEY, "more than %zu bytes", MAX_SECRET);
    }
}

const char **secrets_left_out(struct error *e)
{
    size_t count = 0;
    size_t kept = 0;
    while (environ[count])
        count++;
    const char **list = calloc(count + 1, sizeof *list);
    if (!list) {
        (void)error_memory(e, "environment");
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        if (!str_starts(environ[i], "PGKEEP_PASSPHRASE") &&
            !str_starts(environ[i], "PGKEEP_RECOVERY_KEY") &&
            !str_starts(environ[i], "PGKEEP_SSH_KEY_PASSPHRASE"))
            list[kept++] = environ[i];
    return list;
}

static int from_command(const char *variable, const char *command, char **text, struct error *e)
{
    char *words[MAX_WORDS + 1] = {NULL};
    size_t count = 0;
    struct buf raw = {0};
    struct child *c = NULL;
    const char **environment = NULL;
    int rc = -1;
    char *copy = str_copy(command, e);
    if (!copy)
        return -1;
    char *rest = NULL;
    for (char *w = strtok_r(copy, " \t", &rest); w && count < MAX_WORDS;
         w = strtok_r(NULL, " \t", &rest))
        words[count++] = w;
    if (count == 0) {
        (void)error_set(e, ERROR_USAGE, "%s is empty", variable);
        goto out;
    }
    environment = secrets_left_out(e);
    if (!environment)
        goto out;
    const struct child_options o = {
        .argv = (const char *const *)words, .env = environment, .in_fd = -1, .pipe_out = true};
    c = child_start(&o, e);
    if (!c || read_child(c, &raw, e) < 0 || child_finish(c, words[0], e) < 0) {
        (void)error_wrap(e, "%s", variable);
        goto out;
    }
    *text = take(&raw, e);
    rc = *text ? 0 : -1;
out:
    child_free(c);
    if (raw.data)
        explicit_bzero(raw.data, raw.cap);
    buf_done(&raw);
    free(environment);
    free(copy);
    return rc;
}

int secrets_find(const char *name, char **text, struct error *e)
{
    char variable[64];
    const char *value = getenv(name);
    if (value && *value) {
        *text = str_copy(value, e);
        return *text ? 0 : -1;
    }
    (void)snprintf(variable, sizeof variable, "%s_FILE", name);
    value = getenv(variable);
    if (value && *value)
        return from_file(variable, value, text, e);
    (void)snprintf(variable, sizeof variable, "%s_COMMAND", name);
    value = getenv(variable);
    if (value && *value)
        return from_command(variable, value, text, e);
    return SECRETS_NONE;
}

/* One line from the terminal without echo. */
static char *read_line(FILE *tty, const char *prompt, struct error *e)
{
    struct termios old;
    struct termios quiet;
    char line[MAX_SECRET];
    (void)fprintf(tty, "%s: ", prompt);
    (void)fflush(tty);
    bool known = tcgetattr(fileno(tty), &old) == 0;
    if (known) {
        quiet = old;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
    }
    char *got = fgets(line, sizeof line, tty);
    if (known)
        (void)tcsetattr(fileno(tty), TCSAFLUSH, &old);
    (void)fputc('\n', tty);
    if (!got) {
        (void)error_set(e, ERROR_KEY, "nothing was typed");
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    char *text = str_copy(line, e);
    explicit_bzero(line, sizeof line);
    return text;
}

int secrets_ask(const char *prompt, bool repeat, char **text, struct error *e)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return SECRETS_NONE;
    FILE *tty = fopen("/dev/tty", "r+e");
    if (!tty)
        return SECRETS_NONE;
    char *first = read_line(tty, prompt, e);
    char *second = first && repeat ? read_line(tty, "once more", e) : NULL;
    (void)fclose(tty);
    int rc = first && (!repeat || second) ? 0 : -1;
    if (rc == 0 && repeat && strcmp(first, second) != 0)
        rc = error_set(e, ERROR_KEY, "the two do not agree");
    secret_free_text(second);
    if (rc < 0) {
        secret_free_text(first);
        return -1;
    }
    *text = first;
    return 0;
}
