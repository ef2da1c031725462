/* SPDX-License-Identifier: Apache-2.0 */
/* Dumps of every shape, made by hand, into a repository and back to the byte. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "tests/support/made_dump.h"
#include "tests/support/memory_index.h"
#include "tests/support/night.h"
#include "tests/support/scratch.h"
#include "tests/support/store_memory.h"

struct world {
    struct store *store;
    struct repository repository;
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

/* Store, compare; dump is done. */
static void round_trip(struct world *w, struct buf *dump)
{
    struct error e = {0};
    struct night night;
    assert_done(night_store(&w->repository, buf_view(dump), NULL, &night, &e), &e);
    assert_done(night_compare(&w->repository, night.id, buf_view(dump), &e), &e);
    night_done(&night);
    buf_done(dump);
}

static void one_table(struct world *w, struct bytes rows, enum made_cut cut, size_t n)
{
    struct buf dump = made_dump(1, false);
    made_table(&dump, 100, rows, cut, n);
    round_trip(w, &dump);
}

static void dumps_without_data(void **state)
{
    struct buf dump = made_dump(0, false);
    round_trip(*state, &dump);
}

static void empty_tables(void **state)
{
    struct buf dump = made_dump(3, false);
    made_table(&dump, 100, (struct bytes){0}, MADE_LINES, 0);
    made_table(&dump, 101, (struct bytes){0}, MADE_FIXED, 1);
    made_table(&dump, 102, (struct bytes){0}, MADE_FIXED, 3);
    round_trip(*state, &dump);
}

static void tables_without_columns(void **state)
{
    struct buf rows = {0};
    for (size_t i = 0; i < 100000; i++)
        archive_bytes(&rows, "\n", 1);
    one_table(*state, buf_view(&rows), MADE_LINES, 0);
    one_table(*state, buf_view(&rows), MADE_FIXED, 1000);
    one_table(*state, bytes_of(rows.data, 1), MADE_LINES, 0);
    one_table(*state, bytes_of(rows.data, 3), MADE_LINES, 0);
    buf_done(&rows);
}

/* A payload that looks like the end mark, or like lines of it, and is none. */
static void rows_that_look_like_the_end_mark(void **state)
{
    static const char *const rows[] = {"\\.x\n",   "x\\.\n",  "\\\\.\n", "\n\n\n\n",
                                       "\\.\\.\n", "\\\n.\n", ".\n",     "a\n\\. \n"};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        one_table(*state, bytes_text(rows[i]), MADE_LINES, 0);
        one_table(*state, bytes_text(rows[i]), MADE_FIXED, 2);
    }
}

static void bytes_of_any_value(void **state)
{
    struct buf rows = {0};
    made_row(&rows, 200000, true, 1);
    made_rows(&rows, 3000, 400, 2);
    for (int byte = 0; byte < 256; byte++) {
        uint8_t row[] = {(uint8_t)byte, '\n'};
        archive_bytes(&rows, row, sizeof row);
    }
    one_table(*state, buf_view(&rows), MADE_LINES, 0);
    one_table(*state, buf_view(&rows), MADE_RANDOM, 3);
    buf_done(&rows);
}

static void pieces_of_any_fixed_size(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 64, 255, 4096, 65536, MIB, 20 * MIB};
    struct buf rows = {0};
    made_rows(&rows, 2000, 60, 9);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        one_table(*state, buf_view(&rows), MADE_FIXED, sizes[i]);
    buf_done(&rows);
}

static void pieces_of_random_sizes(void **state)
{
    static const size_t sizes[] = {2, 3, 30, 1000, 100000};
    struct buf rows = {0};
    made_rows(&rows, 5000, 40, 10);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        one_table(*state, buf_view(&rows), MADE_RANDOM, sizes[i]);
    buf_done(&rows);
}

