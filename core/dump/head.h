/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an archive: is it one, of which version, and its header fields. */
#ifndef DUMP_HEAD_H
#define DUMP_HEAD_H

#include "core/base/buf.h"
#include "core/dump/dump_reader.h"

#define HEAD_NEED 1  /* the input is used up */
#define HEAD_NEWER 2 /* as DUMP_READER_NEWER: *in is untouched but for what head_raw holds */

struct head {
    struct buf raw; /* the bytes taken so far */
    size_t want;    /* raw.len at which the next decision is due */
    bool known;     /* magic, version and format are right */
    unsigned field;
    size_t text_at; /* of the text whose bytes are awaited, in raw; else 0 */
    char *texts[3];
    struct dump_header header; /* once head_step has answered 0 */
};

void head_done(struct head *h);

/* A zeroed head is ready. Take bytes off *in until the header is whole (0). ERROR_INCOMPLETE
 * says what the input is if it is no archive; ERROR_MEMORY. */
MUST_CHECK int head_step(struct head *h, struct bytes *in, bool at_end, struct error *e);

/* The field that is being read, for messages. */
const char *head_where(const struct head *h);

#endif
