/* SPDX-License-Identifier: Apache-2.0 */
/* Where a body is written: memory of a fixed size and the ends of its sections. What does not
 * fit sets `full` and is dropped; the caller asks once, at the end. */
#ifndef ROWS_COLUMNS_SINK_H
#define ROWS_COLUMNS_SINK_H

#include "core/base/bytes.h"

/* Shorter sections are not worth a block of their own. */
#define COLUMNS_SINK_SECTION_MIN 512

struct columns_sink {
    uint8_t *data; /* cap and COLUMNS_SLACK bytes */
    size_t len;
    size_t cap;
    size_t *ends; /* room for cap / COLUMNS_SINK_SECTION_MIN + 1 */
    size_t end_count;
    bool full;
};

/* n bytes for the caller to fill, with COLUMNS_SLACK behind that may be written until the next
 * call; NULL when they do not fit. */
uint8_t *columns_sink_take(struct columns_sink *s, size_t n);
void columns_sink_byte(struct columns_sink *s, uint8_t value);
void columns_sink_varint(struct columns_sink *s, uint64_t value);
/* A signed number: 2n, or -2n - 1 when negative, as a varint. */
void columns_sink_signed(struct columns_sink *s, uint64_t value);
/* Their length as a varint, then the bytes. */
void columns_sink_bytes(struct columns_sink *s, struct bytes b);
/* A section ends here, if it is long enough; last: whatever its length. */
void columns_sink_end(struct columns_sink *s, bool last);

#endif
