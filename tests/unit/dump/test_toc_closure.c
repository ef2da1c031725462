/* SPDX-License-Identifier: Apache-2.0 */
/* The traps that the fixtures do not set, on TOCs made by hand. */
#include <stdlib.h>

#include "tests/support/archive.h"
#include "tests/support/check.h"
#include "tests/support/selection.h"

/* An entry of the schema s, but for kinds that have none. */
static struct archive_entry entry(int64_t dump_id, const char *desc, const char *tag,
                                  const char *on, const char *on2)
{
    struct archive_entry n = archive_with_id(&archive_schema, dump_id);
    n.desc = desc;
    n.tag = tag;
    n.schema = "s";
    n.defn = "";
    n.dependencies[0] = on;
    n.dependencies[1] = on2;
    n.dependencies[2] = NULL;
    return n;
}

static void comes_to(const struct archive_entry *entries, size_t count, const char *names,
                     const char *words)
{
    struct error e = {0};
    struct selection s;
    selection_take(&s, archive_with_toc(14, entries, count));
    assert_done(selection_tables(&s, names, &e), &e);
    struct buf found = selection_words(&s);
    assert_string_equal((const char *)found.data, words);
    buf_done(&found);
    selection_done(&s);
}

/* "a b c" is rule "c" of "a b", which does something to a as well. */
static void the_longest_name_owns_a_rule(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {
        entry(1, "TABLE", "a", NULL, NULL), entry(2, "TABLE", "a b", NULL, NULL),
        entry(3, "RULE", "a b c", "1", "2"), entry(4, "RULE", "a x", "1", NULL)};
    comes_to(entries, ARRAY_SIZE(entries), "a", "TABLE s.a\nRULE s.a x\n");
    comes_to(entries, ARRAY_SIZE(entries), "a b", "(TABLE s.a)\nTABLE s.a b\nRULE s.a b c\n");
}

static void a_trigger_brings_the_table_that_its_definition_names(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {
        entry(1, "TABLE", "a", NULL, NULL),     entry(2, "TABLE", "b", NULL, NULL),
        entry(3, "TABLE DATA", "b", "2", NULL), entry(4, "POLICY", "a p", "1", "2"),
        entry(5, "INDEX", "b_i", "2", NULL),    entry(6, "COMMENT", "TABLE b", "2", NULL)};
    comes_to(entries, ARRAY_SIZE(entries), "a",
             "TABLE s.a\n(TABLE s.b)\nPOLICY s.a p\nCOMMENT s.TABLE b\n");
}

/* Before 9.6 tags had no table's name in front. */
static void old_tags_fall_back_to_the_first_relation(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {
        entry(1, "TABLE", "a", NULL, NULL), entry(2, "VIEW", "v", NULL, NULL),
        entry(3, "RULE", "_RETURN", "1", "2"), entry(4, "CONSTRAINT", "a_pkey", "1", NULL),
        entry(5, "TRIGGER", "fire", "1", NULL)};
    comes_to(entries, ARRAY_SIZE(entries), "a",
             "TABLE s.a\nCONSTRAINT s.a_pkey\nTRIGGER s.fire\n");
    comes_to(entries, ARRAY_SIZE(entries), "v",
             "TABLE s.a\nVIEW s.v\nRULE s._RETURN\nCONSTRAINT s.a_pkey\nTRIGGER s.fire\n");
}

/* pg_dump 10 has no ATTACH. */
static void partitions_of_old_come_with_their_parent(void **state)
{
    (void)state;
    struct archive_entry part = entry(2, "TABLE", "p1", "1", NULL);
    struct archive_entry heir = entry(3, "TABLE", "heir", "1", NULL);
    part.defn = "CREATE TABLE s.p1 PARTITION OF s.p\nFOR VALUES FROM (1) TO (2);\n";
    heir.defn =
        "CREATE TABLE s.heir (\n    a int DEFAULT ' PARTITION OF '\n)\nINHERITS (s.p);\n";
    const struct archive_entry entries[] = {entry(1, "TABLE", "p", NULL, NULL), part, heir,
                                            entry(4, "TABLE DATA", "p1", "2", NULL)};
    comes_to(entries, ARRAY_SIZE(entries), "p", "TABLE s.p\nTABLE s.p1\nTABLE DATA s.p1\n");
    comes_to(entries, ARRAY_SIZE(entries), "p1", "(TABLE s.p)\nTABLE s.p1\nTABLE DATA s.p1\n");
}

