/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/commands.h"

#include <string.h>

const struct command *const commands_all[] = {
    &cmd_init,     &cmd_backup, &cmd_list,    &cmd_show,    &cmd_restore,
    &cmd_cat,      &cmd_diff,   &cmd_history, &cmd_find,    &cmd_verify,
    &cmd_rehearse, &cmd_ack,    &cmd_hold,    &cmd_release, &cmd_copy,
    &cmd_catalog,  &cmd_doctor, &cmd_help,    &cmd_version,
};
const size_t commands_count = ARRAY_SIZE(commands_all);

const struct command *commands_find(const char *name)
{
    for (size_t i = 0; i < commands_count; i++)
        if (strcmp(commands_all[i]->name, name) == 0)
            return commands_all[i];
    return NULL;
}
