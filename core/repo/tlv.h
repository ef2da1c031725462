/* SPDX-License-Identifier: Apache-2.0 */
/* Tag-length-value (docs/FORMAT.md 1): how every small thing of the format is written. */
#ifndef REPO_TLV_H
#define REPO_TLV_H

#include "core/base/buf.h"
#include "core/base/cursor.h"

MUST_CHECK int tlv_put(struct buf *b, uint64_t tag, struct bytes value, struct error *e);
MUST_CHECK int tlv_uint(struct buf *b, uint64_t tag, uint64_t value, struct error *e);
/* Nothing is written for NULL. */
MUST_CHECK int tlv_text(struct buf *b, uint64_t tag, const char *text, struct error *e);

struct tlv {
    uint64_t tag;
    struct bytes value;
};

/* Walks the values of one TLV: `while (tlv_next(&r, &t)) switch (t.tag) …`, then
 * tlv_end. A value that is refused is remembered, and ends the walk. */
struct tlv_reader {
    struct cursor c;
    uint64_t seen; /* tags below 64 that were met */
    bool bad;
};

static inline struct tlv_reader tlv_reader_of(struct bytes b)
{
    return (struct tlv_reader){.c = cursor_of(b)};
}

bool tlv_next(struct tlv_reader *r, struct tlv *t);
/* For tags that may stand once: the second one is refused. */
void tlv_once(struct tlv_reader *r, const struct tlv *t);
/* The value as uint, at most max; the others copy exactly len bytes. Each is once. */
uint64_t tlv_get_uint(struct tlv_reader *r, const struct tlv *t, uint64_t max);
void tlv_get_fixed(struct tlv_reader *r, const struct tlv *t, void *out, size_t len);
/* The value as a text without NUL bytes, once, into *out (NULL before), the caller's to free;
 * -1 with ERROR_MEMORY. */
MUST_CHECK int tlv_get_text(struct tlv_reader *r, const struct tlv *t, char **out,
                            struct error *e);
/* 0 when all was well; else ERROR_CORRUPT, "what: …". */
MUST_CHECK int tlv_end(const struct tlv_reader *r, const char *what, struct error *e);

#endif
