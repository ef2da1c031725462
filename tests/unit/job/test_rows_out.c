/* SPDX-License-Identifier: Apache-2.0 */
/* COPY text on its way in: what it comes to does not depend on how it arrives, and what cannot
 * be table data is refused. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/job/rows_out.h"
#include "tests/support/made_dump.h"
#include "tests/support/store_memory.h"
#include "tests/support/writing.h"

static const struct recipe_out_options no_base;

struct world {
    struct store *store;
    struct writing writing;
    struct rows_out *rows;
};

static int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    writing_init(&w->writing, w->store);
    writing_begin(&w->writing, NULL, 2);
    w->rows = rows_out_new(w->writing.writer, &w->writing.chunker,
                           w->writing.repository.bundle.domain.row_key, &e);
    assert_non_null(w->rows);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    writing_end(&w->writing);
    rows_out_free(w->rows);
    writing_done(&w->writing);
    store_close(w->store);
    free(w);
    return 0;
}

/* Rows and end mark, fed in inputs of 1 to max bytes; the stream is kept in *stream. */
static struct rows_out_totals feed(struct world *w, struct bytes rows, size_t max,
                                   struct writer_stream **stream)
{
    struct error e = {0};
    struct rows_out_totals totals = {0};
    struct bytes parts[] = {rows, bytes_text(MADE_END_MARK)};
    uint64_t seed = max;
    assert_done(rows_out_begin(w->rows, &no_base, &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        while (parts[i].len > 0) {
            size_t len = max > 0 ? 1 + (size_t)(made_random(&seed) % max) : parts[i].len;
            len = len < parts[i].len ? len : parts[i].len;
            assert_done(rows_out_add(w->rows, bytes_take(&parts[i], len), &e), &e);
        }
    assert_true(rows_out_at_line(w->rows));
    assert_done(rows_out_end(w->rows, &totals, &e), &e);
    assert_int_equal(rows_out_lines(w->rows), totals.rows + 1);
    *stream = rows_out_take_stream(w->rows);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    return totals;
}

static void input_cut_anywhere_comes_to_the_same(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 3, 1000, 70000, 3 * MIB};
    struct world *w = *state;
    struct buf rows = {0};
    struct stream_part first = {0};
    struct rows_out_totals wanted = {0};
    made_rows(&rows, 3000, 500, 1);
    made_row(&rows, 4 * MIB + 1, true, 2);
    made_rows(&rows, 3000, 500, 3);
    made_row(&rows, 4 * MIB, true, 2);
    made_row(&rows, 4 * MIB, false, 2);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct writer_stream *stream;
        struct stream_part part = {0};
        struct bytes all = buf_view(&rows);
        struct rows_out_totals t = feed(w, all, sizes[i], &stream);
        writer_stream_take(stream, &part);
        writer_stream_free(stream);
        assert_int_equal(t.rows, 6003);
        assert_int_equal(t.bytes, rows.len);
        assert_true(part.recipe_count > 0);
        if (i == 0) {
            wanted = t;
            first = part;
            continue;
        }
        assert_memory_equal(t.digest, wanted.digest, DIGEST_LEN);
        assert_memory_equal(t.sum, wanted.sum, sizeof t.sum);
        /* The same chunks, so the same recipe. */
        assert_int_equal(part.recipe_count, first.recipe_count);
        assert_memory_equal(part.recipes[0].chunk_id, first.recipes[0].chunk_id,
                            FORMAT_HASH_LEN);
        free(part.recipes);
    }
    free(first.recipes);
    buf_done(&rows);
}

static void the_sum_knows_no_order_but_the_digest_does(void **state)
{
    struct world *w = *state;
    struct writer_stream *stream;
    struct rows_out_totals a = feed(w, bytes_text("a\nb\nc\nc\n"), 0, &stream);
    writer_stream_free(stream);
    struct rows_out_totals b = feed(w, bytes_text("c\nb\nc\na\n"), 0, &stream);
    writer_stream_free(stream);
    struct rows_out_totals c = feed(w, bytes_text("a\nb\nc\n"), 0, &stream);
    writer_stream_free(stream);
    assert_memory_equal(a.sum, b.sum, sizeof a.sum);
    assert_memory_not_equal(a.digest, b.digest, DIGEST_LEN);
    assert_memory_not_equal(a.sum, c.sum, sizeof a.sum);
    assert_int_equal(a.rows, 4);
    assert_int_equal(c.bytes, 6);
}

