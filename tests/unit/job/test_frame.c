/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/job/frame.h"
#include "core/rows/row_ends.h"
#include "tests/support/made_dump.h"

#define MAX_ROWS 20000

static uint32_t ends[MAX_ROWS];

struct sink {
    struct buf all;
    size_t calls;
    size_t fail_at; /* 0: never */
};

static int take(void *arg, struct bytes b, struct error *e)
{
    struct sink *s = arg;
    if (++s->calls == s->fail_at)
        return error_set(e, ERROR_IO, "the sink is full");
    return buf_append(&s->all, b.data, b.len, e);
}

static void assert_end(struct frame *f, struct sink *s, struct bytes expected)
{
    struct error e = {0};
    uint8_t sha256[DIGEST_LEN], wanted[DIGEST_LEN];
    uint64_t total;
    assert_done(frame_end(f, sha256, &total, &e), &e);
    assert_int_equal(total, expected.len);
    assert_done(digest_sha256(expected, wanted, &e), &e);
    assert_memory_equal(sha256, wanted, DIGEST_LEN);
    if (!s)
        return;
    assert_int_equal(s->all.len, expected.len);
    assert_memory_equal(s->all.data, expected.data, expected.len);
}

/* Rows of up to max bytes, some 3 MiB or at most MAX_ROWS of them. */
static void frame_some(size_t max, struct frame *f, struct sink *s)
{
    struct error e = {0};
    struct buf rows = {0};
    struct buf expected = {0};
    size_t wanted = 6 * MIB / max < MAX_ROWS ? 6 * MIB / max : MAX_ROWS;
    made_rows(&rows, wanted, max, max);
    size_t count = row_ends_find(buf_view(&rows), ends, MAX_ROWS);
    made_pieces(&expected, buf_view(&rows), MADE_LINES, 0, 0);
    /* In slices, as they come out of a chunk. */
    for (size_t i = 0; i < count;) {
        size_t n = count - i < 1 + i % 97 ? count - i : 1 + i % 97;
        uint32_t base = i > 0 ? ends[i - 1] : 0;
        assert_done(frame_rows(f, rows.data + base, ends + i, n, base, &e), &e);
        i += n;
    }
    assert_end(f, s, buf_view(&expected));
    buf_done(&rows);
    buf_done(&expected);
}

static void rows_become_pieces_of_any_length(void **state)
{
    (void)state;
    struct error e = {0};
    static const size_t lengths[] = {2, 9, 100, 3000, 70 * KIB, 256 * KIB, 3 * MIB};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct sink s = {.calls = 0};
        struct frame *f = frame_new(take, &s, &e);
        assert_non_null(f);
        frame_some(lengths[i], f, &s);
        frame_free(f);
        buf_done(&s.all);
    }
}

static void one_frame_makes_one_stream_after_another(void **state)
{
    (void)state;
    struct error e = {0};
    struct frame *f = frame_new(NULL, NULL, &e);
    assert_non_null(f);
    assert_end(f, NULL, bytes_of(NULL, 0));
    for (size_t max = 2; max < 1000; max *= 3)
        frame_some(max, f, NULL);
    frame_free(f);
}

static void bytes_and_ints_stand_as_they_came(void **state)
{
    (void)state;
    struct error e = {0};
    struct sink s = {.calls = 0};
    struct buf bytes = {0};
    struct buf expected = {0};
    struct frame *f = frame_new(take, &s, &e);
    assert_non_null(f);
    made_row(&bytes, 2 * MIB, true, 3);
    for (size_t i = 0; i < 300; i++) {
        struct bytes part = bytes_of(bytes.data, i % 50 == 0 ? 2 * MIB : 700 * i % 9000);
        const uint8_t raw[] = {0, (uint8_t)i, 0, 0, 0};
        assert_done(frame_int(f, (int64_t)(i % 256), &e), &e);
        assert_done(frame_bytes(f, part, &e), &e);
        assert_done(buf_append(&expected, raw, sizeof raw, &e), &e);
        assert_done(buf_append(&expected, part.data, part.len, &e), &e);
    }
    assert_end(f, &s, buf_view(&expected));
    frame_free(f);
    buf_done(&s.all);
    buf_done(&bytes);
    buf_done(&expected);
}

static void what_the_sink_refuses_ends_it(void **state)
{
    (void)state;
    struct error e = {0};
    struct sink s = {.fail_at = 3};
    struct buf bytes = {0};
    struct frame *f = frame_new(take, &s, &e);
    assert_non_null(f);
    made_row(&bytes, 5 * MIB, false, 1);
    assert_refused(frame_bytes(f, buf_view(&bytes), &e), &e, ERROR_IO);
    assert_int_equal(s.calls, 3);
    frame_free(f);
    buf_done(&s.all);
    buf_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_pieces_of_any_length),
        cmocka_unit_test(one_frame_makes_one_stream_after_another),
        cmocka_unit_test(bytes_and_ints_stand_as_they_came),
        cmocka_unit_test(what_the_sink_refuses_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
