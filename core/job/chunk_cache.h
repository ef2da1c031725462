/* SPDX-License-Identifier: Apache-2.0 */
/* Decoded chunks, for a reader that knows which ones it will want. It pins what it is going to
 * use; workers decode what was not there; what nobody has pinned stays as long as there is
 * room. What is of no more use goes first, then what was used least recently. One thread reads,
 * and owns all but the decoding. */
#ifndef JOB_CHUNK_CACHE_H
#define JOB_CHUNK_CACHE_H

#include "core/job/fetch.h"
#include "core/repo/recipe.h"

#define CHUNK_CACHE_FULL 1

struct chunk_cache;

/* Where a chunk was seen last. Zeroed memory: nowhere. The caller keeps one for each chunk of
 * a recipe, so that a chunk that is there costs two loads to find. */
struct chunk_cache_place {
    uint32_t slot;
    uint32_t stamp;
};

struct chunk_cache_counts {
    uint64_t chunks; /* decoded and taken over */
    uint64_t rows;   /* in them */
};

/* fetch is borrowed. bytes: what decoded chunks may take, their row ends included. Starts the
 * threads. */
MUST_CHECK struct chunk_cache *chunk_cache_new(struct fetch *f, unsigned workers, size_t bytes,
                                               struct error *e);
void chunk_cache_free(struct chunk_cache *c);
/* Another size, while nothing is pinned. */
void chunk_cache_resize(struct chunk_cache *c, size_t bytes);

/* Pin a chunk, once more if it is pinned already, and order it if it is not there. Answers
 * CHUNK_CACHE_FULL when that must wait until something is unpinned or taken. needed: nothing
 * but what is needed at once is pinned; the limit is then no reason to wait. After an error
 * nothing else may be asked. */
MUST_CHECK int chunk_cache_pin(struct chunk_cache *c, const struct recipe_chunk *chunk,
                               struct chunk_cache_place *place, bool needed, struct error *e);
/* last: it will not be wanted any more, as far as is known. */
void chunk_cache_unpin(struct chunk_cache *c, const struct chunk_cache_place *place, bool last);
/* All that was ever pinned. */
void chunk_cache_unpin_all(struct chunk_cache *c);

/* What a pinned chunk holds, decoded; good until it is unpinned. ends: the offset behind each
 * of its rows, as many as the recipe says; NULL unless it is of FORMAT_KIND_ROWS. */
struct chunk_cache_view {
    struct bytes plain;
    const uint32_t *ends;
};
/* Waits for it. -1 with the first error of any worker. */
MUST_CHECK int chunk_cache_view(struct chunk_cache *c, const struct chunk_cache_place *place,
                                struct chunk_cache_view *out, struct error *e);

/* What its workers do, without a cache: a chunk into plain, and of rows (kind 1) the offsets
 * behind them into ends, which has room for as many as the chunk's rows. ERROR_CORRUPT when it
 * has other rows than its recipe says; errors of fetch_chunk. Any thread. */
MUST_CHECK int chunk_cache_decode(struct fetch *f, struct fetch_scratch *scratch,
                                  const struct recipe_chunk *chunk, struct buf *plain,
                                  uint32_t *ends, struct error *e);

struct chunk_cache_counts chunk_cache_counts(const struct chunk_cache *c);

#endif
