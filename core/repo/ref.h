/* SPDX-License-Identifier: Apache-2.0 */
/* Where a chunk lies (docs/FORMAT.md 5.2), and names and ids as text. */
#ifndef REPO_REF_H
#define REPO_REF_H

#include "core/base/buf.h"
#include "core/base/cursor.h"
#include "core/repo/format.h"

#define REF_LEN 68

struct ref {
    uint8_t chunk_id[FORMAT_HASH_LEN];
    uint8_t pack_id[FORMAT_ID_LEN];
    uint32_t record;
    uint32_t offset; /* of the sealed record in the pack */
    uint32_t stored; /* bytes without the tag */
    uint32_t plain;  /* bytes of the chunk */
    uint8_t codec;
    uint8_t kind;
};

MUST_CHECK int ref_write(struct buf *b, const struct ref *ref, struct error *e);
/* False when the bytes are no reference that the format allows. */
MUST_CHECK bool ref_read(struct cursor *c, struct ref *ref);
/* Are sizes, codec and kind within the limits of the format? */
bool ref_allowed(const struct ref *ref);

/* An object a pack is stored as. */
struct ref_object {
    uint8_t sha256[FORMAT_HASH_LEN];
    uint8_t suffix[FORMAT_SUFFIX_LEN];
    uint32_t size;
};

/* packs/<hh>/<sha256>-<8 hex>; out has FORMAT_NAME_MAX bytes. */
void ref_pack_name(char *out, const struct ref_object *object);
/* The inverse, without the size; false when name is not a pack's. */
MUST_CHECK bool ref_pack_parse(const char *name, struct ref_object *object);

#endif
