/* SPDX-License-Identifier: Apache-2.0 */
/* Passphrases and recovery codes: from a variable, a file, a program or the terminal, never
 * from the command line. */
#ifndef TOOLS_SECRETS_H
#define TOOLS_SECRETS_H

#include "core/base/error.h"

#define SECRETS_NONE 1

/* The secret called `name` (PGKEEP_PASSPHRASE): of the variable, else of the file that
 * name_FILE names, else the output of the program that name_COMMAND names (words split at
 * blanks, no shell). One line end at its end is taken off. Answers 0 with *text to be given to
 * secret_free_text, or SECRETS_NONE. */
MUST_CHECK int secrets_find(const char *name, char **text, struct error *e);

/* This process's environment without the variables above: for programs that are not ours. The
 * strings are the environment's; the caller frees the list. NULL with ERROR_MEMORY. */
MUST_CHECK const char **secrets_left_out(struct error *e);

/* Ask on the terminal, without echo; repeat: twice, both must agree. SECRETS_NONE when there
 * is no terminal. */
MUST_CHECK int secrets_ask(const char *prompt, bool repeat, char **text, struct error *e);

#endif
