/* SPDX-License-Identifier: Apache-2.0 */
/* The table of contents of an archive, unit by unit: first the entry count, then each entry.
 * Serves dump_reader twice: for the TOC itself, and for the second one that pg_dump leaves
 * behind the last block when its output is redirected to a file (the tail). */
#ifndef DUMP_TOC_H
#define DUMP_TOC_H

#include "core/dump/dump_reader.h"

struct toc;

#define TOC_NEED 1 /* the input is used up */

/* NULL with ERROR_MEMORY, ERROR_IO (no random bytes). */
MUST_CHECK struct toc *toc_new(const struct dump_limits *limits, struct error *e);
void toc_free(struct toc *t);

/* Begin the TOC of an archive of version 1.minor; at: the archive's byte where it stands. */
void toc_begin(struct toc *t, unsigned minor, uint64_t at);
/* Begin the tail: the same TOC again, which toc_step and toc_finish now require. */
void toc_begin_tail(struct toc *t, uint64_t at);

/* Take bytes off *in until a unit is whole (0), or TOC_NEED. ERROR_INCOMPLETE names byte,
 * entry and field; ERROR_MEMORY. */
MUST_CHECK int toc_step(struct toc *t, struct bytes *in, struct error *e);

/* The unit's bytes as they stand in the archive; good until the next step. An entry's last
 * nine bytes are its offset field. */
struct bytes toc_raw(const struct toc *t);
/* The entry that the last step made whole; NULL when that was the count. */
const struct dump_entry *toc_entry(const struct toc *t);
/* True when the last entry was whole. */
bool toc_ended(const struct toc *t);
uint32_t toc_count(const struct toc *t);

/* To be called once after the last entry. In the tail: ERROR_INCOMPLETE when its fields are
 * not those of the first TOC (offsets, and definitions of statistics, aside). */
MUST_CHECK int toc_finish(struct toc *t, struct error *e);

/* Where the next byte belongs, for messages: "TOC entry 12 of 135 (definition)". */
void toc_where(const struct toc *t, char *out, size_t size);

#endif
