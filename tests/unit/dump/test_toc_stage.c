/* SPDX-License-Identifier: Apache-2.0 */
/* Which entry is restored when, on TOCs made by hand and on the fixtures. */
#include <stdlib.h>

#include "core/dump/toc_stage.h"
#include "tests/support/archive.h"
#include "tests/support/check.h"
#include "tests/support/selection.h"

enum { NONE = 1, PRE = 2, DATA = 3, POST = 4 }; /* sections */

struct staged {
    int64_t section;
    const char *desc, *tag;
    enum toc_stage stage;
    bool has_data;
};

static void are_staged(unsigned minor, const struct staged *s, size_t count)
{
    struct archive_entry *entries = calloc(count, sizeof *entries);
    enum toc_stage *stages = calloc(count, sizeof *stages);
    struct selection read;
    assert_true(entries && stages);
    for (size_t i = 0; i < count; i++) {
        entries[i] =
            archive_with_id(s[i].has_data ? &archive_data : &archive_schema, (int64_t)i + 1);
        entries[i].section = s[i].section;
        entries[i].desc = s[i].desc;
        entries[i].tag = s[i].tag;
    }
    selection_take(&read, archive_with_toc(minor, entries, count));
    assert_int_equal(read.list.count, count);
    toc_stage_assign(&read.list, stages);
    for (size_t i = 0; i < count; i++)
        if (stages[i] != s[i].stage)
            fail_msg("%s %s: stage %d, not %d", s[i].desc, s[i].tag, (int)stages[i],
                     (int)s[i].stage);
    selection_done(&read);
    free(entries);
    free(stages);
}

static void sections_make_the_stages(void **state)
{
    (void)state;
    const struct staged entries[] = {
        {PRE, "SCHEMA", "app", TOC_STAGE_DEFINE, false},
        {PRE, "TABLE", "a", TOC_STAGE_DEFINE, false},
        {PRE, "DEFAULT", "a id", TOC_STAGE_DEFINE, false},
        {DATA, "TABLE DATA", "a", TOC_STAGE_DATA, true},
        {DATA, "SEQUENCE SET", "a_id_seq", TOC_STAGE_FINISH, false},
        {POST, "CONSTRAINT", "a a_pkey", TOC_STAGE_FINISH, false},
        {POST, "TRIGGER", "a t", TOC_STAGE_FINISH, false},
        {POST, "MATERIALIZED VIEW DATA", "m", TOC_STAGE_FINISH, false},
    };
    are_staged(16, entries, ARRAY_SIZE(entries));
    are_staged(11, entries, ARRAY_SIZE(entries));
}

/* pg_restore counts them to the section of the last entry that has one. */
static void an_entry_without_a_section_follows_the_last_one(void **state)
{
    (void)state;
    const struct staged entries[] = {
        {NONE, "COMMENT", "SCHEMA public", TOC_STAGE_DEFINE, false},
        {PRE, "TABLE", "a", TOC_STAGE_DEFINE, false},
        {NONE, "COMMENT", "TABLE a", TOC_STAGE_DEFINE, false},
        {DATA, "TABLE DATA", "a", TOC_STAGE_DATA, true},
        {NONE, "SECURITY LABEL", "TABLE a", TOC_STAGE_FINISH, false},
        {POST, "INDEX", "a_i", TOC_STAGE_FINISH, false},
        {NONE, "COMMENT", "INDEX a_i", TOC_STAGE_FINISH, false},
        /* A number that no version has: as if there were none. */
        {9, "NOVELTY", "n", TOC_STAGE_FINISH, false},
        {PRE, "TABLE", "b", TOC_STAGE_DEFINE, false},
        {9, "NOVELTY", "n", TOC_STAGE_DEFINE, false},
    };
    are_staged(14, entries, ARRAY_SIZE(entries));
}

