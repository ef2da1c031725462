/* SPDX-License-Identifier: Apache-2.0 */
/* Backups compared with dumps of what was restored: what counts and what does not. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/base/file.h"
#include "core/job/contents_read.h"
#include "core/job/rehearse.h"
#include "tests/support/dump_walk.h"
#include "tests/support/made_dump.h"
#include "tests/support/night.h"

#define MOST 8

struct world {
    struct night_world made;
    struct contents backup, restored;
    struct rehearse_counts counts;
    struct buf findings; /* a line each; a terminator behind */
    struct rehearse_options options;
};

static int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    night_world_make(&w->made);
    struct repository *r = &w->made.repository;
    assert_done(repo_use_seed(r->repo, &r->seed, &e), &e);
    w->options = (struct rehearse_options){.settings_known = true, .same_version = true};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    contents_done(&w->backup);
    contents_done(&w->restored);
    buf_done(&w->findings);
    night_world_done(&w->made);
    free(w);
    return 0;
}

/* ---- comparing ----------------------------------------------------------------------- */

static void on_finding(void *arg, enum rehearse_verdict verdict, const struct bytes name[3],
                       const char *text)
{
    struct buf *b = arg;
    struct error e = {0};
    assert_done(buf_printf(b, &e, "%s%.*s %.*s: %s\n",
                           verdict == REHEARSE_NOT_COMPARABLE ? "? " : "", (int)name[0].len,
                           (const char *)name[0].data, (int)name[2].len,
                           (const char *)name[2].data, text),
                &e);
}

/* The restored database's contents; source is taken over. */
static int read_dump(struct world *w, const struct manifest *m, struct source *source,
                     struct error *e)
{
    uint8_t row_key[ROW_HASH_KEY_LEN];
    struct secret chunk_id_key;
    assert_done(restore_keys(w->made.repository.repo, m, &chunk_id_key, row_key, e), e);
    const struct contents_read_options o = {
        .source = source, .row_key = row_key, .like = &w->backup};
    contents_done(&w->restored);
    w->restored.with_values = true;
    int rc = contents_read(&o, &w->restored, e);
    secret_wipe(&chunk_id_key);
    source_free(source);
    return rc;
}

/* Store the dump: the backup's contents. */
static void load(struct world *w, const struct buf *dump, struct manifest *m)
{
    struct error e = {0};
    struct night night;
    struct repository *r = &w->made.repository;
    *m = (struct manifest){0};
    assert_done(night_store(r, buf_view(dump), NULL, &night, &e), &e);
    assert_done(repo_manifest(r->repo, night.id, true, m, &e), &e);
    contents_done(&w->backup);
    w->backup.with_values = true;
    assert_done(contents_load(r->repo, m, &w->backup, &e), &e);
    night_done(&night);
}

static struct source *source_of(struct bytes dump)
{
    struct error e = {0};
    int fd = file_memfd("dump", dump, &e);
    struct source *s = fd >= 0 ? source_fd(fd, "made dump", &e) : NULL;
    assert_non_null(s);
    return s;
}

/* Both are taken over. */
static void finds(struct world *w, struct buf before, struct buf after, const char *findings)
{
    struct error e = {0};
    struct manifest m;
    load(w, &before, &m);
    assert_done(read_dump(w, &m, source_of(buf_view(&after)), &e), &e);
    w->findings.len = 0;
    w->options.finding = on_finding;
    w->options.arg = &w->findings;
    assert_done(rehearse_compare(&w->backup, &w->restored, &w->options, &w->counts, &e), &e);
    assert_done(buf_byte(&w->findings, 0, &e), &e);
    assert_string_equal((const char *)w->findings.data, findings);
    manifest_done(&m);
    buf_done(&before);
    buf_done(&after);
}

/* ---- dumps --------------------------------------------------------------------------- */

struct table {
    const char *name, *columns, *rows;
};

static struct buf tables(const struct table *t, size_t count)
{
    struct archive_entry entries[MOST];
    char copies[MOST][80];
    assert_true(count <= MOST);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(copies[i], sizeof copies[i], "COPY public.%s (%s) FROM stdin;\n",
                       t[i].name, t[i].columns);
        entries[i] = archive_with_id(&archive_data, 100 + (int64_t)i);
        entries[i].tag = t[i].name;
        entries[i].copy = copies[i];
    }
    struct buf dump = archive_with_toc(16, entries, count);
    for (size_t i = 0; i < count; i++)
        made_table(&dump, 100 + (int64_t)i, bytes_text(t[i].rows), MADE_LINES, 0);
    return dump;
}

