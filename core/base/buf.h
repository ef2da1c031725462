/* SPDX-License-Identifier: Apache-2.0 */
/* struct buf: an owner of bytes that grows. Zeroed memory is a valid empty buf. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "core/base/bytes.h"
#include "core/base/error.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

void buf_done(struct buf *b);

/* Room for `more` bytes behind len; grows by half. ERROR_MEMORY. */
MUST_CHECK int buf_reserve(struct buf *b, size_t more, struct error *e);
MUST_CHECK int buf_append(struct buf *b, const void *data, size_t len, struct error *e);
MUST_CHECK int buf_byte(struct buf *b, uint8_t value, struct error *e);
/* Little-endian integers; varint is unsigned LEB128, shortest form. */
MUST_CHECK int buf_u16(struct buf *b, uint16_t value, struct error *e);
MUST_CHECK int buf_u32(struct buf *b, uint32_t value, struct error *e);
MUST_CHECK int buf_u64(struct buf *b, uint64_t value, struct error *e);
MUST_CHECK int buf_varint(struct buf *b, uint64_t value, struct error *e);
/* Formatted text without its terminator. */
MUST_CHECK int buf_printf(struct buf *b, struct error *e, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* A view of what b holds; valid until b changes. */
static inline struct bytes buf_view(const struct buf *b)
{
    return bytes_of(b->data, b->len);
}

/* Drop the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* Store a little-endian integer at p, which has room. */
void buf_store_u16(uint8_t *p, uint16_t value);
void buf_store_u32(uint8_t *p, uint32_t value);
void buf_store_u64(uint8_t *p, uint64_t value);

#endif
