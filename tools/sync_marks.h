/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog's marks brought up to the repository. */
#ifndef TOOLS_SYNC_MARKS_H
#define TOOLS_SYNC_MARKS_H

#include "tools/context.h"

/* Record every mark that counts and the catalog has not, forget those that are gone; texts
 * where have_key says that one for metadata is at hand. */
MUST_CHECK int sync_marks(struct context *c, bool have_key, struct error *e);

#endif
