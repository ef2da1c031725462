/* SPDX-License-Identifier: Apache-2.0 */
/* A world of chunks for tests of reading, and a simple model of what recipes make of them. */
#ifndef TEST_STREAM_MODEL_H
#define TEST_STREAM_MODEL_H

#include "tests/support/check.h"

#include <stdlib.h>

#include "core/job/stream_in.h"
#include "tests/support/chunk_maker.h"
#include "tests/support/made_dump.h"
#include "tests/support/store_memory.h"

#define CHUNKS 120
#define ROWS 300

/* Rows one after another, each with its LF. */
struct rows {
    struct buf text;
    struct buf starts; /* size_t each */
    size_t count;
};

struct world {
    struct store *store;
    struct chunk_maker maker;
    struct rows chunks[CHUNKS];
    struct recipe_chunk refs[CHUNKS];
    uint64_t seed;
};

/* ---- the model --------------------------------------------------------------------- */

static inline void add_row(struct rows *r, struct bytes row)
{
    struct error e = {0};
    assert_done(buf_append(&r->starts, &r->text.len, sizeof r->text.len, &e), &e);
    assert_done(buf_append(&r->text, row.data, row.len, &e), &e);
    r->count++;
}

static inline struct bytes row_of(const struct rows *r, size_t i)
{
    size_t start, end = r->text.len;
    assert_true(i < r->count);
    memcpy(&start, r->starts.data + i * sizeof start, sizeof start);
    if (i + 1 < r->count)
        memcpy(&end, r->starts.data + (i + 1) * sizeof end, sizeof end);
    return bytes_of(r->text.data + start, end - start);
}

static inline void rows_done(struct rows *r)
{
    buf_done(&r->text);
    buf_done(&r->starts);
    *r = (struct rows){.count = 0};
}

/* Field i of a row, without what ends it. */
static inline struct bytes field_of(struct bytes row, size_t i)
{
    for (;; i--) {
        size_t len = 0;
        while (row.data[len] != '\t' && row.data[len] != '\n')
            len++;
        if (i == 0)
            return bytes_of(row.data, len);
        assert_int_equal(row.data[len], '\t');
        (void)bytes_take(&row, len + 1);
    }
}

static inline void add_joined(struct rows *to, const struct recipe_column *columns,
                              size_t count, const struct bytes *sources)
{
    struct error e = {0};
    struct buf row = {0};
    for (size_t i = 0; i < count; i++) {
        struct bytes f = field_of(sources[columns[i].source], columns[i].column);
        assert_done(buf_append(&row, f.data, f.len, &e), &e);
        assert_done(buf_byte(&row, i + 1 < count ? '\t' : '\n', &e), &e);
    }
    add_row(to, buf_view(&row));
    buf_done(&row);
}

/* ---- the world --------------------------------------------------------------------- */

/* Rows of three fields, of 8 to some 200 bytes. */
static inline void make_chunk(struct world *w, unsigned number, size_t rows)
{
    char text[256];
    for (size_t i = 0; i < rows; i++) {
        int n = snprintf(text, sizeof text, "%u\t%zu\t", number, i);
        size_t len = (size_t)n + made_random(&w->seed) % 180;
        memset(text + n, 'a' + (int)(i % 26), len - (size_t)n);
        text[len] = '\n';
        add_row(&w->chunks[number], bytes_of(text, len + 1));
    }
    w->refs[number].rows = (uint32_t)rows;
    w->refs[number].ref = chunk_maker_put(
        &w->maker, FORMAT_KIND_ROWS, number % 3 == 0 ? FORMAT_CODEC_COLUMNS : FORMAT_CODEC_ZSTD,
        buf_view(&w->chunks[number].text));
}

static inline int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    chunk_maker_init(&w->maker, w->store);
    for (unsigned i = 0; i < CHUNKS; i++)
        make_chunk(w, i, ROWS);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < CHUNKS; i++)
        rows_done(&w->chunks[i]);
    chunk_maker_done(&w->maker);
    store_close(w->store);
    free(w);
    return 0;
}

/* What is read: its text, and the rows told with it. */
struct seen {
    struct buf text;
    uint64_t rows, long_rows;
    struct stream_in_counts counts;
};

static inline void seen_done(struct seen *s)
{
    buf_done(&s->text);
    *s = (struct seen){.rows = 0};
}

static inline void see(struct seen *seen, const struct stream_in_item *item)
{
    struct error e = {0};
    uint32_t base = item->base;
    size_t at = 0;
    for (uint64_t i = 0; i < item->rows; i++) {
        at += item->ends[i] - base;
        base = item->ends[i];
        assert_true(at <= item->data.len);
        assert_int_equal(item->data.data[at - 1], '\n');
    }
    if (item->rows > 0)
        assert_int_equal(at, item->data.len);
    seen->rows += item->rows + item->row_ends;
    seen->long_rows += item->row_ends;
    assert_done(buf_append(&seen->text, item->data.data, item->data.len, &e), &e);
}

