/* SPDX-License-Identifier: Apache-2.0 */
/* A writer on a repository in memory, and the way back for what it stored. Everything that
 * must work here ends the program when it does not. */
#ifndef SUPPORT_WRITING_H
#define SUPPORT_WRITING_H

#include "core/job/writer.h"
#include "core/rows/chunker.h"
#include "tests/support/repository.h"

struct writing {
    struct repository repository;
    struct chunker chunker;
    /* One backup in the making: from writing_begin to writing_end. */
    struct session *session;
    struct pack_keys keys;
    struct buf envelopes;
    struct writer *writer;
    struct spool_options spool; /* for the next writing_begin */
    struct closure closure;     /* of all that writing_finish ended, until writing_done */
};

/* A new repository on the store, which stays the caller's. */
void writing_init(struct writing *w, struct store *store);
void writing_done(struct writing *w);
/* Another backup id, session and writer. */
void writing_begin(struct writing *w, const struct chunk_index *index, unsigned workers);
/* writer_finish into w->closure, then the end of session and writer. */
MUST_CHECK int writing_finish(struct writing *w, struct writer_totals *totals, struct error *e);
/* The end of session and writer, whatever they were at. */
void writing_end(struct writing *w);

/* All packs in the store are of legal size, under the name that their content has. */
void writing_packs_are_whole(struct store *s);

/* The stream of one part, read back by its recipes; appended to out. *long_rows
 * counts those that were met; it may be NULL. */
MUST_CHECK int writing_read(struct writing *w, enum format_stream kind,
                            const struct stream_part *part, struct buf *out, size_t *long_rows,
                            struct error *e);

#endif
