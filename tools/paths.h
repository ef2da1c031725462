/* SPDX-License-Identifier: Apache-2.0 */
/* Where this host keeps things: XDG Base Directory Specification; root without HOME:
 * /etc/pgkeep and /var/lib/pgkeep. The caller frees what is returned; NULL on error. */
#ifndef TOOLS_PATHS_H
#define TOOLS_PATHS_H

#include "core/base/error.h"
#include "core/repo/format.h"

/* <config>/pgkeep/<repository-id>.host */
MUST_CHECK char *paths_bundle(const uint8_t repository_id[FORMAT_ID_LEN], struct error *e);
/* <state>/pgkeep/<repository-id>-<8 hex of the URL's SHA-256> */
MUST_CHECK char *paths_state(const uint8_t repository_id[FORMAT_ID_LEN],
                             const char *canonical_url, struct error *e);

#endif
