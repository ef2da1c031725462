/* SPDX-License-Identifier: Apache-2.0 */
/* Stream values and the items of the entry table (docs/FORMAT.md 6.2 and 7.3). */
#ifndef REPO_STREAM_H
#define REPO_STREAM_H

#include "core/repo/ref.h"

struct stream_part {
    uint64_t rows;
    uint64_t bytes;
    uint8_t digest[FORMAT_HASH_LEN];
    struct ref *recipes;
    uint32_t recipe_count;
};

/* Zeroed memory is a stream that is not there (kind 0). */
struct stream {
    uint8_t kind; /* enum format_stream */
    struct stream_part *parts;
    uint32_t part_count;
};

void stream_done(struct stream *s);
/* Sums over the parts. */
uint64_t stream_rows(const struct stream *s);
uint64_t stream_bytes(const struct stream *s);
/* A new, empty part at the end; NULL with ERROR_MEMORY. */
MUST_CHECK struct stream_part *stream_add_part(struct stream *s, struct error *e);
MUST_CHECK int stream_add_recipe(struct stream_part *p, const struct ref *recipe,
                                 struct error *e);
/* The TLV value, appended to out. */
MUST_CHECK int stream_write(const struct stream *s, struct buf *out, struct error *e);
/* The same as the value of tag; nothing for a stream that is not there. */
MUST_CHECK int stream_put(const struct stream *s, uint64_t tag, struct buf *out,
                          struct error *e);
/* Into a zeroed stream; ERROR_CORRUPT. */
MUST_CHECK int stream_read(struct bytes raw, struct stream *out, struct error *e);

#endif
