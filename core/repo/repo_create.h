/* SPDX-License-Identifier: Apache-2.0 */
/* A new repository (docs/FORMAT.md 3.1 to 3.3). */
#ifndef REPO_REPO_CREATE_H
#define REPO_REPO_CREATE_H

#include "core/repo/repo.h"

/* Make config, replica and, unless passphrase is NULL, a passphrase slot for a fresh recovery
 * seed, which the caller shows and wipes. ERROR_EXISTS when something is there already. */
MUST_CHECK int repo_create(struct store *store, const char *passphrase, struct secret *seed,
                           struct error *e);

#endif
