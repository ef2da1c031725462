/* SPDX-License-Identifier: Apache-2.0 */
/* Small archives made by hand, sound or not, for tests. Running out of memory ends the
 * program. */
#ifndef TEST_ARCHIVE_H
#define TEST_ARCHIVE_H

#include "core/base/buf.h"

struct archive_entry {
    int64_t dump_id, has_data, section, relkind;
    const char *table_oid, *oid, *tag, *desc, *defn, *drop, *copy, *schema, *tablespace,
        *tableam, *owner, *with_oids;
    const char *dependencies[4]; /* ends at the first NULL */
    uint8_t offset_state;
    uint64_t offset;
};

/* Magic to pg_dump version, of version 1.minor; codec as in the header's byte or level. */
void archive_header(struct buf *b, unsigned minor, int codec);
void archive_int(struct buf *b, int64_t value);
void archive_text(struct buf *b, const char *text); /* NULL: the archive's NULL */
void archive_bytes(struct buf *b, const void *data, size_t len);
/* without_defn: the field is left out, as pg_dump does with statistics in a second TOC. */
void archive_entry(struct buf *b, unsigned minor, const struct archive_entry *n,
                   bool without_defn);
void archive_block(struct buf *b, uint8_t type, int64_t dump_id);
void archive_piece(struct buf *b, const char *text);

/* Sound entries: the table with dump id 9, its data with 7, large objects with 5. */
extern const struct archive_entry archive_schema, archive_data, archive_objects;
struct archive_entry archive_with_id(const struct archive_entry *n, int64_t dump_id);
/* An archive up to the end of its TOC; the caller's. */
struct buf archive_with_toc(unsigned minor, const struct archive_entry *entries, size_t count);
/* A data block: one row and the end mark. */
void archive_table(struct buf *b, int64_t dump_id);

#endif
