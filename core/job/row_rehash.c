/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/row_rehash.h"

#include "core/rows/row_match.h"

int row_rehash_flush(struct row_rehash *r, struct error *e)
{
    size_t count = r->held;
    r->held = 0;
    return count > 0 ? r->put(r->arg, r->hashes, count, e) : 0;
}

static int add_hash(struct row_rehash *r, const struct row_hash *hash, struct error *e)
{
    row_match_store(r->hashes + r->held * ROW_STATE_HASH_LEN, hash);
    r->rows++;
    return ++r->held == ROW_REHASH_BATCH ? row_rehash_flush(r, e) : 0;
}

static int add_row(struct row_rehash *r, struct bytes row, struct error *e)
{
    struct row_hash hash;
    if (r->shape) {
        int rc = projection_narrow(r->shape, row, &r->narrow, e);
        if (rc < 0)
            return -1;
        if (rc == 0)
            row = buf_view(&r->narrow);
    }
    row_hash_of(r->key, row.data, row.len, &hash);
    return add_hash(r, &hash, e);
}

/* A part of a row; ends: its last. */
static int add_part(struct row_rehash *r, struct bytes part, bool ends, struct error *e)
{
    struct row_hash hash;
    if (!r->in_row)
        row_hash_begin(&r->row, r->key);
    r->in_row = !ends;
    row_hash_add(&r->row, part.data, part.len);
    if (!ends)
        return 0;
    row_hash_end(&r->row, &hash);
    return add_hash(r, &hash, e);
}

int row_rehash_add(void *rehash, struct bytes text, struct error *e)
{
    struct row_rehash *r = rehash;
    while (text.len > 0) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        struct bytes part = bytes_take(&text, lf ? (size_t)(lf - text.data) + 1 : text.len);
        int rc = lf && !r->in_row ? add_row(r, part, e) : add_part(r, part, lf, e);
        if (rc < 0)
            return -1;
    }
    return 0;
}

void row_rehash_done(struct row_rehash *r)
{
    buf_done(&r->narrow);
    explicit_bzero(&r->row, sizeof r->row);
}