/* Read a stream with a reader of this cache (0: as it comes) and so many workers. */
static inline int read_with(struct world *w, const struct stream *stream, size_t cache,
                            unsigned workers, struct seen *seen, struct error *e)
{
    struct stream_in_item item;
    chunk_maker_seal(&w->maker);
    struct fetch *f = chunk_maker_fetch(&w->maker);
    struct stream_in *in = stream_in_new(f, workers, e);
    assert_non_null(in);
    if (cache > 0)
        stream_in_limit(in, cache);
    int rc = stream_in_begin(in, stream, e);
    while (rc == 0) {
        rc = stream_in_next(in, &item, e);
        if (rc == 0)
            see(seen, &item);
    }
    seen->counts = stream_in_counts(in);
    stream_in_free(in);
    fetch_free(f);
    return rc < 0 ? -1 : 0;
}

static inline int read_recipe(struct world *w, const struct recipe *r, size_t cache,
                              struct seen *seen, struct error *e)
{
    struct ref ref = chunk_maker_recipe(&w->maker, r);
    struct stream stream = chunk_maker_stream(r->kind, &ref, 1);
    int rc = read_with(w, &stream, cache, 2, seen, e);
    stream_done(&stream);
    return rc;
}

static inline void assert_rows(const struct seen *seen, const struct rows *expected)
{
    assert_int_equal(seen->rows, expected->count);
    assert_int_equal(seen->counts.rows_delivered, expected->count);
    assert_int_equal(seen->text.len, expected->text.len);
    assert_memory_equal(seen->text.data, expected->text.data, expected->text.len);
}

static inline void assert_recipe_gives(struct world *w, const struct recipe *r, size_t cache,
                                       const struct rows *expected)
{
    struct error e = {0};
    struct seen seen = {.rows = 0};
    assert_done(read_recipe(w, r, cache, &seen, &e), &e);
    assert_rows(&seen, expected);
    seen_done(&seen);
}

static inline void assert_recipe_refused(struct world *w, const struct recipe *r,
                                         enum error_kind kind, const char *part)
{
    struct error e = {0};
    struct seen seen = {.rows = 0};
    assert_refused(read_recipe(w, r, 0, &seen, &e), &e, kind);
    if (!strstr(e.text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, e.text);
    seen_done(&seen);
}

static inline void begin_recipe(struct recipe *r)
{
    *r = (struct recipe){0};
    recipe_clear(r, FORMAT_STREAM_ROWS);
}

static inline void add_chunk(struct world *w, struct recipe *r, unsigned chunk)
{
    struct error e = {0};
    assert_done(recipe_add_chunk(r, &w->refs[chunk].ref, w->refs[chunk].rows, &e), &e);
}

/* The world's chunk that stands at this place of r. */
static inline const struct rows *chunk_at(const struct world *w, const struct recipe *r,
                                          uint32_t place)
{
    for (unsigned i = 0; i < CHUNKS; i++)
        if (memcmp(r->chunks[place].ref.chunk_id, w->refs[i].ref.chunk_id, FORMAT_HASH_LEN) ==
            0)
            return &w->chunks[i];
    fail_msg("chunk %u is none of the world's", place);
    return NULL;
}

/* Rows of the chunk at a place of r. */
static inline void add_extent(struct world *w, struct recipe *r, uint32_t place, uint32_t first,
                              uint32_t rows, struct rows *expected)
{
    struct error e = {0};
    const struct recipe_source source = {.chunk = place, .first = first};
    const struct rows *chunk = chunk_at(w, r, place);
    assert_done(recipe_add_extent(r, rows, 0, &source, &e), &e);
    for (uint32_t i = 0; i < rows && expected; i++)
        add_row(expected, row_of(chunk, first + i));
}

/* All of the world's chunks from first on, whole. */
static inline void whole_chunks(struct world *w, unsigned first, unsigned count,
                                struct recipe *r, struct rows *expected)
{
    begin_recipe(r);
    for (unsigned i = 0; i < count; i++) {
        add_chunk(w, r, first + i);
        add_extent(w, r, i, 0, w->refs[first + i].rows, expected);
    }
}

/* count extents of up to `most` rows, taken from all chunks in turns at random; each chunk goes
 * on where it was left, or jumps. */
static inline void mixed_extents(struct world *w, unsigned count, uint32_t most, unsigned jumps,
                                 struct recipe *r, struct rows *expected)
{
    uint32_t next[CHUNKS] = {0};
    begin_recipe(r);
    for (unsigned i = 0; i < CHUNKS; i++)
        add_chunk(w, r, i);
    for (unsigned i = 0; i < count; i++) {
        unsigned chunk = (unsigned)(made_random(&w->seed) % CHUNKS);
        uint32_t rows = 1 + (uint32_t)(made_random(&w->seed) % most);
        if (next[chunk] + rows > ROWS || made_random(&w->seed) % 100 < jumps)
            next[chunk] = (uint32_t)(made_random(&w->seed) % (ROWS - rows + 1));
        add_extent(w, r, chunk, next[chunk], rows, expected);
        next[chunk] += rows;
    }
}

#endif
