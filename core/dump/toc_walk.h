/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an archive that was stored whole and is in memory, event by event. */
#ifndef DUMP_TOC_WALK_H
#define DUMP_TOC_WALK_H

#include "core/dump/dump_reader.h"

/* A negative answer (error filled) ends the walk with -1. */
typedef int toc_walk_visit(void *arg, const struct dump_event *ev, struct error *e);

/* toc: header and TOC; what follows is not looked at. Every event up to DUMP_TOC_END, which is
 * not visited. What cannot be read was complete once: ERROR_CORRUPT. */
MUST_CHECK int toc_walk(struct bytes toc, toc_walk_visit *visit, void *arg, struct error *e);

#endif
