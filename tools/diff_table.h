/* SPDX-License-Identifier: Apache-2.0 */
/* diff --table: one table of two backups, down to its rows. */
#ifndef TOOLS_DIFF_TABLE_H
#define TOOLS_DIFF_TABLE_H

#include "core/repo/manifest.h"
#include "tools/context.h"

struct diff_table_options {
    const struct manifest *before, *after; /* open */
    const char *name;
};

/* Prints what differs, or JSON lines with --json; nothing with -q. Answers EXIT_DONE or
 * EXIT_DAMAGE (something differs), or -1. The catalog's place must be known. */
MUST_CHECK int diff_table(struct context *c, const struct diff_table_options *o,
                          struct error *e);

#endif