static struct buf table(const char *columns, const char *rows)
{
    const struct table t = {"t", columns, rows};
    return tables(&t, 1);
}

static struct buf object_owned(const char *desc, const char *tag, const char *definition,
                               const char *owner)
{
    struct archive_entry n = archive_with_id(&archive_schema, 1);
    n.desc = desc;
    n.tag = tag;
    n.defn = definition;
    n.owner = owner;
    return archive_with_toc(16, &n, 1);
}

static struct buf object(const char *desc, const char *tag, const char *definition)
{
    return object_owned(desc, tag, definition, "me");
}

/* One large object of these bytes. */
static struct buf large_object(const char *text)
{
    struct buf dump = made_dump(0, true);
    archive_block(&dump, 3, 5);
    archive_int(&dump, 16400);
    archive_piece(&dump, text);
    archive_int(&dump, 0);
    archive_int(&dump, 0);
    return dump;
}

static struct buf fixture(const char *name)
{
    char path[400];
    (void)snprintf(path, sizeof path, PGKEEP_TEST_FIXTURES "/pgdump/%s.dump", name);
    return dump_walk_load(path);
}

/* ---- rows ---------------------------------------------------------------------------- */

static void a_dump_is_like_itself(void **state)
{
    static const char *const names[] = {"A-pg15-none-file", "A-pg18-none-file-statistics",
                                        "A-pg18-none-file-schemaonly", "A-pg19-none-pipe"};
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        bool has_rows = !strstr(names[i], "schemaonly");
        finds(w, fixture(names[i]), fixture(names[i]), "");
        assert_int_equal(w->counts.tables, has_rows ? 21 : 0);
        assert_int_equal(w->counts.rows, has_rows ? 297 : 0);
        assert_true(w->counts.objects > 50);
        assert_int_equal(w->counts.different, 0);
        assert_int_equal(w->counts.not_comparable, 0);
    }
    finds(w, made_dump(0, false), made_dump(0, false), "");
    assert_int_equal(w->counts.objects, 0);
}

/* Backups keep what pg_dump compressed as it is; the rows are compared all the same. */
static void rows_that_are_compressed_in_the_dump_are_compared(void **state)
{
#define FROM_17_ON                                                                             \
    "? BLOBS 500001: is compressed in the dump\n"                                              \
    "? BLOBS 500002..3000000001: is compressed in the dump\n"                                  \
    "? BLOBS 500003: is compressed in the dump\n"
    static const char *const sets[][3] = {
        {"A-pg15-gzip-file", "A-pg15-none-file", "? BLOBS BLOBS: is compressed in the dump\n"},
        {"A-pg17-lz4-file", "A-pg17-none-file", FROM_17_ON},
        {"A-pg17-zstd-pipe", "A-pg17-none-pipe", FROM_17_ON}};
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
        for (size_t k = 0; k < 2; k++) {
            finds(w, fixture(sets[i][k]), fixture(sets[i][!k]), sets[i][2]);
            assert_int_equal(w->counts.tables, 21);
            assert_int_equal(w->counts.rows, 297);
        }
}

static void the_order_of_rows_does_not_count(void **state)
{
    struct world *w = *state;
    finds(w, table("a", "1\n2\n3\n3\n"), table("a", "3\n2\n3\n1\n"), "");
    assert_int_equal(w->counts.rows, 4);
    finds(w, table("a", "1\n1\n2\n"), table("a", "1\n2\n2\n"),
          "TABLE DATA t: 3 rows, and not the same ones\n");
}

static void the_order_of_columns_does_not_count(void **state)
{
    struct world *w = *state;
    finds(w, table("a, b, c", "1\tx\t\\N\n2\ty\\tz\t\n"),
          table("c, a, b", "\t2\ty\\tz\n\\N\t1\tx\n"), "");
    assert_int_equal(w->counts.tables, 1);
    assert_int_equal(w->counts.rows, 2);
    finds(w, table("a, b", "1\t2\n"), table("b, a", "1\t2\n"),
          "TABLE DATA t: 1 rows, and not the same ones\n");
    finds(w, table("a, b", ""), table("b, a", ""), "");
    /* Another column is no other order. */
    finds(w, table("a, b", "1\t2\n"), table("b, c", "2\t1\n"),
          "TABLE DATA t: 1 rows, and not the same ones\n");
    finds(w, table("a, b", "1\t2\n"), table("b, a, c", "2\t1\t3\n"),
          "TABLE DATA t: 1 rows, and not the same ones\n");
}

