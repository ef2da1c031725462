/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of one TOC that another lacks, by kind and name. */
#ifndef DUMP_TOC_EXTRA_H
#define DUMP_TOC_EXTRA_H

#include "core/dump/toc_select.h"

/* extra[i]: entry i of l is an object (no comment, grant on an
 * object, value, or the database itself) that
 * other (what selection keeps of it; NULL: all) has not; l->count places. *count: how many.
 * ERROR_MEMORY. */
MUST_CHECK int toc_extra_find(const struct toc_list *l, const struct toc_list *other,
                              const struct toc_select *selection, bool *extra, size_t *count,
                              struct error *e);

/* bare[i]: entry i of l is a table that selection keeps without any data; l->count places.
 * ERROR_MEMORY. */
MUST_CHECK int toc_extra_bare(const struct toc_list *l, const struct toc_select *selection,
                              bool *bare, struct error *e);

#endif
