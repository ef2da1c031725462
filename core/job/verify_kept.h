/* SPDX-License-Identifier: Apache-2.0 */
/* The row hashes of chunks, each computed once however many streams go through the chunk: in a
 * nameless file, 16 bytes a row, up to a limit. Who claims a chunk first decodes it; others
 * go on with another one and wait at the end. Any thread. */
#ifndef JOB_VERIFY_KEPT_H
#define JOB_VERIFY_KEPT_H

#include "core/repo/recipe.h"
#include "core/rows/row_hash.h"

struct verify_kept;

/* path: the file is made in its folder, see file_temporary. limit: bytes of hashes and of what
 * is remembered of chunks. */
MUST_CHECK struct verify_kept *verify_kept_new(const char *path, uint64_t limit,
                                               struct error *e);
void verify_kept_free(struct verify_kept *k);

/* 0: the hashes are there; else one of these. */
#define VERIFY_KEPT_YOURS 1 /* the caller decodes it, and says put or fail */
#define VERIFY_KEPT_BUSY 2  /* somebody else does; see verify_kept_wait */
#define VERIFY_KEPT_FULL 3  /* it is not kept */

/* The hashes of a chunk of kind 1; *place names it from now on. -1 with the error that it was
 * found to be damaged with. */
MUST_CHECK int verify_kept_claim(struct verify_kept *k, const struct recipe_chunk *chunk,
                                 uint32_t *place, struct error *e);
/* A claimed chunk's hashes, as many as its rows. Answers VERIFY_KEPT_FULL, also when the disk
 * is full. */
MUST_CHECK int verify_kept_put(struct verify_kept *k, uint32_t place,
                               const struct row_hash *hashes);
/* A claimed chunk could not be decoded: damage is remembered; after another error the next one
 * who claims it tries again. */
void verify_kept_fail(struct verify_kept *k, uint32_t place, const struct error *why);
/* Wait until a busy chunk is not. Answers as verify_kept_claim, but not VERIFY_KEPT_BUSY. */
MUST_CHECK int verify_kept_wait(struct verify_kept *k, uint32_t place, struct error *e);

/* All hashes that were put until now, to be read; for file_map_close. Answers VERIFY_KEPT_FULL
 * where the system has no way to map a nameless file. ERROR_IO. */
MUST_CHECK int verify_kept_map(struct verify_kept *k, struct bytes *map, struct error *e);
/* The hashes of a chunk that is there, in such a map that was made since; ERROR_IO when the
 * disk does not give them. */
MUST_CHECK int verify_kept_view(struct verify_kept *k, struct bytes map, uint32_t place,
                                const struct row_hash **hashes, struct error *e);

/* Chunks that are there. */
uint64_t verify_kept_chunks(struct verify_kept *k);

#endif
