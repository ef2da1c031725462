/* SPDX-License-Identifier: Apache-2.0 */
/* What comes with a table: on the fixtures, whose tables were made for it, to the last entry.
 */
#include <stdlib.h>

#include <glob.h>

#include "tests/support/check.h"
#include "tests/support/selection.h"

#define PG15 "A-pg15-none-file"
#define PG18 "A-pg18-none-file-statistics"

#define SCHEMA_APP "SCHEMA app\nCOMMENT SCHEMA app\nACL SCHEMA app\n"
#define USERS_NEED                                                                             \
    "EXTENSION pg_trgm\nCOMMENT EXTENSION pg_trgm\nTYPE app.mood\nDOMAIN app.posint\n"         \
    "FUNCTION app.touch()\n"
#define USERS                                                                                  \
    "TABLE app.users\nCOMMENT app.TABLE users\nCOMMENT app.COLUMN users.email\n"               \
    "ACL app.TABLE users\n"

static void comes_to(struct selection *s, const char *names, const char *words)
{
    struct error e = {0};
    assert_done(selection_tables(s, names, &e), &e);
    struct buf found = selection_words(s);
    assert_string_equal((const char *)found.data, words);
    buf_done(&found);
}

static void of_fixture(const char *fixture, const char *names, const char *words)
{
    struct selection s;
    selection_load(&s, fixture);
    comes_to(&s, names, words);
    selection_done(&s);
}

/* These tables of the fixture of version 15. */
static void choose(struct selection *s, const char *tables)
{
    struct error e = {0};
    selection_load(s, PG15);
    assert_done(selection_tables(s, tables, &e), &e);
}

static void a_table_with_a_serial_brings_its_sequence_both_ways(void **state)
{
    (void)state;
    of_fixture(PG15, "app.orders",
               SCHEMA_APP
               "TABLE app.orders\nACL app.COLUMN orders.id\nACL app.COLUMN orders.note\n"
               "SEQUENCE app.orders_id_seq\nSEQUENCE OWNED BY app.orders_id_seq\n"
               "DEFAULT app.orders id\nTABLE DATA app.orders\nSEQUENCE SET app.orders_id_seq\n"
               "CONSTRAINT app.orders orders_pkey\nCONSTRAINT app.orders orders_uq\n"
               "INDEX app.orders_user\nRULE app.orders orders_noupd\n");
}

static void a_table_brings_identity_trigger_types_and_extension(void **state)
{
    (void)state;
    of_fixture(PG15, "app.users",
               SCHEMA_APP USERS_NEED USERS
               "SEQUENCE app.users_id_seq\nTABLE DATA app.users\n"
               "SEQUENCE SET app.users_id_seq\nCONSTRAINT app.users users_email_key\n"
               "CONSTRAINT app.users users_pkey\nINDEX app.users_partial\n"
               "INDEX app.users_trgm\nSTATISTICS app.users_stat\n"
               "TRIGGER app.users users_touch\n");
}

/* Neither the view that reads it, late rule and all, nor the publication, nor the other users.
 */
