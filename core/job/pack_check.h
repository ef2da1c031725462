/* SPDX-License-Identifier: Apache-2.0 */
/* A pack of one's own read back from the store and decoded, chunk by chunk, before the backup
 * that needs it is acknowledged. */
#ifndef JOB_PACK_CHECK_H
#define JOB_PACK_CHECK_H

#include "core/repo/pack.h"
#include "core/repo/repo.h"

/* keys: of the backup that made the pack; chunk_id_key: of its domain. ERROR_CORRUPT names the
 * object, and the record. */
MUST_CHECK int pack_check(struct repo *repo, const struct closure_pack *pack,
                          const struct pack_keys *keys, const struct secret *chunk_id_key,
                          struct error *e);

#endif
