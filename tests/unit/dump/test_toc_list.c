/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/archive.h"
#include "tests/support/check.h"
#include "tests/support/selection.h"

static struct archive_entry entry(int64_t dump_id, const char *schema, const char *on,
                                  const char *on2)
{
    struct archive_entry n = archive_with_id(&archive_schema, dump_id);
    n.schema = schema;
    n.dependencies[0] = on;
    n.dependencies[1] = on2;
    return n;
}

static void is_joined(const struct toc_list_edges *edges, uint32_t i, const uint32_t *to,
                      size_t count)
{
    assert_int_equal(edges->start[i + 1] - edges->start[i], count);
    for (size_t k = 0; k < count; k++)
        assert_int_equal(edges->items[edges->start[i] + k], to[k]);
}

/* Dump ids neither ascend nor are all there; an entry that names itself is no edge. */
static void dependencies_go_both_ways(void **state)
{
    const struct archive_entry entries[] = {
        entry(900, "s", NULL, NULL), entry(3, NULL, "900", "2000000000"),
        entry(70, "", "3", "900"), entry(1, "s", "1", NULL)};
    struct selection s;
    (void)state;
    selection_take(&s, archive_with_toc(12, entries, ARRAY_SIZE(entries)));
    assert_int_equal(s.list.count, 4);
    is_joined(&s.list.needs, 0, NULL, 0);
    is_joined(&s.list.needs, 1, (const uint32_t[]){0}, 1);
    is_joined(&s.list.needs, 2, (const uint32_t[]){1, 0}, 2);
    is_joined(&s.list.needs, 3, NULL, 0);
    is_joined(&s.list.needed_by, 0, (const uint32_t[]){1, 2}, 2);
    is_joined(&s.list.needed_by, 1, (const uint32_t[]){2}, 1);
    is_joined(&s.list.needed_by, 2, NULL, 0);
    selection_done(&s);
}

static void names_are_those_of_the_archive(void **state)
{
    struct archive_entry odd = entry(5, NULL, NULL, NULL);
    odd.tag = "a\nb";
    odd.desc = "SHELL TYPE";
    const struct archive_entry entries[] = {entry(1, "s", NULL, NULL), odd,
                                            entry(2, "", NULL, NULL)};
    char text[TOC_LIST_TEXT];
    struct selection s;
    (void)state;
    selection_take(&s, archive_with_toc(10, entries, ARRAY_SIZE(entries)));
    toc_list_text(&s.list, 0, text);
    assert_string_equal(text, "TABLE s.t");
    toc_list_text(&s.list, 1, text);
    assert_string_equal(text, "SHELL TYPE a\\x0ab");
    assert_true(bytes_equal(toc_list_tag(&s.list, 1), bytes_text("a\nb")));
    assert_null(toc_list_schema(&s.list, 1).data);
    assert_true(s.list.entries[2].has_schema);
    assert_int_equal(s.list.entries[1].facts->kind, TOC_KIND_OTHER);
    assert_int_equal(s.list.entries[0].facts->kind, TOC_KIND_TABLE);
    selection_done(&s);
}

static void a_toc_without_entries_is_an_empty_list(void **state)
{
    const struct toc_select_options all = {.content = TOC_SELECT_ALL};
    struct error e = {0};
    struct selection s;
    (void)state;
    selection_take(&s, archive_with_toc(16, NULL, 0));
    assert_int_equal(s.list.count, 0);
    assert_done(selection_run(&s, &all, &e), &e);
    assert_int_equal(s.select.kept, 0);
    assert_refused(selection_tables(&s, "t", &e), &e, ERROR_USAGE);
    assert_string_equal(e.text, "-t t: the backup has no such table\n"
                                "hint: the backup has no tables at all");
    selection_done(&s);
}

static void a_cut_toc_is_refused_at_every_byte(void **state)
{
    const struct archive_entry entries[] = {entry(1, "s", NULL, NULL),
                                            entry(2, "s", "1", NULL)};
    struct buf archive = archive_with_toc(16, entries, ARRAY_SIZE(entries));
    (void)state;
    for (size_t len = 0; len < archive.len; len++) {
        struct toc_list l = {0};
        struct error e = {0};
        assert_refused(toc_list_read(bytes_of(archive.data, len), &l, &e), &e, ERROR_CORRUPT);
        toc_list_done(&l);
    }
    buf_done(&archive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dependencies_go_both_ways),
        cmocka_unit_test(names_are_those_of_the_archive),
        cmocka_unit_test(a_toc_without_entries_is_an_empty_list),
        cmocka_unit_test(a_cut_toc_is_refused_at_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