static void what_only_looks_at_a_table_does_not_come_along(void **state)
{
    struct selection s;
    (void)state;
    choose(&s, "app.users");
    const char *others[] = {"VIEW app.v_users",
                            "RULE app.v_group _RETURN",
                            "VIEW app.v_group",
                            "MATERIALIZED VIEW app.mv_full",
                            "PUBLICATION fx_pub",
                            "PUBLICATION TABLE app.fx_pub users",
                            "TABLE audit.users",
                            "TABLE DATA audit.users",
                            "EVENT TRIGGER fx_evt",
                            "BLOBS BLOBS",
                            "FUNCTION app.evt()",
                            "DATABASE fxa",
                            "TABLE app.orders",
                            "CAST CAST (app.pair AS text)",
                            "DEFAULT ACL app.DEFAULT PRIVILEGES FOR TABLES"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(toc_select_keeps(&s.select, selection_find(&s, others[i])));
    const char *settings[] = {"ENCODING ENCODING", "STDSTRINGS STDSTRINGS",
                              "SEARCHPATH SEARCHPATH"};
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        assert_true(toc_select_keeps(&s.select, selection_find(&s, settings[i])));
    selection_done(&s);
}

static void a_foreign_key_comes_with_both_tables_and_is_told_otherwise(void **state)
{
    struct error e = {0};
    struct selection s;
    (void)state;
    selection_load(&s, PG15);
    uint32_t key = selection_find(&s, "FK CONSTRAINT app.orders orders_user_id_fkey");
    assert_done(selection_tables(&s, "app.orders", &e), &e);
    assert_int_equal(s.select.marks[key].why, TOC_SELECT_LEFT_OUT);
    assert_int_equal(s.select.marks[key].by, selection_find(&s, "TABLE app.users"));
    assert_done(selection_tables(&s, "app.users", &e), &e);
    assert_int_equal(s.select.marks[key].why, TOC_SELECT_NO);
    assert_done(selection_tables(&s, "app.orders|app.users", &e), &e);
    assert_int_equal(s.select.marks[key].why, TOC_SELECT_PART);
    assert_int_equal(s.select.marks[key].by, selection_find(&s, "TABLE app.orders"));
    selection_done(&s);
}

static void a_partitioned_table_brings_all_levels_of_partitions(void **state)
{
    (void)state;
    of_fixture(PG15, "events",
               SCHEMA_APP
               "TABLE app.events\nTABLE app.events_2024\nTABLE app.events_2025\n"
               "TABLE app.events_2025_h0\nTABLE app.events_2025_h1\nTABLE app.events_def\n"
               "TABLE ATTACH app.events_2024\nTABLE ATTACH app.events_2025\n"
               "TABLE ATTACH app.events_2025_h0\nTABLE ATTACH app.events_2025_h1\n"
               "TABLE ATTACH app.events_def\nTABLE DATA app.events_2024\n"
               "TABLE DATA app.events_2025_h0\nTABLE DATA app.events_2025_h1\n"
               "TABLE DATA app.events_def\nINDEX app.events_at\nINDEX app.events_2024_at_idx\n"
               "INDEX app.events_2025_at_idx\nINDEX app.events_2025_h0_at_idx\n"
               "INDEX app.events_2025_h1_at_idx\nINDEX app.events_def_at_idx\n"
               "INDEX ATTACH app.events_2024_at_idx\nINDEX ATTACH app.events_2025_at_idx\n"
               "INDEX ATTACH app.events_2025_h0_at_idx\n"
               "INDEX ATTACH app.events_2025_h1_at_idx\nINDEX ATTACH app.events_def_at_idx\n");
}

static void one_partition_brings_the_definitions_above_it(void **state)
{
    (void)state;
    of_fixture(PG18, "events_2025_h0",
               SCHEMA_APP
               "(TABLE app.events)\n(TABLE app.events_2025)\nTABLE app.events_2025_h0\n"
               "TABLE ATTACH app.events_2025\nTABLE ATTACH app.events_2025_h0\n"
               "TABLE DATA app.events_2025_h0\nSTATISTICS DATA app.events_2025_h0\n"
               "INDEX app.events_at\nINDEX app.events_2025_at_idx\n"
               "INDEX app.events_2025_h0_at_idx\nSTATISTICS DATA app.events_2025_h0_at_idx\n"
               "INDEX ATTACH app.events_2025_at_idx\nINDEX ATTACH app.events_2025_h0_at_idx\n");
}

static void an_heir_brings_the_definition_of_its_parent(void **state)
{
    (void)state;
    of_fixture(PG15, "child_t",
               SCHEMA_APP "(TABLE app.parent_t)\nTABLE app.child_t\nTABLE DATA app.child_t\n");
    of_fixture(PG15, "parent_t", SCHEMA_APP "TABLE app.parent_t\nTABLE DATA app.parent_t\n");
}

static void a_view_brings_what_it_reads_with_its_rows(void **state)
{
    (void)state;
    of_fixture(PG15, "v_group",
               SCHEMA_APP USERS_NEED USERS
               "TABLE app.orders\nACL app.COLUMN orders.id\nACL app.COLUMN orders.note\n"
               "SEQUENCE app.orders_id_seq\nSEQUENCE OWNED BY app.orders_id_seq\n"
               "SEQUENCE app.users_id_seq\nVIEW app.v_group\nDEFAULT app.orders id\n"
               "TABLE DATA app.orders\nTABLE DATA app.users\nSEQUENCE SET app.orders_id_seq\n"
               "SEQUENCE SET app.users_id_seq\nCONSTRAINT app.orders orders_pkey\n"
               "CONSTRAINT app.orders orders_uq\nCONSTRAINT app.users users_email_key\n"
               "CONSTRAINT app.users users_pkey\nINDEX app.orders_user\n"
               "INDEX app.users_partial\nINDEX app.users_trgm\nSTATISTICS app.users_stat\n"
               "RULE app.v_group _RETURN\nRULE app.orders orders_noupd\n"
               "TRIGGER app.users users_touch\n"
               "FK CONSTRAINT app.orders orders_user_id_fkey\n");
}

static void a_materialized_view_is_filled_from_rows_that_are_there(void **state)
{
    (void)state;
    of_fixture(PG18, "mv_full",
               SCHEMA_APP USERS_NEED USERS
               "MATERIALIZED VIEW app.mv_full\nSEQUENCE app.users_id_seq\n"
               "TABLE DATA app.users\nSEQUENCE SET app.users_id_seq\n"
               "STATISTICS DATA app.users\nMATERIALIZED VIEW DATA app.mv_full\n"
               "STATISTICS DATA app.mv_full\nINDEX app.mv_full_i\n"
               "STATISTICS DATA app.mv_full_i\nCONSTRAINT app.users users_email_key\n"
               "STATISTICS DATA app.users_email_key\nINDEX app.users_partial\n"
               "STATISTICS DATA app.users_partial\nCONSTRAINT app.users users_pkey\n"
               "STATISTICS DATA app.users_pkey\nINDEX app.users_trgm\n"
               "STATISTICS DATA app.users_trgm\nSTATISTICS app.users_stat\n"
               "TRIGGER app.users users_touch\n");
}

static void types_bring_their_casts_and_extensions(void **state)
{
    (void)state;
    of_fixture(PG15, "alltypes",
               SCHEMA_APP
               "SCHEMA audit\nEXTENSION hstore\nCOMMENT EXTENSION hstore\nTYPE app.frange\n"
               "TYPE app.mood\nTYPE app.pair\nDOMAIN app.posint\n"
               "CAST CAST (app.pair AS text)\nTABLE audit.alltypes\n"
               "TABLE DATA audit.alltypes\n");
}

static void policies_sequences_and_odd_names_come_by_name(void **state)
{
    (void)state;
    of_fixture(PG15, "rls_t",
               SCHEMA_APP "TABLE app.rls_t\nTABLE DATA app.rls_t\nPOLICY app.rls_t rls_p\n"
                          "COMMENT app.POLICY rls_p ON rls_t\nROW SECURITY app.rls_t\n");
    of_fixture(PG15, "free_seq",
               SCHEMA_APP "SEQUENCE app.free_seq\nSEQUENCE SET app.free_seq\n");
    of_fixture(PG15, "new\nline",
               "SCHEMA Odd Schema \"q\" \xc3\xbc\n"
               "TABLE Odd Schema \"q\" \xc3\xbc.new\\x0aline\n"
               "TABLE DATA Odd Schema \"q\" \xc3\xbc.new\\x0aline\n");
    of_fixture(PG15, "Odd Schema \"q\" \xc3\xbc.semi;colon--'x'",
               "SCHEMA Odd Schema \"q\" \xc3\xbc\n"
               "TABLE Odd Schema \"q\" \xc3\xbc.semi;colon--'x'\n"
               "TABLE DATA Odd Schema \"q\" \xc3\xbc.semi;colon--'x'\n");
}

static void a_dump_of_rows_alone_has_tables_to_ask_for(void **state)
{
    (void)state;
    of_fixture("A-pg17-zstd-pipe-dataonly", "app.orders", "TABLE DATA app.orders\n");
}

/* ---- more than one ----------------------------------------------------------------- */

static void a_name_in_two_schemas_means_both(void **state)
{
    struct selection s;
    (void)state;
    choose(&s, "users|app.o*");
    assert_int_equal(s.select.answers[0].found, 2);
    assert_false(s.select.answers[0].pattern);
    assert_int_equal(s.select.answers[1].found, 2);
    assert_true(s.select.answers[1].pattern);
    assert_true(toc_select_keeps(&s.select, selection_find(&s, "TABLE DATA audit.users")));
    assert_true(toc_select_keeps(&s.select, selection_find(&s, "TABLE DATA app.users")));
    selection_done(&s);
}

static void a_schema_brings_all_that_is_in_it(void **state)
{
    static const char *const schemas[] = {"audit"};
    static const char *const tables[] = {"users"};
    struct toc_select_options o = {.schemas = schemas, .schema_count = 1};
    struct error e = {0};
    struct selection s;
    (void)state;
    selection_load(&s, PG15);
    assert_done(selection_run(&s, &o, &e), &e);
    for (uint32_t i = 0; i < s.list.count; i++)
        if (bytes_equal(toc_list_schema(&s.list, i), bytes_text("audit")))
            assert_true(toc_select_keeps(&s.select, i));
    assert_true(toc_select_keeps(&s.select, selection_find(&s, "TYPE app.mood")));
    assert_false(toc_select_keeps(&s.select, selection_find(&s, "TABLE app.users")));
    o.tables = tables;
    o.table_count = 1;
    assert_done(selection_run(&s, &o, &e), &e);
    struct buf words = selection_words(&s);
    assert_string_equal((const char *)words.data,
                        "SCHEMA audit\nTABLE audit.users\nTABLE DATA audit.users\n");
    buf_done(&words);
    selection_done(&s);
}

static void large_objects_come_when_they_are_asked_for(void **state)
{
    static const char *const tables[] = {"parent_t"};
    const struct toc_select_options o = {
        .tables = tables, .table_count = 1, .large_objects = true};
    struct error e = {0};
    struct selection s;
    (void)state;
    selection_load(&s, PG18);
    assert_done(selection_run(&s, &o, &e), &e);
    struct buf words = selection_words(&s);
    assert_string_equal(
        (const char *)words.data,
        SCHEMA_APP "TABLE app.parent_t\nTABLE DATA app.parent_t\nBLOB METADATA 500001\n"
                   "COMMENT LARGE OBJECT 500001\nACL LARGE OBJECT 500001\n"
                   "BLOB METADATA 500002..3000000001\nBLOB METADATA 500003\nBLOBS 500001\n"
                   "BLOBS 500002..3000000001\nBLOBS 500003\nSTATISTICS DATA app.parent_t\n");
    buf_done(&words);
    selection_done(&s);
}

static void content_can_be_the_schema_or_the_rows(void **state)
{
    static const char *const tables[] = {"app.orders"};
    struct toc_select_options o = {
        .tables = tables, .table_count = 1, .content = TOC_SELECT_DATA_ONLY};
    struct error e = {0};
    struct selection s;
    (void)state;
    selection_load(&s, PG18);
    assert_done(selection_run(&s, &o, &e), &e);
    struct buf words = selection_words(&s);
    assert_string_equal((const char *)words.data,
                        "TABLE DATA app.orders\nSEQUENCE SET app.orders_id_seq\n");
    buf_done(&words);
    o = (struct toc_select_options){.content = TOC_SELECT_SCHEMA_ONLY};
    assert_done(selection_run(&s, &o, &e), &e);
    for (uint32_t i = 0; i < s.list.count; i++) {
        bool content = (s.list.entries[i].facts->flags & TOC_KIND_CONTENT) != 0;
        bool of_object = memmem(s.list.texts.data + s.list.entries[i].at,
                                s.list.entries[i].tag_len, "LARGE OBJECT", 12) != NULL;
        assert_int_equal(toc_select_keeps(&s.select, i), !content && !of_object);
    }
    selection_done(&s);
}

static void without_a_name_all_is_kept(void **state)
{
    const struct toc_select_options o = {.content = TOC_SELECT_ALL};
    struct error e = {0};
    struct selection s;
    (void)state;
    selection_load(&s, PG15);
    assert_done(selection_run(&s, &o, &e), &e);
    assert_int_equal(s.select.kept, s.list.count);
    selection_done(&s);
}

/* ---- names that are not there ------------------------------------------------------ */

static void refuses(struct selection *s, const char *name, const char *words)
{
    struct error e = {0};
    assert_refused(selection_tables(s, name, &e), &e, ERROR_USAGE);
    assert_string_equal(e.text, words);
}

static void a_name_that_is_not_there_is_told_with_the_nearest(void **state)
{
    static const char *const schemas[] = {"ap"};
    static const char *const audit[] = {"audit"};
    static const char *const orders[] = {"orders"};
    struct toc_select_options o = {.schemas = schemas, .schema_count = 1};
    struct error e = {0};
    struct selection s;
    (void)state;
    selection_load(&s, PG15);
    refuses(&s, "app.order",
            "-t app.order: the backup has no such table\n"
            "hint: the nearest tables: app.orders, app.users, app.rls_t");
    refuses(&s, "", "-t: a name is empty");
    refuses(&s, "a.b.c", "-t: more than one dot, expected SCHEMA.TABLE");
    refuses(&s, "\"a", "-t: a double quote has no end");
    assert_refused(selection_run(&s, &o, &e), &e, ERROR_USAGE);
    assert_string_equal(e.text, "-n ap: the backup has no such schema\n"
                                "hint: the nearest schemas: app, audit, Odd Schema \"q\" "
                                "\xc3\xbc");
    o = (struct toc_select_options){
        .schemas = audit, .schema_count = 1, .tables = orders, .table_count = 1};
    assert_refused(selection_run(&s, &o, &e), &e, ERROR_USAGE);
    assert_non_null(strstr(e.text, "-t orders: no such table in the schemas of -n\n"));
    selection_done(&s);
}

/* ---- every table of every fixture -------------------------------------------------- */

/* Whatever is kept has what it needs; what is not whole brings no rows. */
static void check_closed(const struct selection *s)
{
    const struct toc_list *l = &s->list;
    for (uint32_t i = 0; i < l->count; i++) {
        if (!toc_select_keeps(&s->select, i))
            continue;
        for (uint32_t k = l->needs.start[i]; k < l->needs.start[i + 1]; k++) {
            uint32_t on = l->needs.items[k];
            if (!toc_select_keeps(&s->select, on)) {
                char from[TOC_LIST_TEXT];
                char to[TOC_LIST_TEXT];
                toc_list_text(l, i, from);
                toc_list_text(l, on, to);
                fail_msg("%s is kept without %s", from, to);
            }
            if (l->entries[i].facts->kind == TOC_KIND_TABLE_DATA)
                assert_true(s->select.marks[on].whole);
        }
    }
}

static void every_selection_of_a_fixture_is_closed(void **state)
{
    struct error e = {0};
    glob_t found;
    size_t tables = 0;
    (void)state;
    assert_int_equal(glob(PGKEEP_TEST_FIXTURES "/pgdump/*.dump", 0, NULL, &found), 0);
    for (size_t f = 0; f < found.gl_pathc; f++) {
        const char *file = strrchr(found.gl_pathv[f], '/') + 1;
        char name[200];
        struct selection s;
        (void)snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - strlen(".dump")), file);
        selection_load(&s, name);
        for (uint32_t i = 0; i < s.list.count; i++) {
            struct bytes tag = toc_list_tag(&s.list, i);
            if (!(s.list.entries[i].facts->flags & TOC_KIND_RELATION))
                continue;
            (void)snprintf(name, sizeof name, "%.*s", (int)tag.len, (const char *)tag.data);
            assert_done(selection_tables(&s, name, &e), &e);
            check_closed(&s);
            tables++;
        }
        selection_done(&s);
    }
    globfree(&found);
    assert_true(tables > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_with_a_serial_brings_its_sequence_both_ways),
        cmocka_unit_test(a_table_brings_identity_trigger_types_and_extension),
        cmocka_unit_test(what_only_looks_at_a_table_does_not_come_along),
        cmocka_unit_test(a_foreign_key_comes_with_both_tables_and_is_told_otherwise),
        cmocka_unit_test(a_partitioned_table_brings_all_levels_of_partitions),
        cmocka_unit_test(one_partition_brings_the_definitions_above_it),
        cmocka_unit_test(an_heir_brings_the_definition_of_its_parent),
        cmocka_unit_test(a_view_brings_what_it_reads_with_its_rows),
        cmocka_unit_test(a_materialized_view_is_filled_from_rows_that_are_there),
        cmocka_unit_test(types_bring_their_casts_and_extensions),
        cmocka_unit_test(policies_sequences_and_odd_names_come_by_name),
        cmocka_unit_test(a_dump_of_rows_alone_has_tables_to_ask_for),
        cmocka_unit_test(a_name_in_two_schemas_means_both),
        cmocka_unit_test(a_schema_brings_all_that_is_in_it),
        cmocka_unit_test(large_objects_come_when_they_are_asked_for),
        cmocka_unit_test(content_can_be_the_schema_or_the_rows),
        cmocka_unit_test(without_a_name_all_is_kept),
        cmocka_unit_test(a_name_that_is_not_there_is_told_with_the_nearest),
        cmocka_unit_test(every_selection_of_a_fixture_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