static void one_row_that_changed_is_found(void **state)
{
    struct world *w = *state;
    const struct table before[] = {{"a", "x", "1\n2\n"}, {"b", "x", "1\n2\n"}};
    const struct table after[] = {{"a", "x", "1\n2\n"}, {"b", "x", "1\n3\n"}};
    finds(w, tables(before, 2), tables(after, 2),
          "TABLE DATA b: 2 rows, and not the same ones\n");
    assert_int_equal(w->counts.different, 1);
    assert_int_equal(w->counts.tables, 1);
    finds(w, tables(before, 2), tables(before, 2), "");
    finds(w, table("x", "1\n2\n3\n"), table("x", "1\n2\n"),
          "TABLE DATA t: 2 rows, 3 in the backup\n");
}

/* Floats, dates and the like may be written in another way: that is no difference. */
static void with_unknown_settings_only_numbers_are_compared(void **state)
{
    struct world *w = *state;
    static const char words[] =
        "? TABLE DATA t: 1 rows in both, written with settings or by a version that differ\n";
    w->options.settings_known = false;
    finds(w, table("x", "1.10\n"), table("x", "1.1\n"), words);
    assert_int_equal(w->counts.not_comparable, 1);
    assert_int_equal(w->counts.different, 0);
    finds(w, table("x", "1\n"), table("x", "1\n"), "");
    finds(w, table("x", "1\n"), table("x", "1\n1\n"),
          "TABLE DATA t: 2 rows, 1 in the backup\n");
    w->options = (struct rehearse_options){.settings_known = true, .same_version = false};
    finds(w, table("x", "1.10\n"), table("x", "1.1\n"), words);
}

static void tables_that_are_not_in_both_are_found(void **state)
{
    struct world *w = *state;
    const struct table both[] = {{"a", "x", "1\n"}, {"b", "x", "1\n"}};
    const struct table empty[] = {{"a", "x", "1\n"}, {"b", "x", ""}};
    finds(w, tables(both, 2), tables(both, 1), "TABLE DATA b: has no data\n");
    finds(w, tables(both, 1), tables(both, 2),
          "TABLE DATA b: has data that is not in the backup\n");
    /* Of a table whose rows were left out of the backup: it is there, and empty. */
    finds(w, tables(both, 1), tables(empty, 2), "");
    finds(w, tables(empty, 2), tables(both, 1), "TABLE DATA b: has no data\n");
}

static void statements_instead_of_rows_cannot_be_compared(void **state)
{
    struct world *w = *state;
    struct archive_entry n = archive_data;
    n.copy = "";
    struct buf before = archive_with_toc(16, &n, 1);
    archive_block(&before, 1, 7);
    archive_piece(&before, "INSERT INTO public.t VALUES (1);\n\n\n");
    archive_int(&before, 0);
    struct buf after = archive_with_toc(16, &archive_data, 1);
    made_table(&after, 7, bytes_text("1\n"), MADE_LINES, 0);
    finds(w, before, after, "? TABLE DATA t: is not stored as rows\n");
}

static void large_objects_are_compared_by_their_bytes(void **state)
{
    struct world *w = *state;
    finds(w, large_object("abc"), large_object("abc"), "");
    assert_int_equal(w->counts.objects, 1);
    finds(w, large_object("abc"), large_object("abd"), "BLOBS BLOBS: has other bytes\n");
    finds(w, large_object("abc"), large_object("ab"), "BLOBS BLOBS: has other bytes\n");
    finds(w, large_object("abc"), made_dump(0, false), "BLOBS BLOBS: is not there\n");
}

/* ---- objects ------------------------------------------------------------------------- */

