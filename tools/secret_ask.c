/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/secret_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define MAX_SECRET (4 * KIB)

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

int secret_ask(const char *prompt, bool repeat, char **text, struct error *e)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return SECRET_NONE;
    FILE *tty = fopen("/dev/tty", "r+e");
    if (!tty)
        return SECRET_NONE;
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