static void grants_come_late_and_settings_always(void **state)
{
    (void)state;
    const struct staged entries[] = {
        {PRE, "ENCODING", "ENCODING", TOC_STAGE_EVERY, false},
        {PRE, "STDSTRINGS", "STDSTRINGS", TOC_STAGE_EVERY, false},
        {PRE, "SEARCHPATH", "SEARCHPATH", TOC_STAGE_EVERY, false},
        {NONE, "ACL", "SCHEMA app", TOC_STAGE_FINISH, false},
        {PRE, "TABLE", "a", TOC_STAGE_DEFINE, false},
        {NONE, "ACL", "TABLE a", TOC_STAGE_FINISH, false},
        {POST, "INDEX", "a_i", TOC_STAGE_FINISH, false},
        {POST, "DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", TOC_STAGE_FINISH, false},
    };
    are_staged(14, entries, ARRAY_SIZE(entries));
}

/* Up to 16 each has a BLOB and all share BLOBS; from 17 on there is BLOB METADATA. */
static void large_objects_are_made_before_their_data(void **state)
{
    (void)state;
    const struct staged entries[] = {
        {PRE, "TABLE", "a", TOC_STAGE_DEFINE, false},
        {DATA, "TABLE DATA", "a", TOC_STAGE_DATA, true},
        {DATA, "BLOB", "500001", TOC_STAGE_DEFINE, false},
        {DATA, "BLOB METADATA", "500001..500009", TOC_STAGE_DEFINE, false},
        {NONE, "COMMENT", "LARGE OBJECT 500001", TOC_STAGE_FINISH, false},
        {NONE, "ACL", "LARGE OBJECT 500001", TOC_STAGE_FINISH, false},
        {DATA, "BLOBS", "BLOBS", TOC_STAGE_DATA, true},
    };
    are_staged(15, entries, ARRAY_SIZE(entries));
}

static void event_triggers_and_what_is_said_of_them_come_last(void **state)
{
    (void)state;
    const struct staged entries[] = {
        {PRE, "TABLE", "EVENT TRIGGER x", TOC_STAGE_DEFINE, false},
        {POST, "EVENT TRIGGER", "e", TOC_STAGE_LAST, false},
        {NONE, "COMMENT", "EVENT TRIGGER e", TOC_STAGE_LAST, false},
        {NONE, "SECURITY LABEL", "EVENT TRIGGER e", TOC_STAGE_LAST, false},
        {POST, "TRIGGER", "a EVENT TRIGGER e", TOC_STAGE_FINISH, false},
        {NONE, "COMMENT", "EVENT TRIGGERS", TOC_STAGE_FINISH, false},
        {POST, "MATERIALIZED VIEW DATA", "m", TOC_STAGE_FINISH, false},
    };
    are_staged(14, entries, ARRAY_SIZE(entries));
}

/* Before 1.11 pg_dump classified nothing: pg_restore goes by the kind. */
static void archives_without_sections_go_by_the_kind(void **state)
{
    (void)state;
    const struct staged entries[] = {
        {0, "ENCODING", "ENCODING", TOC_STAGE_EVERY, false},
        {0, "TABLE", "a", TOC_STAGE_DEFINE, false},
        {0, "COMMENT", "TABLE a", TOC_STAGE_DEFINE, false},
        {0, "ACL", "a", TOC_STAGE_FINISH, false},
        {0, "SEQUENCE SET", "a_id_seq", TOC_STAGE_DEFINE, false},
        {0, "TABLE DATA", "a", TOC_STAGE_DATA, true},
        {0, "BLOBS", "BLOBS", TOC_STAGE_DATA, true},
        {0, "BLOB COMMENTS", "BLOB COMMENTS", TOC_STAGE_DATA, true},
        {0, "CONSTRAINT", "a_pkey", TOC_STAGE_FINISH, false},
        {0, "CHECK CONSTRAINT", "late", TOC_STAGE_FINISH, false},
        {0, "INDEX", "a_i", TOC_STAGE_FINISH, false},
        {0, "COMMENT", "INDEX a_i", TOC_STAGE_FINISH, false},
        {0, "RULE", "r", TOC_STAGE_FINISH, false},
        {0, "TRIGGER", "t", TOC_STAGE_FINISH, false},
        {0, "FK CONSTRAINT", "a_fkey", TOC_STAGE_FINISH, false},
    };
    are_staged(10, entries, ARRAY_SIZE(entries));
}

