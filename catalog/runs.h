/* SPDX-License-Identifier: Apache-2.0 */
/* What this host did: runs of commands, events, and checks of backups with their results. It
 * is not in the repository and cannot be rebuilt from it. Every call is one transaction. */
#ifndef CATALOG_RUNS_H
#define CATALOG_RUNS_H

#include "catalog/catalog.h"

/* A command starts now; *run_id names it for runs_end. */
MUST_CHECK int runs_begin(struct catalog *c, const char *command, int64_t *run_id,
                          struct error *e);
/* It ends now. summary and backup_id may be NULL. ERROR_ABSENT when there is no such run. */
MUST_CHECK int runs_end(struct catalog *c, int64_t run_id, int exit_code, const char *summary,
                        const uint8_t *backup_id, struct error *e);

/* Something happened now. backup_id and text may be NULL. */
MUST_CHECK int runs_event(struct catalog *c, const char *type, const uint8_t *backup_id,
                          const char *text, struct error *e);

/* A whole backup was checked just now. level is a level of `verify` or the state it leads to:
 * objects, confirmed; data, list, verified; rehearse, rehearsed; any other is ERROR_USAGE.
 * ok false means that damage was found: the backup is `damaged` until a later check of at
 * least that strength succeeds. A check that could not be made, or looked at a sample only, is
 * an event. text may be NULL. */
MUST_CHECK int runs_verified(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN],
                             const char *level, bool ok, const char *text, struct error *e);

#endif
