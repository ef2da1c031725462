/* SPDX-License-Identifier: Apache-2.0 */
/* What a database holds that is about to be replaced: how it goes, and what would be lost. */
#ifndef TOOLS_IN_PLACE_H
#define TOOLS_IN_PLACE_H

#include "core/dump/toc_replace.h"
#include "tools/restore_choice.h"
#include "tools/server.h"

/* Zeroed memory is an empty list; the first to be run is the last. */
struct in_place_drops {
    struct toc_replace_drop *items;
    size_t count, cap;
};
void in_place_drops_done(struct in_place_drops *d);

/* Of the database that s is connected to, of which toc is a dump without rows (header and TOC)
 * and l its list: everything goes, from the last entry to the first, default privileges and
 * grants on schema public before (what is made would get them), event triggers, which could
 * refuse the rest, before these. ERROR_SERVER, ERROR_MEMORY. */
MUST_CHECK int in_place_list_drops(struct server *s, struct bytes toc, const struct toc_list *l,
                                   struct in_place_drops *out, struct error *e);

/* What the database has of things that the chosen part of a backup knows and has no content of,
 * in words: rows of tables whose data were left out, large objects. Appended to out. */
MUST_CHECK int in_place_lost(struct server *s, const struct restore_choice *choice,
                             struct member_texts *out, struct error *e);

#endif