/* Rows around the sizes where chunks end and long rows begin. */
static void rows_of_every_length(void **state)
{
    static const size_t lengths[] = {
        1,           2,           KIB,         512 * KIB - 1, 512 * KIB,   512 * KIB + 1,
        MIB,         2 * MIB - 1, 2 * MIB,     2 * MIB + 1,   4 * MIB - 1, 4 * MIB,
        4 * MIB + 1, 4 * MIB + 2, 5 * MIB + 3, 20 * MIB};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct buf rows = {0};
        made_rows(&rows, 20, 50, i);
        made_row(&rows, lengths[i], i % 2, i);
        one_table(*state, buf_view(&rows), MADE_LINES, 0);
        made_rows(&rows, 20, 50, i + 1);
        one_table(*state, buf_view(&rows), i % 2 ? MADE_LINES : MADE_FIXED, 70000);
        buf_done(&rows);
    }
}

static void long_rows_one_after_another(void **state)
{
    struct buf rows = {0};
    for (size_t i = 0; i < 4; i++)
        made_row(&rows, 4 * MIB + 1 + i, true, i);
    made_row(&rows, 1, true, 0);
    made_row(&rows, 4 * MIB + 1, true, 0); /* the first one again */
    one_table(*state, buf_view(&rows), MADE_LINES, 0);
    one_table(*state, buf_view(&rows), MADE_RANDOM, MIB);
    one_table(*state, bytes_of(rows.data, 4 * MIB + 1), MADE_FIXED, 4 * MIB);
    buf_done(&rows);
}

static void insert_style_data(void **state)
{
    struct archive_entry entry = archive_with_id(&archive_data, 7);
    struct buf text = {0};
    for (int i = 0; i < 5000; i++)
        assert_int_equal(
            buf_printf(&text, NULL, "INSERT INTO public.t VALUES (%d, 'a\nb');\n", i), 0);
    entry.copy = "";
    for (int cut = MADE_LINES; cut <= MADE_RANDOM; cut++) {
        struct buf dump = archive_with_toc(16, &entry, 1);
        archive_block(&dump, 1, 7);
        made_pieces(&dump, buf_view(&text), (enum made_cut)cut, 100, 5);
        archive_int(&dump, 0);
        round_trip(*state, &dump);
    }
    struct buf dump = archive_with_toc(16, &entry, 1);
    archive_block(&dump, 1, 7);
    archive_int(&dump, 0);
    round_trip(*state, &dump);
    buf_done(&text);
}

static void two_thousand_tables(void **state)
{
    struct buf dump = made_dump(2000, false);
    for (size_t i = 0; i < 2000; i++) {
        struct buf rows = {0};
        made_rows(&rows, i % 7, 30, i);
        made_table(&dump, 100 + (int64_t)i, buf_view(&rows), i % 5 ? MADE_LINES : MADE_RANDOM,
                   9);
        buf_done(&rows);
    }
    round_trip(*state, &dump);
}

static void blocks_out_of_order(void **state)
{
    static const int64_t order[] = {103, 100, 104, 102, 101};
    struct buf dump = made_dump(5, true);
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        struct buf rows = {0};
        made_rows(&rows, 50, 20, (uint64_t)order[i]);
        made_table(&dump, order[i], buf_view(&rows), MADE_LINES, 0);
        if (i == 2) {
            archive_block(&dump, 3, 5);
            archive_int(&dump, 0);
        }
        buf_done(&rows);
    }
    round_trip(*state, &dump);
}

static void object(struct buf *dump, uint32_t oid, size_t len, enum made_cut cut, size_t n)
{
    struct buf content = {0};
    if (len > 0)
        made_row(&content, len, true, oid);
    archive_int(dump, (int32_t)oid);
    made_pieces(dump, buf_view(&content), cut, n, oid);
    archive_int(dump, 0);
    buf_done(&content);
}

