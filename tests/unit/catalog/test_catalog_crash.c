/* SPDX-License-Identifier: Apache-2.0 */
/* What a crash or a refusal leaves. This program itself never commits: failpoints read their
 * environment once, so every change is made by a process of its own. */
#include "tests/unit/catalog/samples.h"

#include <errno.h>

#include "tests/support/fault.h"

enum { NOT_OPENED = 1, NO_SPACE, REFUSED, HALF_WAY };

/* What a child that failed answers. */
static int failed(int otherwise)
{
    return e.kind == ERROR_IO && e.sys == ENOSPC ? NO_SPACE : otherwise;
}

static int make(void *arg)
{
    (void)arg;
    return catalog_open(path, repository, &e) ? 0 : failed(NOT_OPENED);
}

static int put_first(void *arg)
{
    struct catalog *mine = catalog_open(path, repository, &e);
    (void)arg;
    samples_add_pack(mine, 1, 0, 2);
    samples_put(mine, 1, "shop");
    return 0;
}

static int add_pack(void *arg)
{
    struct catalog *mine = catalog_open(path, repository, &e);
    struct closure_pack pack = samples_pack(2);
    struct ref refs[2] = {samples_ref(&pack, 2, 0), samples_ref(&pack, 3, 1)};
    (void)arg;
    if (!mine)
        return NOT_OPENED;
    return objects_add_pack(mine, &pack, refs, 2, &e) == 0 ? 0 : failed(REFUSED);
}

static int put_backup(void *arg)
{
    struct catalog *mine = catalog_open(path, repository, &e);
    struct manifest m = samples_opened(2, "shop");
    struct backups_table t = samples_table("new", 1);
    (void)arg;
    if (!mine)
        return NOT_OPENED;
    return backups_put(mine, &m, &t, 1, &e) == 0 ? 0 : failed(REFUSED);
}

static int remove_backup(void *arg)
{
    struct catalog *mine = catalog_open(path, repository, &e);
    struct manifest m = samples_manifest(1);
    (void)arg;
    if (!mine)
        return NOT_OPENED;
    return backups_remove(mine, m.backup_id, &e) == 0 ? 0 : failed(REFUSED);
}

static int drop_pack(void *arg)
{
    struct catalog *mine = catalog_open(path, repository, &e);
    struct closure_pack pack = samples_pack(1);
    (void)arg;
    if (!mine)
        return NOT_OPENED;
    return objects_drop_pack(mine, &pack.object, &e) == 0 ? 0 : failed(REFUSED);
}

static int note_event(void *arg)
{
    struct catalog *mine = catalog_open(path, repository, &e);
    (void)arg;
    if (!mine)
        return NOT_OPENED;
    return runs_event(mine, "test", NULL, NULL, &e) == 0 ? 0 : failed(REFUSED);
}

/* Ends without any chance to tidy up, a transaction half-way. */
static int die_half_way(void *arg)
{
    struct catalog *mine = catalog_open(path, repository, &e);
    (void)arg;
    if (!mine || catalog_begin(mine, &e) < 0 ||
        sql_script(mine, "DELETE FROM chunk; DELETE FROM backup", &e) < 0)
        return NOT_OPENED;
    return HALF_WAY;
}

/* All that there is, as one text. */
static void content(char out[200])
{
    struct catalog *raw = catalog_open_raw(path, &e);
    assert_non_null(raw);
    samples_text(raw,
                 "SELECT (SELECT count(*) || ' packs ' || sum(indexed) FROM pack) || ' '"
                 " || (SELECT count(*) FROM chunk) || ' chunks '"
                 " || (SELECT count(*) FROM backup) || ' backups '"
                 " || (SELECT count(*) FROM backup_private) || ' open '"
                 " || (SELECT count(*) FROM backup_table) || ' tables '"
                 " || (SELECT count(*) FROM table_state) || ' states '"
                 " || (SELECT count(*) FROM event) || ' events'",
                 out);
    assert_done(catalog_check(raw, &e), &e);
    catalog_close(raw);
}

