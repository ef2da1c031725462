/* SPDX-License-Identifier: Apache-2.0 */
/* A look into a dump file without any repository. */
#ifndef TOOLS_INSPECT_H
#define TOOLS_INSPECT_H

#include "tools/context.h"

/* Read it to its end and say what it holds. ERROR_INCOMPLETE as for a backup. */
MUST_CHECK int inspect_file(struct context *c, const char *path, struct error *e);

#endif
