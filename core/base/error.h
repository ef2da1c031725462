/* SPDX-License-Identifier: Apache-2.0 */
/* One error value, owned by the caller and passed last. Fallible functions return int:
 * 0 done, -1 failed with the error filled, positive an ordinary answer named in the header. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "core/base/attr.h"

enum error_kind {
    ERROR_NONE,
    ERROR_USAGE,         /* wrong option, configuration, argument */
    ERROR_MEMORY,        /* an allocation failed */
    ERROR_IO,            /* the operating system refused; error.sys holds errno */
    ERROR_CHILD,         /* a program that we ran failed */
    ERROR_SERVER,        /* PostgreSQL refused */
    ERROR_BUSY,          /* busy or out of reach: trying again may help */
    ERROR_INTERRUPTED,   /* SIGINT */
    ERROR_TERMINATED,    /* SIGTERM */
    ERROR_INCOMPLETE,    /* the dump is cut, damaged or no custom-format dump */
    ERROR_CORRUPT,       /* damage in the repository */
    ERROR_DIFFERENT,     /* restored bytes are not the bytes that were stored */
    ERROR_UNSUPPORTED,   /* made by a newer version */
    ERROR_NO_REPOSITORY, /* no repository there */
    ERROR_KEY,           /* wrong key, or none */
    ERROR_ROLLBACK,      /* the repository is older than what this host has seen */
    ERROR_EXISTS,        /* the thing to be made is there already */
    ERROR_ABSENT,        /* the thing asked for is not there */
    ERROR_KINDS
};

struct error {
    enum error_kind kind;
    int sys; /* errno where the system refused, else 0 */
    char text[1000];
};

/* Fill e; always returns -1, so that `return error_set(…)` reads well.
 * Text: lower case, no full stop, object before cause, expected and found both given;
 * a second line `hint: …` only if the operator can act on it. e may be NULL. */
int error_set(struct error *e, enum error_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As error_set with kind ERROR_IO, errno kept in e->sys and its words put behind the text. */
int error_system(struct error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Put "context: " in front of the text that e holds; returns -1. */
int error_wrap(struct error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Add "\nhint: …" behind the text, unless there is a hint already; returns -1. */
int error_hint(struct error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Out of memory while doing what; returns -1. */
int error_memory(struct error *e, const char *what);

/* Work was stopped by this signal (SIGTERM, or SIGINT); returns -1. */
int error_stopped(struct error *e, int signal_number);

void error_clear(struct error *e);

#endif
