/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line a message, to stderr and to a file. Its state belongs to the process: a
 * log that had to be handed to every function would be in every signature and still end in the
 * same two descriptors. Until log_open nothing is written. Secrets have no text form and never
 * come here. Control characters in messages leave as \xNN. Any thread, log_open and log_close
 * excepted. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "core/base/error.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Text: "2026-01-31T12:00:00Z warning: message".
 * JSON: {"time": "…", "level": "…", "message": "…"}. */
struct log_options {
    enum log_level level; /* the least important that is written */
    bool json;            /* one JSON object a line instead of text */
    bool to_stderr;
    const char *path; /* appended to, made with mode 0600; NULL: no file */
};

/* Once at the start of the program, or again to change it. ERROR_IO. */
MUST_CHECK int log_open(const struct log_options *o, struct error *e);
void log_close(void);

/* A message that cannot be written is lost: the log never stops a backup. Cut at 4 KiB. */
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* True when messages of that level are written; for messages that are costly to make. */
bool log_wanted(enum log_level level);

#endif
