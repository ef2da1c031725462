/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <string.h>

#include "core/dump/toc_root.h"
#include "tests/support/archive.h"

static struct archive_entry table(int64_t dump_id, const char *schema, const char *name)
{
    struct archive_entry n = archive_with_id(&archive_schema, dump_id);
    n.schema = schema;
    n.tag = name;
    n.dependencies[0] = NULL;
    return n;
}

static struct archive_entry data(int64_t dump_id, const char *schema, const char *name,
                                 const char *of)
{
    struct archive_entry n = archive_with_id(&archive_data, dump_id);
    n.schema = schema;
    n.tag = name;
    n.dependencies[0] = of;
    n.dependencies[1] = NULL;
    return n;
}

/* pg_dump 11 and later: the child, which it is named after, and the parent in any order. */
static struct archive_entry attach(int64_t dump_id, const char *schema, const char *name,
                                   const char *a, const char *b)
{
    struct archive_entry n = table(dump_id, schema, name);
    n.desc = "TABLE ATTACH";
    n.defn = "ALTER TABLE ONLY …";
    n.dependencies[0] = a;
    n.dependencies[1] = b;
    n.dependencies[2] = NULL;
    return n;
}

struct seen {
    char words[400];
};

static int see(void *arg, uint32_t place, struct bytes schema, struct bytes name,
               struct error *e)
{
    struct seen *s = arg;
    size_t len = strlen(s->words);
    (void)e;
    (void)snprintf(s->words + len, sizeof s->words - len, "%u %.*s.%.*s;", place,
                   (int)schema.len, (const char *)schema.data, (int)name.len,
                   (const char *)name.data);
    return 0;
}

static void assert_roots(const struct archive_entry *entries, size_t count, const char *wanted)
{
    struct error e = {0};
    struct seen s = {{0}};
    struct buf archive = archive_with_toc(14, entries, count);
    assert_done(toc_root_find(buf_view(&archive), see, &s, &e), &e);
    assert_string_equal(s.words, wanted);
    buf_done(&archive);
}

static void partitions_of_partitions_have_one_root(void **state)
{
    const struct archive_entry entries[] = {
        table(1, "s", "log"),
        table(2, "s", "log_2026"),
        table(3, "part", "log_2026_01"),
        table(4, "s", "other"),
        attach(5, "s", "log_2026", "1", "2"),
        attach(6, "part", "log_2026_01", "3", "2"),
        data(7, "s", "other", "4"),
        data(8, "part", "log_2026_01", "3"),
    };
    (void)state;
    assert_roots(entries, ARRAY_SIZE(entries), "1 s.log;");
}

static void the_inline_form_of_pg_dump_10_is_understood(void **state)
{
    struct archive_entry child = table(2, "s", "log_a");
    child.defn = "CREATE TABLE s.log_a PARTITION OF s.log\nFOR VALUES FROM (1) TO (2);\n";
    child.dependencies[0] = "1";
    child.dependencies[1] = NULL;
    const struct archive_entry entries[] = {table(1, "s", "log"), child,
                                            data(3, "s", "log_a", "2")};
    (void)state;
    assert_roots(entries, ARRAY_SIZE(entries), "0 s.log;");
}

/* A parent in another schema may have its partition's name. */
static void names_count_with_their_schemas(void **state)
{
    const struct archive_entry entries[] = {table(1, "a", "log"), table(2, "b", "log"),
                                            attach(3, "b", "log", "1", "2"),
                                            data(4, "a", "log", "1"), data(5, "b", "log", "2")};
    (void)state;
    assert_roots(entries, ARRAY_SIZE(entries), "1 a.log;");
}

static void what_is_not_there_is_no_root(void **state)
{
    /* A parent that was not dumped; data without definitions; a circle. */
    const struct archive_entry alone[] = {table(2, "s", "p"), attach(3, "s", "p", "99", "2"),
                                          data(4, "s", "p", "2")};
    const struct archive_entry bare[] = {data(4, "s", "p", "2")};
    const struct archive_entry circle[] = {
        table(1, "s", "a"), table(2, "s", "b"), attach(3, "s", "a", "1", "2"),
        attach(4, "s", "b", "1", "2"), table(5, "s", "none")};
    (void)state;
    assert_roots(alone, ARRAY_SIZE(alone), "");
    assert_roots(bare, ARRAY_SIZE(bare), "");
    assert_roots(circle, ARRAY_SIZE(circle), "");
    assert_roots(NULL, 0, "");
}

static int stop(void *arg, uint32_t place, struct bytes schema, struct bytes name,
                struct error *e)
{
    (void)arg;
    (void)place;
    (void)schema;
    (void)name;
    return error_set(e, ERROR_MEMORY, "stop");
}

static void a_visitor_may_end_the_walk(void **state)
{
    struct error e = {0};
    const struct archive_entry entries[] = {table(1, "s", "log"), table(2, "s", "p"),
                                            attach(3, "s", "p", "1", "2"),
                                            data(4, "s", "p", "2")};
    struct buf archive = archive_with_toc(14, entries, ARRAY_SIZE(entries));
    (void)state;
    assert_refused(toc_root_find(buf_view(&archive), stop, NULL, &e), &e, ERROR_MEMORY);
    archive.len -= 3;
    assert_refused(toc_root_find(buf_view(&archive), stop, NULL, &e), &e, ERROR_CORRUPT);
    buf_done(&archive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_of_partitions_have_one_root),
        cmocka_unit_test(the_inline_form_of_pg_dump_10_is_understood),
        cmocka_unit_test(names_count_with_their_schemas),
        cmocka_unit_test(what_is_not_there_is_no_root),
        cmocka_unit_test(a_visitor_may_end_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
