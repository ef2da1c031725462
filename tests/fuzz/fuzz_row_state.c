/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: row state files. All tags are made right before they are looked at, so that what
 * is behind them is reached. */
#include <stdlib.h>

#include "core/job/row_state_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Make the tag of the footer right. */
static void seal(uint8_t *image, size_t size, const uint8_t *key)
{
    if (size < ROW_STATE_WIRE_HEADER + ROW_STATE_WIRE_FOOTER)
        return;
    size_t end = size - ROW_STATE_WIRE_FOOTER;
    struct cursor c = cursor_of(bytes_of(image + end, 8));
    uint64_t index = cursor_u64(&c);
    if (index <= end)
        row_state_wire_seal(key, bytes_of(image, ROW_STATE_WIRE_HEADER),
                            bytes_of(image + index, end - (size_t)index), image + end,
                            image + end + 16);
}

/* The place in image, which may be written, of a view into it. */
static uint8_t *place_of(uint8_t *image, const uint8_t *view)
{
    return image + (view - (const uint8_t *)image);
}

/* Make the tags right of what an entry points at. */
static void tag_entry(uint8_t *image, const struct row_state_entry *n, const uint8_t *key)
{
    for (size_t at = 0; at < n->hashes.len; at += ROW_STATE_WIRE_BLOCK) {
        size_t left = n->hashes.len - at;
        size_t len = left < ROW_STATE_WIRE_BLOCK ? left : ROW_STATE_WIRE_BLOCK;
        size_t tag = at / ROW_STATE_WIRE_BLOCK * ROW_STATE_WIRE_TAG;
        row_state_wire_block(key, bytes_of(n->hashes.data + at, len),
                             place_of(image, n->tags.data + tag));
    }
    for (uint32_t i = 0; i < n->table.recipe_count; i++) {
        struct bytes at = bytes_of(n->recipes.data + i * (size_t)ROW_STATE_WIRE_RECIPE,
                                   ROW_STATE_WIRE_RECIPE);
        struct cursor c = cursor_of(at);
        uint64_t offset = cursor_u64(&c);
        uint32_t len = cursor_u32(&c);
        row_state_wire_tag_of(key, bytes_of(image + offset, len),
                              place_of(image, at.data + 8 + 4 + 8));
    }
}

static void check_recipe(const struct row_state *s, const struct row_state_table *t, uint32_t i)
{
    struct error e = {0};
    struct row_state_recipe r = {0};
    struct buf b = {0};
    if (row_state_recipe(s, t, i, &r, &e) == 0) {
        if (r.depth == 0 || r.depth > RECIPE_MAX_CHAIN || r.resolved.has_base ||
            r.first_row + r.resolved.rows > t->rows || !r.generations)
            abort();
        if (row_state_recipe_write(&r, &b, &e) < 0)
            abort();
    } else if (e.kind != ERROR_CORRUPT || r.generations || r.resolved.chunks) {
        abort();
    }
    row_state_recipe_done(&r);
    buf_done(&b);
}

static void check_table(struct row_state *s, const struct row_state_table *t)
{
    const uint8_t *hashes = NULL;
    uint8_t all = 0;
    struct error e = {0};
    if (row_state_hashes(s, t, &hashes, &e) < 0)
        abort();
    for (uint64_t i = 0; i < t->rows * ROW_STATE_HASH_LEN; i++)
        all ^= hashes[i];
    row_state_passed(s, t, all);
    row_state_passed(s, t, t->rows);
    const struct row_state_table *found =
        row_state_find(s, t->schema, t->name, t->oid, all & 1);
    if (!found || strcmp(found->name, t->name) != 0 || strcmp(found->oid, t->oid) != 0)
        abort();
    (void)row_state_find(s, t->name, t->schema, t->oid, true);
    (void)row_state_find(s, t->schema, t->name, "", true);
    for (uint32_t i = 0; i < t->recipe_count; i++)
        check_recipe(s, t, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct row_state_id id = {.repository_id = "repository",
                                           .domain_id = "domain",
                                           .source_mac = "source",
                                           .key = "key"};
    uint8_t key[ROW_HASH_KEY_LEN];
    struct error e = {0};
    struct row_state *s = NULL;
    uint8_t *image = malloc(size + 1);
    if (!image)
        abort();
    if (size > 0)
        memcpy(image, data, size);
    row_state_wire_key(&id, key);
    seal(image, size, key);
    if (row_state_parse(bytes_of(image, size), &id, &s, &e) == 0) {
        for (size_t i = 0; i < s->count; i++)
            tag_entry(image, &s->entries[i], key);
        for (size_t i = 0; i < s->count; i++)
            check_table(s, row_state_table(s, i));
        (void)closure_find(row_state_packs(s), row_state_backup(s));
        row_state_close(s);
    } else if (e.kind != ERROR_CORRUPT) {
        abort();
    }
    free(image);
    return 0;
}
