/* SPDX-License-Identifier: Apache-2.0 */
/* The checked cursor: the only way foreign bytes are read. A read past the end sets `bad`,
 * gives zeros, and every later read does the same; the caller asks once, at the end. */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "core/base/bytes.h"
#include "core/base/error.h"

struct cursor {
    struct bytes left;
    size_t at; /* bytes read so far, for messages */
    bool bad;
};

static inline struct cursor cursor_of(struct bytes b)
{
    return (struct cursor){.left = b};
}

/* n bytes, or an empty view with bad set. */
struct bytes cursor_bytes(struct cursor *c, size_t n);
/* n bytes copied to out; zeroed when they are not there. */
void cursor_copy(struct cursor *c, void *out, size_t n);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
/* Unsigned LEB128 in its shortest form, at most 10 bytes; anything else is bad. */
uint64_t cursor_varint(struct cursor *c);

/* True when nothing went wrong and nothing is left. */
static inline bool cursor_ended(const struct cursor *c)
{
    return !c->bad && c->left.len == 0;
}

#endif
