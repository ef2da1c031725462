/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

int buf_reserve(struct buf *b, size_t more, struct error *e)
{
    if (more <= b->cap - b->len)
        return 0;
    uint64_t want;
    if (attr_add_overflows(b->len, more, &want) || want > SIZE_MAX / 2)
        return error_set(e, ERROR_MEMORY, "buffer of %zu bytes cannot grow by %zu", b->len,
                         more);
    size_t cap = b->cap + b->cap / 2;
    if (cap < want)
        cap = (size_t)want;
    if (cap < 64)
        cap = 64;
    uint8_t *data = realloc(b->data, cap);
    if (!data)
        return error_set(e, ERROR_MEMORY, "out of memory: buffer of %zu bytes", cap);
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *data, size_t len, struct error *e)
{
    if (len == 0)
        return 0;
    if (buf_reserve(b, len, e) < 0)
        return -1;
    memcpy(b->data + b->len, data, len);
    b->len += len;
    return 0;
}

int buf_byte(struct buf *b, uint8_t value, struct error *e)
{
    return buf_append(b, &value, 1, e);
}

int buf_u16(struct buf *b, uint16_t value, struct error *e)
{
    uint8_t raw[2];
    buf_store_u16(raw, value);
    return buf_append(b, raw, sizeof raw, e);
}

int buf_u32(struct buf *b, uint32_t value, struct error *e)
{
    uint8_t raw[4];
    buf_store_u32(raw, value);
    return buf_append(b, raw, sizeof raw, e);
}

int buf_u64(struct buf *b, uint64_t value, struct error *e)
{
    uint8_t raw[8];
    buf_store_u64(raw, value);
    return buf_append(b, raw, sizeof raw, e);
}

int buf_varint(struct buf *b, uint64_t value, struct error *e)
{
    uint8_t raw[10];
    size_t n = 0;
    while (value >= 0x80) {
        raw[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    raw[n++] = (uint8_t)value;
    return buf_append(b, raw, n, e);
}

int buf_printf(struct buf *b, struct error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return error_set(e, ERROR_MEMORY, "text could not be formatted");
    if (buf_reserve(b, (size_t)n + 1, e) < 0)
        return -1;
    va_start(ap, fmt);
    (void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
    return 0;
}

void buf_consume(struct buf *b, size_t n)
{
    b->len -= n;
    if (b->len > 0 && n > 0)
        memmove(b->data, b->data + n, b->len);
}

void buf_store_u16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

void buf_store_u32(uint8_t *p, uint32_t value)
{
    buf_store_u16(p, (uint16_t)value);
    buf_store_u16(p + 2, (uint16_t)(value >> 16));
}

void buf_store_u64(uint8_t *p, uint64_t value)
{
    buf_store_u32(p, (uint32_t)value);
    buf_store_u32(p + 4, (uint32_t)(value >> 32));
}
