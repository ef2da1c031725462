/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/rows_check.h"

#include <stdlib.h>

#define HASH_BATCH ((size_t)256 * 16)

struct rows_check {
    uint8_t row_key[ROW_HASH_KEY_LEN];
    struct digest *digest;
    struct digest *copy;
    struct row_hash_state long_hash;
    uint8_t hashes[HASH_BATCH];
    size_t hashes_len;
    uint64_t rows, bytes;
    uint64_t sum_low, sum_high;
};

struct rows_check *rows_check_new(const uint8_t row_key[ROW_HASH_KEY_LEN], struct error *e)
{
    struct rows_check *c = calloc(1, sizeof *c);
    if (!c) {
        (void)error_memory(e, "check of rows");
        return NULL;
    }
    memcpy(c->row_key, row_key, sizeof c->row_key);
    c->digest = digest_new(e);
    c->copy = c->digest ? digest_new(e) : NULL;
    if (c->copy)
        return c;
    rows_check_free(c);
    return NULL;
}

void rows_check_free(struct rows_check *c)
{
    if (!c)
        return;
    digest_free(c->digest);
    digest_free(c->copy);
    explicit_bzero(c->row_key, sizeof c->row_key);
    free(c);
}

int rows_check_begin(struct rows_check *c, struct error *e)
{
    uint8_t given_up[DIGEST_LEN];
    c->hashes_len = 0;
    c->rows = c->bytes = 0;
    c->sum_low = c->sum_high = 0;
    return digest_take(c->digest, given_up, e) < 0 ? -1 : digest_take(c->copy, given_up, e);
}

static int count_row(struct rows_check *c, const struct row_hash *hash, struct error *e)
{
    c->rows++;
    c->sum_low += hash->low;
    c->sum_high += hash->high + (c->sum_low < hash->low);
    buf_store_u64(c->hashes + c->hashes_len, hash->low);
    buf_store_u64(c->hashes + c->hashes_len + 8, hash->high);
    c->hashes_len += 16;
    if (c->hashes_len < HASH_BATCH)
        return 0;
    c->hashes_len = 0;
    return digest_add(c->digest, bytes_of(c->hashes, HASH_BATCH), e);
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
    return count_row(c, &hash, e);
}

int rows_check_add(struct rows_check *c, const struct stream_in_item *item, struct error *e)
{
    struct bytes left = item->data;
    c->bytes += left.len;
    if (digest_add(c->copy, left, e) < 0)
        return -1;
    if (item->long_row_bytes > 0)
        return add_long(c, item, e);
    while (left.len > 0) {
        struct row_hash hash;
        const uint8_t *lf = memchr(left.data, '\n', left.len);
        if (!lf)
            return error_set(e, ERROR_CORRUPT, "a chunk of rows does not end in a line end");
        struct bytes row = bytes_take(&left, (size_t)(lf - left.data) + 1);
        row_hash_of(c->row_key, row.data, row.len, &hash);
        if (count_row(c, &hash, e) < 0)
            return -1;
    }
    return 0;
}

int rows_check_end(struct rows_check *c, const struct entry *entry,
                   uint8_t copy_sha256[DIGEST_LEN], struct error *e)
{
    uint8_t value[DIGEST_LEN];
    uint8_t sum[16];
    if (digest_add(c->digest, bytes_of(c->hashes, c->hashes_len), e) < 0 ||
        digest_take(c->digest, value, e) < 0 || digest_take(c->copy, copy_sha256, e) < 0)
        return -1;
    buf_store_u64(sum, c->sum_low);
    buf_store_u64(sum + 8, c->sum_high);
    if (c->rows != entry->rows || c->bytes != stream_bytes(&entry->payload))
        return error_set(e, ERROR_CORRUPT, "%llu rows in %llu bytes, expected %llu in %llu",
                         (unsigned long long)c->rows, (unsigned long long)c->bytes,
                         (unsigned long long)entry->rows,
                         (unsigned long long)stream_bytes(&entry->payload));
    /* The digest is of a part; with several parts the sum and the dump's SHA-256 speak. */
    if ((entry->payload.part_count == 1 &&
         memcmp(value, entry->payload.parts[0].digest, DIGEST_LEN) != 0) ||
        memcmp(sum, entry->sum, sizeof sum) != 0)
        return error_set(e, ERROR_CORRUPT, "rows differ from the rows that were stored");
    return 0;
}
