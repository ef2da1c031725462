/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/row_digest.h"

#include <endian.h>
#include <string.h>

#include "core/base/buf.h"

int row_digest_init(struct row_digest *d, struct error *e)
{
    *d = (struct row_digest){.digest = digest_new(e)};
    return d->digest ? 0 : -1;
}

void row_digest_done(struct row_digest *d)
{
    digest_free(d->digest);
    d->digest = NULL;
}

int row_digest_begin(struct row_digest *d, struct error *e)
{
    uint8_t given_up[DIGEST_LEN];
    d->hashes_len = 0;
    d->rows = d->sum_low = d->sum_high = 0;
    return digest_take(d->digest, given_up, e);
}

static int flush(struct row_digest *d, struct error *e)
{
    int rc = digest_add(d->digest, bytes_of(d->hashes, d->hashes_len), e);
    d->hashes_len = 0;
    return rc;
}

/* On every machine that has our byte order this is a copy. */
static inline void put(uint8_t *to, const struct row_hash *hash)
{
    const uint64_t words[2] = {htole64(hash->low), htole64(hash->high)};
    memcpy(to, words, sizeof words);
}

int row_digest_add_many(struct row_digest *d, const struct row_hash *hashes, size_t n,
                        struct error *e)
{
    uint64_t low = d->sum_low;
    uint64_t high = d->sum_high;
    for (size_t i = 0; i < n; i++) {
        low += hashes[i].low;
        high += hashes[i].high + (low < hashes[i].low);
        put(d->hashes + d->hashes_len, &hashes[i]);
        d->hashes_len += 16;
        if (d->hashes_len == ROW_DIGEST_BATCH && flush(d, e) < 0)
            return -1;
    }
    d->rows += n;
    d->sum_low = low;
    d->sum_high = high;
    return 0;
}

int row_digest_add(struct row_digest *d, const struct row_hash *hash, struct error *e)
{
    return row_digest_add_many(d, hash, 1, e);
}

int row_digest_end(struct row_digest *d, uint8_t digest[DIGEST_LEN], uint8_t sum[16],
                   struct error *e)
{
    buf_store_u64(sum, d->sum_low);
    buf_store_u64(sum + 8, d->sum_high);
    if (flush(d, e) < 0)
        return -1;
    return digest_take(d->digest, digest, e);
}
