/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule is written down for how a payload was cut. That it restores is test_restore's. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "tests/support/made_dump.h"
#include "tests/support/night.h"
#include "tests/support/store_memory.h"

struct world {
    struct store *store;
    struct repository repository;
};

/* What the only item of an entry table says. */
struct found {
    uint8_t rule;
    uint64_t n;
    bool has_pieces, has_objects;
    uint64_t list_bytes;
    size_t items;
};

static int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    repository_make(&w->repository, w->store);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    repository_done(&w->repository);
    store_close(w->store);
    free(w);
    return 0;
}

static int note(void *arg, const struct entry *entry, struct error *e)
{
    struct found *f = arg;
    (void)e;
    f->rule = entry->rule;
    f->n = entry->rule_n;
    f->has_pieces = entry->pieces.kind != 0;
    f->has_objects = entry->objects.kind != 0;
    f->list_bytes = stream_bytes(&entry->pieces);
    f->items++;
    return 0;
}

/* Store a dump of one data block and look at its item; dump is done. */
static struct found item_of(struct world *w, struct buf *dump)
{
    struct error e = {0};
    struct night night;
    struct manifest m = {0};
    struct found found = {0};
    assert_done(night_store(&w->repository, buf_view(dump), NULL, &night, &e), &e);
    assert_done(night_compare(&w->repository, night.id, buf_view(dump), &e), &e);
    assert_done(repo_manifest(w->repository.repo, night.id, true, &m, &e), &e);
    const struct restore_options options = {
        .repo = w->repository.repo, .manifest = &m, .workers = 1};
    struct restore *r = restore_new(&options, &e);
    assert_non_null(r);
    assert_done(restore_entries(r, &m.private_part.members[0], note, &found, &e), &e);
    assert_int_equal(found.items, 1);
    restore_free(r);
    manifest_done(&m);
    night_done(&night);
    buf_done(dump);
    return found;
}

static struct found table_of(struct world *w, struct bytes rows, enum made_cut cut, size_t n)
{
    struct buf dump = made_dump(1, false);
    made_table(&dump, 100, rows, cut, n);
    return item_of(w, &dump);
}

/* Pieces of the given lengths, over rows of 10 bytes and an end mark. */
static struct found pieces_of(struct world *w, const size_t *lengths, size_t count)
{
    struct buf payload = {0};
    struct buf dump = made_dump(1, false);
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += lengths[i];
    while (payload.len + 15 <= total)
        archive_bytes(&payload, "123456789\n", 10);
    archive_bytes(&payload, MADE_END_MARK, 5);
    assert_int_equal(payload.len, total);
    archive_block(&dump, 1, 100);
    struct bytes left = buf_view(&payload);
    for (size_t i = 0; i < count; i++) {
        archive_int(&dump, (int64_t)lengths[i]);
        struct bytes piece = bytes_take(&left, lengths[i]);
        archive_bytes(&dump, piece.data, piece.len);
    }
    archive_int(&dump, 0);
    buf_done(&payload);
    return item_of(w, &dump);
}

static void assert_rule(struct found f, enum format_pieces rule, uint64_t n)
{
    assert_int_equal(f.rule, rule);
    assert_int_equal(f.n, n);
    assert_int_equal(f.has_pieces, rule == FORMAT_PIECES_LIST);
    assert_false(f.has_objects);
}

static void pieces_that_are_lines_need_no_number(void **state)
{
    static const size_t same_length[] = {10, 10, 10, 5};
    struct buf rows = {0};
    made_rows(&rows, 500, 50, 1);
    assert_rule(table_of(*state, buf_view(&rows), MADE_LINES, 0), FORMAT_PIECES_LINE, 0);
    assert_rule(table_of(*state, (struct bytes){0}, MADE_LINES, 0), FORMAT_PIECES_LINE, 0);
    assert_rule(pieces_of(*state, same_length, 4), FORMAT_PIECES_LINE, 0);
    buf_done(&rows);
}

static void pieces_of_one_length_need_one_number(void **state)
{
    static const size_t two[] = {20, 15};
    static const size_t equal[] = {7, 7, 7, 7, 7};
    static const size_t lines_but_the_mark[] = {10, 10, 4, 1};
    struct buf rows = {0};
    made_rows(&rows, 500, 50, 1);
    assert_rule(table_of(*state, buf_view(&rows), MADE_FIXED, 1000), FORMAT_PIECES_FIXED, 1000);
    assert_rule(table_of(*state, buf_view(&rows), MADE_FIXED, MIB), FORMAT_PIECES_FIXED,
                rows.len + 5);
    assert_rule(pieces_of(*state, two, 2), FORMAT_PIECES_FIXED, 20);
    assert_rule(pieces_of(*state, equal, 5), FORMAT_PIECES_FIXED, 7);
    assert_rule(pieces_of(*state, lines_but_the_mark, 4), FORMAT_PIECES_LIST, 0);
    buf_done(&rows);
}

