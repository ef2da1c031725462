/* SPDX-License-Identifier: Apache-2.0 */
/* A real repository in a scratch folder, with this host enrolled, and dumps in and out. */
#ifndef SUPPORT_REPOSITORY_H
#define SUPPORT_REPOSITORY_H

#include "core/job/backup.h"
#include "core/job/restore.h"

struct repository {
    struct store *store; /* borrowed */
    struct repo *repo;
    struct secret seed;
    struct bundle bundle;
};

/* repo_create, repo_open, repo_use_seed, repo_enrol on an empty store; fails the test. */
void repository_make(struct repository *r, struct store *store);
void repository_done(struct repository *r);

/* Store the dump file at path as the next backup of sequence `sequence`. 0, or -1 with the
 * error of the job. id may be NULL. */
int repository_backup(struct repository *r, const char *path, uint64_t sequence, uint8_t *id,
                      struct error *e);
/* The same from an open descriptor, which is closed. */
int repository_backup_fd(struct repository *r, int fd, uint64_t sequence, uint8_t *id,
                         struct error *e);
/* Put the backup's only member back together, checking everything; appended to out. */
int repository_restore(struct repository *r, const uint8_t *id, struct buf *out,
                       struct error *e);

#endif