static int make_folder(void **state)
{
    (void)state;
    scratch_make(folder);
    scratch_path(path, folder, "catalog.sqlite");
    return 0;
}

static int clear_folder(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

static int (*const steps[])(void *) = {add_pack, put_backup, remove_backup, drop_pack,
                                       note_event};

static void a_process_that_dies_half_way_leaves_the_old_content(void **state)
{
    (void)state;
    char before[200], after[200];
    assert_int_equal(fault_run("UNUSED", "", put_first, NULL), 0);
    content(before);
    assert_int_equal(fault_run("UNUSED", "", die_half_way, NULL), HALF_WAY);
    content(after);
    assert_string_equal(before, after);
    assert_string_equal(before,
                        "1 packs 1 2 chunks 1 backups 1 open 2 tables 2 states 0 events");
}

#ifdef PGKEEP_FAILPOINTS

static void a_crash_before_a_commit_leaves_the_old_content(void **state)
{
    (void)state;
    char before[200], after[200];
    assert_int_equal(fault_run("UNUSED", "", put_first, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        content(before);
        assert_int_equal(fault_run("PGKEEP_FAIL_AT", "1", steps[i], NULL), FAULT_CRASHED);
        content(after);
        assert_string_equal(before, after);
        /* The same again without a crash goes through, with one commit. */
        assert_int_equal(fault_run("PGKEEP_FAIL_AT", "2", steps[i], NULL), 0);
        content(after);
        assert_string_not_equal(before, after);
    }
}

static void a_commit_that_is_refused_leaves_the_old_content(void **state)
{
    (void)state;
    char before[200], after[200];
    assert_int_equal(fault_run("UNUSED", "", put_first, NULL), 0);
    content(before);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "28:1", steps[i], NULL), NO_SPACE);
        content(after);
        assert_string_equal(before, after);
    }
}

/* The folder exists, so the hits are the commits: the schema, then the repository's id. */
static void a_crash_while_it_is_made_is_mended_by_the_next_open(void **state)
{
    (void)state;
    char text[200];
    for (int n = 1; n <= 3; n++) {
        char hit[8], name[16];
        (void)snprintf(hit, sizeof hit, "%d", n);
        (void)snprintf(name, sizeof name, "fresh%d", n);
        scratch_path(path, folder, name);
        assert_int_equal(fault_run("PGKEEP_FAIL_AT", hit, make, NULL),
                         n < 3 ? FAULT_CRASHED : 0);
        assert_int_equal(fault_run("UNUSED", "", make, NULL), 0);
        content(text);
        struct catalog *raw = catalog_open_raw(path, &e);
        assert_non_null(raw);
        assert_int_equal(samples_number(raw, "SELECT count(*) FROM repository"), 1);
        catalog_close(raw);
    }
}

static void a_schema_that_is_refused_is_not_there_at_all(void **state)
{
    (void)state;
    assert_int_equal(fault_run("PGKEEP_FAIL_ERRNO", "28:1", make, NULL), NO_SPACE);
    struct catalog *raw = catalog_open_raw(path, &e);
    assert_non_null(raw);
    assert_int_equal(samples_number(raw, "SELECT count(*) FROM sqlite_schema"), 0);
    assert_int_equal(samples_number(raw, "PRAGMA user_version"), 0);
    catalog_close(raw);
}

#else

static void without_failpoints_every_step_goes_through(void **state)
{
    (void)state;
    assert_int_equal(fault_run("PGKEEP_FAIL_AT", "1", make, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        assert_int_equal(fault_run("PGKEEP_FAIL_AT", "1", steps[i], NULL), 0);
}

#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, clear_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_process_that_dies_half_way_leaves_the_old_content),
#ifdef PGKEEP_FAILPOINTS
        TEST(a_crash_before_a_commit_leaves_the_old_content),
        TEST(a_commit_that_is_refused_leaves_the_old_content),
        TEST(a_crash_while_it_is_made_is_mended_by_the_next_open),
        TEST(a_schema_that_is_refused_is_not_there_at_all),
#else
        TEST(without_failpoints_every_step_goes_through),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
