/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/closure.h"

#include <stdlib.h>

#define ROW_LEN 60

void closure_done(struct closure *c)
{
    free(c->packs);
    id_table_done(&c->table);
    *c = (struct closure){0};
}

int closure_add(struct closure *c, const struct closure_pack *pack, struct error *e)
{
    if (closure_find(c, pack->pack_id))
        return 0;
    if (c->count >= UINT32_MAX / 2)
        return error_set(e, ERROR_UNSUPPORTED, "closure: more than %zu packs", c->count);
    if (c->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 32;
        struct closure_pack *packs = reallocarray(c->packs, cap, sizeof *packs);
        if (!packs)
            return error_memory(e, "closure");
        c->packs = packs;
        c->cap = cap;
    }
    c->packs[c->count] = *pack;
    if (id_table_add(&c->table, pack->pack_id, (uint32_t)c->count, e) < 0)
        return -1;
    c->count++;
    return 0;
}

const struct closure_pack *closure_find(const struct closure *c,
                                        const uint8_t pack_id[FORMAT_ID_LEN])
{
    size_t at = id_table_start(&c->table, pack_id);
    for (uint32_t i; id_table_next(&c->table, &at, &i);)
        if (memcmp(c->packs[i].pack_id, pack_id, FORMAT_ID_LEN) == 0)
            return &c->packs[i];
    return NULL;
}

/* Owners are few and come in runs; a new one is looked for from the newest back. */
static int owner_index(struct buf *owners, const uint8_t *owner, uint32_t *index,
                       struct error *e)
{
    size_t count = owners->len / FORMAT_ID_LEN;
    for (size_t i = count; i-- > 0;)
        if (memcmp(owners->data + i * FORMAT_ID_LEN, owner, FORMAT_ID_LEN) == 0) {
            *index = (uint32_t)i;
            return 0;
        }
    *index = (uint32_t)count;
    return buf_append(owners, owner, FORMAT_ID_LEN, e);
}

int closure_write(const struct closure *c, struct buf *out, struct error *e)
{
    struct buf owners = {0};
    struct buf rows = {0};
    int rc = -1;
    for (size_t i = 0; i < c->count; i++) {
        const struct closure_pack *p = &c->packs[i];
        uint32_t owner;
        if (owner_index(&owners, p->owner, &owner, e) < 0 ||
            buf_append(&rows, p->object.sha256, FORMAT_HASH_LEN, e) < 0 ||
            buf_append(&rows, p->object.suffix, FORMAT_SUFFIX_LEN, e) < 0 ||
            buf_append(&rows, p->pack_id, FORMAT_ID_LEN, e) < 0 ||
            buf_u32(&rows, p->object.size, e) < 0 || buf_u32(&rows, owner, e) < 0)
            goto out;
    }
    if (buf_u32(out, (uint32_t)(owners.len / FORMAT_ID_LEN), e) < 0 ||
        buf_append(out, owners.data, owners.len, e) < 0 ||
        buf_u32(out, (uint32_t)c->count, e) < 0 || buf_append(out, rows.data, rows.len, e) < 0)
        goto out;
    rc = 0;
out:
    buf_done(&owners);
    buf_done(&rows);
    return rc;
}

int closure_read(struct bytes raw, struct closure *out, struct error *e)
{
    struct cursor c = cursor_of(raw);
    uint32_t owner_count = cursor_u32(&c);
    struct bytes owners = {0};
    if (!c.bad && owner_count <= c.left.len / FORMAT_ID_LEN)
        owners = cursor_bytes(&c, (size_t)owner_count * FORMAT_ID_LEN);
    uint32_t count = cursor_u32(&c);
    if (c.bad || owners.len != (size_t)owner_count * FORMAT_ID_LEN ||
        c.left.len != (uint64_t)count * ROW_LEN)
        return error_set(e, ERROR_CORRUPT, "closure of %zu bytes is malformed", raw.len);
    for (uint32_t i = 0; i < count; i++) {
        struct closure_pack p;
        cursor_copy(&c, p.object.sha256, FORMAT_HASH_LEN);
        cursor_copy(&c, p.object.suffix, FORMAT_SUFFIX_LEN);
        cursor_copy(&c, p.pack_id, FORMAT_ID_LEN);
        p.object.size = cursor_u32(&c);
        uint32_t owner = cursor_u32(&c);
        if (!owners.data || owner >= owner_count || p.object.size > FORMAT_MAX_PACK ||
            closure_find(out, p.pack_id))
            return error_set(e, ERROR_CORRUPT, "closure: pack %u of %u is malformed", i, count);
        memcpy(p.owner, owners.data + (size_t)owner * FORMAT_ID_LEN, FORMAT_ID_LEN);
        if (closure_add(out, &p, e) < 0)
            return -1;
    }
    return 0;
}
