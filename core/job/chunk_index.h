/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk index of a catalog, as the journeys see it. */
#ifndef JOB_CHUNK_INDEX_H
#define JOB_CHUNK_INDEX_H

#include "core/repo/closure.h"

/* Called from several threads. */
struct chunk_index {
    void *arg;
    /* Where a chunk lies: 0 found, 1 unknown. */
    int (*lookup)(void *arg, const uint8_t chunk_id[FORMAT_HASH_LEN], struct ref *ref,
                  struct closure_pack *pack, struct error *e);
    /* Are the chunks of a pack known? 1 yes; 0: never read, or found damaged. Without this
     * callback all are. */
    int (*holds)(void *arg, const struct ref_object *object, struct error *e);
    /* A pack of ours is in the store. */
    int (*add)(void *arg, const struct closure_pack *pack, const struct ref *refs, size_t count,
               struct error *e);
};

#endif
