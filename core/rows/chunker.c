/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/chunker.h"

#include "core/base/cursor.h"
#include "core/base/digest.h"

#define BITS_BEFORE 18 /* harder to meet below the normal size, */
#define BITS_BEHIND 14 /* easier from there on */

int chunker_init(struct chunker *c, const struct secret *gear_key, struct error *e)
{
    uint8_t raw[sizeof c->gear];
    if (digest_expand(gear_key, "pgkeep/v1/gear", (struct bytes){0}, raw, sizeof raw, e) < 0)
        return -1;
    struct cursor in = cursor_of(bytes_of(raw, sizeof raw));
    for (size_t i = 0; i < ARRAY_SIZE(c->gear); i++)
        c->gear[i] = cursor_u64(&in);
    explicit_bzero(raw, sizeof raw);
    return 0;
}

size_t chunker_cut(const struct chunker *c, struct bytes b)
{
    if (b.len <= CHUNKER_MIN)
        return b.len;
    size_t end = b.len < CHUNKER_MAX ? b.len : CHUNKER_MAX;
    size_t normal = end < CHUNKER_NORMAL ? end : CHUNKER_NORMAL;
    uint64_t f = 0;
    size_t i = CHUNKER_MIN;
    for (; i < normal; i++) {
        f = (f << 1) + c->gear[b.data[i]];
        if (f >> (64 - BITS_BEFORE) == 0)
            return i + 1;
    }
    for (; i < end; i++) {
        f = (f << 1) + c->gear[b.data[i]];
        if (f >> (64 - BITS_BEHIND) == 0)
            return i + 1;
    }
    return end;
}
