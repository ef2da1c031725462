/* SPDX-License-Identifier: Apache-2.0 */
/* Drives dump_reader, payload and inflate over a whole archive and writes down what they say.
 */
#ifndef TEST_DUMP_WALK_H
#define TEST_DUMP_WALK_H

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/dump/dump_reader.h"

/* A table's payload or a large object. */
struct dump_walk_stream {
    uint32_t dump_id, oid; /* oid 0: a table */
    uint64_t plain_bytes;
    uint8_t sha256[DIGEST_LEN]; /* uncompressed */
};

struct dump_walk {
    struct buf log;     /* one line an event, the same whatever the split */
    struct buf rebuilt; /* the archive again, from RAW events and dump_writer */
    struct dump_header header;
    char database[64], server_version[64], dump_version[64];
    uint32_t entries, data_entries, blocks, pieces, warnings;
    uint64_t toc_start, data_start, data_end, tail_bytes;
    struct dump_walk_stream *streams;
    size_t stream_count;
    uint64_t *marks; /* dump_reader_at after each event */
    size_t mark_count;
};

/* Feed archive in inputs of `split` bytes (0: all at once), each a copy of its own, so that a
 * read beyond one or a view kept too long is found. Answers as dump_reader_step; 0 is
 * DUMP_END. w must be zeroed and is to be given to dump_walk_done in every case. */
MUST_CHECK int dump_walk(struct dump_walk *w, struct bytes archive, size_t split,
                         struct error *e);
void dump_walk_done(struct dump_walk *w);

/* The reader alone, to its end; answers as dump_reader_step. limits may be NULL; with split 0
 * the archive is fed as it is, without a copy. */
MUST_CHECK int dump_walk_quick(struct bytes archive, size_t split,
                               const struct dump_limits *limits, struct error *e);

/* The file's bytes; ends the program when it cannot be read. */
struct buf dump_walk_load(const char *path);

#endif
