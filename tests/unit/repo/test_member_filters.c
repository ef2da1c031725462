/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <string.h>

#include "core/repo/member.h"

static void assert_filters(struct member_private *p, const char *wanted)
{
    struct error e = {0};
    struct buf b = {0};
    assert_done(member_filters(p, &b, &e), &e);
    assert_int_equal(b.len, strlen(wanted));
    if (b.len > 0)
        assert_memory_equal(b.data, wanted, b.len);
    buf_done(&b);
}

static void add(struct member_private *p, const char *const *arguments)
{
    struct error e = {0};
    for (; *arguments; arguments++)
        assert_done(member_texts_add(&p->dump_arguments, *arguments, &e), &e);
}

static void filters_mean_the_same_in_any_order_and_spelling(void **state)
{
    static const char wanted[] = "--exclude-table-data=log*\n--schema=a\n--schema=b\n";
    static const char *const spellings[][12] = {
        {"-Fc", "--schema", "b", "--schema", "a", "--exclude-table-data", "log*", NULL},
        {"--exclude-table-data=log*", "-n", "a", "-nb", NULL},
        {"-nb", "-nb", "--schema=a", "--exclude-table-data", "log*", "--lock-wait-timeout=60",
         NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
        struct member_private p = {0};
        add(&p, spellings[i]);
        assert_filters(&p, wanted);
        member_private_done(&p);
    }
}

static void nothing_else_of_a_command_line_is_taken(void **state)
{
    static const char *const argv[] = {"pg_dump",
                                       "-Fc",
                                       "-d",
                                       "host=db password=secret dbname=x",
                                       "-t",
                                       "shop.*",
                                       "-T",
                                       "-odd",
                                       "--no-password",
                                       "--tables=no",
                                       "-n",
                                       NULL};
    struct error e = {0};
    struct member_private p = {0};
    (void)state;
    assert_done(member_filters_take(&p, argv, &e), &e);
    assert_int_equal(p.dump_arguments.count, 2);
    assert_string_equal(p.dump_arguments.items[0], "--table=shop.*");
    assert_string_equal(p.dump_arguments.items[1], "--exclude-table=-odd");
    assert_filters(&p, "--exclude-table=-odd\n--table=shop.*\n");
    member_private_done(&p);
}

static void what_a_dump_leaves_out_is_a_filter(void **state)
{
    struct error e = {0};
    struct member_private p = {0};
    (void)state;
    assert_filters(&p, "");
    struct member *m = member_add(&p, &e);
    assert_non_null(m);
    assert_filters(&p, "");
    m->lacks = MEMBER_LACKS_DEFINITIONS;
    assert_filters(&p, "data only\n");
    m->lacks = MEMBER_LACKS_ROWS;
    assert_filters(&p, "schema only\n");
    member_private_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_mean_the_same_in_any_order_and_spelling),
        cmocka_unit_test(nothing_else_of_a_command_line_is_taken),
        cmocka_unit_test(what_a_dump_leaves_out_is_a_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