static void large_objects(void **state)
{
    for (int shape = 0; shape < 6; shape++) {
        struct buf dump = made_dump(1, true);
        made_table(&dump, 100, bytes_text("row\n"), MADE_LINES, 0);
        archive_block(&dump, 3, 5);
        if (shape == 1)
            object(&dump, 16400, 0, MADE_FIXED, 1);
        if (shape == 2)
            object(&dump, 1, 300, MADE_FIXED, 100);
        if (shape == 3) {
            object(&dump, 0x80000000U, 20, MADE_FIXED, 7);
            object(&dump, 0xffffffffU, 0, MADE_FIXED, 7);
            object(&dump, 0x7fffffffU, 1, MADE_FIXED, 7);
        }
        for (uint32_t i = 0; shape == 4 && i < 1000; i++)
            object(&dump, 20000 + i, i % 10 * i, i % 2 ? MADE_RANDOM : MADE_FIXED, 2048);
        if (shape == 5)
            object(&dump, 7, 5 * MIB, MADE_RANDOM, 3); /* a list of many runs */
        archive_int(&dump, 0);
        round_trip(*state, &dump);
    }
}

/* Bytes behind the last block that only a newer pg_dump explains are refused; a second TOC is
 * in the fixtures of test_round_trip. */
static void dumps_that_are_cut_leave_nothing_visible(void **state)
{
    struct world *w = *state;
    struct buf rows = {0};
    made_rows(&rows, 30, 20, 4);
    struct buf dump = made_dump(2, true);
    made_table(&dump, 100, buf_view(&rows), MADE_LINES, 0);
    made_table(&dump, 101, buf_view(&rows), MADE_RANDOM, 9);
    archive_block(&dump, 3, 5);
    object(&dump, 5, 100, MADE_FIXED, 30);
    archive_int(&dump, 0);
    for (size_t len = 0; len < dump.len; len += 1 + len / 40) {
        struct error e = {0};
        struct night night;
        assert_refused(night_store(&w->repository, bytes_of(dump.data, len), NULL, &night, &e),
                       &e, ERROR_INCOMPLETE);
        assert_int_equal(store_memory_count(w->store, "backups/"), 0);
        assert_int_equal(store_memory_count(w->store, "sessions/"), 0);
    }
    round_trip(w, &dump);
    buf_done(&rows);
}

static void table_data_without_a_sound_end_is_refused(void **state)
{
    static const char *const payloads[] = {"",
                                           "row\n",
                                           "row\n\\.\n",
                                           "row\n\\.\n\n",
                                           "row\n\\.\n\n\n\n",
                                           "row\n\\.\n\n\nrow\n",
                                           "row\\.\n\n\n",
                                           "\\.\nx\n\n"};
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
        struct error e = {0};
        struct night night;
        struct buf dump = made_dump(1, false);
        archive_block(&dump, 1, 100);
        made_pieces(&dump, bytes_text(payloads[i]), MADE_FIXED, 100, 0);
        archive_int(&dump, 0);
        assert_refused(night_store(&w->repository, buf_view(&dump), NULL, &night, &e), &e,
                       ERROR_INCOMPLETE);
        assert_int_equal(store_memory_count(w->store, "backups/"), 0);
        buf_done(&dump);
    }
}

static void archives_of_a_newer_version_come_back_as_they_are(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct night night;
    struct manifest m = {0};
    struct buf dump = {0};
    archive_header(&dump, 16, 0);
    dump.data[6] = 99;
    made_row(&dump, 3 * MIB, true, 1);
    assert_done(night_store(&w->repository, buf_view(&dump), NULL, &night, &e), &e);
    assert_done(repo_manifest(w->repository.repo, night.id, true, &m, &e), &e);
    assert_int_equal(m.flags, FORMAT_FLAG_UNCHECKED);
    assert_int_equal(m.private_part.members[0].kind, FORMAT_MEMBER_OPAQUE);
    assert_done(night_compare(&w->repository, night.id, buf_view(&dump), &e), &e);
    manifest_done(&m);
    night_done(&night);
    buf_done(&dump);
}

static int append(void *arg, struct bytes b, struct error *e)
{
    return buf_append(arg, b.data, b.len, e);
}

