/* SPDX-License-Identifier: Apache-2.0 */
/* A program that prints a key ("Sourcing credentials with an external process",
 * docs.aws.amazon.com/cli/latest/userguide/cli-configure-sourcing-external.html). */
#ifndef BACKENDS_S3_PROCESS_H
#define BACKENDS_S3_PROCESS_H

#include <signal.h>

#include "backends/s3_key.h"

struct s3_process_options {
    const char *command;               /* as command_read cuts it */
    uint64_t most_ms;                  /* time that it has; 0: 60 s */
    const volatile sig_atomic_t *stop; /* not 0: it is stopped; may be NULL */
};

/* Reads the JSON that it prints, of Version 1: ERROR_KEY for another answer, else as
 * command_read. *out is zeroed memory. Any thread. */
MUST_CHECK int s3_process_key(const struct s3_process_options *o, struct s3_key *out,
                              struct error *e);

#endif
