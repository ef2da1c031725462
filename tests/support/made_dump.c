/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/made_dump.h"

#include <stdlib.h>

uint64_t made_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint8_t *room(struct buf *b, size_t len)
{
    if (buf_reserve(b, len, NULL) < 0)
        abort();
    b->len += len;
    return b->data + b->len - len;
}

void made_row(struct buf *b, size_t len, bool high, uint64_t seed)
{
    uint8_t *p = room(b, len);
    uint64_t value = 0;
    for (size_t i = 0; i + 1 < len; i++) {
        if (i % 8 == 0)
            value = made_random(&seed);
        uint8_t byte = (uint8_t)(value >> i % 8 * 8);
        p[i] = high ? byte : (uint8_t)('a' + byte % 16);
        if (p[i] == '\n')
            p[i] = '\t';
    }
    p[len - 1] = '\n';
    if (len == 3 && memcmp(p, MADE_END_MARK, 3) == 0)
        p[0] = 'x';
}

void made_rows(struct buf *b, size_t count, size_t max, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number = made_random(&seed);
        made_row(b, 1 + (size_t)(number >> 8) % max, number & 1, number);
    }
}

static size_t line_length(struct bytes left)
{
    const uint8_t *lf = memchr(left.data, '\n', left.len);
    /* The end mark holds three line ends and is one piece all the same. */
    if (!lf || bytes_equal(left, bytes_text(MADE_END_MARK)))
        return left.len;
    return (size_t)(lf - left.data) + 1;
}

void made_pieces(struct buf *b, struct bytes payload, enum made_cut cut, size_t n,
                 uint64_t seed)
{
    while (payload.len > 0) {
        size_t len = cut == MADE_LINES   ? line_length(payload)
                     : cut == MADE_FIXED ? n
                                         : 1 + (size_t)(made_random(&seed) % n);
        struct bytes piece = bytes_take(&payload, len < payload.len ? len : payload.len);
        archive_int(b, (int64_t)piece.len);
        archive_bytes(b, piece.data, piece.len);
    }
}

void made_table(struct buf *b, int64_t dump_id, struct bytes rows, enum made_cut cut, size_t n)
{
    struct buf payload = {0};
    archive_bytes(&payload, rows.data, rows.len);
    archive_bytes(&payload, MADE_END_MARK, strlen(MADE_END_MARK));
    archive_block(b, 1, dump_id);
    made_pieces(b, buf_view(&payload), cut, n, (uint64_t)dump_id);
    archive_int(b, 0);
    buf_done(&payload);
}

struct buf made_dump(size_t tables, bool objects)
{
    size_t count = tables + (objects ? 1 : 0);
    struct archive_entry *entries = calloc(count + 1, sizeof *entries);
    if (!entries)
        abort();
    for (size_t i = 0; i < tables; i++)
        entries[i] = archive_with_id(&archive_data, 100 + (int64_t)i);
    if (objects)
        entries[tables] = archive_objects;
    struct buf b = archive_with_toc(16, entries, count);
    free(entries);
    return b;
}
