/* SPDX-License-Identifier: Apache-2.0 */
/* The entries with data, in TOC order, and which of their blocks have been met. */
#ifndef DUMP_BLOCK_TABLE_H
#define DUMP_BLOCK_TABLE_H

#include "core/dump/dump_reader.h"

struct block {
    uint32_t dump_id;
    uint8_t type; /* the block type that the entry's kind asks for; 0: any */
    uint8_t offset_state;
    bool seen;
    uint64_t offset; /* as the TOC says, with offset_state 2 */
    uint64_t at;     /* where it was found, once seen */
};

/* Zeroed memory is a valid empty table. */
struct block_table {
    struct block *blocks;
    uint32_t count, cap;
    uint32_t seen;
    uint32_t next;   /* the first one not seen */
    uint32_t *by_id; /* places sorted by dump id, made when a block is out of order */
};

void block_table_done(struct block_table *t);

/* Put a block behind the others. ERROR_MEMORY. */
MUST_CHECK int block_table_add(struct block_table *t, const struct block *b, struct error *e);

/* The place of dump_id among the blocks, seen or not, at *place; BLOCK_TABLE_ABSENT.
 * ERROR_MEMORY. */
#define BLOCK_TABLE_ABSENT 1
MUST_CHECK int block_table_find(struct block_table *t, uint32_t dump_id, uint32_t *place,
                                struct error *e);

/* The block at place was found at byte `at`. */
void block_table_mark(struct block_table *t, uint32_t place, uint64_t at);

#endif
