/* SPDX-License-Identifier: Apache-2.0 */
/* From the entries that were asked for to all that must come with them. */
#ifndef DUMP_TOC_CLOSURE_H
#define DUMP_TOC_CLOSURE_H

#include "core/dump/toc_select.h"

/* s->marks holds what was asked for (why, whole); fill in the rest of it. ERROR_MEMORY. */
MUST_CHECK int toc_closure_complete(const struct toc_list *l, struct toc_select *s,
                                    struct error *e);

#endif