/* ---- selections -------------------------------------------------------------------- */

#define ALL_STAGES                                                                             \
    (TOC_STAGE_BIT(TOC_STAGE_EVERY) | TOC_STAGE_BIT(TOC_STAGE_DEFINE) |                        \
     TOC_STAGE_BIT(TOC_STAGE_DATA) | TOC_STAGE_BIT(TOC_STAGE_FINISH) |                         \
     TOC_STAGE_BIT(TOC_STAGE_LAST))

/* Of what s keeps, or of all. */
static void stages_share_out(const struct selection *s, const struct toc_select *of)
{
    struct error e = {0};
    struct toc_select parts[5] = {0};
    struct toc_select whole = {0};
    enum toc_stage *stages = calloc((size_t)s->list.count + 1, sizeof *stages);
    assert_non_null(stages);
    toc_stage_assign(&s->list, stages);
    uint32_t sum = 0;
    for (unsigned k = 0; k < 5; k++) {
        assert_done(toc_stage_select(&s->list, of, stages, 1U << k, &parts[k], &e), &e);
        assert_int_equal(parts[k].count, s->list.count);
        sum += parts[k].kept;
    }
    assert_done(toc_stage_select(&s->list, of, stages, ALL_STAGES, &whole, &e), &e);
    assert_int_equal(whole.kept, of ? of->kept : s->list.count);
    assert_int_equal(sum, whole.kept);
    for (uint32_t i = 0; i < s->list.count; i++) {
        unsigned times = 0;
        for (unsigned k = 0; k < 5; k++)
            times += toc_select_keeps(&parts[k], i);
        assert_int_equal(times, !of || toc_select_keeps(of, i));
        assert_int_equal(toc_select_keeps(&whole, i), times);
        assert_int_equal(stages[i] == TOC_STAGE_DATA, s->list.entries[i].has_data);
    }
    for (unsigned k = 0; k < 5; k++)
        toc_select_done(&parts[k]);
    toc_select_done(&whole);
    free(stages);
}

static void every_entry_of_a_fixture_is_in_one_stage(void **state)
{
    static const char *const fixtures[] = {"A-pg15-none-file",
                                           "A-pg17-gzip-file",
                                           "A-pg18-none-file-statistics",
                                           "A-pg18-none-file-schemaonly",
                                           "A-pg17-zstd-pipe-dataonly",
                                           "A-pg19-none-file"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
        struct selection s;
        selection_load(&s, fixtures[i]);
        stages_share_out(&s, NULL);
        selection_done(&s);
    }
}

static void of_a_selection_nothing_else_is_taken(void **state)
{
    struct error e = {0};
    struct selection s;
    (void)state;
    selection_load(&s, "A-pg15-none-file");
    assert_done(selection_tables(&s, "app.orders", &e), &e);
    assert_true(s.select.kept > 0 && s.select.kept < s.list.count);
    stages_share_out(&s, &s.select);
    selection_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_make_the_stages),
        cmocka_unit_test(an_entry_without_a_section_follows_the_last_one),
        cmocka_unit_test(grants_come_late_and_settings_always),
        cmocka_unit_test(large_objects_are_made_before_their_data),
        cmocka_unit_test(event_triggers_and_what_is_said_of_them_come_last),
        cmocka_unit_test(archives_without_sections_go_by_the_kind),
        cmocka_unit_test(every_entry_of_a_fixture_is_in_one_stage),
        cmocka_unit_test(of_a_selection_nothing_else_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
