/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that differ between two nights, by way of files where memory is short. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/job/table_diff.h"
#include "core/rows/row_tally.h"
#include "tests/support/archive.h"
#include "tests/support/living.h"
#include "tests/support/made_dump.h"

struct side {
    struct manifest manifest;
    struct table_rows *table;
};

static void open_night(struct living *w, size_t night, struct side *s)
{
    struct error e = {0};
    struct repo *repo = w->world.repository.repo;
    *s = (struct side){0};
    assert_done(repo_use_seed(repo, &w->world.repository.seed, &e), &e);
    assert_done(repo_manifest(repo, w->nights[night].id, true, &s->manifest, &e), &e);
    const struct table_rows_options options = {.repo = repo,
                                               .manifest = &s->manifest,
                                               .name = "public.*",
                                               .option = "--table",
                                               .workers = 2};
    assert_done(table_rows_open(&options, &s->table, &e), &e);
}

static void close_night(struct side *s)
{
    table_rows_close(s->table);
    manifest_done(&s->manifest);
}

struct told {
    size_t before, after;
    uint64_t ids_before, ids_after;
};

static uint64_t id_of(const struct table_diff_row *row)
{
    const char *text = (const char *)row->text.data;
    const char *tab = memchr(text, '\t', row->text.len);
    assert_true(tab && row->text.data[row->text.len - 1] == '\n' && !row->is_cut);
    return strtoull(text, NULL, 10);
}

static int see(void *arg, const struct table_diff_row *before,
               const struct table_diff_row *after, struct error *e)
{
    struct told *t = arg;
    (void)e;
    /* Without a key nothing is paired, and what is gone comes first. */
    assert_true(!before != !after && (after || t->after == 0));
    t->before += before != NULL;
    t->after += after != NULL;
    if (before)
        t->ids_before += id_of(before);
    else
        t->ids_after += id_of(after);
    return 0;
}

static struct table_diff_counts compare(struct living *w, size_t tally_bytes, struct told *told)
{
    struct error e = {0};
    struct side a, b;
    struct table_diff_counts counts;
    open_night(w, 0, &a);
    open_night(w, 1, &b);
    const struct table_diff_options options = {.before = a.table,
                                               .after = b.table,
                                               .path = w->world.state,
                                               .visit = told ? see : NULL,
                                               .arg = told,
                                               .tally_bytes = tally_bytes};
    struct table_diff *d = table_diff_new(&options, &e);
    assert_non_null(d);
    assert_done(table_diff_run(d, &counts, &e), &e);
    table_diff_free(d);
    close_night(&a);
    close_night(&b);
    return counts;
}

static void rows_that_differ_are_told_whatever_the_memory(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(5000);
    (void)living_night(w, t);
    living_shuffle(t);
    t->rows[10] = (struct living_row){.id = 100000};
    t->rows[4999].version++;
    t->rows[70] = t->rows[71];
    (void)living_night(w, t);
    const size_t memory[] = {0, ROW_TALLY_LEAST};
    for (size_t i = 0; i < ARRAY_SIZE(memory); i++) {
        struct told told = {0};
        struct table_diff_counts counts = compare(w, memory[i], &told);
        assert_int_equal(counts.removed, 3);
        assert_int_equal(counts.added, 3);
        assert_int_equal(counts.same, 4997);
        assert_int_equal(told.before, 3);
        assert_int_equal(told.after, 3);
        uint64_t after = 100000 + t->rows[4999].id + (uint64_t)t->rows[71].id;
        assert_int_equal(told.ids_after, after);
        counts = compare(w, memory[i], NULL);
        assert_int_equal(counts.removed, 3);
        assert_int_equal(counts.added, 3);
    }
    free(t);
}

static void rows_that_are_the_same_are_not_read(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(100);
    struct told told = {0};
    (void)living_night(w, t);
    living_shuffle(t);
    (void)living_night(w, t);
    struct table_diff_counts counts = compare(w, 0, &told);
    assert_int_equal(counts.removed + counts.added + told.before + told.after, 0);
    assert_int_equal(counts.same, 100);
    free(t);
}

