/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes for a reader that was added after the backups it is to read (docs/FORMAT.md 2.3):
 * one small object a backup, no pack is written again. */
#ifndef REPO_GRANT_H
#define REPO_GRANT_H

#include "core/repo/repo.h"

/* Give `to` every backup whose keys are at hand here (the seed: all), and every backup that is
 * gone but whose packs others still need. What is there already is left; a manifest or pack
 * that cannot be read is warned about and left out. Synced at the end. */
MUST_CHECK int grant_backups(struct repo *r, const struct bundle_reader *to, struct error *e);

#endif
