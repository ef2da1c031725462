/* SPDX-License-Identifier: Apache-2.0 */
/* The row store of one source during a backup: last night's state to match against, and
 * tonight's that is being made. */
#ifndef JOB_ROW_STORE_H
#define JOB_ROW_STORE_H

#include <signal.h>

#include "core/job/chunk_index.h"
#include "core/job/rows_out.h"
#include "core/repo/entry.h"
#include "core/repo/repo.h"
#include "core/repo/session.h"

struct row_store;

struct row_store_options {
    struct repo *repo;
    const char *path; /* of the state file */
    const struct row_state_id *id;
    const struct session *session;
    const struct chunk_index *index; /* NULL: none */
    unsigned workers;                /* for reading an old backup */
    /* Bring a key that reads into use, for tables that have lost columns; a positive answer:
     * there is none. NULL: there is none. */
    int (*find_reader)(void *arg, struct error *e);
    void *find_reader_arg;
    const volatile sig_atomic_t *stop; /* may be NULL */
};

/* Rows are matched only with what lies in packs that the session allows and the index holds:
 * one that was found damaged is not built upon. A state that is absent or damaged is gone
 * without, with a warning in the log; so is a draft that cannot be made. repo, stop and what
 * find_reader needs are borrowed until the free. */
MUST_CHECK struct row_store *row_store_new(const struct row_store_options *o, struct error *e);
/* Gives up what was not committed. The writer must be done with the streams. */
void row_store_free(struct row_store *s);

/* A table begins: what rows_out_begin needs. copy: its COPY statement. */
MUST_CHECK int row_store_begin(struct row_store *s, const struct entry *entry, const char *copy,
                               struct recipe_out_options *out, struct error *e);
/* The table that was begun last has ended. */
void row_store_end(struct row_store *s, const struct rows_out_totals *totals);

/* The backup is in the repository: tonight's state takes the place of last night's. What fails
 * is said in the log only. */
void row_store_commit(struct row_store *s, const uint8_t backup_id[FORMAT_ID_LEN],
                      const uint8_t manifest_sha256[FORMAT_HASH_LEN],
                      const struct closure *closure);

#endif