static void objects_are_compared_by_definition_and_owner(void **state)
{
    struct world *w = *state;
    finds(w, object("VIEW", "v", "CREATE VIEW v AS 1;\n"),
          object("VIEW", "v", "CREATE VIEW v AS 2;\n"), "VIEW v: is defined in another way\n");
    finds(w, object("VIEW", "v", "x"), object("INDEX", "v", "x"),
          "INDEX v: is not in the backup\nVIEW v: is not there\n");
    finds(w, object_owned("VIEW", "v", "x", "me"), object_owned("VIEW", "v", "x", "you"),
          "VIEW v: has another owner\n");
    assert_int_equal(w->counts.different, 1);
    /* Another version writes definitions in its own way. */
    w->options.same_version = false;
    finds(w, object("VIEW", "v", "x"), object("VIEW", "v", "y"), "");
    assert_int_equal(w->counts.objects, 0);
    assert_int_equal(w->counts.unread, 1);
    finds(w, object_owned("VIEW", "v", "x", "me"), object_owned("VIEW", "v", "y", "you"),
          "VIEW v: has another owner\n");
    finds(w, object("VIEW", "v", "x"), made_dump(0, false), "? VIEW v: is not there\n");
    assert_int_equal(w->counts.different, 0);
    finds(w, object("SEQUENCE SET", "s", "7"), object("SEQUENCE SET", "s", "8"),
          "SEQUENCE SET s: is defined in another way\n");
}

static void values_of_sequences_are_compared(void **state)
{
    struct world *w = *state;
    finds(w, object("SEQUENCE SET", "s", "SELECT pg_catalog.setval('s', 7, true);\n"),
          object("SEQUENCE SET", "s", "SELECT pg_catalog.setval('s', 8, true);\n"),
          "SEQUENCE SET s: is defined in another way\n");
    finds(w, object("SEQUENCE SET", "s", "x"), object("SEQUENCE SET", "s", "x"), "");
    assert_int_equal(w->counts.objects, 1);
}

static void an_heir_may_have_its_columns_in_another_order(void **state)
{
    struct world *w = *state;
    static const char before[] =
        "CREATE TABLE c (\n    a integer,\n    b text,\n    c date\n)\nINHERITS (p);\n";
    static const char after[] =
        "CREATE TABLE c (\n    c date,\n    a integer,\n    b text\n)\nINHERITS (p);\n";
    static const char other[] =
        "CREATE TABLE c (\n    c date,\n    a integer,\n    b date\n)\nINHERITS (p);\n";
    static const char more[] =
        "CREATE TABLE c (\n    c date,\n    a integer,\n    b text,\n    d int\n)\n"
        "INHERITS (p);\n";
    static const char words[] = "TABLE c: is defined in another way\n";
    finds(w, object("TABLE", "c", before), object("TABLE", "c", after), "");
    finds(w, object("TABLE", "c", before), object("TABLE", "c", other), words);
    finds(w, object("TABLE", "c", before), object("TABLE", "c", more), words);
    finds(w, object_owned("TABLE", "c", before, "me"), object_owned("TABLE", "c", after, "you"),
          "TABLE c: has another owner\n");
    /* Who inherits nothing keeps the order. */
    finds(w, object("TABLE", "c", "CREATE TABLE c (\n    a int,\n    b int\n);\n"),
          object("TABLE", "c", "CREATE TABLE c (\n    b int,\n    a int\n);\n"), words);
}

/* It has another name after a restore. */
static void what_is_about_the_database_is_left_out(void **state)
{
    struct world *w = *state;
    finds(w, object("DATABASE", "shop", "CREATE DATABASE shop;\n"),
          object("DATABASE", "other", "CREATE DATABASE other;\n"), "");
    finds(w, object("DATABASE PROPERTIES", "shop", "x"), made_dump(0, false), "");
    finds(w, object("ACL", "DATABASE shop", "x"), object("ACL", "DATABASE other", "y"), "");
    finds(w, object("COMMENT", "DATABASE shop", "x"), made_dump(0, false), "");
    finds(w, object("COMMENT", "TABLE t", "x"), made_dump(0, false),
          "COMMENT TABLE t: is not there\n");
}

/* ---- dumps that are not whole -------------------------------------------------------- */

static void a_dump_that_is_cut_is_incomplete(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct manifest m;
    struct buf dump = fixture("A-pg15-none-file");
    load(w, &dump, &m);
    const size_t cuts[] = {0, 4, 1000, dump.len / 2, dump.len - 6, dump.len - 1};
    for (size_t i = 0; i < ARRAY_SIZE(cuts); i++)
        assert_refused(read_dump(w, &m, source_of(bytes_of(dump.data, cuts[i])), &e), &e,
                       ERROR_INCOMPLETE);
    assert_done(read_dump(w, &m, source_of(buf_view(&dump)), &e), &e);
    manifest_done(&m);
    buf_done(&dump);
}

