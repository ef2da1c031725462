/* SPDX-License-Identifier: Apache-2.0 */
/* Packs and the chunk index: where does a chunk lie? */
#ifndef CATALOG_OBJECTS_H
#define CATALOG_OBJECTS_H

#include "catalog/catalog.h"
#include "core/repo/closure.h"
#include "core/repo/ref.h"

typedef int (*objects_visitor)(void *arg, const struct closure_pack *pack, struct error *e);

/* Where the chunk lies; of several packs the one that was recorded last. 0, or
 * CATALOG_ABSENT. What the catalog says is a hint: the caller checks that the pack is listed
 * and not condemned. */
MUST_CHECK int objects_lookup(struct catalog *c, const uint8_t chunk_id[FORMAT_HASH_LEN],
                              struct ref *ref, struct closure_pack *pack, struct error *e);

/* Record a pack and all its chunks, in one transaction; the same pack again changes nothing.
 * ERROR_CORRUPT when a reference is not of this pack or not allowed by the format, or when the
 * object is known with another size, pack id or owner. */
MUST_CHECK int objects_add_pack(struct catalog *c, const struct closure_pack *pack,
                                const struct ref *refs, size_t count, struct error *e);

/* The object is gone from the store: forget its chunks. A backup whose closure names it keeps
 * doing so. One that is not there is fine. */
MUST_CHECK int objects_drop_pack(struct catalog *c, const struct ref_object *object,
                                 struct error *e);

/* Are the chunks of this object, or of another one with the same content, recorded? 1 yes, 0
 * no: it was never read, or was dropped. */
MUST_CHECK int objects_holds(struct catalog *c, const struct ref_object *object,
                             struct error *e);

/* Every pack whose chunks are recorded (objects_add_pack), in the order of recording. Packs
 * that are known only from the closure of a backup are not shown: nothing in them can be
 * looked up yet, so they are still to be read. */
MUST_CHECK int objects_visit(struct catalog *c, objects_visitor visit, void *arg,
                             struct error *e);

#endif
