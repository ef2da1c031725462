/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that we run: no shell, a process group of their own, only the descriptors they are
 * given, signals as a fresh program expects them. What a program says on stderr is read by a
 * thread of the child object, so that a caller who reads or writes the pipes in any order
 * never waits for a program that waits for him. It is the one thread outside core/job: it
 * touches nothing but that pipe and the bounded tail.
 * Failures are ERROR_CHILD or ERROR_IO. The program ignores SIGPIPE: writing to a child that
 * went away is EPIPE. One thread at a time, except child_kill and child_errors. */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "core/base/error.h"

#define CHILD_ABSENT 1 /* no such program in PATH */

/* Neither has supplementary groups. */
struct child_user {
    uid_t uid;
    gid_t gid;
};

struct child_options {
    const char *const *argv; /* ends with NULL; argv[0] with a slash is a path, else looked for
                              * in the PATH of env */
    const char *const *env;  /* ends with NULL; NULL: the environment of this process */
    int in_fd;               /* stdin unless pipe_in; -1: /dev/null. 0 is the caller's own */
    int out_fd;              /* stdout unless pipe_out; 0 or -1: /dev/null */
    bool pipe_in;            /* stdin is a pipe: child_in */
    bool pipe_out;           /* stdout is a pipe: child_out */
    const int *keep_fds;     /* these stay open under their numbers (above 2), all others do */
    size_t keep_count;       /* not, whether close-on-exec or not */
    const struct child_user *user; /* whom it runs as; NULL: as we do. Only root may choose */
    int death_signal; /* the child gets it when the thread that started it ends, SIGKILL of this
                       * process included; 0: none */
};

struct child;

/* Everything in o is borrowed for the call. NULL with ERROR_CHILD when the program is not
 * there or cannot be run. Descriptors 0 to 2 of this process must be open. */
MUST_CHECK struct child *child_start(const struct child_options *o, struct error *e);
/* Kills what still runs, reaps it, closes the pipes. */
void child_free(struct child *c);

/* The end of stdout to read, the end of stdin to write; -1 when there is no such pipe. They
 * belong to c. The stdout pipe holds 1 MiB where the system allows. */
int child_out(const struct child *c);
int child_in(const struct child *c);
/* The child sees the end of its input. */
void child_close_in(struct child *c);

/* Waiting is given up within a moment once *stop holds a signal's number: ERROR_INTERRUPTED,
 * ERROR_TERMINATED; the child still runs then. */
void child_obey(struct child *c, const volatile sig_atomic_t *stop);

/* The same at a moment of clock_monotonic_ms (0: never): ERROR_BUSY. */
void child_until(struct child *c, int64_t until_ms);

/* Has it ended by itself? Others may hold its pipes still. */
bool child_has_ended(struct child *c);

/* Waits for the end; *status is as in waitpid(2). Asking again gives the same. Closes stdin
 * first; stdout must have been read to its end, or the child may never end. */
MUST_CHECK int child_wait(struct child *c, int *status, struct error *e);
/* child_wait; 0 only for exit status 0, otherwise ERROR_CHILD: "pg_dump: exit status 1:
 * <the line of stderr that tells>", or the signal. */
MUST_CHECK int child_finish(struct child *c, const char *what, struct error *e);

/* A signal to the child alone. Nothing happens when it has ended. */
void child_signal(struct child *c, int sig);

/* TERM to the whole group, KILL after 2 seconds; returns when the child has ended. Nothing
 * happens when it has been waited for already. Any thread. */
void child_kill(struct child *c);

/* The last 16 KiB of stderr, whole after child_wait, "" before; NUL bytes are shown as "?".
 * Good until child_free. */
const char *child_errors(const struct child *c);

/* Path of the program name in this process's PATH into *path, the caller's to free; a name
 * with a slash is checked as it is. Answers CHILD_ABSENT. */
MUST_CHECK int child_find(const char *name, char **path, struct error *e);

#endif
