/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/inflate.h"

#define ZLIB_CONST /* next_in is only read */
#include <lz4frame.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define OUT_BYTES (256 * KIB)
#define ZSTD_WINDOW_LOG 27 /* 128 MiB */

struct inflate {
    enum dump_codec codec;
    bool ended;
    bool zlib_ready;
    z_stream zlib;
    LZ4F_dctx *lz4;
    ZSTD_DCtx *zstd;
    uint8_t *out;
};

static int open_codec(struct inflate *f, struct error *e)
{
    f->out = malloc(OUT_BYTES);
    if (!f->out)
        return error_memory(e, "decompression buffer");
    switch (f->codec) {
    case DUMP_CODEC_NONE:
        return 0;
    case DUMP_CODEC_GZIP:
        f->zlib_ready = inflateInit2(&f->zlib, MAX_WBITS) == Z_OK;
        return f->zlib_ready ? 0 : error_memory(e, "zlib");
    case DUMP_CODEC_LZ4:
        if (LZ4F_isError(LZ4F_createDecompressionContext(&f->lz4, LZ4F_VERSION)))
            return error_memory(e, "lz4");
        return 0;
    case DUMP_CODEC_ZSTD:
        f->zstd = ZSTD_createDCtx();
        if (!f->zstd ||
            ZSTD_isError(ZSTD_DCtx_setParameter(f->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)))
            return error_memory(e, "zstd");
        return 0;
    }
    return error_set(e, ERROR_USAGE, "unknown codec %d", (int)f->codec);
}

struct inflate *inflate_new(enum dump_codec codec, struct error *e)
{
    struct inflate *f = calloc(1, sizeof *f);
    if (!f) {
        (void)error_memory(e, "inflater");
        return NULL;
    }
    f->codec = codec;
    if (open_codec(f, e) < 0) {
        inflate_free(f);
        return NULL;
    }
    return f;
}

void inflate_free(struct inflate *f)
{
    if (!f)
        return;
    if (f->zlib_ready)
        (void)inflateEnd(&f->zlib);
    (void)LZ4F_freeDecompressionContext(f->lz4);
    (void)ZSTD_freeDCtx(f->zstd);
    free(f->out);
    free(f);
}

int inflate_reset(struct inflate *f, struct error *e)
{
    f->ended = false;
    if (f->zlib_ready && inflateReset(&f->zlib) != Z_OK)
        return error_memory(e, "zlib");
    if (f->lz4)
        LZ4F_resetDecompressionContext(f->lz4);
    if (f->zstd && ZSTD_isError(ZSTD_DCtx_reset(f->zstd, ZSTD_reset_session_only)))
        return error_memory(e, "zstd");
    return 0;
}

/* The three codecs: take from *in, fill f->out, set f->ended. */
static int step_zlib(struct inflate *f, struct bytes *in, size_t *made, struct error *e)
{
    static const uint8_t none; /* zlib refuses a NULL input even when it is empty */
    size_t n = in->len < INT32_MAX ? in->len : INT32_MAX;
    f->zlib.next_in = n > 0 ? in->data : &none;
    f->zlib.avail_in = (uInt)n;
    f->zlib.next_out = f->out;
    f->zlib.avail_out = (uInt)OUT_BYTES;
    int rc = inflate(&f->zlib, Z_NO_FLUSH);
    if (n > 0)
        (void)bytes_take(in, n - f->zlib.avail_in);
    *made = OUT_BYTES - f->zlib.avail_out;
    f->ended = rc == Z_STREAM_END;
    if (rc == Z_MEM_ERROR)
        return error_memory(e, "zlib");
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return error_set(e, ERROR_INCOMPLETE, "zlib: %s",
                         f->zlib.msg ? f->zlib.msg : zError(rc));
    return 0;
}

static int step_lz4(struct inflate *f, struct bytes *in, size_t *made, struct error *e)
{
    size_t taken = in->len;
    *made = OUT_BYTES;
    size_t rc = LZ4F_decompress(f->lz4, f->out, made, in->data, &taken, NULL);
    if (LZ4F_isError(rc))
        return error_set(e, ERROR_INCOMPLETE, "lz4: %s", LZ4F_getErrorName(rc));
    if (taken > 0)
        (void)bytes_take(in, taken);
    f->ended = rc == 0;
    return 0;
}

static int step_zstd(struct inflate *f, struct bytes *in, size_t *made, struct error *e)
{
    ZSTD_inBuffer src = {.src = in->data, .size = in->len};
    ZSTD_outBuffer dst = {.dst = f->out, .size = OUT_BYTES};
    size_t rc = ZSTD_decompressStream(f->zstd, &dst, &src);
    if (ZSTD_isError(rc))
        return error_set(e, ERROR_INCOMPLETE, "zstd: %s", ZSTD_getErrorName(rc));
    if (src.pos > 0)
        (void)bytes_take(in, src.pos);
    *made = dst.pos;
    f->ended = rc == 0;
    return 0;
}

static int step_none(struct bytes *in, struct bytes *out)
{
    if (in->len > 0)
        *out = bytes_take(in, in->len < OUT_BYTES ? in->len : OUT_BYTES);
    return in->len == 0 ? INFLATE_MORE : 0;
}

int inflate_step(struct inflate *f, struct bytes *in, struct bytes *out, struct error *e)
{
    size_t made = 0;
    int rc = 0;
    *out = (struct bytes){0};
    if (f->ended)
        return INFLATE_END;
    switch (f->codec) {
    case DUMP_CODEC_NONE:
        return step_none(in, out);
    case DUMP_CODEC_GZIP:
        rc = step_zlib(f, in, &made, e);
        break;
    case DUMP_CODEC_LZ4:
        rc = step_lz4(f, in, &made, e);
        break;
    case DUMP_CODEC_ZSTD:
        rc = step_zstd(f, in, &made, e);
        break;
    }
    if (rc < 0)
        return -1;
    *out = bytes_of(f->out, made);
    if (f->ended)
        return INFLATE_END;
    /* A full buffer may leave output inside the codec. */
    return in->len == 0 && made < OUT_BYTES ? INFLATE_MORE : 0;
}
