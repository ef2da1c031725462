/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/repo/recipe.h"
#include "core/repo/tlv.h"

static struct ref ref_of(uint8_t i, enum format_kind kind, uint32_t plain)
{
    struct ref r = {.record = i,
                    .offset = 200U * i,
                    .stored = plain,
                    .plain = plain,
                    .codec = FORMAT_CODEC_RAW,
                    .kind = (uint8_t)kind};
    memset(r.chunk_id, i, sizeof r.chunk_id);
    memset(r.pack_id, i / 3, sizeof r.pack_id);
    return r;
}

/* Two row chunks, a long row of three chunks, one row chunk. */
static struct buf rows_recipe(void)
{
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_ROWS};
    struct buf b = {0};
    struct ref parts[3];
    for (uint8_t i = 0; i < 3; i++)
        parts[i] = ref_of((uint8_t)(10 + i), FORMAT_KIND_BYTES, 1000U + i);
    struct ref a = ref_of(1, FORMAT_KIND_ROWS, 100);
    struct ref z = ref_of(2, FORMAT_KIND_ROWS, 300);
    assert_done(recipe_add_rows(&r, &a, 10, &e), &e);
    assert_done(recipe_add_rows(&r, &z, 300, &e), &e);
    assert_done(recipe_add_long_row(&r, parts, 3, &e), &e);
    assert_done(recipe_add_rows(&r, &a, 10, &e), &e);
    assert_int_equal(r.rows, 321);
    assert_int_equal(r.bytes, 100 + 300 + 3003 + 100);
    assert_done(recipe_write(&r, &b, &e), &e);
    recipe_done(&r);
    return b;
}

static int read(struct bytes raw, struct error *e)
{
    struct recipe r = {0};
    int rc = recipe_read(raw, &r, e);
    recipe_done(&r);
    return rc;
}

static void a_recipe_of_rows_comes_back(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = rows_recipe();
    struct recipe r = {0};
    struct recipe_segment s;
    assert_done(recipe_read(buf_view(&b), &r, &e), &e);
    assert_int_equal(r.kind, FORMAT_STREAM_ROWS);
    assert_int_equal(r.count, 6);
    assert_int_equal(r.rows, 321);
    assert_int_equal(r.bytes, 3503);
    struct ref wanted = ref_of(11, FORMAT_KIND_BYTES, 1001);
    assert_memory_equal(&r.chunks[3].ref, &wanted, sizeof wanted);
    assert_int_equal(r.chunks[1].rows, 300);
    struct cursor c = cursor_of(buf_view(&r.segments));
    assert_true(recipe_next(&c, &s));
    assert_true(s.op == RECIPE_ROWS && s.rows == 10 && s.chunk == 0 && s.first == 0);
    assert_true(recipe_next(&c, &s));
    assert_true(s.op == RECIPE_ROWS && s.rows == 300 && s.chunk == 1);
    assert_true(recipe_next(&c, &s));
    assert_true(s.op == RECIPE_LONG_ROW && s.bytes == 3003 && s.chunk == 2);
    assert_true(bytes_equal(s.list, bytes_of("\2\3\4", 3)));
    assert_true(recipe_next(&c, &s));
    assert_true(s.op == RECIPE_ROWS && s.chunk == 5);
    assert_false(recipe_next(&c, &s));
    assert_false(c.bad);
    recipe_done(&r);
    buf_done(&b);
}

static void a_recipe_of_bytes_comes_back(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_BYTES};
    struct buf b = {0};
    struct recipe_segment s;
    for (uint8_t i = 0; i < 3; i++) {
        struct ref ref = ref_of(i, i ? FORMAT_KIND_META : FORMAT_KIND_BYTES, 10U + i);
        assert_done(recipe_add_bytes(&r, &ref, &e), &e);
    }
    assert_done(recipe_write(&r, &b, &e), &e);
    recipe_done(&r);
    assert_done(recipe_read(buf_view(&b), &r, &e), &e);
    struct cursor c = cursor_of(buf_view(&r.segments));
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(recipe_next(&c, &s));
        assert_true(s.op == RECIPE_BYTES && s.chunk == i && s.first == 0 && s.bytes == 10 + i);
    }
    assert_int_equal(r.bytes, 33);
    recipe_done(&r);
    buf_done(&b);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    struct buf b = rows_recipe();
    for (size_t len = 0; len < b.len; len++) {
        struct error e = {0};
        /* Exactly as long as it is, so that a read beyond it is found. */
        struct buf cut = {0};
        assert_int_equal(buf_append(&cut, b.data, len, &e), 0);
        assert_int_equal(read(buf_view(&cut), &e), -1);
        assert_true(e.kind == ERROR_CORRUPT || e.kind == ERROR_UNSUPPORTED);
        buf_done(&cut);
    }
    buf_done(&b);
}

