/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/chunk_codec.h"

#include <stdlib.h>

#include "core/flow/compress.h"
#include "core/rows/columns.h"

#define GAIN_SHARE 50 /* columns must save 2 % of what text takes */

struct chunk_codec {
    struct compress *compress;
    struct columns *columns; /* made when it is first wanted */
    struct buf body;         /* the columns form */
    struct buf other;        /* the second candidate */
    struct buf proof;
};

struct chunk_codec *chunk_codec_new(int level, struct error *e)
{
    struct chunk_codec *c = calloc(1, sizeof *c);
    if (!c) {
        (void)error_memory(e, "coder of chunks");
        return NULL;
    }
    c->compress = compress_new(level, e);
    if (c->compress)
        return c;
    chunk_codec_free(c);
    return NULL;
}

void chunk_codec_free(struct chunk_codec *c)
{
    if (!c)
        return;
    compress_free(c->compress);
    columns_free(c->columns);
    buf_done(&c->body);
    buf_done(&c->other);
    buf_done(&c->proof);
    free(c);
}

int chunk_codec_level(struct chunk_codec *c, int level, struct error *e)
{
    return compress_level(c->compress, level, e);
}

static int need_columns(struct chunk_codec *c, struct error *e)
{
    if (!c->columns)
        c->columns = columns_new(e);
    return c->columns ? 0 : -1;
}

static int decode_columns(struct chunk_codec *c, struct bytes stored, uint8_t *out,
                          size_t plain_len, struct error *e)
{
    size_t len;
    c->body.len = 0;
    if (need_columns(c, e) < 0 ||
        compress_content_size(stored, COLUMNS_BODY_MAX(plain_len), &len, e) < 0 ||
        buf_reserve(&c->body, len, e) < 0 ||
        compress_undo(c->compress, stored, c->body.data, len, e) < 0)
        return -1;
    return columns_join(c->columns, bytes_of(c->body.data, len), out, plain_len, e);
}

int chunk_codec_decode(struct chunk_codec *c, uint8_t codec, struct bytes stored, uint8_t *out,
                       size_t plain_len, struct error *e)
{
    switch (codec) {
    case FORMAT_CODEC_RAW:
        if (stored.len != plain_len)
            return error_set(e, ERROR_CORRUPT, "%zu bytes, expected %zu", stored.len,
                             plain_len);
        memcpy(out, stored.data, plain_len);
        return 0;
    case FORMAT_CODEC_ZSTD:
        return compress_undo(c->compress, stored, out, plain_len, e);
    case FORMAT_CODEC_COLUMNS:
        return decode_columns(c, stored, out, plain_len, e);
    default:
        return error_set(e, ERROR_UNSUPPORTED, "codec %u is not known to this version", codec);
    }
}

static int prove(struct chunk_codec *c, struct bytes plain, struct bytes stored, uint8_t codec,
                 struct error *e)
{
    c->proof.len = 0;
    if (buf_reserve(&c->proof, plain.len, e) < 0 ||
        chunk_codec_decode(c, codec, stored, c->proof.data, plain.len, e) < 0)
        return -1;
    if (memcmp(c->proof.data, plain.data, plain.len) != 0)
        return error_set(e, ERROR_CORRUPT,
                         "a chunk of %zu bytes came back different from compression",
                         plain.len);
    return 0;
}

/* The columns form into out; left empty where the text is no table or nothing is gained. */
static int squeeze_columns(struct chunk_codec *c, struct bytes plain, struct buf *out,
                           struct error *e)
{
    size_t count;
    out->len = 0;
    if (need_columns(c, e) < 0)
        return -1;
    int rc = columns_split(c->columns, plain, &c->body, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    const size_t *ends = columns_ends(c->columns, &count);
    rc = compress_sections(c->compress, buf_view(&c->body), ends, count, out, e);
    if (rc < 0)
        return -1;
    if (rc == COMPRESS_NO_GAIN || out->len >= plain.len)
        out->len = 0;
    return 0;
}

static void swap(struct buf *a, struct buf *b)
{
    struct buf held = *a;
    *a = *b;
    *b = held;
}

/* The text form into stored, or the columns form in c->other if it is so much smaller. */
static int squeeze_text(struct chunk_codec *c, struct bytes plain, struct buf *stored,
                        struct chunk_codec_form *form, struct error *e)
{
    int rc = compress_block(c->compress, plain, stored, e);
    if (rc < 0)
        return -1;
    size_t text = rc == COMPRESS_NO_GAIN ? plain.len : stored->len;
    if (c->other.len > 0 && c->other.len < text - text / GAIN_SHARE) {
        swap(stored, &c->other);
        *form = (struct chunk_codec_form){FORMAT_CODEC_COLUMNS, CHUNK_CODEC_COLUMNS};
    } else if (rc == COMPRESS_NO_GAIN) {
        stored->len = 0;
        form->codec = FORMAT_CODEC_RAW;
    }
    return 0;
}

int chunk_codec_encode(struct chunk_codec *c, struct bytes plain,
                       enum chunk_codec_layout layout, struct buf *stored,
                       struct chunk_codec_form *form, struct error *e)
{
    bool tried = layout == CHUNK_CODEC_TRY;
    *form = (struct chunk_codec_form){FORMAT_CODEC_ZSTD, tried ? CHUNK_CODEC_TEXT : layout};
    c->other.len = 0;
    if (layout != CHUNK_CODEC_TEXT && squeeze_columns(c, plain, &c->other, e) < 0)
        return -1;
    if (layout == CHUNK_CODEC_COLUMNS && c->other.len > 0) {
        swap(stored, &c->other);
        form->codec = FORMAT_CODEC_COLUMNS;
    } else if (squeeze_text(c, plain, stored, form, e) < 0) {
        return -1;
    }
    return form->codec == FORMAT_CODEC_RAW ? 0
                                           : prove(c, plain, buf_view(stored), form->codec, e);
}