/* The digest is that of the row hashes, computed here the slow way. */
static void the_totals_are_those_of_the_format(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct writer_stream *stream;
    struct buf rows = {0};
    uint64_t low = 0;
    uint64_t high = 0;
    uint8_t value[DIGEST_LEN];
    made_rows(&rows, 1000, 30, 5); /* more than one batch of hashes */
    struct rows_out_totals t = feed(w, buf_view(&rows), 7, &stream);
    writer_stream_free(stream);
    struct digest *d = digest_new(&e);
    assert_non_null(d);
    for (struct bytes left = buf_view(&rows); left.len > 0;) {
        const uint8_t *lf = memchr(left.data, '\n', left.len);
        struct bytes row = bytes_take(&left, (size_t)(lf - left.data) + 1);
        struct row_hash hash;
        uint8_t raw[16];
        row_hash_of(w->writing.repository.bundle.domain.row_key, row.data, row.len, &hash);
        buf_store_u64(raw, hash.low);
        buf_store_u64(raw + 8, hash.high);
        assert_done(digest_add(d, bytes_of(raw, sizeof raw), &e), &e);
        high += hash.high + __builtin_add_overflow(low, hash.low, &low);
    }
    assert_done(digest_take(d, value, &e), &e);
    assert_memory_equal(value, t.digest, DIGEST_LEN);
    buf_store_u64(value, low);
    buf_store_u64(value + 8, high);
    assert_memory_equal(value, t.sum, 16);
    digest_free(d);
    buf_done(&rows);
}

static void what_is_no_table_data_is_refused(void **state)
{
    static const struct {
        const char *text;
        bool at_end; /* refused by rows_out_end, not before */
    } cases[] = {
        {"", true},
        {"row\n", true},
        {"row", true},
        {"\\.", true},
        {"\\.\n", true},
        {"\\.\n\n", true},
        {"row\\.\n\n\n", true},
        {"\\.\n\n\n\n", false},
        {"\\.\nrow\n", false},
        {"\\.\n\nrow", false},
        {"\\.\n\n\nrow", false},
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t step = 1; step < 4; step++) {
            struct error e = {0};
            struct rows_out_totals totals;
            struct bytes left = bytes_text(cases[i].text);
            int rc = 0;
            assert_done(rows_out_begin(w->rows, &no_base, &e), &e);
            while (rc == 0 && left.len > 0)
                rc = rows_out_add(w->rows, bytes_take(&left, left.len < step ? left.len : step),
                                  &e);
            assert_int_equal(rc, cases[i].at_end ? 0 : -1);
            if (cases[i].at_end)
                rc = rows_out_end(w->rows, &totals, &e);
            assert_int_equal(rc, -1);
            assert_int_equal(e.kind, ERROR_INCOMPLETE);
        }
}

static void it_tells_where_lines_begin(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    static const struct {
        const char *text;
        bool at_line;
        uint64_t lines;
    } steps[] = {{"", true, 0},    {"ab", false, 0}, {"c\n", true, 1},
                 {"\n", true, 2},  {"\\", false, 2}, {".", false, 2},
                 {"\n", false, 2}, {"\n", false, 2}, {"\n", true, 3}};
    assert_done(rows_out_begin(w->rows, &no_base, &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        assert_done(rows_out_add(w->rows, bytes_text(steps[i].text), &e), &e);
        assert_int_equal(rows_out_at_line(w->rows), steps[i].at_line);
        assert_int_equal(rows_out_lines(w->rows), steps[i].lines);
    }
}

static void only_rows_above_4_mib_are_long(void **state)
{
    static const size_t lengths[] = {4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB};
    static const size_t wanted[] = {0, 0, 1, 1};
    struct world *w = *state;
    struct stream_part parts[4] = {0};
    struct buf rows[4] = {0};
    struct writer_totals totals;
    struct error e = {0};
    for (size_t i = 0; i < 4; i++) {
        struct writer_stream *stream;
        made_rows(&rows[i], 10, 30, i);
        made_row(&rows[i], lengths[i], true, i);
        made_rows(&rows[i], 10, 30, i);
        (void)feed(w, buf_view(&rows[i]), 100000, &stream);
        writer_stream_take(stream, &parts[i]);
        writer_stream_free(stream);
    }
    assert_done(writing_finish(&w->writing, &totals, &e), &e);
    for (size_t i = 0; i < 4; i++) {
        struct buf back = {0};
        size_t long_rows = 0;
        assert_done(
            writing_read(&w->writing, FORMAT_STREAM_ROWS, &parts[i], &back, &long_rows, &e),
            &e);
        assert_int_equal(long_rows, wanted[i]);
        assert_true(bytes_equal(buf_view(&back), buf_view(&rows[i])));
        free(parts[i].recipes);
        buf_done(&back);
        buf_done(&rows[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(input_cut_anywhere_comes_to_the_same),
        TEST(the_sum_knows_no_order_but_the_digest_does),
        TEST(the_totals_are_those_of_the_format),
        TEST(what_is_no_table_data_is_refused),
        TEST(it_tells_where_lines_begin),
        TEST(only_rows_above_4_mib_are_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
