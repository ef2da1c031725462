/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe's chunks are claimed one after the other and decoded where nobody has; only then are
 * those awaited that another thread is at. So threads that check the same table of several
 * backups share its chunks out among themselves. */
#include "core/job/verify_stream.h"

#include <stdlib.h>

#include "core/base/file_map.h"
#include "core/job/chunk_cache.h"
#include "core/job/recipe_in.h"
#include "core/rows/row_digest.h"

#define BATCH 256
#define LOOK_UP 4096 /* extents between two looks for a signal */

struct verify_stream {
    struct verify_stream_options o;
    struct verify_stream_from from;
    struct fetch_scratch scratch;
    bool has_scratch;
    struct buf plain;
    struct buf ends;   /* uint32_t: of the rows of a chunk */
    struct buf hashes; /* struct row_hash: of the same */
    struct buf places; /* uint32_t: of the recipe's chunks in kept */
    struct buf views;  /* pointers: to their hashes */
    struct buf packs;
    struct row_digest rows_digest;
    struct digest *bytes_digest;
};

struct verify_stream *verify_stream_new(const struct verify_stream_options *o, struct error *e)
{
    struct verify_stream *v = calloc(1, sizeof *v);
    if (!v) {
        (void)error_memory(e, "check of streams");
        return NULL;
    }
    v->o = *o;
    v->bytes_digest = digest_new(e);
    if (v->bytes_digest && row_digest_init(&v->rows_digest, e) == 0)
        return v;
    verify_stream_free(v);
    return NULL;
}

void verify_stream_free(struct verify_stream *v)
{
    if (!v)
        return;
    if (v->has_scratch)
        fetch_scratch_done(&v->scratch);
    buf_done(&v->plain);
    buf_done(&v->ends);
    buf_done(&v->hashes);
    buf_done(&v->places);
    buf_done(&v->views);
    buf_done(&v->packs);
    row_digest_done(&v->rows_digest);
    digest_free(v->bytes_digest);
    free(v);
}

static int begin(struct verify_stream *v, const struct verify_stream_from *from,
                 struct error *e)
{
    v->from = *from;
    v->packs.len = 0;
    if (!v->has_scratch && fetch_scratch_init(&v->scratch, from->fetch, e) < 0)
        return -1;
    v->has_scratch = true;
    return 0;
}

static int check_stop(const struct verify_stream *v, struct error *e)
{
    int n = v->o.stop ? *v->o.stop : 0;
    return n ? error_stopped(e, n) : 0;
}

/* An array of count things, not cleared. */
static void *array(struct buf *b, size_t count, size_t size, struct error *e)
{
    b->len = 0;
    return buf_reserve(b, count * size + 1, e) < 0 ? NULL : b->data;
}

/* ---- packs ------------------------------------------------------------------------- */

static int note_pack(struct verify_stream *v, const uint8_t *id, struct error *e)
{
    const struct buf *b = &v->packs;
    if (b->len > 0 && memcmp(b->data + b->len - FORMAT_ID_LEN, id, FORMAT_ID_LEN) == 0)
        return 0;
    /* The chunk may be kept for another backup, whose manifest does list it. */
    if (!closure_find(v->from.closure, id))
        return error_set(e, ERROR_CORRUPT,
                         "a recipe points into a pack that the manifest does not list");
    return buf_append(&v->packs, id, FORMAT_ID_LEN, e);
}

static int note_packs(struct verify_stream *v, const struct recipe_in *in,
                      const struct recipe *r, struct error *e)
{
    uint8_t chain[RECIPE_MAX_CHAIN][FORMAT_ID_LEN];
    uint8_t depth = recipe_in_chain(in, chain);
    for (uint8_t i = 0; i < depth; i++)
        if (note_pack(v, chain[i], e) < 0)
            return -1;
    for (uint32_t i = 0; i < r->count; i++)
        if (note_pack(v, r->chunks[i].ref.pack_id, e) < 0)
            return -1;
    return 0;
}

struct bytes verify_stream_packs(const struct verify_stream *v)
{
    return buf_view(&v->packs);
}

/* ---- chunks ------------------------------------------------------------------------ */

