/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/dump_writer.h"

#include <assert.h>

void dump_writer_int(uint8_t out[DUMP_WRITER_INT_LEN], int64_t value)
{
    int64_t magnitude = value < 0 ? -value : value;
    assert(magnitude <= UINT32_MAX);
    out[0] = value < 0;
    buf_store_u32(out + 1, (uint32_t)magnitude);
}

void dump_writer_offset(uint8_t out[DUMP_WRITER_OFFSET_LEN], uint64_t position)
{
    out[0] = 2;
    buf_store_u64(out + 1, position);
}

void dump_writer_offset_unknown(uint8_t out[DUMP_WRITER_OFFSET_LEN])
{
    out[0] = 1;
    buf_store_u64(out + 1, 0);
}

void dump_writer_object(uint8_t out[DUMP_WRITER_INT_LEN], uint32_t oid)
{
    dump_writer_int(out, (int32_t)oid);
}

int dump_writer_block(struct buf *b, bool large_objects, uint32_t dump_id, struct error *e)
{
    uint8_t raw[1 + DUMP_WRITER_INT_LEN] = {large_objects ? 3 : 1};
    dump_writer_int(raw + 1, dump_id);
    return buf_append(b, raw, sizeof raw, e);
}

int dump_writer_piece(struct buf *b, struct bytes data, struct error *e)
{
    assert(data.len > 0 && data.len <= INT32_MAX);
    uint8_t raw[DUMP_WRITER_INT_LEN];
    dump_writer_int(raw, (int64_t)data.len);
    if (buf_append(b, raw, sizeof raw, e) < 0)
        return -1;
    return buf_append(b, data.data, data.len, e);
}

int dump_writer_end(struct buf *b, struct error *e)
{
    static const uint8_t zero[DUMP_WRITER_INT_LEN];
    return buf_append(b, zero, sizeof zero, e);
}
