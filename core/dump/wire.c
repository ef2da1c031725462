/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/wire.h"

bool wire_int(const uint8_t *p, int32_t *value)
{
    int64_t magnitude = wire_u32(p + 1);
    if (p[0] > 1 || (p[0] == 1 && magnitude == 0))
        return false;
    int64_t v = p[0] ? -magnitude : magnitude;
    if (v < INT32_MIN || v > INT32_MAX)
        return false;
    *value = (int32_t)v;
    return true;
}

int wire_fill(struct buf *raw, struct bytes *in, size_t want, struct error *e)
{
    size_t missing = want - raw->len;
    size_t n = in->len < missing ? in->len : missing;
    if (n > 0 && buf_append(raw, bytes_take(in, n).data, n, e) < 0)
        return -1;
    return raw->len == want ? 0 : WIRE_NEED;
}