static void columns_are_compared_by_name(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(1000);
    struct told told = {0};
    (void)living_night(w, t);
    t->swapped = true;
    t->flag = true;
    t->no_note = true;
    t->columns = "version, id, flag";
    t->rows[500].version++;
    (void)living_night(w, t);
    struct table_diff_counts counts = compare(w, ROW_TALLY_LEAST, &told);
    assert_int_equal(counts.removed, 1);
    assert_int_equal(counts.added, 1);
    assert_int_equal(counts.same, 999);
    assert_int_equal(told.ids_before, 500);
    assert_int_equal(told.ids_after, 500);
    free(t);
}

/* A table with a primary key, of which these are the rows. */
static void store_keyed(struct living *w, const char *rows)
{
    struct error e = {0};
    struct archive_entry entries[] = {archive_schema, archive_data,
                                      archive_with_id(&archive_schema, 11)};
    entries[1].copy = "COPY public.t (v, id) FROM stdin;\n";
    entries[2].desc = "CONSTRAINT";
    entries[2].section = 4;
    entries[2].tag = "t t_pkey";
    entries[2].defn =
        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n";
    struct buf *dump = &w->dumps[w->count];
    *dump = archive_with_toc(16, entries, ARRAY_SIZE(entries));
    made_table(dump, 7, bytes_text(rows), MADE_LINES, 0);
    assert_done(night_store(&w->world.repository, buf_view(dump),
                            memory_index_callbacks(w->world.index), &w->nights[w->count], &e),
                &e);
    w->count++;
}

static int note(void *arg, const struct table_diff_row *before,
                const struct table_diff_row *after, struct error *e)
{
    return buf_printf(arg, e, "%.*s>%.*s ", before ? (int)before->len - 1 : 0,
                      before ? (const char *)before->text.data : "",
                      after ? (int)after->len - 1 : 0,
                      after ? (const char *)after->text.data : "");
}

static struct table_diff_counts expect_told(struct living *w, size_t pair_bytes,
                                            const char *wanted)
{
    struct error e = {0};
    struct buf told = {0};
    struct side a, b;
    struct table_diff_counts counts;
    open_night(w, 0, &a);
    open_night(w, 1, &b);
    const struct table_diff_options options = {.before = a.table,
                                               .after = b.table,
                                               .path = w->world.state,
                                               .visit = note,
                                               .arg = &told,
                                               .pair_bytes = pair_bytes};
    struct table_diff *d = table_diff_new(&options, &e);
    assert_non_null(d);
    assert_done(table_diff_run(d, &counts, &e), &e);
    assert_true(counts.has_key);
    assert_done(buf_byte(&told, 0, &e), &e);
    assert_string_equal((const char *)told.data, wanted);
    buf_done(&told);
    table_diff_free(d);
    close_night(&a);
    close_night(&b);
    return counts;
}

static void changes_that_find_no_room_are_told_by_themselves(void **state)
{
    struct living *w = *state;
    store_keyed(w, "a\t1\nb\t2\nc\t3\nd\t4\n");
    store_keyed(w, "D\t4\nC\t3\nb\t2\ne\t5\nA\t1\n");
    struct table_diff_counts n = expect_told(w, 0, "a\t1>A\t1 c\t3>C\t3 d\t4>D\t4 >e\t5 ");
    assert_int_equal(n.changed, 3);
    assert_int_equal(n.added, 1);
    assert_int_equal(n.alone, 0);
    /* Room for two on each side. */
    n = expect_told(w, 2 * 2 * 36, "d\t4> >e\t5 >A\t1 a\t1> c\t3>C\t3 >D\t4 ");
    assert_int_equal(n.changed, 1);
    assert_int_equal(n.removed, 2);
    assert_int_equal(n.added, 3);
    assert_int_equal(n.alone, 3);
    assert_int_equal(n.same, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_that_differ_are_told_whatever_the_memory,
                                        living_setup, living_teardown),
        cmocka_unit_test_setup_teardown(rows_that_are_the_same_are_not_read, living_setup,
                                        living_teardown),
        cmocka_unit_test_setup_teardown(changes_that_find_no_room_are_told_by_themselves,
                                        living_setup, living_teardown),
        cmocka_unit_test_setup_teardown(columns_are_compared_by_name, living_setup,
                                        living_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
