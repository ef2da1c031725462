/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/deflated.h"

#include <lz4frame.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

static size_t zlib(struct buf *b, struct bytes plain)
{
    uLongf n = b->cap;
    if (compress(b->data, &n, plain.data, plain.len) != Z_OK)
        abort();
    return n;
}

struct buf deflated(enum dump_codec codec, struct bytes plain)
{
    struct buf b = {0};
    size_t n = 0;
    if (buf_reserve(&b, plain.len + plain.len / 100 + 1024, NULL) < 0)
        abort();
    switch (codec) {
    case DUMP_CODEC_NONE:
        n = plain.len;
        memcpy(b.data, plain.data, n);
        break;
    case DUMP_CODEC_GZIP:
        n = zlib(&b, plain);
        break;
    case DUMP_CODEC_LZ4:
        n = LZ4F_compressFrame(b.data, b.cap, plain.data, plain.len, NULL);
        break;
    case DUMP_CODEC_ZSTD:
        n = ZSTD_compress(b.data, b.cap, plain.data, plain.len, 3);
        break;
    }
    if (n > b.cap)
        abort();
    b.len = n;
    return b;
}

struct buf deflated_zstd_window(struct bytes plain, int log)
{
    struct buf b = {0};
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_inBuffer in = {.src = plain.data, .size = plain.len};
    if (!c || buf_reserve(&b, plain.len + 1024, NULL) < 0)
        abort();
    ZSTD_outBuffer out = {.dst = b.data, .size = b.cap};
    if (ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, log)) ||
        ZSTD_isError(ZSTD_compressStream2(c, &out, &in, ZSTD_e_flush)) ||
        ZSTD_compressStream2(c, &out, &in, ZSTD_e_end) != 0)
        abort();
    b.len = out.pos;
    (void)ZSTD_freeCCtx(c);
    return b;
}

struct buf deflated_zstd_runs(const uint32_t *len, size_t count)
{
    static const uint8_t head[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70};
    struct buf b = {0};
    if (buf_append(&b, head, sizeof head, NULL) < 0)
        abort();
    for (size_t i = 0; i < count; i++) {
        uint32_t block = len[i] << 3 | 1 << 1 | (i == count - 1);
        uint8_t raw[4];
        buf_store_u32(raw, block | (uint32_t)'a' << 24);
        if (buf_append(&b, raw, sizeof raw, NULL) < 0)
            abort();
    }
    return b;
}
