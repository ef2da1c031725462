/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_RESTORE_GLOBALS_H
#define TOOLS_RESTORE_GLOBALS_H

#include "tools/context.h"

/* The script of roles that was saved with a backup (m is open), into an empty out, which the
 * caller wipes (secret_free_buf). ERROR_USAGE when there is none; of the repository as
 * restore_member. */
MUST_CHECK int restore_globals_load(struct context *c, const struct manifest *m,
                                    struct buf *out, struct error *e);

#endif
