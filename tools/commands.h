/* SPDX-License-Identifier: Apache-2.0 */
/* All commands, in the order in which help shows them. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include "tools/context.h"

extern const struct command cmd_init;
extern const struct command cmd_backup;
extern const struct command cmd_list;
extern const struct command cmd_show;
extern const struct command cmd_restore;
extern const struct command cmd_cat;
extern const struct command cmd_verify;
extern const struct command cmd_rehearse;
extern const struct command cmd_copy;
extern const struct command cmd_ack;
extern const struct command cmd_diff;
extern const struct command cmd_history;
extern const struct command cmd_find;
extern const struct command cmd_hold;
extern const struct command cmd_release;
extern const struct command cmd_catalog;
extern const struct command cmd_doctor;
extern const struct command cmd_help;
extern const struct command cmd_version;

extern const struct command *const commands_all[];
extern const size_t commands_count;

/* NULL when there is none of that name. */
const struct command *commands_find(const char *name);

#endif
