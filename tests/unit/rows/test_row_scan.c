/* SPDX-License-Identifier: Apache-2.0 */
/* Rows out of text in pieces: the same whatever the pieces, and in the columns that count. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/rows/row_scan.h"

static const uint8_t key[ROW_HASH_KEY_LEN] = "0123456789abcdef";

#define MAX_ROWS 16

struct seen {
    struct row_hash hashes[MAX_ROWS];
    struct buf texts;
    size_t count, cut;
};

static int see(void *arg, const struct row_scan_row *row, struct error *e)
{
    struct seen *s = arg;
    assert_true(s->count < MAX_ROWS);
    s->hashes[s->count++] = row->hash;
    s->cut += row->is_cut;
    assert_true(row->is_cut ? row->text.len < row->len : row->text.len == row->len);
    return buf_append(&s->texts, row->text.data, row->text.len, e);
}

/* In pieces of so many bytes. */
static int scan(const char *text, size_t piece, struct row_scan_options o, struct seen *s,
                struct error *e)
{
    struct bytes left = bytes_text(text);
    int rc = 0;
    *s = (struct seen){0};
    o.key = key;
    o.visit = see;
    o.arg = s;
    struct row_scan *scan = row_scan_new(&o, e);
    assert_non_null(scan);
    while (rc == 0 && left.len > 0)
        rc = row_scan_add(scan, bytes_take(&left, piece < left.len ? piece : left.len), e);
    if (rc == 0)
        rc = row_scan_end(scan, e);
    row_scan_free(scan);
    return rc;
}

static void pieces_make_no_difference(void **state)
{
    static const uint16_t swapped[] = {1, 0, ROW_SCAN_LEFT_OUT};
    const char *text = "1\tone\tx\n2\t\\N\ty\\tz\n\t\t\n3\tthree three three\t\n";
    const struct row_scan_options options[] = {
        {.held_bytes = 100},
        {.held_bytes = 100, .places = swapped, .columns = 3, .counting = 2}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        struct error e = {0};
        struct seen whole, parts;
        assert_done(scan(text, 1000, options[i], &whole, &e), &e);
        assert_int_equal(whole.count, 4);
        assert_true(bytes_equal(buf_view(&whole.texts), bytes_text(text)));
        for (size_t piece = 1; piece < strlen(text); piece++) {
            assert_done(scan(text, piece, options[i], &parts, &e), &e);
            assert_int_equal(parts.count, 4);
            assert_memory_equal(parts.hashes, whole.hashes, 4 * sizeof *whole.hashes);
            assert_true(bytes_equal(buf_view(&parts.texts), bytes_text(text)));
            buf_done(&parts.texts);
        }
        buf_done(&whole.texts);
    }
}

static void only_the_columns_that_count_do(void **state)
{
    static const uint16_t before[] = {0, ROW_SCAN_LEFT_OUT, 1};
    static const uint16_t after[] = {1, 0};
    struct error e = {0};
    struct seen a, b;
    (void)state;
    assert_done(scan("1\tgone\tx\n2\tgone too\ty\n12\t\t\n", 100,
                     (struct row_scan_options){
                         .held_bytes = 100, .places = before, .columns = 3, .counting = 2},
                     &a, &e),
                &e);
    assert_done(scan("x\t1\nz\t2\n2\t1\n", 100,
                     (struct row_scan_options){
                         .held_bytes = 100, .places = after, .columns = 2, .counting = 2},
                     &b, &e),
                &e);
    assert_memory_equal(&a.hashes[0], &b.hashes[0], sizeof *a.hashes);
    assert_memory_not_equal(&a.hashes[1], &b.hashes[1], sizeof *a.hashes);
    assert_memory_not_equal(&a.hashes[2], &b.hashes[2], sizeof *a.hashes);
    buf_done(&a.texts);
    buf_done(&b.texts);
}

static void long_rows_are_cut_but_hashed_whole(void **state)
{
    struct error e = {0};
    struct seen s;
    (void)state;
    for (size_t piece = 1; piece < 30; piece++) {
        assert_done(scan("0123456789a\n0123456789b\nshort\n", piece,
                         (struct row_scan_options){.held_bytes = 8}, &s, &e),
                    &e);
        assert_int_equal(s.count, 3);
        assert_int_equal(s.cut, 2);
        assert_memory_not_equal(&s.hashes[0], &s.hashes[1], sizeof *s.hashes);
        assert_true(bytes_equal(buf_view(&s.texts), bytes_text("0123456701234567short\n")));
        buf_done(&s.texts);
    }
}

static void rows_of_another_shape_are_damage(void **state)
{
    static const uint16_t two[] = {0, 1};
    const struct row_scan_options o = {
        .held_bytes = 100, .places = two, .columns = 2, .counting = 2};
    struct error e = {0};
    struct seen s;
    (void)state;
    assert_refused(scan("1\t2\t3\n", 100, o, &s, &e), &e, ERROR_CORRUPT);
    assert_refused(scan("1\n", 100, o, &s, &e), &e, ERROR_CORRUPT);
    assert_refused(scan("1\t2\n3\t", 100, o, &s, &e), &e, ERROR_CORRUPT);
    buf_done(&s.texts);
    assert_refused(scan("12", 100, (struct row_scan_options){.held_bytes = 9}, &s, &e), &e,
                   ERROR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_make_no_difference),
        cmocka_unit_test(only_the_columns_that_count_do),
        cmocka_unit_test(long_rows_are_cut_but_hashed_whole),
        cmocka_unit_test(rows_of_another_shape_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
