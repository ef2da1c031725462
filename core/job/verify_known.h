/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that were checked and are good, and the packs that they lie in: the same stream of
 * another backup is good too, if its manifest lists these packs. */
#ifndef JOB_VERIFY_KNOWN_H
#define JOB_VERIFY_KNOWN_H

#include "core/base/digest.h"
#include "core/repo/closure.h"
#include "core/repo/entry.h"

struct verify_known;

MUST_CHECK struct verify_known *verify_known_new(struct error *e);
void verify_known_free(struct verify_known *k);

/* What names a stream with its digests and recipes; of rows also with the rows and the sum that
 * entry says (NULL: bytes). Any thread. */
MUST_CHECK int verify_known_key(const struct stream *stream, const struct entry *entry,
                                uint8_t key[DIGEST_LEN], struct error *e);
/* A good stream; packs are ids, 16 bytes each. What were too much to remember is not. Any
 * thread. */
MUST_CHECK int verify_known_add(struct verify_known *k, const uint8_t key[DIGEST_LEN],
                                struct bytes packs, struct error *e);
/* Is it known, and are all its packs in closure? Any thread. */
MUST_CHECK bool verify_known_find(struct verify_known *k, const uint8_t key[DIGEST_LEN],
                                  const struct closure *closure);

#endif
