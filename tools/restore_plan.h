/* SPDX-License-Identifier: Apache-2.0 */
/* What a restore would do, told without doing it. */
#ifndef TOOLS_RESTORE_PLAN_H
#define TOOLS_RESTORE_PLAN_H

#include "tools/restore_choice.h"

/* Where it would go: a new database, or a file ("-": standard output). */
struct restore_plan_target {
    bool file;
    const char *name;
};

/* To standard output: every TOC entry that would be taken, in archive order, and why; what
 * would be fetched from the store; the target. One JSON document with --json. ERROR_CORRUPT for
 * damage met on the way. */
MUST_CHECK int restore_plan_print(struct context *c, const struct manifest *m,
                                  const struct restore_choice *choice,
                                  const struct restore_plan_target *target, struct error *e);

#endif
