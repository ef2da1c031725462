/* SPDX-License-Identifier: Apache-2.0 */
/* Which backups tonight's is compared with. */
#include "tests/unit/catalog/samples.h"

#include "catalog/evidence.h"

/* Backup n of source with flags; filter (may be NULL): of pg_dump. */
static void put(unsigned n, const char *source, uint64_t flags, const char *filter)
{
    struct manifest m = samples_opened(n, source);
    const struct backups_table table = samples_table("t", n);
    m.flags = flags;
    if (filter)
        assert_done(member_texts_add(&m.private_part.dump_arguments, filter, &e), &e);
    assert_done(backups_put(c, &m, &table, 1, &e), &e);
    manifest_done(&m);
}

struct seen {
    char words[100];
};

static int see(void *arg, const struct evidence_backup *b, struct error *unused)
{
    struct seen *s = arg;
    size_t len = strlen(s->words);
    (void)unused;
    assert_true(b->system_id == UINT64_MAX - 1);
    (void)snprintf(s->words + len, sizeof s->words - len, "%u%s ", b->backup_id[0],
                   b->acked     ? " acked"
                   : b->doubted ? " doubted"
                                : "");
    return 0;
}

static void assert_seen(const char *source, const char *filters, const char *wanted)
{
    struct seen s = {{0}};
    const struct evidence_query query = {.source = source, .filters = filters, .most = 3};
    assert_done(evidence_visit(c, &query, see, &s, &e), &e);
    assert_string_equal(s.words, wanted);
}

static void the_newest_of_the_source_come_first(void **state)
{
    (void)state;
    assert_seen("shop", "", "");
    for (unsigned n = 1; n <= 6; n++)
        put(n, n == 5 ? "other" : "shop", 0, NULL);
    assert_seen("shop", "", "6 4 3 ");
    assert_seen("other", "", "5 ");
}

static void other_filters_are_another_matter(void **state)
{
    (void)state;
    put(1, "shop", 0, NULL);
    put(2, "shop", 0, "--schema=a");
    put(3, "shop", 0, "-na");
    put(4, "shop", 0, NULL);
    assert_seen("shop", "", "4 1 ");
    assert_seen("shop", "--schema=a\n", "3 2 ");
    assert_seen("shop", "--schema=b\n", "");
}

static void what_is_suspect_counts_once_it_is_acked(void **state)
{
    (void)state;
    put(1, "shop", 0, NULL);
    put(2, "shop", FORMAT_FLAG_SUSPECT, NULL);
    put(3, "shop", FORMAT_FLAG_UNCHECKED, NULL);
    assert_seen("shop", "", "1 ");
    samples_ack(c, 2, NULL);
    samples_ack(c, 3, NULL);
    assert_seen("shop", "", "2 acked 1 ");
}

static void what_is_doubted_is_shown_between_two_that_are_not(void **state)
{
    (void)state;
    put(1, "shop", FORMAT_FLAG_SUSPECT, NULL);
    assert_seen("shop", "", "");
    put(2, "shop", 0, NULL);
    for (unsigned n = 3; n <= 6; n++)
        put(n, "shop", FORMAT_FLAG_SUSPECT, NULL);
    assert_seen("shop", "", "2 ");
    put(7, "shop", 0, NULL);
    assert_seen("shop", "", "7 6 doubted 5 doubted 4 doubted 3 doubted 2 ");
}

static void what_has_no_tables_or_was_not_opened_tells_nothing(void **state)
{
    (void)state;
    struct manifest m = samples_opened(1, "shop");
    assert_done(backups_put(c, &m, NULL, 0, &e), &e);
    manifest_done(&m);
    m = samples_manifest(2);
    assert_done(backups_put(c, &m, NULL, 0, &e), &e);
    manifest_done(&m);
    assert_seen("shop", "", "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samples_make, samples_clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_newest_of_the_source_come_first),
        TEST(other_filters_are_another_matter),
        TEST(what_is_suspect_counts_once_it_is_acked),
        TEST(what_is_doubted_is_shown_between_two_that_are_not),
        TEST(what_has_no_tables_or_was_not_opened_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
