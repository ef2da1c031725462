/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/rows_check.h"

#include <stdlib.h>

#define BATCH 256

struct rows_check {
    uint8_t row_key[ROW_HASH_KEY_LEN];
    struct row_digest digest;
    struct digest *copy; /* NULL: nobody wants it */
    struct row_hash_state long_hash;
    uint64_t bytes;
};

struct rows_check *rows_check_new(const uint8_t row_key[ROW_HASH_KEY_LEN], bool copy_sha256,
                                  struct error *e)
{
    struct rows_check *c = calloc(1, sizeof *c);
    if (!c) {
        (void)error_memory(e, "check of rows");
        return NULL;
    }
    memcpy(c->row_key, row_key, sizeof c->row_key);
    c->copy = copy_sha256 ? digest_new(e) : NULL;
    if ((c->copy || !copy_sha256) && row_digest_init(&c->digest, e) == 0)
        return c;
    rows_check_free(c);
    return NULL;
}

void rows_check_free(struct rows_check *c)
{
    if (!c)
        return;
    row_digest_done(&c->digest);
    digest_free(c->copy);
    explicit_bzero(c->row_key, sizeof c->row_key);
    free(c);
}

int rows_check_begin(struct rows_check *c, struct error *e)
{
    uint8_t given_up[DIGEST_LEN];
    c->bytes = 0;
    if (row_digest_begin(&c->digest, e) < 0)
        return -1;
    return c->copy ? digest_take(c->copy, given_up, e) : 0;
}

static int add_long(struct rows_check *c, const struct stream_in_item *item, struct error *e)
{
    struct row_hash hash;
    if (item->row_begins)
        row_hash_begin(&c->long_hash, c->row_key);
    row_hash_add(&c->long_hash, item->data.data, item->data.len);
    if (!item->row_ends)
        return 0;
    row_hash_end(&c->long_hash, &hash);
    return row_digest_add(&c->digest, &hash, e);
}

static int add_batch(struct rows_check *c, const struct bytes *rows, size_t n, struct error *e)
{
    struct row_hash hashes[BATCH];
    row_hash_of_many(c->row_key, rows, n, hashes);
    return row_digest_add_many(&c->digest, hashes, n, e);
}

int rows_check_add(struct rows_check *c, const struct stream_in_item *item, struct error *e)
{
    struct bytes rows[BATCH];
    struct bytes left = item->data;
    uint32_t base = item->base;
    c->bytes += left.len;
    if (c->copy && digest_add(c->copy, left, e) < 0)
        return -1;
    if (item->long_row_bytes > 0)
        return add_long(c, item, e);
    for (uint64_t i = 0; i < item->rows;) {
        size_t n = 0;
        for (; n < BATCH && i < item->rows; i++) {
            rows[n++] = bytes_take(&left, item->ends[i] - base);
            base = item->ends[i];
        }
        if (add_batch(c, rows, n, e) < 0)
            return -1;
    }
    return 0;
}

int rows_check_end(struct rows_check *c, const struct entry *entry,
                   uint8_t copy_sha256[DIGEST_LEN], struct error *e)
{
    uint8_t value[DIGEST_LEN];
    uint8_t sum[16];
    if (row_digest_end(&c->digest, value, sum, e) < 0 ||
        (c->copy && digest_take(c->copy, copy_sha256, e) < 0))
        return -1;
    if (c->digest.rows != entry->rows || c->bytes != stream_bytes(&entry->payload))
        return error_set(e, ERROR_CORRUPT, "%llu rows in %llu bytes, expected %llu in %llu",
                         (unsigned long long)c->digest.rows, (unsigned long long)c->bytes,
                         (unsigned long long)entry->rows,
                         (unsigned long long)stream_bytes(&entry->payload));
    /* The digest is of a part; with several parts the sum and the dump's SHA-256 speak. */
    if ((entry->payload.part_count == 1 &&
         memcmp(value, entry->payload.parts[0].digest, DIGEST_LEN) != 0) ||
        memcmp(sum, entry->sum, sizeof sum) != 0)
        return error_set(e, ERROR_CORRUPT, "rows differ from the rows that were stored");
    return 0;
}
