/* SPDX-License-Identifier: Apache-2.0 */
/* Which table a partition belongs to, at the top of its tree: what is dropped and made every
 * day is one table to whoever counts rows. */
#ifndef DUMP_TOC_ROOT_H
#define DUMP_TOC_ROOT_H

#include "core/base/bytes.h"
#include "core/base/error.h"

/* place: of a partition's rows, among the entries with data, from 0; schema and name: the
 * root's, good during the call. A negative answer (error filled) ends the walk with -1. */
typedef int toc_root_visit(void *arg, uint32_t place, struct bytes schema, struct bytes name,
                           struct error *e);

/* toc: an archive's header and TOC; what follows is not looked at. Partitions are those of
 * TABLE ATTACH entries, and of pg_dump 10's PARTITION OF. A dump of data only tells of none.
 * ERROR_CORRUPT when it cannot be read. */
MUST_CHECK int toc_root_find(struct bytes toc, toc_root_visit *visit, void *arg,
                             struct error *e);

#endif
