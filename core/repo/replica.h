/* SPDX-License-Identifier: Apache-2.0 */
/* Replicas: several stores of one repository, each with an id of its own (docs/FORMAT.md 3.2,
 * 3.7). */
#ifndef REPO_REPLICA_H
#define REPO_REPLICA_H

#include "core/repo/repo.h"

#define REPLICA_LEN (FORMAT_MAGIC_LEN + FORMAT_ID_LEN)

/* The 24 bytes of a new object `replica`. */
MUST_CHECK int replica_new(uint8_t out[REPLICA_LEN], struct error *e);
/* The id of a store. Answers STORE_ABSENT. ERROR_CORRUPT. */
MUST_CHECK int replica_id(struct store *store, uint8_t id[FORMAT_ID_LEN], struct error *e);

/* Make the empty store `to` a replica of the repository, or bring what is one up to date:
 * config, enrolments, slots, ledger, and an id of its own; all synced. Backups are not copied.
 * *made: it was none before. ERROR_USAGE when it is another repository (naming both ids) or the
 * same store; ERROR_EXISTS when other things are there. */
MUST_CHECK int replica_prepare(struct repo *from, struct store *to, bool *made,
                               struct error *e);

#endif
