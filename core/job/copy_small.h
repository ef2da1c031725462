/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to a backup beside its packs and manifest, from one store into another:
 * envelopes that were added later, and the marks that travel (docs/FORMAT.md 3.6). */
#ifndef JOB_COPY_SMALL_H
#define JOB_COPY_SMALL_H

#include "core/repo/repo.h"

struct copy_small;

/* Lists what both have. from and to are borrowed. */
MUST_CHECK struct copy_small *copy_small_new(struct repo *from, struct store *to,
                                             struct error *e);
void copy_small_free(struct copy_small *c);

/* What the target lacks of this backup, not synced; *copied is counted up. What is damaged, or
 * signed by nobody who may, is warned about and left out. */
MUST_CHECK int copy_small_send(struct copy_small *c, const uint8_t backup_id[FORMAT_ID_LEN],
                               uint64_t *copied, struct error *e);

#endif