static void a_backup_can_hold_several_dumps(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct buf dumps[3];
    const struct backup_options options = {
        .repo = w->repository.repo, .workers = 2, .level = 3};
    struct backup *b = backup_new(&options, &e);
    assert_non_null(b);
    for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
        struct buf rows = {0};
        made_rows(&rows, 1000 * i, 50, i);
        dumps[i] = made_dump(1, false);
        made_table(&dumps[i], 100, buf_view(&rows), MADE_LINES, 0);
        struct source *s =
            source_fd(file_memfd("dump", buf_view(&dumps[i]), &e), "made dump", &e);
        assert_non_null(s);
        assert_done(backup_take(b, s, "dump", &e), &e);
        source_free(s);
        buf_done(&rows);
    }
    assert_done(backup_settle(b, &e), &e);
    assert_int_equal(backup_entry_count(b), 1);
    assert_int_equal(backup_entry(b, 0)->rows, 2000);
    assert_done(backup_commit(b, &e), &e);
    struct manifest m = {0};
    assert_done(repo_manifest(w->repository.repo, backup_manifest(b)->backup_id, true, &m, &e),
                &e);
    assert_int_equal(m.private_part.member_count, 3);
    assert_int_equal(m.private_part.rows, 3000);
    for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
        struct buf back = {0};
        const struct restore_options restore = {.repo = w->repository.repo,
                                                .manifest = &m,
                                                .workers = 2,
                                                .write = append,
                                                .write_arg = &back,
                                                .check = true};
        struct restore *r = restore_new(&restore, &e);
        assert_non_null(r);
        assert_done(restore_member(r, &m.private_part.members[i], &e), &e);
        assert_true(bytes_equal(buf_view(&back), buf_view(&dumps[i])));
        restore_free(r);
        buf_done(&back);
        buf_done(&dumps[i]);
    }
    manifest_done(&m);
    backup_free(b);
}

static void the_log_tells_what_was_decoded_for_a_member(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct night night;
    struct buf rows = {0};
    struct buf text = {0};
    char folder[SCRATCH_PATH], path[SCRATCH_PATH];
    made_rows(&rows, 5000, 100, 1);
    struct buf dump = made_dump(1, false);
    made_table(&dump, 100, buf_view(&rows), MADE_LINES, 0);
    assert_done(night_store(&w->repository, buf_view(&dump), NULL, &night, &e), &e);
    scratch_make(folder);
    scratch_path(path, folder, "log");
    const struct log_options log = {.level = LOG_LEVEL_DEBUG, .path = path};
    assert_done(log_open(&log, &e), &e);
    assert_done(night_compare(&w->repository, night.id, buf_view(&dump), &e), &e);
    log_close();
    assert_done(file_load(path, MIB, &text, &e), &e);
    assert_done(buf_byte(&text, 0, &e), &e);
    const char *line = strstr((const char *)text.data, "restore: decoded 5000 rows in ");
    assert_non_null(line);
    assert_non_null(strstr(line, " chunks for 5000 rows delivered\n"));
    scratch_remove(folder);
    night_done(&night);
    buf_done(&rows);
    buf_done(&text);
    buf_done(&dump);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dumps_without_data),
        TEST(empty_tables),
        TEST(tables_without_columns),
        TEST(rows_that_look_like_the_end_mark),
        TEST(bytes_of_any_value),
        TEST(pieces_of_any_fixed_size),
        TEST(pieces_of_random_sizes),
        TEST(rows_of_every_length),
        TEST(long_rows_one_after_another),
        TEST(insert_style_data),
        TEST(two_thousand_tables),
        TEST(blocks_out_of_order),
        TEST(large_objects),
        TEST(dumps_that_are_cut_leave_nothing_visible),
        TEST(table_data_without_a_sound_end_is_refused),
        TEST(a_backup_can_hold_several_dumps),
        TEST(archives_of_a_newer_version_come_back_as_they_are),
        TEST(the_log_tells_what_was_decoded_for_a_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
