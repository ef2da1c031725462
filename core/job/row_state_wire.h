/* SPDX-License-Identifier: Apache-2.0 */
/* What row_state.c and row_state_draft.c share. The file, integers little-endian:
 *
 *   header     "PGKROWS1" | u32 version | u32 0
 *   hashes     of each table 12 bytes a row, in order
 *   recipes    of each table, see row_state_recipe.c
 *   index      repository id 16 | domain id 16 | source mac 32 | backup id 16 |
 *              manifest sha256 32 | varint length | closure (docs/FORMAT.md 7) |
 *              varint tables | tables
 *   footer     u64 offset of the index | u64 its length | tag 16 | "PGKROWS1"
 *
 *   table      schema | name | oid | copy, each varint length | text | NUL |
 *              varint rows | varint generation | varint nights absent | varint nights waited |
 * varint rows taken | digest 32 | varint offset of the hashes | a tag 16 for each MiB of them |
 * varint recipes | for each: u64 offset | u32 length | u64 first row | tag 16
 *
 * A tag is SipHash-2-4-128 (core/rows/row_hash.h) under a key made of the domain's row key: of
 * header, index and the rest of the footer; of a recipe; of a block of hashes, by way of the
 * tags of its leaves (4 KiB, the last one less), which many lanes make at once. So what the
 * index says is believed, and what it points at is checked when it is used. */
#ifndef JOB_ROW_STATE_WIRE_H
#define JOB_ROW_STATE_WIRE_H

#include "core/base/file_map.h"
#include "core/base/str.h"
#include "core/job/row_state.h"
#include "core/rows/row_hash.h"

#define ROW_STATE_WIRE_MAGIC "PGKROWS1"
#define ROW_STATE_WIRE_VERSION 2
#define ROW_STATE_WIRE_TAG 16
#define ROW_STATE_WIRE_HEADER 16
#define ROW_STATE_WIRE_FOOTER (8 + 8 + ROW_STATE_WIRE_TAG + FORMAT_MAGIC_LEN)
#define ROW_STATE_WIRE_RECIPE (8 + 4 + 8 + ROW_STATE_WIRE_TAG)
#define ROW_STATE_WIRE_BLOCK MIB
#define ROW_STATE_WIRE_LEAF (4 * KIB)

/* A table of a file that is read. */
struct row_state_entry {
    struct row_state_table table; /* first: a pointer to it is one to the entry */
    struct bytes hashes;
    struct bytes tags;
    struct bytes recipes; /* recipe_count of ROW_STATE_WIRE_RECIPE bytes */
    uint64_t passed;      /* bytes of hashes that take no memory any more */
};

struct row_state {
    struct bytes image;
    bool is_map; /* image is a mapped file of ours */
    uint8_t key[ROW_HASH_KEY_LEN];
    uint64_t index; /* where it begins, and what it points at ends */
    const uint8_t *backup;
    const uint8_t *manifest;
    struct closure closure;
    struct row_state_entry *entries;
    size_t count;
    uint32_t *by_name; /* places of entries, ordered by schema, name, oid */
    uint32_t *by_oid;
};

/* The tag of what s was fed. */
static inline void row_state_wire_tag(struct row_hash_state *s, uint8_t out[ROW_STATE_WIRE_TAG])
{
    struct row_hash h;
    row_hash_end(s, &h);
    buf_store_u64(out, h.low);
    buf_store_u64(out + 8, h.high);
}

/* The tag of data. */
static inline void row_state_wire_tag_of(const uint8_t key[ROW_HASH_KEY_LEN], struct bytes data,
                                         uint8_t out[ROW_STATE_WIRE_TAG])
{
    struct row_hash h;
    row_hash_of(key, data.data, data.len, &h);
    buf_store_u64(out, h.low);
    buf_store_u64(out + 8, h.high);
}

/* The leaves of data, whole ones but for the last of a block, into the block's tag. */
static inline void row_state_wire_leaves(const uint8_t key[ROW_HASH_KEY_LEN], struct bytes data,
                                         struct row_hash_state *block)
{
    struct bytes leaves[ROW_HASH_BATCH];
    struct row_hash hashes[ROW_HASH_BATCH];
    uint8_t tag[ROW_STATE_WIRE_TAG];
    while (data.len > 0) {
        size_t n = 0;
        while (n < ROW_HASH_BATCH && data.len > 0)
            leaves[n++] = bytes_take(
                &data, data.len < ROW_STATE_WIRE_LEAF ? data.len : ROW_STATE_WIRE_LEAF);
        row_hash_of_many(key, leaves, n, hashes);
        for (size_t i = 0; i < n; i++) {
            buf_store_u64(tag, hashes[i].low);
            buf_store_u64(tag + 8, hashes[i].high);
            row_hash_add(block, tag, sizeof tag);
        }
    }
}

/* The tag of a block of hashes. */
static inline void row_state_wire_block(const uint8_t key[ROW_HASH_KEY_LEN], struct bytes block,
                                        uint8_t out[ROW_STATE_WIRE_TAG])
{
    struct row_hash_state s;
    row_hash_begin(&s, key);
    row_state_wire_leaves(key, block, &s);
    row_state_wire_tag(&s, out);
}

/* The key of the tags. Rows end with a LF, so that no row's hash is this key. */
static inline void row_state_wire_key(const struct row_state_id *id,
                                      uint8_t out[ROW_HASH_KEY_LEN])
{
    row_state_wire_tag_of(id->key, bytes_text("pgkeep row state"), out);
}

/* The tag of the footer; out of header, index and the footer's own first 16 bytes. */
static inline void row_state_wire_seal(const uint8_t key[ROW_HASH_KEY_LEN], struct bytes header,
                                       struct bytes index, const uint8_t *footer,
                                       uint8_t out[ROW_STATE_WIRE_TAG])
{
    struct row_hash_state s;
    row_hash_begin(&s, key);
    row_hash_add(&s, header.data, header.len);
    row_hash_add(&s, index.data, index.len);
    row_hash_add(&s, footer, 16);
    row_state_wire_tag(&s, out);
}

/* Make sure that a part of the image can be read: ERROR_CORRUPT when the disk fails. */
MUST_CHECK static inline int row_state_wire_ready(const struct row_state *s, struct bytes part,
                                                  struct error *e)
{
    struct error why = {0};
    if (s->is_map && file_map_ready(part, &why) < 0)
        return error_set(e, ERROR_CORRUPT, "%s", why.text);
    return 0;
}

/* Say in front of the error which table it is about; -1. */
static inline int row_state_wire_about(const struct row_state_table *t, struct error *e)
{
    char schema[64];
    char name[64];
    str_safe(schema, sizeof schema, bytes_text(t->schema));
    str_safe(name, sizeof name, bytes_text(t->name));
    return error_wrap(e, "row state: table %s.%s", schema, name);
}

/* Each chunk in the order in which the rows name it first: an order that stays when
 * recipe_write gives the chunks other places. order has room for all; *count of them are
 * named. ERROR_MEMORY. */
MUST_CHECK int row_state_recipe_order(const struct recipe *r, uint32_t *order, uint32_t *count,
                                      struct error *e);
/* The recipe as it stands in the file, appended to out. ERROR_MEMORY. */
MUST_CHECK int row_state_recipe_write(const struct row_state_recipe *r, struct buf *out,
                                      struct error *e);

#endif
