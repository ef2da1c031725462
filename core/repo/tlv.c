/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/tlv.h"

#include "core/base/str.h"

int tlv_put(struct buf *b, uint64_t tag, struct bytes value, struct error *e)
{
    if (buf_varint(b, tag, e) < 0 || buf_varint(b, value.len, e) < 0)
        return -1;
    return buf_append(b, value.data, value.len, e);
}

int tlv_uint(struct buf *b, uint64_t tag, uint64_t value, struct error *e)
{
    uint64_t rest = value;
    uint64_t len = 1;
    while (rest >= 0x80) {
        rest >>= 7;
        len++;
    }
    if (buf_varint(b, tag, e) < 0 || buf_varint(b, len, e) < 0)
        return -1;
    return buf_varint(b, value, e);
}

int tlv_text(struct buf *b, uint64_t tag, const char *text, struct error *e)
{
    return text ? tlv_put(b, tag, bytes_text(text), e) : 0;
}

bool tlv_next(struct tlv_reader *r, struct tlv *t)
{
    if (r->bad || r->c.bad || r->c.left.len == 0)
        return false;
    t->tag = cursor_varint(&r->c);
    uint64_t len = cursor_varint(&r->c);
    if (r->c.bad || len > r->c.left.len) {
        r->bad = true;
        return false;
    }
    t->value = cursor_bytes(&r->c, (size_t)len);
    return true;
}

void tlv_once(struct tlv_reader *r, const struct tlv *t)
{
    if (t->tag >= 64 || r->seen & UINT64_C(1) << t->tag)
        r->bad = true;
    else
        r->seen |= UINT64_C(1) << t->tag;
}

uint64_t tlv_get_uint(struct tlv_reader *r, const struct tlv *t, uint64_t max)
{
    tlv_once(r, t);
    struct cursor c = cursor_of(t->value);
    uint64_t value = cursor_varint(&c);
    if (!cursor_ended(&c) || value > max) {
        r->bad = true;
        return 0;
    }
    return value;
}

void tlv_get_fixed(struct tlv_reader *r, const struct tlv *t, void *out, size_t len)
{
    tlv_once(r, t);
    if (t->value.len != len) {
        r->bad = true;
        memset(out, 0, len);
        return;
    }
    memcpy(out, t->value.data, len);
}

int tlv_get_text(struct tlv_reader *r, const struct tlv *t, char **out, struct error *e)
{
    tlv_once(r, t);
    if (*out || (t->value.len > 0 && memchr(t->value.data, 0, t->value.len))) {
        r->bad = true;
        return 0;
    }
    *out = str_copy_bytes(t->value, e);
    return *out ? 0 : -1;
}

int tlv_end(const struct tlv_reader *r, const char *what, struct error *e)
{
    if (!r->bad && !r->c.bad)
        return 0;
    return error_set(e, ERROR_CORRUPT, "%s: field at byte %zu is malformed", what, r->c.at);
}
