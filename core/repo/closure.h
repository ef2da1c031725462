/* SPDX-License-Identifier: Apache-2.0 */
/* The closure of a backup: every pack it needs (docs/FORMAT.md 7). Also the answer to "which
 * object is this pack id?". */
#ifndef REPO_CLOSURE_H
#define REPO_CLOSURE_H

#include "core/repo/id_table.h"
#include "core/repo/ref.h"

struct closure_pack {
    struct ref_object object;
    uint8_t pack_id[FORMAT_ID_LEN];
    uint8_t owner[FORMAT_ID_LEN]; /* the backup that made it */
};

/* Zeroed memory is an empty closure. */
struct closure {
    struct closure_pack *packs;
    size_t count;
    size_t cap;
    struct id_table table; /* by pack id */
};

void closure_done(struct closure *c);
/* Add a pack; one that is there already is left alone. */
MUST_CHECK int closure_add(struct closure *c, const struct closure_pack *pack, struct error *e);
/* NULL when the closure has no such pack; good until the next add. */
const struct closure_pack *closure_find(const struct closure *c,
                                        const uint8_t pack_id[FORMAT_ID_LEN]);
MUST_CHECK int closure_write(const struct closure *c, struct buf *out, struct error *e);
/* Into an empty closure. ERROR_CORRUPT. */
MUST_CHECK int closure_read(struct bytes raw, struct closure *out, struct error *e);

#endif
