/* SPDX-License-Identifier: Apache-2.0 */
/* A new repository (docs/FORMAT.md 3.1 to 3.3). */
#ifndef REPO_REPO_CREATE_H
#define REPO_REPO_CREATE_H

#include "core/repo/repo.h"

/* Is the store empty? ERROR_EXISTS when it is not. To be asked before a recovery code is shown
 * to anybody. */
MUST_CHECK int repo_create_check(struct store *store, struct error *e);

/* Make config, replica and, unless passphrase is NULL, a passphrase slot for the recovery seed,
 * which must be 32 fresh random bytes and in safe hands already: the repository exists when
 * this answers 0, and may exist when it does not. */
MUST_CHECK int repo_create(struct store *store, const char *passphrase,
                           const struct secret *seed, struct error *e);

#endif
