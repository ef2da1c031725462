/* SPDX-License-Identifier: Apache-2.0 */
/* The journey of a dump into the repository: parse, split, store, and at the very end the
 * manifest that makes it exist. Until then nothing is visible. */
#ifndef JOB_BACKUP_H
#define JOB_BACKUP_H

#include <signal.h>

#include "core/dump/source.h"
#include "core/job/writer.h"
#include "core/repo/entry.h"

struct backup_options {
    struct repo *repo;               /* with a host bundle in use */
    const struct chunk_index *index; /* NULL: none */
    unsigned workers;
    int level;
    int idle_level;  /* see job/writer.h; 0: level */
    int later_level; /* for what is new in a table that has a base; 0: level */
    const struct recipe_out_limits *limits; /* of recipes; NULL: the usual ones */
    struct spool_options spool;             /* packs that wait for a slow store */
    bool verify; /* read tonight's packs back and decode them before the commit */
    /* The dump's header is known (and in the private part): the caller fills in the source, and
     * may call backup_use_state. May be NULL. */
    int (*begin)(void *arg, struct error *e);
    void *begin_arg;
    /* Bring a key that reads content into use, where one can be had: see job/row_store.h. May
     * be NULL. */
    int (*find_reader)(void *arg, struct error *e);
    void *find_reader_arg;
    const volatile sig_atomic_t *stop; /* set to SIGINT or SIGTERM by a handler; may be NULL */
    /* Called now and then with the bytes read so far, from the calling thread; may be NULL. */
    void (*progress)(void *arg, uint64_t bytes);
    void *progress_arg;
};

struct backup;

/* Registers a session and starts the threads. Everything in o is borrowed. */
MUST_CHECK struct backup *backup_new(const struct backup_options *o, struct error *e);
/* What was stored without a commit is left to a collector. */
void backup_free(struct backup *b);

/* Read one dump to its end and store it as a member. ERROR_INCOMPLETE: it is not complete, or
 * no custom-format dump; nothing is visible then. An archive of a newer minor version is
 * stored as it is and flagged unchecked. */
MUST_CHECK int backup_take(struct backup *b, struct source *source, const char *name,
                           struct error *e);

/* Store a text beside the dump, as a member of that kind. */
MUST_CHECK int backup_take_text(struct backup *b, enum format_member kind, const char *name,
                                struct bytes text, struct error *e);

/* Whose a row state must be: this host's, for a source of that name. The caller wipes it. */
MUST_CHECK int backup_state_id(const struct repo *repo, const char *source,
                               struct row_state_id *id, struct error *e);
/* Match rows with the state file at path, and leave tonight's there after the commit. The
 * source's name is in the private part by then, and nobody else uses the file. */
MUST_CHECK int backup_use_state(struct backup *b, const char *path, struct error *e);

/* The manifest that is being made: the caller fills in source, server, tools, tags, kind;
 * flags, members, closure, times and totals are the job's. */
struct manifest *backup_manifest(struct backup *b);

/* All packs are stored and synced; then no more dumps. Slow part of the end, before the
 * caller takes the lock under which sequences are chosen. */
MUST_CHECK int backup_settle(struct backup *b, struct error *e);

/* PUT the manifest, sync, look for a revocation. The manifest's sequence and previous are set
 * by the caller. Only when this answers 0 the backup is acknowledged. ERROR_BUSY when it was
 * revoked. */
MUST_CHECK int backup_commit(struct backup *b, struct error *e);

/* What a table of the dump taken last came to, for the catalog; valid after backup_take, until
 * the next one or backup_free. */
size_t backup_entry_count(const struct backup *b);
const struct entry *backup_entry(const struct backup *b, size_t i);
const struct writer_totals *backup_totals(const struct backup *b);

#endif
