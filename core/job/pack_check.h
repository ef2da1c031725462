/* SPDX-License-Identifier: Apache-2.0 */
/* A pack decoded chunk by chunk: one's own, read back from the store before the backup that
 * needs it is acknowledged, or any that was read for a check. */
#ifndef JOB_PACK_CHECK_H
#define JOB_PACK_CHECK_H

#include "core/repo/pack.h"
#include "core/repo/repo.h"

/* keys: of the backup that made the pack; chunk_id_key: of its domain. ERROR_CORRUPT names the
 * object, and the record. */
MUST_CHECK int pack_check(struct repo *repo, const struct closure_pack *pack,
                          const struct pack_keys *keys, const struct secret *chunk_id_key,
                          struct error *e);

/* All records of a whole object whose SHA-256 is right, by a key that reads. chunk_id_key: of
 * its domain. ERROR_CORRUPT names the record; ERROR_KEY when no key at hand fits. */
MUST_CHECK int pack_check_content(struct repo *repo, struct bytes object,
                                  const struct secret *chunk_id_key, struct error *e);

#endif
