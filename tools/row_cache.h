/* SPDX-License-Identifier: Apache-2.0 */
/* The row state of a source in this host's state folder: where it is, and that one is there
 * when a key that reads was given. */
#ifndef TOOLS_ROW_CACHE_H
#define TOOLS_ROW_CACHE_H

#include "tools/context.h"

struct row_cache {
    char *path;
    int lock; /* -1: not claimed */
};

/* Claim the source for this run: one at a time, the second one gets ERROR_BUSY. The repository
 * is open, with a bundle. */
MUST_CHECK int row_cache_claim(struct row_cache *r, struct context *c, const char *source,
                               struct error *e);
void row_cache_done(struct row_cache *r);

/* Where the state is absent, damaged, or of an older backup than the newest, and a key that
 * reads was given, make it anew from that one. What fails in that is said in the log; errors
 * are a signal and a catalog that cannot be read. */
MUST_CHECK int row_cache_refresh(struct row_cache *r, struct context *c, const char *source,
                                 unsigned workers, struct error *e);

#endif
