/* SPDX-License-Identifier: Apache-2.0 */
/* When each entry of a TOC is restored where that goes in stages, each with a pg_restore of its
 * own: definitions; data, several at a time; what is made when all rows are there. The stages
 * are pg_dump's sections but for what would fail there: grants come behind the data (a REVOKE
 * may be from the one who restores), large objects are made before their data, and event
 * triggers come last of all, since they may refuse what is done after them. */
#ifndef DUMP_TOC_STAGE_H
#define DUMP_TOC_STAGE_H

#include "core/dump/toc_select.h"

enum toc_stage {
    TOC_STAGE_EVERY, /* settings of the session */
    TOC_STAGE_DEFINE,
    TOC_STAGE_DATA, /* it has a data block */
    TOC_STAGE_FINISH,
    TOC_STAGE_LAST,
};
#define TOC_STAGE_BIT(stage) (1U << (unsigned)(stage))

/* The stage of every entry, by ordinal, into l->count places. */
void toc_stage_assign(const struct toc_list *l, enum toc_stage *stages);

/* Of the entries that s keeps (NULL: of all) those of these stages, a sum of TOC_STAGE_BIT;
 * into an empty one. ERROR_MEMORY; call toc_select_done in every case. */
MUST_CHECK int toc_stage_select(const struct toc_list *l, const struct toc_select *s,
                                const enum toc_stage *stages, unsigned wanted,
                                struct toc_select *out, struct error *e);

#endif
