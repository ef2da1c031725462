/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/columns_sink.h"

uint8_t *columns_sink_take(struct columns_sink *s, size_t n)
{
    if (s->full || n > s->cap - s->len) {
        s->full = true;
        return NULL;
    }
    uint8_t *p = s->data + s->len;
    s->len += n;
    return p;
}

void columns_sink_byte(struct columns_sink *s, uint8_t value)
{
    uint8_t *p = columns_sink_take(s, 1);
    if (p)
        *p = value;
}

void columns_sink_varint(struct columns_sink *s, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        columns_sink_byte(s, (uint8_t)(value | 0x80));
    columns_sink_byte(s, (uint8_t)value);
}

void columns_sink_signed(struct columns_sink *s, uint64_t value)
{
    columns_sink_varint(s, value << 1 ^ (value >> 63 ? UINT64_MAX : 0));
}

void columns_sink_bytes(struct columns_sink *s, struct bytes b)
{
    columns_sink_varint(s, b.len);
    uint8_t *p = columns_sink_take(s, b.len);
    if (p && b.len > 0)
        memcpy(p, b.data, b.len);
}

void columns_sink_end(struct columns_sink *s, bool last)
{
    size_t begin = s->end_count > 0 ? s->ends[s->end_count - 1] : 0;
    if (s->len - begin >= COLUMNS_SINK_SECTION_MIN || (last && s->len > begin))
        s->ends[s->end_count++] = s->len;
}