/* No authentication here: a flip may give another sound recipe, but never a wild one. */
static void flipped_bits_never_lead_outside(void **state)
{
    (void)state;
    struct buf b = rows_recipe();
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        struct error e = {0};
        struct recipe r = {0};
        struct recipe_segment s;
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (recipe_read(buf_view(&b), &r, &e) == 0) {
            struct cursor c = cursor_of(buf_view(&r.segments));
            while (recipe_next(&c, &s)) {
                assert_true(s.chunk < r.count);
                const struct recipe_chunk *chunk = &r.chunks[s.chunk];
                assert_true(ref_allowed(&chunk->ref));
                if (s.op == RECIPE_ROWS)
                    assert_true(s.first + s.rows <= chunk->rows);
                if (s.op == RECIPE_BYTES)
                    assert_true(s.first + s.bytes <= chunk->ref.plain);
            }
            assert_false(c.bad);
        }
        recipe_done(&r);
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(b.len > 100);
    buf_done(&b);
}

/* A recipe of one chunk (of rows: 10 rows in 100 bytes) and the segments given. */
static struct buf with_segments(enum format_stream kind, const char *segments, size_t len,
                                uint64_t rows, uint64_t bytes)
{
    struct error e = {0};
    struct buf b = {0};
    struct buf directory = {0};
    struct buf counts = {0};
    uint8_t pack[16] = {0};
    uint8_t id[32] = {0};
    assert_done(buf_append(&directory, id, sizeof id, &e), &e);
    assert_done(buf_append(&directory, "\0\0\0\144\144\0", 6, &e), &e);
    assert_done(buf_byte(&directory, kind == FORMAT_STREAM_ROWS ? 1 : 2, &e), &e);
    assert_done(buf_byte(&directory, kind == FORMAT_STREAM_ROWS ? 10 : 0, &e), &e);
    assert_done(buf_varint(&counts, rows, &e), &e);
    assert_done(buf_varint(&counts, bytes, &e), &e);
    assert_done(tlv_uint(&b, 1, kind, &e), &e);
    assert_done(tlv_put(&b, 2, buf_view(&counts), &e), &e);
    assert_done(tlv_put(&b, 3, bytes_of(pack, sizeof pack), &e), &e);
    assert_done(tlv_put(&b, 4, buf_view(&directory), &e), &e);
    assert_done(tlv_put(&b, 5, bytes_of(segments, len), &e), &e);
    buf_done(&directory);
    buf_done(&counts);
    return b;
}