/* Parent and child of one name, in two schemas; the child is a foreign table with its server.
 */
static void a_partition_may_have_its_parents_name(void **state)
{
    (void)state;
    struct archive_entry child = entry(2, "FOREIGN TABLE", "p", "1", "5");
    struct archive_entry attach = entry(3, "TABLE ATTACH", "p", "1", "2");
    struct archive_entry server = entry(5, "SERVER", "far", "6", NULL);
    struct archive_entry wrapper = entry(6, "FOREIGN DATA WRAPPER", "w", NULL, NULL);
    child.schema = attach.schema = "t";
    server.schema = wrapper.schema = NULL;
    const struct archive_entry entries[] = {wrapper, server, entry(1, "TABLE", "p", NULL, NULL),
                                            child, attach};
    comes_to(entries, ARRAY_SIZE(entries), "s.p",
             "FOREIGN DATA WRAPPER w\nSERVER far\nTABLE s.p\nFOREIGN TABLE t.p\n"
             "TABLE ATTACH t.p\n");
    comes_to(entries, ARRAY_SIZE(entries), "t.p",
             "FOREIGN DATA WRAPPER w\nSERVER far\n(TABLE s.p)\nFOREIGN TABLE t.p\n"
             "TABLE ATTACH t.p\n");
}

/* The other table is there, but without its rows: the key would be violated. */
static void a_foreign_key_to_a_mere_definition_is_left_out(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {
        entry(1, "TABLE", "a", NULL, NULL), entry(2, "TABLE", "b", NULL, NULL),
        entry(3, "POLICY", "a p", "1", "2"), entry(4, "FK CONSTRAINT", "a a_fkey", "2", "1"),
        entry(5, "COMMENT", "CONSTRAINT a_fkey ON a", "4", NULL)};
    comes_to(entries, ARRAY_SIZE(entries), "a", "TABLE s.a\n(TABLE s.b)\nPOLICY s.a p\n");
    comes_to(entries, ARRAY_SIZE(entries), "a|b",
             "TABLE s.a\nTABLE s.b\nPOLICY s.a p\nFK CONSTRAINT s.a a_fkey\n"
             "COMMENT s.CONSTRAINT a_fkey ON a\n");
}

static void views_of_views_go_down_to_the_rows(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {
        entry(1, "TABLE", "a", NULL, NULL),
        entry(2, "VIEW", "v1", "1", NULL),
        entry(3, "MATERIALIZED VIEW", "v2", "2", NULL),
        entry(4, "FUNCTION", "f()", "2", NULL),
        entry(5, "TABLE", "uses_f", "4", NULL),
        entry(6, "TABLE DATA", "a", "1", NULL),
        entry(7, "TABLE DATA", "uses_f", "5", NULL),
        entry(8, "MATERIALIZED VIEW DATA", "v2", "3", NULL)};
    comes_to(entries, ARRAY_SIZE(entries), "v2",
             "TABLE s.a\nVIEW s.v1\nMATERIALIZED VIEW s.v2\nTABLE DATA s.a\n"
             "MATERIALIZED VIEW DATA s.v2\n");
    comes_to(entries, ARRAY_SIZE(entries), "uses_f",
             "(TABLE s.a)\n(VIEW s.v1)\nFUNCTION s.f()\nTABLE s.uses_f\nTABLE DATA "
             "s.uses_f\n");
}

static void a_view_that_is_needed_has_its_late_rule(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {
        entry(1, "TABLE", "a", NULL, NULL),     entry(2, "VIEW", "v", NULL, NULL),
        entry(3, "FUNCTION", "f()", "2", NULL), entry(4, "TABLE", "b", "3", NULL),
        entry(5, "TABLE DATA", "a", "1", NULL), entry(6, "RULE", "v _RETURN", "1", "2"),
        entry(7, "RULE", "v other", "2", NULL)};
    comes_to(entries, ARRAY_SIZE(entries), "b",
             "(TABLE s.a)\n(VIEW s.v)\nFUNCTION s.f()\nTABLE s.b\nRULE s.v _RETURN\n");
}