/* A row is cut inside its block, which is whole. */
static void a_payload_without_an_end_mark_is_incomplete(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct manifest m;
    struct buf whole = table("a", "1\n");
    struct buf cut = archive_with_toc(16, &archive_data, 1);
    archive_block(&cut, 1, 7);
    archive_piece(&cut, "1\n");
    archive_int(&cut, 0);
    load(w, &whole, &m);
    assert_refused(read_dump(w, &m, source_of(buf_view(&cut)), &e), &e, ERROR_INCOMPLETE);
    manifest_done(&m);
    buf_done(&whole);
    buf_done(&cut);
}

static void a_dump_of_a_later_format_is_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct manifest m;
    struct buf dump = table("a", "1\n");
    load(w, &dump, &m);
    dump.data[6] = 99;
    assert_refused(read_dump(w, &m, source_of(buf_view(&dump)), &e), &e, ERROR_UNSUPPORTED);
    manifest_done(&m);
    buf_done(&dump);
}

/* Its own words say more than that the dump was cut; a whole dump does not help it. */
static void a_program_that_fails_is_told_in_its_words(void **state)
{
    struct world *w = *state;
    static const char *const empty[] = {"sh", "-c", "echo 'x: error: no' >&2; exit 1", NULL};
    static const char *const whole[] = {
        "sh", "-c",
        "cat " PGKEEP_TEST_FIXTURES "/pgdump/A-pg15-none-file.dump; echo 'x: error: no' >&2; "
        "exit 1",
        NULL};
    const char *const *const programs[] = {empty, whole};
    struct manifest m;
    struct buf dump = table("a", "1\n");
    load(w, &dump, &m);
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        struct error e = {0};
        const struct child_options o = {.argv = programs[i], .in_fd = -1, .pipe_out = true};
        struct source *source = source_child(&o, "pg_dump", &e);
        assert_non_null(source);
        assert_refused(read_dump(w, &m, source, &e), &e, ERROR_INCOMPLETE);
        assert_non_null(strstr(e.text, "x: error: no"));
    }
    manifest_done(&m);
    buf_done(&dump);
}

/* ---- finding items ------------------------------------------------------------------- */

static void items_are_found_by_schema_and_name(void **state)
{
    struct world *w = *state;
    struct manifest m;
    struct buf dump = fixture("A-pg15-none-file");
    load(w, &dump, &m);
    struct contents_data name = {.desc = bytes_text("TABLE DATA"),
                                 .schema = bytes_text("audit"),
                                 .name = bytes_text("users")};
    const struct contents_data *found = contents_find_data(&w->backup, &name);
    assert_non_null(found);
    assert_int_equal(found->rows, 10);
    name.schema = bytes_text("app");
    found = contents_find_data(&w->backup, &name);
    assert_non_null(found);
    assert_int_equal(found->rows, 60);
    name.name = bytes_text("user");
    assert_null(contents_find_data(&w->backup, &name));
    assert_null(contents_find_data(&(const struct contents){0}, &name));
    manifest_done(&m);
    buf_done(&dump);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dump_is_like_itself),
        TEST(rows_that_are_compressed_in_the_dump_are_compared),
        TEST(the_order_of_rows_does_not_count),
        TEST(the_order_of_columns_does_not_count),
        TEST(one_row_that_changed_is_found),
        TEST(with_unknown_settings_only_numbers_are_compared),
        TEST(tables_that_are_not_in_both_are_found),
        TEST(statements_instead_of_rows_cannot_be_compared),
        TEST(large_objects_are_compared_by_their_bytes),
        TEST(objects_are_compared_by_definition_and_owner),
        TEST(values_of_sequences_are_compared),
        TEST(an_heir_may_have_its_columns_in_another_order),
        TEST(what_is_about_the_database_is_left_out),
        TEST(a_dump_that_is_cut_is_incomplete),
        TEST(a_payload_without_an_end_mark_is_incomplete),
        TEST(a_dump_of_a_later_format_is_refused),
        TEST(a_program_that_fails_is_told_in_its_words),
        TEST(items_are_found_by_schema_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
