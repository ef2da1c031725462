/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/compress.h"

#include <stdlib.h>

#include <zstd.h>

struct compress {
    int level;
    ZSTD_CCtx *encoder;
    ZSTD_DCtx *decoder;
};

struct compress *compress_new(int level, struct error *e)
{
    struct compress *c = calloc(1, sizeof *c);
    if (!c) {
        (void)error_memory(e, "compression");
        return NULL;
    }
    if (compress_level(c, level, e) < 0) {
        compress_free(c);
        return NULL;
    }
    return c;
}

void compress_free(struct compress *c)
{
    if (!c)
        return;
    (void)ZSTD_freeCCtx(c->encoder);
    (void)ZSTD_freeDCtx(c->decoder);
    free(c);
}

int compress_level(struct compress *c, int level, struct error *e)
{
    if (level < COMPRESS_LEVEL_MIN || level > COMPRESS_LEVEL_MAX)
        return error_set(e, ERROR_USAGE, "compression level %d, expected %d to %d", level,
                         COMPRESS_LEVEL_MIN, COMPRESS_LEVEL_MAX);
    c->level = level;
    return 0;
}

int compress_block(struct compress *c, struct bytes plain, struct buf *out, struct error *e)
{
    if (!c->encoder && !(c->encoder = ZSTD_createCCtx()))
        return error_memory(e, "compression");
    out->len = 0;
    if (buf_reserve(out, ZSTD_compressBound(plain.len), e) < 0)
        return -1;
    /* Content size on and checksum off are the library's defaults; the record's seal is the
     * checksum. A single call cuts the window to the input, so memory follows its size. */
    size_t n =
        ZSTD_compressCCtx(c->encoder, out->data, out->cap, plain.data, plain.len, c->level);
    if (ZSTD_isError(n))
        return error_set(e, ERROR_MEMORY, "zstd: %s", ZSTD_getErrorName(n));
    if (n >= plain.len)
        return COMPRESS_NO_GAIN;
    out->len = n;
    return 0;
}

/* What of in is new, as blocks of their own; last: and the end of the frame. */
static int compress_section(struct compress *c, ZSTD_inBuffer *in, bool last,
                            ZSTD_outBuffer *out, struct error *e)
{
    size_t left = ZSTD_compressStream2(c->encoder, out, in, last ? ZSTD_e_end : ZSTD_e_flush);
    if (ZSTD_isError(left))
        return error_set(e, ERROR_MEMORY, "zstd: %s", ZSTD_getErrorName(left));
    /* More than the room for a frame that is worth its bytes. */
    return left > 0 ? COMPRESS_NO_GAIN : 0;
}

int compress_sections(struct compress *c, struct bytes plain, const size_t *ends, size_t count,
                      struct buf *out, struct error *e)
{
    if (!c->encoder && !(c->encoder = ZSTD_createCCtx()))
        return error_memory(e, "compression");
    out->len = 0;
    if (buf_reserve(out, plain.len, e) < 0)
        return -1;
    (void)ZSTD_CCtx_reset(c->encoder, ZSTD_reset_session_and_parameters);
    size_t set = ZSTD_CCtx_setParameter(c->encoder, ZSTD_c_compressionLevel, c->level);
    if (!ZSTD_isError(set))
        set = ZSTD_CCtx_setPledgedSrcSize(c->encoder, plain.len);
    if (ZSTD_isError(set))
        return error_set(e, ERROR_MEMORY, "zstd: %s", ZSTD_getErrorName(set));
    ZSTD_inBuffer in = {.src = plain.data};
    ZSTD_outBuffer frame = {.dst = out->data, .size = plain.len};
    int rc = 0;
    for (size_t i = 0; i < count && ends[i] < plain.len && rc == 0; i++) {
        in.size = ends[i];
        if (in.size > in.pos)
            rc = compress_section(c, &in, false, &frame, e);
    }
    in.size = plain.len;
    if (rc == 0)
        rc = compress_section(c, &in, true, &frame, e);
    if (rc == 0 && frame.pos >= plain.len)
        rc = COMPRESS_NO_GAIN;
    if (rc == 0)
        out->len = frame.pos;
    return rc;
}

int compress_content_size(struct bytes frame, size_t max, size_t *len, struct error *e)
{
    /* A skippable frame has content size 0 too, and no block of ours is empty. */
    unsigned long long claimed = ZSTD_getFrameContentSize(frame.data, frame.len);
    if (claimed == ZSTD_CONTENTSIZE_ERROR || claimed == ZSTD_CONTENTSIZE_UNKNOWN ||
        claimed == 0)
        return error_set(e, ERROR_CORRUPT, "zstd frame of %zu bytes: no content size",
                         frame.len);
    if (claimed > max)
        return error_set(e, ERROR_CORRUPT,
                         "zstd frame: content of %llu bytes, expected at most %zu", claimed,
                         max);
    *len = (size_t)claimed;
    return 0;
}

int compress_undo(struct compress *c, struct bytes frame, uint8_t *out, size_t plain_len,
                  struct error *e)
{
    if (!c->decoder && !(c->decoder = ZSTD_createDCtx()))
        return error_memory(e, "decompression");
    size_t claimed = 0;
    if (compress_content_size(frame, SIZE_MAX, &claimed, e) < 0)
        return -1;
    if (claimed != plain_len)
        return error_set(e, ERROR_CORRUPT, "zstd frame: content of %zu bytes, expected %zu",
                         claimed, plain_len);
    size_t whole = ZSTD_findFrameCompressedSize(frame.data, frame.len);
    if (ZSTD_isError(whole) || whole != frame.len)
        return error_set(e, ERROR_CORRUPT, "zstd frame of %zu bytes is cut or has a tail",
                         frame.len);
    /* In one call out is the window itself: a frame's window size costs nothing. */
    size_t n = ZSTD_decompressDCtx(c->decoder, out, plain_len, frame.data, frame.len);
    if (ZSTD_isError(n))
        return error_set(e, ERROR_CORRUPT, "zstd frame of %zu bytes: %s", frame.len,
                         ZSTD_getErrorName(n));
    if (n != plain_len)
        return error_set(e, ERROR_CORRUPT, "zstd frame: %zu bytes came out, expected %zu", n,
                         plain_len);
    return 0;
}