/* A dump of rows alone orders its tables by dependencies between their rows. */
static void rows_do_not_need_other_rows(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {entry(1, "TABLE DATA", "a", NULL, NULL),
                                            entry(2, "TABLE DATA", "b", "1", NULL)};
    comes_to(entries, ARRAY_SIZE(entries), "b", "TABLE DATA s.b\n");
}

static void a_domain_has_its_late_checks(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {
        entry(1, "DOMAIN", "d", NULL, NULL), entry(2, "TABLE", "a", "1", NULL),
        entry(3, "CHECK CONSTRAINT", "d positive", "1", NULL),
        entry(4, "CHECK CONSTRAINT", "a late", "2", NULL)};
    comes_to(entries, ARRAY_SIZE(entries), "a",
             "DOMAIN s.d\nTABLE s.a\nCHECK CONSTRAINT s.d positive\n"
             "CHECK CONSTRAINT s.a late\n");
}

/* pg_dump names a schema that it does not make. */
static void notes_on_public_come_with_tables_in_it(void **state)
{
    (void)state;
    struct archive_entry note = entry(1, "ACL", "SCHEMA public", "77", NULL);
    struct archive_entry in = entry(2, "TABLE", "a", NULL, NULL);
    note.schema = NULL;
    in.schema = "public";
    const struct archive_entry entries[] = {note, in, entry(3, "TABLE", "b", NULL, NULL)};
    comes_to(entries, ARRAY_SIZE(entries), "a", "ACL SCHEMA public\nTABLE public.a\n");
    comes_to(entries, ARRAY_SIZE(entries), "b", "TABLE s.b\n");
}

static void circles_and_entries_that_are_absent_do_no_harm(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {
        entry(1, "TABLE", "a", "2", "99"), entry(2, "FUNCTION", "f()", "1", "2"),
        entry(3, "TABLE DATA", "a", "1", "1"), entry(4, "CAST", "c", "88", NULL),
        entry(5, "FK CONSTRAINT", "a self", "1", "1")};
    comes_to(entries, ARRAY_SIZE(entries), "a",
             "TABLE s.a\nFUNCTION s.f()\nTABLE DATA s.a\nFK CONSTRAINT s.a self\n");
}

static void a_long_chain_is_no_deep_recursion(void **state)
{
    enum { LENGTH = 50000 };
    struct archive_entry *entries = calloc(LENGTH, sizeof *entries);
    char(*numbers)[12] = calloc(LENGTH, sizeof *numbers);
    struct error e = {0};
    struct selection s;
    (void)state;
    assert_non_null(entries);
    assert_non_null(numbers);
    for (int i = 0; i < LENGTH; i++) {
        (void)snprintf(numbers[i], sizeof numbers[i], "%d", i + 2);
        entries[i] = entry(i + 1, i ? "VIEW" : "TABLE", i ? "v" : "a", numbers[i], NULL);
    }
    selection_take(&s, archive_with_toc(14, entries, LENGTH));
    assert_done(selection_tables(&s, "a", &e), &e);
    assert_int_equal(s.select.kept, LENGTH);
    selection_done(&s);
    free(entries);
    free(numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_name_owns_a_rule),
        cmocka_unit_test(a_trigger_brings_the_table_that_its_definition_names),
        cmocka_unit_test(old_tags_fall_back_to_the_first_relation),
        cmocka_unit_test(partitions_of_old_come_with_their_parent),
        cmocka_unit_test(a_partition_may_have_its_parents_name),
        cmocka_unit_test(a_foreign_key_to_a_mere_definition_is_left_out),
        cmocka_unit_test(views_of_views_go_down_to_the_rows),
        cmocka_unit_test(a_view_that_is_needed_has_its_late_rule),
        cmocka_unit_test(rows_do_not_need_other_rows),
        cmocka_unit_test(a_domain_has_its_late_checks),
        cmocka_unit_test(notes_on_public_come_with_tables_in_it),
        cmocka_unit_test(circles_and_entries_that_are_absent_do_no_harm),
        cmocka_unit_test(a_long_chain_is_no_deep_recursion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
