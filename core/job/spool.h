/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed packs that wait for a slow store, in a nameless file: a crash leaves nothing behind.
 * What is in it is ciphertext. Bounded; first in, first out; one thread puts, several take. */
#ifndef JOB_SPOOL_H
#define JOB_SPOOL_H

#include "core/base/buf.h"
#include "core/base/digest.h"

struct spool;

/* The file lies in the folder of path and takes at most capacity bytes. It is made at the first
 * put. NULL with ERROR_MEMORY. */
MUST_CHECK struct spool *spool_new(const char *path, uint64_t capacity, struct error *e);
void spool_free(struct spool *s);

/* Where a blob lies. */
struct spool_place {
    uint64_t offset;
    uint32_t len;
    uint8_t sha256[DIGEST_LEN];
};

#define SPOOL_FULL 1
/* Write a blob, whose SHA-256 the caller knows, behind the last one. Answers SPOOL_FULL when
 * there is no room, or the disk has none (which is logged once): nothing is kept then. */
MUST_CHECK int spool_put(struct spool *s, struct bytes blob, const uint8_t sha256[DIGEST_LEN],
                         struct spool_place *place, struct error *e);
/* Read a blob into out (cleared first) and give its room back; each once. ERROR_CORRUPT when
 * it is not what was put. */
MUST_CHECK int spool_take(struct spool *s, const struct spool_place *place, struct buf *out,
                          struct error *e);
/* Bytes in it. */
uint64_t spool_held(struct spool *s);

#endif
