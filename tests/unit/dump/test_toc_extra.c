/* SPDX-License-Identifier: Apache-2.0 */
/* What one database has and another has not. */
#include <stdlib.h>

#include "core/dump/toc_extra.h"
#include "tests/support/archive.h"
#include "tests/support/check.h"
#include "tests/support/selection.h"

static struct archive_entry entry(int64_t dump_id, const char *desc, const char *schema,
                                  const char *tag)
{
    struct archive_entry n = archive_with_id(&archive_schema, dump_id);
    n.desc = desc;
    n.schema = schema;
    n.tag = tag;
    return n;
}

/* The ordinals of what is extra in l, in words; selection: of other, may be NULL. */
static void extra_is(const struct selection *l, const struct selection *other,
                     const struct toc_select *selection, const char *words)
{
    struct error e = {0};
    struct buf text = {0};
    size_t count = 99;
    size_t seen = 0;
    bool *extra = calloc((size_t)l->list.count + 1, sizeof *extra);
    assert_non_null(extra);
    assert_done(toc_extra_find(&l->list, &other->list, selection, extra, &count, &e), &e);
    for (uint32_t i = 0; i < l->list.count; i++) {
        char name[TOC_LIST_TEXT];
        if (!extra[i])
            continue;
        seen++;
        toc_list_text(&l->list, i, name);
        assert_done(buf_printf(&text, &e, "%s\n", name), &e);
    }
    assert_done(buf_byte(&text, 0, &e), &e);
    assert_string_equal((const char *)text.data, words);
    assert_int_equal(count, seen);
    buf_done(&text);
    free(extra);
}

static void are_extra(const struct archive_entry *a, size_t a_count,
                      const struct archive_entry *b, size_t b_count, const char *words)
{
    struct selection l, other;
    selection_take(&l, archive_with_toc(14, a, a_count));
    selection_take(&other, archive_with_toc(14, b, b_count));
    extra_is(&l, &other, NULL, words);
    selection_done(&l);
    selection_done(&other);
}

static void kind_schema_and_name_make_the_difference(void **state)
{
    (void)state;
    const struct archive_entry there[] = {
        entry(1, "TABLE", "s", "a"),   entry(2, "VIEW", "s", "b"),
        entry(3, "TABLE", "s", "c"),   entry(4, "SCHEMA", NULL, "s"),
        entry(5, "TABLE", "t", "a"),   entry(6, "TABLE", "s", "aa"),
        entry(7, "INDEX", "s", "a_i"), entry(8, "FUNCTION", "s", "f(integer)")};
    const struct archive_entry backup[] = {
        entry(31, "FUNCTION", "s", "f(text)"), entry(32, "TABLE", "s", "b"),
        entry(33, "TABLE", "s", "a"), entry(34, "SCHEMA", NULL, "s")};
    are_extra(there, ARRAY_SIZE(there), backup, ARRAY_SIZE(backup),
              "VIEW s.b\nTABLE s.c\nTABLE t.a\nTABLE s.aa\nINDEX s.a_i\n"
              "FUNCTION s.f(integer)\n");
    are_extra(there, ARRAY_SIZE(there), there, ARRAY_SIZE(there), "");
    are_extra(there, 2, NULL, 0, "TABLE s.a\nVIEW s.b\n");
}

/* Notes and values go with what they are about, and the database is never in question. */
static void what_is_no_object_is_not_told(void **state)
{
    (void)state;
    struct archive_entry rows = archive_with_id(&archive_data, 9);
    const struct archive_entry there[] = {entry(1, "ENCODING", NULL, "ENCODING"),
                                          entry(2, "COMMENT", "s", "TABLE a"),
                                          entry(3, "ACL", "s", "TABLE a"),
                                          entry(4, "SECURITY LABEL", "s", "TABLE a"),
                                          entry(5, "DATABASE", NULL, "shop"),
                                          entry(6, "DATABASE PROPERTIES", NULL, "shop"),
                                          entry(7, "SEQUENCE SET", "s", "a_id"),
                                          entry(8, "SEQUENCE OWNED BY", "s", "a_id"),
                                          rows,
                                          entry(10, "BLOB", NULL, "500001"),
                                          entry(12, "MATERIALIZED VIEW DATA", "s", "m"),
                                          entry(13, "STATISTICS DATA", "s", "a")};
    are_extra(there, ARRAY_SIZE(there), NULL, 0, "");
}

static void what_the_selection_leaves_out_is_extra(void **state)
{
    struct error e = {0};
    struct selection l, other;
    (void)state;
    selection_load(&l, "A-pg15-none-file");
    selection_load(&other, "A-pg15-gzip-pipe");
    extra_is(&l, &other, NULL, "");
    assert_done(selection_tables(&other, "audit.wide", &e), &e);
    assert_done(selection_tables(&l, "audit.wide|audit.alltypes", &e), &e);
    /* l itself is looked at as a whole. */
    size_t count = 0;
    bool *extra = calloc((size_t)l.list.count + 1, sizeof *extra);
    assert_non_null(extra);
    assert_done(toc_extra_find(&l.list, &other.list, &other.select, extra, &count, &e), &e);
    assert_true(extra[selection_find(&l, "TABLE audit.alltypes")]);
    assert_true(extra[selection_find(&l, "EVENT TRIGGER fx_evt")]);
    assert_false(extra[selection_find(&l, "TABLE audit.wide")]);
    assert_false(extra[selection_find(&l, "SCHEMA audit")]);
    assert_true(count > 40);
    free(extra);
    selection_done(&l);
    selection_done(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kind_schema_and_name_make_the_difference),
        cmocka_unit_test(what_is_no_object_is_not_told),
        cmocka_unit_test(what_the_selection_leaves_out_is_extra),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