static void other_pieces_are_listed(void **state)
{
    static const size_t short_in_the_middle[] = {10, 4, 10, 6, 5};
    static const size_t two_short[] = {10, 10, 6, 4, 5};
    static const size_t growing[] = {3, 7, 10, 15};
    static const size_t last_longer[] = {10, 25};
    assert_rule(pieces_of(*state, short_in_the_middle, 5), FORMAT_PIECES_LIST, 0);
    assert_rule(pieces_of(*state, two_short, 5), FORMAT_PIECES_LIST, 0);
    assert_rule(pieces_of(*state, growing, 4), FORMAT_PIECES_LIST, 0);
    assert_rule(pieces_of(*state, last_longer, 2), FORMAT_PIECES_LIST, 0);
}

/* Lines and no lines in turns, all of one length, are one run. */
static void a_run_of_one_length_takes_lines_in(void **state)
{
    struct buf rows = {0};
    for (int i = 0; i < 20000; i++)
        archive_bytes(&rows, "abc\nabcdefg\n", 12);
    assert_rule(table_of(*state, buf_view(&rows), MADE_FIXED, 4), FORMAT_PIECES_FIXED, 4);
    /* The same runs, but for one piece at the end. */
    archive_bytes(&rows, "ab\n", 3);
    struct buf dump = made_dump(1, false);
    archive_block(&dump, 1, 100);
    made_pieces(&dump, bytes_of(rows.data, rows.len - 3), MADE_FIXED, 4, 0);
    archive_piece(&dump, "ab\n");
    archive_piece(&dump, MADE_END_MARK);
    archive_int(&dump, 0);
    struct found f = item_of(*state, &dump);
    assert_rule(f, FORMAT_PIECES_LIST, 0);
    assert_true(f.list_bytes < 10);
    buf_done(&rows);
}

static void a_list_of_many_runs_is_a_stream_of_its_own(void **state)
{
    struct buf rows = {0};
    made_rows(&rows, 50000, 30, 1);
    struct found f = table_of(*state, buf_view(&rows), MADE_RANDOM, 20);
    assert_rule(f, FORMAT_PIECES_LIST, 0);
    assert_true(f.list_bytes > 50000);
    buf_done(&rows);
}

static void long_rows_are_lines_too(void **state)
{
    struct buf rows = {0};
    made_row(&rows, 5 * MIB, false, 1);
    made_row(&rows, 10, false, 2);
    made_row(&rows, 4 * MIB + 1, false, 3);
    assert_rule(table_of(*state, buf_view(&rows), MADE_LINES, 0), FORMAT_PIECES_LINE, 0);
    buf_done(&rows);
}

static void insert_style_data_is_never_lines(void **state)
{
    struct archive_entry entry = archive_data;
    entry.copy = NULL;
    struct buf dump = archive_with_toc(16, &entry, 1);
    archive_block(&dump, 1, 7);
    archive_piece(&dump, "INSERT 1;\n");
    archive_piece(&dump, "INSERT 2;\n");
    archive_int(&dump, 0);
    assert_rule(item_of(*state, &dump), FORMAT_PIECES_FIXED, 10);
}

static void large_objects_hold_their_runs_themselves(void **state)
{
    struct buf dump = made_dump(0, true);
    archive_block(&dump, 3, 5);
    archive_int(&dump, 77);
    archive_piece(&dump, "abc");
    archive_piece(&dump, "ab");
    archive_int(&dump, 0);
    archive_int(&dump, 0);
    struct found f = item_of(*state, &dump);
    assert_int_equal(f.rule, FORMAT_PIECES_LIST);
    assert_false(f.has_pieces);
    assert_true(f.has_objects);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pieces_that_are_lines_need_no_number),
        TEST(pieces_of_one_length_need_one_number),
        TEST(other_pieces_are_listed),
        TEST(a_run_of_one_length_takes_lines_in),
        TEST(a_list_of_many_runs_is_a_stream_of_its_own),
        TEST(long_rows_are_lines_too),
        TEST(insert_style_data_is_never_lines),
        TEST(large_objects_hold_their_runs_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