/* Decode a chunk that was claimed, and keep the hashes of its rows. */
static int decode(struct verify_stream *v, const struct recipe_chunk *chunk, uint32_t place,
                  struct error *e)
{
    struct bytes rows[BATCH];
    uint32_t *ends = array(&v->ends, chunk->rows, sizeof *ends, e);
    struct row_hash *hashes = ends ? array(&v->hashes, chunk->rows, sizeof *hashes, e) : NULL;
    if (!hashes ||
        chunk_cache_decode(v->from.fetch, &v->scratch, chunk, &v->plain, ends, e) < 0) {
        verify_kept_fail(v->o.kept, place, e);
        return -1;
    }
    struct bytes left = buf_view(&v->plain);
    uint32_t base = 0;
    for (uint32_t i = 0; i < chunk->rows;) {
        size_t n = 0;
        for (; n < BATCH && i + n < chunk->rows; n++) {
            rows[n] = bytes_take(&left, ends[i + n] - base);
            base = ends[i + n];
        }
        row_hash_of_many(v->o.row_key, rows, n, hashes + i);
        i += (uint32_t)n;
    }
    return verify_kept_put(v->o.kept, place, hashes);
}

/* All chunks of a recipe are in kept then, at v->places. Answers VERIFY_STREAM_SLOW. */
static int gather(struct verify_stream *v, const struct recipe *r, struct error *e)
{
    uint32_t *places = array(&v->places, r->count, sizeof *places, e);
    bool awaited = false;
    if (!places)
        return -1;
    for (uint32_t i = 0; i < r->count; i++) {
        if (check_stop(v, e) < 0)
            return -1;
        int rc = verify_kept_claim(v->o.kept, &r->chunks[i], &places[i], e);
        if (rc == VERIFY_KEPT_YOURS)
            rc = decode(v, &r->chunks[i], places[i], e);
        if (rc < 0 || rc == VERIFY_KEPT_FULL)
            return rc < 0 ? -1 : VERIFY_STREAM_SLOW;
        awaited = awaited || rc == VERIFY_KEPT_BUSY;
    }
    for (uint32_t i = 0; awaited && i < r->count; i++) {
        int rc = verify_kept_wait(v->o.kept, places[i], e);
        if (rc == VERIFY_KEPT_YOURS)
            rc = decode(v, &r->chunks[i], places[i], e);
        if (rc != 0)
            return rc < 0 ? -1 : VERIFY_STREAM_SLOW;
    }
    return 0;
}

/* ---- rows -------------------------------------------------------------------------- */

static bool is_slow(const struct recipe *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->chunks[i].ref.kind != FORMAT_KIND_ROWS)
            return true;
    for (uint32_t i = 0; r->projection_count > 0 && i < r->extent_count; i++)
        if (r->extents[i].projection != 0)
            return true;
    return false;
}

static int walk(struct verify_stream *v, const struct recipe *r,
                const struct row_hash *const *views, struct error *e)
{
    for (uint32_t i = 0; i < r->extent_count; i++) {
        const struct recipe_source *from = &r->sources[r->extents[i].source];
        uint32_t n = recipe_extent_rows(r, i);
        if ((uint64_t)from->first + n > r->chunks[from->chunk].rows)
            return error_set(e, ERROR_CORRUPT, "recipe: an extent reaches beyond its chunk");
        if (row_digest_add_many(&v->rows_digest, views[from->chunk] + from->first, n, e) < 0 ||
            (i % LOOK_UP == 0 && check_stop(v, e) < 0))
            return -1;
    }
    return 0;
}

/* The rows of a recipe whose chunks are all there. Answers VERIFY_STREAM_SLOW. */
static int digest_rows(struct verify_stream *v, const struct recipe *r, struct error *e)
{
    struct bytes map;
    const struct row_hash **views = array(&v->views, r->count, sizeof(void *), e);
    int rc = views ? verify_kept_map(v->o.kept, &map, e) : -1;
    if (rc != 0)
        return rc < 0 ? -1 : VERIFY_STREAM_SLOW;
    const uint32_t *places = (const uint32_t *)(const void *)v->places.data;
    for (uint32_t i = 0; rc == 0 && i < r->count; i++)
        rc = verify_kept_view(v->o.kept, map, places[i], &views[i], e);
    if (rc == 0)
        rc = walk(v, r, views, e);
    file_map_close(map);
    return rc;
}

static int part_rows(struct verify_stream *v, struct recipe_in *in,
                     const struct stream_part *part, bool *slow, struct error *e)
{
    for (uint32_t i = 0; i < part->recipe_count; i++) {
        const struct recipe *r;
        if (recipe_in_load(in, &part->recipes[i], FORMAT_STREAM_ROWS, &r, e) < 0 ||
            note_packs(v, in, r, e) < 0)
            return -1;
        *slow = *slow || is_slow(r);
        int rc = *slow ? 0 : gather(v, r, e);
        if (rc == 0 && !*slow)
            rc = digest_rows(v, r, e);
        if (rc < 0)
            return -1;
        *slow = *slow || rc == VERIFY_STREAM_SLOW;
    }
    return 0;
}

