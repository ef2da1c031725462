/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/cursor.h"

struct bytes cursor_bytes(struct cursor *c, size_t n)
{
    if (c->bad || n > c->left.len) {
        c->bad = true;
        c->left.len = 0;
        return (struct bytes){0};
    }
    c->at += n;
    return bytes_take(&c->left, n);
}

void cursor_copy(struct cursor *c, void *out, size_t n)
{
    struct bytes b = cursor_bytes(c, n);
    if (b.len == n && n > 0)
        memcpy(out, b.data, n);
    else
        memset(out, 0, n);
}

uint8_t cursor_u8(struct cursor *c)
{
    uint8_t v;
    cursor_copy(c, &v, 1);
    return v;
}

uint16_t cursor_u16(struct cursor *c)
{
    uint8_t raw[2];
    cursor_copy(c, raw, sizeof raw);
    return (uint16_t)(raw[0] | raw[1] << 8);
}

static uint32_t load_u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t cursor_u32(struct cursor *c)
{
    uint8_t raw[4];
    cursor_copy(c, raw, sizeof raw);
    return load_u32(raw);
}

uint64_t cursor_u64(struct cursor *c)
{
    uint8_t raw[8];
    cursor_copy(c, raw, sizeof raw);
    return load_u32(raw) | (uint64_t)load_u32(raw + 4) << 32;
}

uint64_t cursor_varint(struct cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);
        if (c->bad)
            return 0;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            if (byte == 0 && shift > 0)
                break;
            return value;
        }
    }
    c->bad = true;
    c->left.len = 0;
    return 0;
}
