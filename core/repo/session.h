/* SPDX-License-Identifier: Apache-2.0 */
/* A running writer (docs/FORMAT.md 3.5): registered before its first read, and the set of
 * packs that it may point into. The order of the steps is what keeps pruning from taking a
 * pack away under a backup; see the models named in docs/DESIGN.md. */
#ifndef REPO_SESSION_H
#define REPO_SESSION_H

#include "core/repo/ref.h"
#include "core/repo/repo.h"

#define SESSION_HEARTBEAT_MS (15 * 60 * 1000)
#define SESSION_RETRY_MS (60 * 1000)               /* after a heartbeat that failed */
#define SESSION_SILENCE_MS (10 * 60 * 60 * 1000LL) /* as long may all fail */

struct session;

/* PUT the session object and sync; LIST and read the condemned lists; then LIST the packs.
 * NULL on error. repo is borrowed for the session's life; it must have a signer. */
MUST_CHECK struct session *
session_begin(struct repo *repo, const uint8_t backup_id[FORMAT_ID_LEN], struct error *e);
void session_free(struct session *s);

/* May a backup point into this pack: was its content listed with this size, under this name or
 * another one, that is not condemned? Any thread. */
bool session_allows(const struct session *s, const struct ref_object *object);

/* Another session object when the last one is old enough; to be called now and then by one
 * thread. One that fails is tried again a minute later; -1 after ten hours of that. */
MUST_CHECK int session_beat(struct session *s, struct error *e);

/* Has a keeper revoked this backup? 0 no, SESSION_REVOKED, -1. To be asked once the manifest
 * is stored and synced. */
#define SESSION_REVOKED 1
MUST_CHECK int session_revoked(struct session *s, struct error *e);

/* Delete the session's objects. What cannot be deleted is left to a collector: no error. */
/* Before a backup is acknowledged: is the first object of the session still in the store? If
 * not, what was stored since may be as little there (a folder that was removed is made anew by
 * the next put): ERROR_IO. */
MUST_CHECK int session_is_there(struct session *s, struct error *e);
void session_end(struct session *s);

#endif