/* What all parts come to. */
struct sums {
    uint64_t rows;
    uint64_t low, high;
};

static int end_part(struct verify_stream *v, const struct stream_part *part, struct sums *all,
                    struct error *e)
{
    struct row_digest *d = &v->rows_digest;
    uint8_t value[DIGEST_LEN];
    uint8_t sum[16];
    all->rows += d->rows;
    all->low += d->sum_low;
    all->high += d->sum_high + (all->low < d->sum_low);
    if (row_digest_end(d, value, sum, e) < 0)
        return -1;
    if (d->rows != part->rows)
        return error_set(e, ERROR_CORRUPT, "%llu rows, expected %llu",
                         (unsigned long long)d->rows, (unsigned long long)part->rows);
    if (memcmp(value, part->digest, sizeof value) != 0)
        return error_set(e, ERROR_CORRUPT, "rows differ from the rows that were stored");
    return 0;
}

static int check_rows(struct verify_stream *v, struct recipe_in *in, const struct entry *entry,
                      struct error *e)
{
    struct sums all = {0};
    uint8_t sum[16];
    bool slow = false;
    for (uint32_t i = 0; i < entry->payload.part_count; i++) {
        const struct stream_part *part = &entry->payload.parts[i];
        if (row_digest_begin(&v->rows_digest, e) < 0 || part_rows(v, in, part, &slow, e) < 0 ||
            (!slow && end_part(v, part, &all, e) < 0))
            return -1;
    }
    if (slow)
        return VERIFY_STREAM_SLOW;
    buf_store_u64(sum, all.low);
    buf_store_u64(sum + 8, all.high);
    if (all.rows != entry->rows || memcmp(sum, entry->sum, sizeof sum) != 0)
        return error_set(e, ERROR_CORRUPT, "rows differ from the rows that were stored");
    return 0;
}

int verify_stream_rows(struct verify_stream *v, const struct verify_stream_from *from,
                       const struct entry *entry, struct error *e)
{
    if (begin(v, from, e) < 0)
        return -1;
    struct recipe_in *in = recipe_in_new(from->fetch, e);
    int rc = in ? check_rows(v, in, entry, e) : -1;
    recipe_in_free(in);
    return rc;
}

/* ---- bytes ------------------------------------------------------------------------- */

static int part_bytes(struct verify_stream *v, struct recipe_in *in,
                      const struct stream_part *part, struct error *e)
{
    uint64_t total = 0;
    uint8_t value[DIGEST_LEN];
    for (uint32_t i = 0; i < part->recipe_count; i++) {
        const struct recipe *r;
        if (recipe_in_load(in, &part->recipes[i], FORMAT_STREAM_BYTES, &r, e) < 0 ||
            note_packs(v, in, r, e) < 0)
            return -1;
        for (uint32_t k = 0; k < r->count; k++) {
            if (check_stop(v, e) < 0 ||
                fetch_chunk(v->from.fetch, &v->scratch, &r->chunks[k].ref, &v->plain, e) < 0 ||
                digest_add(v->bytes_digest, buf_view(&v->plain), e) < 0)
                return -1;
            total += v->plain.len;
        }
    }
    if (digest_take(v->bytes_digest, value, e) < 0)
        return -1;
    if (total != part->bytes)
        return error_set(e, ERROR_CORRUPT, "%llu bytes, expected %llu",
                         (unsigned long long)total, (unsigned long long)part->bytes);
    if (memcmp(value, part->digest, sizeof value) != 0)
        return error_set(e, ERROR_CORRUPT, "bytes differ from the bytes that were stored");
    return 0;
}

int verify_stream_bytes(struct verify_stream *v, const struct verify_stream_from *from,
                        const struct stream *stream, struct error *e)
{
    uint8_t given_up[DIGEST_LEN];
    if (begin(v, from, e) < 0)
        return -1;
    struct recipe_in *in = recipe_in_new(from->fetch, e);
    int rc = in ? 0 : -1;
    for (uint32_t i = 0; rc == 0 && i < stream->part_count; i++)
        /* A stream that failed may have left bytes behind. */
        rc = digest_take(v->bytes_digest, given_up, e) < 0
                 ? -1
                 : part_bytes(v, in, &stream->parts[i], e);
    recipe_in_free(in);
    return rc;
}
