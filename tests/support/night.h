/* SPDX-License-Identifier: Apache-2.0 */
/* Nights of a repository in memory: dump bytes stored as a backup, and read back. */
#ifndef SUPPORT_NIGHT_H
#define SUPPORT_NIGHT_H

#include "core/repo/statement.h"
#include "tests/support/memory_index.h"
#include "tests/support/repository.h"
#include "tests/support/scratch.h"

/* Where nights are stored, with a folder for the row state. */
struct night_world {
    char folder[SCRATCH_PATH];
    char state[SCRATCH_PATH]; /* a path in folder; nothing is there yet */
    struct store *store;
    struct repository repository;
    struct memory_index *index;
};

void night_world_make(struct night_world *w);
void night_world_done(struct night_world *w);

/* What a backup came to. */
struct night {
    uint8_t id[FORMAT_ID_LEN];
    struct writer_totals totals;
    struct closure closure;
};

/* Store a dump; index may be NULL. 0, or -1 with the job's error. */
MUST_CHECK int night_store(struct repository *r, struct bytes dump,
                           const struct chunk_index *index, struct night *out, struct error *e);
/* The same, with the row state of all such nights at path, and recipes within limits. */
struct night_rows {
    const struct chunk_index *index;
    const char *path;
    const struct recipe_out_limits *limits; /* NULL: the usual ones */
    bool reader;                            /* the repository's seed may be used */
};
MUST_CHECK int night_store_rows(struct repository *r, struct bytes dump,
                                const struct night_rows *rows, struct night *out,
                                struct error *e);
void night_done(struct night *n);

/* Restore backup id, checking everything, and compare with dump: ERROR_DIFFERENT when it
 * gives other bytes without saying so itself in another way. */
MUST_CHECK int night_compare(struct repository *r, const uint8_t *id, struct bytes dump,
                             struct error *e);

/* Open the repository that `made` opened once more, through another store and with the same
 * keys; for repository_done. */
MUST_CHECK int night_open(struct repository *out, const struct repository *made,
                          struct store *store, struct error *e);

/* Every manifest that is in the store restores to dump; count: how many there are. */
MUST_CHECK int night_compare_all(struct repository *r, struct bytes dump, size_t *count,
                                 struct error *e);

#endif
