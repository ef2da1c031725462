/* SPDX-License-Identifier: Apache-2.0 */
/* Passphrases and recovery codes: from a variable, a file or a program, never from the command
 * line. */
#ifndef BASE_SECRET_FIND_H
#define BASE_SECRET_FIND_H

#include <signal.h>

#include "core/base/error.h"

#define SECRET_NONE 1

/* The secret called `name` (PGKEEP_PASSPHRASE): of the variable, else of the file that
 * name_FILE names, else what the program that name_COMMAND names prints (command_read). At most
 * 4 KiB; one line end at its end is taken off. stop, not 0, ends the program; without it the
 * program has a minute. Answers 0 with *text to be given to secret_free_text, or SECRET_NONE.
 * ERROR_KEY for no such file, too much, or a zero byte; as command_read. Not while another
 * thread changes the environment. */
MUST_CHECK int secret_find(const char *name, const volatile sig_atomic_t *stop, char **text,
                           struct error *e);

#endif
