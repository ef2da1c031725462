/* SPDX-License-Identifier: Apache-2.0 */
/* One dump, from the events of the parser to the streams of a member. */
#ifndef JOB_DUMP_IN_H
#define JOB_DUMP_IN_H

#include <signal.h>

#include "core/dump/dump_reader.h"
#include "core/dump/source.h"
#include "core/job/row_store.h"
#include "core/repo/entry.h"
#include "core/repo/member.h"

struct dump_in_options {
    struct writer *writer;
    const struct chunker *chunker;
    const uint8_t *row_key;
    const struct recipe_out_limits *limits; /* NULL: the usual ones */
    /* The header is known: the row store to use from here on, NULL for none. */
    int (*begin)(void *arg, const struct dump_header *header, struct row_store **store,
                 struct error *e);
    void *begin_arg;
    /* Called after every read, with the bytes so far; -1 stops. */
    int (*tick)(void *arg, uint64_t bytes, struct error *e);
    void *tick_arg;
};

struct dump_in;

MUST_CHECK struct dump_in *dump_in_new(const struct dump_in_options *o, struct error *e);
void dump_in_free(struct dump_in *d);

/* Read source to its end. ERROR_INCOMPLETE as in job/backup.h. */
MUST_CHECK int dump_in_read(struct dump_in *d, struct source *source, struct error *e);

/* After dump_in_read: wait for the writer, store the entry table, fill in the member.
 * *unchecked: the archive was of a newer version. */
MUST_CHECK int dump_in_finish(struct dump_in *d, struct member *member, bool *unchecked,
                              struct error *e);

/* The data blocks, in file order, after dump_in_finish. */
size_t dump_in_entry_count(const struct dump_in *d);
const struct entry *dump_in_entry(const struct dump_in *d, size_t i);

#endif