static void segments_must_fit_their_chunks(void **state)
{
    static const struct {
        enum format_stream kind;
        const char *segments;
        size_t len;
        uint64_t rows, bytes;
        enum error_kind wanted; /* ERROR_NONE: it is sound */
    } cases[] = {
        {FORMAT_STREAM_ROWS, "\1\12\1\0\0\0", 6, 10, 100, ERROR_NONE},
        {FORMAT_STREAM_ROWS, "\1\3\1\0\7\0", 6, 3, 30, ERROR_NONE},
        {FORMAT_STREAM_ROWS, "\1\4\1\0\7\0", 6, 4, 30, ERROR_CORRUPT},    /* row 11 of 10 */
        {FORMAT_STREAM_ROWS, "\1\0\1\0\0\0", 6, 0, 0, ERROR_CORRUPT},     /* no row */
        {FORMAT_STREAM_ROWS, "\1\12\1\1\0\0", 6, 10, 100, ERROR_CORRUPT}, /* chunk 1 of 1 */
        {FORMAT_STREAM_ROWS, "\1\12\1\0\0\0", 6, 11, 100, ERROR_CORRUPT}, /* does not add up */
        {FORMAT_STREAM_ROWS, "\1\12\2\0\0\0\0\0\0", 9, 10, 100, ERROR_UNSUPPORTED},
        {FORMAT_STREAM_ROWS, "\1\12\1\0\0\1", 6, 10, 100, ERROR_UNSUPPORTED}, /* projection */
        {FORMAT_STREAM_ROWS, "\4\0\0", 3, 0, 0, ERROR_UNSUPPORTED},           /* unknown */
        {FORMAT_STREAM_ROWS, "\0", 1, 0, 0, ERROR_UNSUPPORTED},
        {FORMAT_STREAM_ROWS, "\2\144\1\0", 4, 1, 100, ERROR_CORRUPT}, /* rows in a long row */
        {FORMAT_STREAM_ROWS, "\3\0\0\144", 4, 0, 100, ERROR_CORRUPT},
        {FORMAT_STREAM_BYTES, "\3\0\0\144", 4, 0, 100, ERROR_NONE},
        {FORMAT_STREAM_BYTES, "\3\0\143\1", 4, 0, 1, ERROR_NONE},
        {FORMAT_STREAM_BYTES, "\3\0\144\1", 4, 0, 1, ERROR_CORRUPT},
        {FORMAT_STREAM_BYTES, "\3\0\1\144", 4, 0, 100, ERROR_CORRUPT},
        {FORMAT_STREAM_BYTES, "\3\0\0\0", 4, 0, 0, ERROR_CORRUPT},
        {FORMAT_STREAM_BYTES, "\3\0\0\144", 4, 0, 101, ERROR_CORRUPT},
        {FORMAT_STREAM_BYTES, "\1\12\1\0\0\0", 6, 10, 100, ERROR_CORRUPT},
        /* chunk 2^32: it must not come out as chunk 0 */
        {FORMAT_STREAM_ROWS, "\1\12\1\200\200\200\200\20\0\0", 10, 10, 100, ERROR_CORRUPT},
        {FORMAT_STREAM_BYTES, "\3\200\200\200\200\20\0\144", 8, 0, 100, ERROR_CORRUPT},
        /* first byte 2^64 - 1 */
        {FORMAT_STREAM_BYTES, "\3\0\377\377\377\377\377\377\377\377\377\1\2", 13, 0, 2,
         ERROR_CORRUPT},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error e = {0};
        struct buf b = with_segments(cases[i].kind, cases[i].segments, cases[i].len,
                                     cases[i].rows, cases[i].bytes);
        int rc = read(buf_view(&b), &e);
        if (rc != (cases[i].wanted == ERROR_NONE ? 0 : -1) || e.kind != cases[i].wanted)
            fail_msg("case %zu: %d, kind %d: %s", i, rc, (int)e.kind, e.text);
        buf_done(&b);
    }
}

static void unknown_tags_are_skipped_and_doubled_ones_refused(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = rows_recipe();
    size_t len = b.len;
    assert_done(tlv_text(&b, 63, "new", &e), &e);
    assert_done(tlv_text(&b, 63, "new", &e), &e);
    assert_done(tlv_text(&b, 6000, "new", &e), &e);
    assert_done(read(buf_view(&b), &e), &e);
    for (uint64_t tag = 1; tag <= 5; tag++) {
        b.len = len;
        assert_done(tlv_put(&b, tag, (struct bytes){0}, &e), &e);
        assert_refused(read(buf_view(&b), &e), &e, ERROR_CORRUPT);
    }
    for (uint64_t tag = 6; tag <= 7; tag++) {
        b.len = len;
        assert_done(tlv_put(&b, tag, (struct bytes){0}, &e), &e);
        assert_refused(read(buf_view(&b), &e), &e, ERROR_UNSUPPORTED);
    }
    buf_done(&b);
}

static void it_is_full_at_its_limit(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_BYTES};
    struct buf b = {0};
    struct ref ref = ref_of(1, FORMAT_KIND_BYTES, 10);
    while (!recipe_full(&r, 1))
        assert_done(recipe_add_bytes(&r, &ref, &e), &e);
    assert_int_equal(r.count, RECIPE_TARGET_CHUNKS);
    /* One long row may go up to the format's limit. */
    while (r.count < FORMAT_MAX_RECIPE_CHUNKS)
        assert_done(recipe_add_bytes(&r, &ref, &e), &e);
    assert_done(recipe_write(&r, &b, &e), &e);
    assert_true(b.len < FORMAT_MAX_CHUNK);
    assert_done(read(buf_view(&b), &e), &e);
    assert_done(recipe_add_bytes(&r, &ref, &e), &e);
    b.len = 0;
    assert_done(recipe_write(&r, &b, &e), &e);
    assert_refused(read(buf_view(&b), &e), &e, ERROR_CORRUPT);
    recipe_done(&r);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recipe_of_rows_comes_back),
        cmocka_unit_test(a_recipe_of_bytes_comes_back),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(flipped_bits_never_lead_outside),
        cmocka_unit_test(segments_must_fit_their_chunks),
        cmocka_unit_test(unknown_tags_are_skipped_and_doubled_ones_refused),
        cmocka_unit_test(it_is_full_at_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
