/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of COPY text as typed columns and back (docs/FORMAT.md 5.3): the same bytes, but column
 * by column, numbers as numbers, so that they compress well. */
#ifndef ROWS_COLUMNS_H
#define ROWS_COLUMNS_H

#include "core/base/buf.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

#define COLUMNS_UNFIT 1
/* Longer texts are unfit. */
#define COLUMNS_TEXT_MAX (8 * MIB)
/* What a body of text_len bytes of text needs at most; longer ones are unfit. */
#define COLUMNS_BODY_MAX(text_len) ((text_len) + (text_len) / 8 + 64 * KIB)

/* Working memory of both directions: it grows to what the largest chunk needs (three times its
 * text, up to twelve times where values are very short) and is used again. One thread at a
 * time. */
struct columns;

MUST_CHECK struct columns *columns_new(struct error *e);
void columns_free(struct columns *c);

/* text, whole lines with their LF, as typed columns; replaces what body held. One text always
 * gives the same body. A few rows of very many columns may compress worse so. COLUMNS_UNFIT:
 * lines with different numbers of tabs, a last line without LF, no bytes at all, too many;
 * body is empty then. ERROR_MEMORY. */
MUST_CHECK int columns_split(struct columns *c, struct bytes text, struct buf *body,
                             struct error *e);
/* Where the sections of the last split's body end, ascending, the last one at body->len: bytes
 * of different kinds, that a compressor should count apart. Valid until the next split. */
const size_t *columns_ends(const struct columns *c, size_t *count);

/* The inverse: fills the text_len bytes of out. ERROR_CORRUPT for any body that does not give
 * exactly that many; whatever body says, nothing outside out is written and memory and time
 * are bounded by text_len. ERROR_MEMORY. */
MUST_CHECK int columns_join(struct columns *c, struct bytes body, uint8_t *out, size_t text_len,
                            struct error *e);

#endif
