/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk's plain bytes to what is stored, and back (docs/FORMAT.md 5.1): rows as typed
 * columns where that is smaller, all of it zstd. */
#ifndef JOB_CHUNK_CODEC_H
#define JOB_CHUNK_CODEC_H

#include "core/base/buf.h"
#include "core/repo/format.h"

/* What one thread needs; memory is kept from chunk to chunk. */
struct chunk_codec;
/* ERROR_USAGE for a level that zstd has not. */
MUST_CHECK struct chunk_codec *chunk_codec_new(int level, struct error *e);
void chunk_codec_free(struct chunk_codec *c);
MUST_CHECK int chunk_codec_level(struct chunk_codec *c, int level, struct error *e);

/* How the rows of a table are laid out: found out with its first chunk, and asked again now
 * and then, since tables change. */
enum chunk_codec_layout {
    CHUNK_CODEC_TRY,     /* both; the smaller one is taken */
    CHUNK_CODEC_COLUMNS, /* columns, text where they do not fit */
    CHUNK_CODEC_TEXT,
};

/* What a chunk was made into. */
struct chunk_codec_form {
    uint8_t codec;                  /* enum format_codec */
    enum chunk_codec_layout better; /* the layout that paid */
};
/* Fill stored (empty with FORMAT_CODEC_RAW: the plain bytes as they are) and *form. What was
 * stored has been decoded and compared: a coder's bug or a bad memory cell must not be found at
 * restore (ERROR_CORRUPT). */
MUST_CHECK int chunk_codec_encode(struct chunk_codec *c, struct bytes plain,
                                  enum chunk_codec_layout layout, struct buf *stored,
                                  struct chunk_codec_form *form, struct error *e);
/* The inverse: out has room for plain_len bytes. ERROR_CORRUPT; ERROR_UNSUPPORTED for a codec
 * of a newer version. */
MUST_CHECK int chunk_codec_decode(struct chunk_codec *c, uint8_t codec, struct bytes stored,
                                  uint8_t *out, size_t plain_len, struct error *e);

#endif
