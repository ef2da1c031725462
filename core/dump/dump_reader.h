/* SPDX-License-Identifier: Apache-2.0 */
/* The pg_dump custom-format archive as a stream of events (docs/FORMAT.md, "The dump").
 * Reads archive versions 1.10 to 1.16. The caller owns the loop and the input: files, pipes,
 * unit tests and the fuzzer drive the same function. Memory is bounded by the TOC; data
 * passes through as views of the caller's input.
 *
 * The reader is the completeness gate for the structure: every TOC entry with data has its
 * block, every block its end, and nothing unexplained follows. What a payload holds is
 * dump/payload's matter. */
#ifndef DUMP_READER_H
#define DUMP_READER_H

#include "core/base/bytes.h"
#include "core/base/error.h"

enum dump_codec { DUMP_CODEC_NONE, DUMP_CODEC_GZIP, DUMP_CODEC_LZ4, DUMP_CODEC_ZSTD };

struct dump_header {
    uint8_t major, minor, rev;
    enum dump_codec codec;
    int level; /* as written up to 1.14: -1 default, 0 none, 1-9; 0 where it is not stored */
    /* struct tm of the dumping machine: sec min hour mday mon(0-11) year(-1900) isdst;
     * local time, zone unknown */
    int32_t tm[7];
    const char *database; /* "" when the archive says NULL; no NUL bytes inside */
    const char *server_version;
    const char *dump_version;
};

/* A text field; data == NULL is the archive's NULL, which differs from an empty text. */
struct dump_entry {
    uint32_t ordinal; /* place in the TOC, from 0 */
    uint32_t dump_id; /* 1 to 2^31-1 */
    bool has_data;    /* hadDumper: a data block exists */
    uint32_t section; /* 1 none, 2 pre-data, 3 data, 4 post-data; 0 before 1.11 */
    uint8_t relkind;  /* ASCII, 0 where unknown */
    uint8_t offset_state;
    uint64_t offset;
    struct bytes table_oid, oid, tag, desc, defn, drop, copy, schema, tablespace, tableam,
        owner;
    struct bytes dependencies; /* as they stand in the archive: dump_reader_dependency */
};

enum dump_event_type {
    DUMP_RAW,        /* raw: bytes of part, to be kept for byte identity; a TOC entry is one
                      * event, right before its DUMP_ENTRY, its offset field the last 9 bytes */
    DUMP_HEADER,     /* header */
    DUMP_ENTRY,      /* entry */
    DUMP_TOC_END,    /* the TOC is whole */
    DUMP_BLOCK,      /* a data block begins: data_index, dump_id, large_objects */
    DUMP_OBJECT,     /* a large object begins inside the block: oid */
    DUMP_DATA,       /* raw: payload bytes of one piece, or a part of it */
    DUMP_OBJECT_END, /* the large object is whole */
    DUMP_BLOCK_END,  /* the block is whole */
    DUMP_END         /* the archive is whole; only after at_end */
};

enum dump_part { DUMP_PART_HEADER, DUMP_PART_TOC, DUMP_PART_TAIL };

/* Views point into the caller's input or into the reader; good until the next step. */
struct dump_event {
    enum dump_event_type type;
    enum dump_part part;              /* DUMP_RAW */
    struct bytes raw;                 /* DUMP_RAW, DUMP_DATA */
    const struct dump_header *header; /* DUMP_HEADER; good for the reader's life */
    const struct dump_entry *entry;   /* DUMP_ENTRY */
    uint32_t entry_count;             /* DUMP_TOC_END: entries in the TOC */
    uint32_t data_index;           /* DUMP_BLOCK: place among the entries with data, from 0 */
    uint32_t dump_id;              /* DUMP_BLOCK */
    bool large_objects;            /* DUMP_BLOCK: type 3 */
    uint32_t oid;                  /* DUMP_OBJECT */
    bool piece_begins, piece_ends; /* DUMP_DATA: first / last bytes of their piece */
    uint32_t piece_len;            /* DUMP_DATA: length of the whole piece */
};

struct dump_limits {
    uint64_t toc_bytes;    /* sum of the TOC; default 2 GiB */
    uint32_t entries;      /* default 10 million */
    uint32_t dependencies; /* per entry; default 1 million */
};

#define DUMP_READER_NEED 1  /* all input is used up: give more, or say at_end */
#define DUMP_READER_NEWER 2 /* an unknown newer minor version: no parse possible */

struct dump_reader;

/* limits may be NULL for the defaults. NULL with ERROR_MEMORY, ERROR_IO (the kernel gave no
 * random bytes). */
MUST_CHECK struct dump_reader *dump_reader_new(const struct dump_limits *limits,
                                               struct error *e);
void dump_reader_free(struct dump_reader *r);

/* One step: takes bytes off the front of *in and fills *ev (returns 0), or wants more
 * (DUMP_READER_NEED, *in is empty; what the reader still needs of it it has copied).
 * at_end: nothing follows *in. DUMP_READER_NEWER comes before any event: magic and format
 * are right but the version is above 1.16; nothing was taken off *in in that case unless the
 * head came in bits (dump_reader_head then gives the bytes already taken).
 * Errors: ERROR_INCOMPLETE for all that is wrong with the input, naming byte offset and place
 * ("cut at byte 8123 in TOC entry 12 (definition)"), ERROR_MEMORY. After an error or
 * DUMP_END the reader must not be stepped again. */
MUST_CHECK int dump_reader_step(struct dump_reader *r, struct bytes *in, bool at_end,
                                struct dump_event *ev, struct error *e);

/* The bytes taken before DUMP_READER_NEWER was answered (at most 12). */
struct bytes dump_reader_head(const struct dump_reader *r);

/* Bytes of the archive consumed so far. */
uint64_t dump_reader_at(const struct dump_reader *r);

/* Things that are odd but allowed (an unknown section, blocks out of TOC order): how many,
 * and the last one in words ("" when none). */
uint32_t dump_reader_warnings(const struct dump_reader *r, const char **last);

/* The next dump id of an entry's dependencies, taken off the front of *left (which starts as
 * a copy of entry->dependencies); false when there is none. They may name absent entries. */
bool dump_reader_dependency(struct bytes *left, uint32_t *dump_id);

#endif
