/* SPDX-License-Identifier: Apache-2.0 */
/* verify --level list: does pg_restore list what a backup holds? */
#ifndef TOOLS_LIST_CHECK_H
#define TOOLS_LIST_CHECK_H

#include "core/repo/manifest.h"
#include "tools/context.h"

/* pg_restore --list over the head of every dump of m, which is open, as the repository gives
 * it, compared with its TOC. The pg_restore of the dump's own major version is taken, else the
 * next newer one, else one that reads its archive version. ERROR_DIFFERENT: an entry is missing
 * or too much, or pg_restore refuses the archive; ERROR_CHILD: there is no such pg_restore, or
 * it could not be run, so that nothing is known; ERROR_UNSUPPORTED: no dump that is known. */
MUST_CHECK int list_check(struct context *c, const struct manifest *m, struct error *e);

#endif
