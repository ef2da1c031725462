/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/row_digest.h"

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

int row_digest_add(struct row_digest *d, const struct row_hash *hash, struct error *e)
{
    d->rows++;
    d->sum_low += hash->low;
    d->sum_high += hash->high + (d->sum_low < hash->low);
    buf_store_u64(d->hashes + d->hashes_len, hash->low);
    buf_store_u64(d->hashes + d->hashes_len + 8, hash->high);
    d->hashes_len += 16;
    return d->hashes_len == ROW_DIGEST_BATCH ? flush(d, e) : 0;
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
