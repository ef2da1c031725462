/* SPDX-License-Identifier: Apache-2.0 */
/* What a restore would do, told without doing it. */
#ifndef TOOLS_RESTORE_PLAN_H
#define TOOLS_RESTORE_PLAN_H

#include "tools/restore_choice.h"

enum restore_plan_kind { RESTORE_PLAN_NEW, RESTORE_PLAN_IN_PLACE, RESTORE_PLAN_FILE };

/* Where it would go. */
struct restore_plan_target {
    enum restore_plan_kind kind;
    const char *name; /* of a database (in place: NULL where a URL names it), or a file; "-":
                       * standard output */
};

/* To standard output: every TOC entry that would be taken, in archive order, and why; what
 * would be fetched from the store; the target. One JSON document with --json. ERROR_CORRUPT for
 * damage met on the way. */
MUST_CHECK int restore_plan_print(struct context *c, const struct manifest *m,
                                  const struct restore_choice *choice,
                                  const struct restore_plan_target *target, struct error *e);

#endif
