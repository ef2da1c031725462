/* SPDX-License-Identifier: Apache-2.0 */
/* struct bytes: a borrowed view of memory. Whoever made the memory keeps it alive. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <string.h>

#include "core/base/attr.h"

struct bytes {
    const uint8_t *data;
    size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){.data = data, .len = len};
}

static inline struct bytes bytes_text(const char *text)
{
    return (struct bytes){.data = (const uint8_t *)text, .len = strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool bytes_begins(struct bytes b, const char *with)
{
    size_t len = strlen(with);
    return b.len >= len && (len == 0 || memcmp(b.data, with, len) == 0);
}

/* As memcmp; the shorter one comes first where one is the beginning of the other. */
static inline int bytes_order(struct bytes a, struct bytes b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least > 0 ? memcmp(a.data, b.data, least) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* The first n bytes of *b, taken off its front; n must not be more than b->len. */
static inline struct bytes bytes_take(struct bytes *b, size_t n)
{
    struct bytes front = {.data = b->data, .len = n};
    if (n > 0) /* an empty view may have no data at all */
        b->data += n;
    b->len -= n;
    return front;
}

#endif
