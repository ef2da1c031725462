/* SPDX-License-Identifier: Apache-2.0 */
/* A program that prints a key ("Sourcing credentials with an external process",
 * docs.aws.amazon.com/cli/latest/userguide/cli-configure-sourcing-external.html). */
#ifndef BACKENDS_S3_PROCESS_H
#define BACKENDS_S3_PROCESS_H

#include <signal.h>

#include "backends/s3_key.h"

struct s3_process_options {
    const char *command;               /* words as a shell cuts them: '…', "…", \ */
    uint64_t most_ms;                  /* time that it has; 0: 60 s */
    const volatile sig_atomic_t *stop; /* not 0: it is stopped; may be NULL */
};

/* Runs it without a shell and reads the JSON that it prints, of Version 1. ERROR_CHILD when it
 * cannot be run or fails (its stderr is not shown: it may hold secrets), ERROR_BUSY when it is
 * late, ERROR_USAGE for a command that cannot be cut, ERROR_KEY for another answer. *out is
 * zeroed memory. Any thread. */
MUST_CHECK int s3_process_key(const struct s3_process_options *o, struct s3_key *out,
                              struct error *e);

#endif
