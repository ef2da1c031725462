/* SPDX-License-Identifier: Apache-2.0 */
/* One item of a dump's entry table: a data block (docs/FORMAT.md 7.3). */
#ifndef REPO_ENTRY_H
#define REPO_ENTRY_H

#include "core/repo/stream.h"

#define ENTRY_OWN_PLACE UINT32_MAX

struct entry {
    char *schema; /* NULL outside schemas */
    char *name;
    char *desc;
    char *oid;
    uint32_t place; /* among the TOC entries with data; ENTRY_OWN_PLACE: as the item's */
    struct stream payload;
    uint8_t rule; /* enum format_pieces */
    uint64_t rule_n;
    struct stream pieces;  /* rule 3, else not there */
    struct stream objects; /* large objects, else not there */
    bool uncounted;        /* rows and sum are not known, and 0 */
    uint64_t rows;
    uint8_t sum[16];
    char *root_schema, *root_name; /* of a partition: the top of its tree; else NULL */
};

void entry_done(struct entry *entry);
/* "table public.orders", for messages; control characters made visible. */
#define ENTRY_TEXT 480
void entry_text(const struct entry *entry, char out[ENTRY_TEXT]);
/* The item with its length, appended to out. */
MUST_CHECK int entry_write(const struct entry *entry, struct buf *out, struct error *e);
/* One item off c into a zeroed entry; ERROR_CORRUPT. On failure call entry_done too. */
MUST_CHECK int entry_read(struct cursor *c, struct entry *out, struct error *e);

#endif
