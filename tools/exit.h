/* SPDX-License-Identifier: Apache-2.0 */
/* Exit codes: the one table from kinds of errors to what scripts see. */
#ifndef TOOLS_EXIT_H
#define TOOLS_EXIT_H

#include "core/base/error.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_SUSPECT = 3,
    EXIT_DAMAGE = 4,
    EXIT_STALE = 5,
    EXIT_INCOMPLETE = 6,
    EXIT_ROLLBACK = 7,
    EXIT_NO_REPOSITORY = 10,
    EXIT_WRONG_KEY = 12,
    EXIT_EXTRA = 38,
    EXIT_BUSY = 75,
    EXIT_INTERRUPTED = 130,
    EXIT_TERMINATED = 143,
};

static inline enum exit_code exit_of(enum error_kind kind)
{
    static const enum exit_code codes[ERROR_KINDS] = {
        [ERROR_NONE] = EXIT_DONE,
        [ERROR_USAGE] = EXIT_USAGE,
        [ERROR_MEMORY] = EXIT_FAILED,
        [ERROR_IO] = EXIT_FAILED,
        [ERROR_CHILD] = EXIT_FAILED,
        [ERROR_SERVER] = EXIT_FAILED,
        [ERROR_BUSY] = EXIT_BUSY,
        [ERROR_INTERRUPTED] = EXIT_INTERRUPTED,
        [ERROR_TERMINATED] = EXIT_TERMINATED,
        [ERROR_INCOMPLETE] = EXIT_INCOMPLETE,
        [ERROR_CORRUPT] = EXIT_DAMAGE,
        [ERROR_DIFFERENT] = EXIT_DAMAGE,
        [ERROR_UNSUPPORTED] = EXIT_FAILED,
        [ERROR_NO_REPOSITORY] = EXIT_NO_REPOSITORY,
        [ERROR_KEY] = EXIT_WRONG_KEY,
        [ERROR_ROLLBACK] = EXIT_ROLLBACK,
        [ERROR_EXISTS] = EXIT_FAILED,
        [ERROR_ABSENT] = EXIT_FAILED,
    };
    return kind < ERROR_KINDS ? codes[kind] : EXIT_FAILED;
}

/* What help and the man page say about them. */
#define EXIT_TEXT                                                                              \
    "  0    done\n"                                                                            \
    "  1    failed, or could not be found out; nothing acknowledged\n"                         \
    "  2    wrong usage or configuration\n"                                                    \
    "  3    backup stored but suspect or unchecked: pgkeep ack accepts it\n"                   \
    "  4    damage or difference found\n"                                                      \
    "  6    the dump is not complete or not a custom-format dump: rejected\n"                  \
    "  7    the repository is older than what this host has seen (not raised yet)\n"           \
    "  10   no repository there\n"                                                             \
    "  12   wrong key\n"                                                                       \
    "  38   restore --in-place: the database has objects that the backup lacks\n"              \
    "  75   busy or out of reach after retries: try again\n"                                   \
    "  130  interrupted, 143 terminated: nothing acknowledged\n"

#endif
