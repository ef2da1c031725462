/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed packs that wait for a slow store, in a nameless file: a crash leaves nothing behind.
 * (Where a file system knows no nameless files it has a name until it is open, so that a crash
 * just then leaves an empty file, which the next spool at that path removes.) What is in it is
 * ciphertext. Bounded; first in, first out; one thread puts, several take. */
#ifndef JOB_SPOOL_H
#define JOB_SPOOL_H

#include "core/base/buf.h"
#include "core/base/digest.h"

struct spool;

/* What a spool leaves of its disk to others: the catalog and the row state live there too. It
 * also takes no more than half of what it finds free. */
#define SPOOL_SPARE (256 * MIB)

struct spool_options {
    const char *path;  /* the file lies in its folder; NULL: no spool */
    uint64_t capacity; /* bytes that it takes at most; less than a pack: no spool */
    uint64_t spare;    /* the last bytes of its disk, of which it takes none */
};

/* The file is made at the first put; path is copied. NULL with ERROR_MEMORY. */
MUST_CHECK struct spool *spool_new(const struct spool_options *o, struct error *e);
void spool_free(struct spool *s);

/* Where a blob lies. */
struct spool_place {
    uint64_t offset;
    uint32_t len;
    uint8_t sha256[DIGEST_LEN];
};

#define SPOOL_FULL 1
/* Write a blob, whose SHA-256 the caller knows, behind the last one. Answers SPOOL_FULL when
 * there is no room: nothing is kept then. A disk that is short of room, or refuses, is logged
 * once; after a refusal nothing is written any more. */
MUST_CHECK int spool_put(struct spool *s, struct bytes blob, const uint8_t sha256[DIGEST_LEN],
                         struct spool_place *place, struct error *e);
/* Read a blob into out (cleared first) and give its room back, on the disk too; each once.
 * ERROR_CORRUPT when it is not what was put. */
MUST_CHECK int spool_take(struct spool *s, const struct spool_place *place, struct buf *out,
                          struct error *e);
/* Bytes in it. */
uint64_t spool_held(struct spool *s);

#endif
