/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/rows_seen.h"

#define END_MARK "\\.\n"

int rows_seen_init(struct rows_seen *s, const uint8_t row_key[ROW_HASH_KEY_LEN],
                   struct error *e)
{
    memcpy(s->row_key, row_key, sizeof s->row_key);
    return row_digest_init(&s->digest, e);
}

void rows_seen_done(struct rows_seen *s)
{
    row_digest_done(&s->digest);
    explicit_bzero(s, sizeof *s);
}

int rows_seen_begin(struct rows_seen *s, struct error *e)
{
    s->open_len = 0;
    s->ended = false;
    return row_digest_begin(&s->digest, e);
}

static void add_to_open(struct rows_seen *s, struct bytes part)
{
    if (s->open_len == 0)
        row_hash_begin(&s->open, s->row_key);
    for (size_t i = 0; i < part.len && s->open_len + i < sizeof s->head; i++)
        s->head[s->open_len + i] = part.data[i];
    row_hash_add(&s->open, part.data, part.len);
    s->open_len += part.len;
}

static int end_open(struct rows_seen *s, struct error *e)
{
    struct row_hash hash;
    row_hash_end(&s->open, &hash);
    s->ended = s->open_len == sizeof s->head && memcmp(s->head, END_MARK, s->open_len) == 0;
    s->open_len = 0;
    return s->ended ? 0 : row_digest_add(&s->digest, &hash, e);
}

static int add_whole(struct rows_seen *s, struct bytes row, struct error *e)
{
    struct row_hash hash;
    if (bytes_equal(row, bytes_text(END_MARK))) {
        s->ended = true;
        return 0;
    }
    row_hash_of(s->row_key, row.data, row.len, &hash);
    return row_digest_add(&s->digest, &hash, e);
}

int rows_seen_add(struct rows_seen *s, struct bytes text, struct error *e)
{
    while (text.len > 0 && !s->ended) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        struct bytes part = bytes_take(&text, lf ? (size_t)(lf - text.data) + 1 : text.len);
        if (lf && s->open_len == 0) {
            if (add_whole(s, part, e) < 0)
                return -1;
            continue;
        }
        add_to_open(s, part);
        if (lf && end_open(s, e) < 0)
            return -1;
    }
    return 0;
}

int rows_seen_end(struct rows_seen *s, uint64_t *rows, uint8_t sum[16], struct error *e)
{
    uint8_t unused[DIGEST_LEN];
    *rows = s->digest.rows;
    return row_digest_end(&s->digest, unused, sum, e);
}
