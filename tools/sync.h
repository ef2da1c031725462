/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog brought up to the repository. */
#ifndef TOOLS_SYNC_H
#define TOOLS_SYNC_H

#include "core/repo/entry.h"
#include "tools/context.h"

/* Record every backup that the repository has and the catalog has not, forget those that are
 * gone, and the same for marks; private parts and tables where a key for metadata is at hand. A
 * manifest that cannot be read is warned about, counted in *bad (may be NULL), and left out. */
MUST_CHECK int sync_backups(struct context *c, size_t *bad, struct error *e);

/* Read the index of every pack that is stored and not indexed yet (needs a host bundle or the
 * seed), so that chunks in them are not stored again. */
MUST_CHECK int sync_packs(struct context *c, struct error *e);

/* Record one backup with the tables that entries say. */
struct sync_tables {
    struct backups_table *items;
    size_t count;
};
void sync_tables_done(struct sync_tables *t);
/* Texts of entry are copied. */
MUST_CHECK int sync_tables_add(struct sync_tables *t, const struct entry *entry,
                               struct error *e);

#endif
