/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_CMD_HELP_H
#define TOOLS_CMD_HELP_H

#include <stdio.h>

#include "tools/context.h"

/* Help about one command, or about the program (NULL). */
void cmd_help_print(const struct command *command, FILE *out);
/* The same as a man page (roff, man(7)). */
void cmd_help_man(const struct command *command, FILE *out);

#endif
