/* SPDX-License-Identifier: Apache-2.0 */
/* Where a dump comes from: a file, standard input, or the output of a program. */
#ifndef DUMP_SOURCE_H
#define DUMP_SOURCE_H

#include <signal.h>

#include "core/base/child.h"
#include "core/base/error.h"

struct source;

/* Opens path, or takes over the descriptor fd (closed by source_free unless it is 0), or
 * starts the child. NULL on error. what: how messages name it; borrowed. */
MUST_CHECK struct source *source_file(const char *path, struct error *e);
MUST_CHECK struct source *source_fd(int fd, const char *what, struct error *e);
MUST_CHECK struct source *source_child(const struct child_options *o, const char *what,
                                       struct error *e);
void source_free(struct source *s);

/* Reads are given up within a moment once *stop holds a signal's number. */
void source_obey(struct source *s, const volatile sig_atomic_t *stop);

/* How many bytes there will be; 0 when nobody knows. */
uint64_t source_size(const struct source *s);

/* What is there now, at most size bytes; *got is 0 only at the end. ERROR_IO;
 * ERROR_INTERRUPTED, ERROR_TERMINATED. */
MUST_CHECK int source_read(struct source *s, void *out, size_t size, size_t *got,
                           struct error *e);

/* The source was read to its end: was it a good end? A child's exit status other than 0 is
 * ERROR_INCOMPLETE with the last line of its stderr; ERROR_BUSY for what trying again may
 * help (a lock timeout, a conflict with recovery). Asked also when the dump itself is cut,
 * since the child's words are the better ones. */
MUST_CHECK int source_finish(struct source *s, struct error *e);

/* Stop a child that still runs. */
void source_stop(struct source *s);

#endif
