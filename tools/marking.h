/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that make marks have in common. */
#ifndef TOOLS_MARKING_H
#define TOOLS_MARKING_H

#include "core/repo/manifest.h"
#include "tools/context.h"

/* A mark is in the repository: the catalog learns of it, and of the event `what` with this text
 * (NULL none). A catalog that cannot keep up is a warning: it learns of it the next time. */
void marking_note(struct context *c, const char *what, const struct manifest *m,
                  const char *text);
/* "backup X is WORDS", or one JSON line with the number of marks that were made. */
MUST_CHECK int marking_say(const struct context *c, const struct manifest *m, const char *words,
                           uint64_t count, struct error *e);

#endif
