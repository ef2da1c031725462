/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/catalog/samples.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"

static mode_t mode_of(const char *name)
{
    struct stat st;
    assert_int_equal(stat(name, &st), 0);
    return st.st_mode & 07777;
}

static void assert_open_refused(const char *name, enum error_kind wanted)
{
    error_clear(&e);
    struct catalog *opened = catalog_open(name, repository, &e);
    assert_null(opened);
    if (e.kind != wanted)
        fail_msg("kind %d, not %d: %s", (int)e.kind, (int)wanted, e.text);
}

static void reopen(void)
{
    catalog_close(c);
    c = samples_open(path);
}

static void
a_new_catalog_has_the_newest_version_and_the_settings_that_keep_it_safe(void **state)
{
    (void)state;
    char text[200];
    assert_int_equal(samples_number(c, "PRAGMA user_version"), catalog_version());
    assert_int_equal(samples_number(c, "PRAGMA synchronous"), 2);
    assert_int_equal(samples_number(c, "PRAGMA foreign_keys"), 1);
    assert_int_equal(samples_number(c, "PRAGMA trusted_schema"), 0);
    assert_int_equal(samples_number(c, "PRAGMA busy_timeout"), 60000);
    samples_text(c, "PRAGMA journal_mode", text);
    assert_string_equal(text, "wal");
    assert_done(catalog_check(c, &e), &e);
}

static void only_the_owner_may_read_it_whatever_the_umask_is(void **state)
{
    (void)state;
    char deep[SCRATCH_PATH], side[SCRATCH_PATH];
    scratch_path(deep, folder, "a/b/catalog.sqlite");
    for (mode_t mask = 0; mask <= 0777; mask += 0277) {
        mode_t old = umask(mask & ~(mode_t)0700);
        struct catalog *made = samples_open(deep);
        (void)umask(old);
        assert_int_equal(mode_of(deep), 0600);
        scratch_path(side, folder, "a/b/catalog.sqlite-wal");
        assert_int_equal(mode_of(side), 0600);
        scratch_path(side, folder, "a/b/catalog.sqlite-shm");
        assert_int_equal(mode_of(side), 0600);
        scratch_path(side, folder, "a/b");
        assert_int_equal(mode_of(side) & 077, 0);
        catalog_close(made);
        assert_int_equal(unlink(deep), 0);
    }
}

static void a_hostile_umask_does_not_take_our_own_rights(void **state)
{
    (void)state;
    char other[SCRATCH_PATH];
    scratch_path(other, folder, "other.sqlite");
    mode_t old = umask(0777);
    struct catalog *made = catalog_open(other, repository, &e);
    (void)umask(old);
    assert_non_null(made);
    assert_int_equal(mode_of(other), 0600);
    catalog_close(made);
}

static void a_mode_that_was_opened_up_is_closed_again(void **state)
{
    (void)state;
    assert_int_equal(chmod(path, 0644), 0);
    reopen();
    assert_int_equal(mode_of(path), 0600);
}

static void names_with_a_meaning_to_sqlite_are_files_like_others(void **state)
{
    (void)state;
    char here[SCRATCH_PATH];
    static const char *const names[] = {":memory:", "file:x?mode=memory", "plain"};
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct catalog *made = samples_open(names[i]);
        assert_int_equal(mode_of(names[i]), 0600);
        catalog_close(made);
    }
    assert_int_equal(chdir(here), 0);
}

static void network_file_systems_are_known_by_their_numbers(void **state)
{
    (void)state;
    assert_string_equal(catalog_network_name(0x6969), "NFS");
    assert_string_equal(catalog_network_name(0xff534d42), "CIFS");
    assert_string_equal(catalog_network_name(0xfe534d42), "SMB2");
    assert_null(catalog_network_name(0xef53));     /* ext4 */
    assert_null(catalog_network_name(0x01021994)); /* tmpfs */
    assert_null(catalog_network_name(0x794c7630)); /* overlayfs */
}

static void a_newer_version_is_left_alone(void **state)
{
    (void)state;
    struct buf before = {0}, after = {0};
    assert_done(sql_script(c, "PRAGMA user_version = 99", &e), &e);
    catalog_close(c);
    c = NULL;
    assert_done(file_load(path, 10 * MIB, &before, &e), &e);
    assert_open_refused(path, ERROR_UNSUPPORTED);
    assert_non_null(strstr(e.text, "99"));
    assert_done(file_load(path, 10 * MIB, &after, &e), &e);
    assert_true(bytes_equal(buf_view(&before), buf_view(&after)));
    buf_done(&before);
    buf_done(&after);
}

static void another_repository_is_refused(void **state)
{
    (void)state;
    static const uint8_t other[FORMAT_ID_LEN] = {9};
    assert_null(catalog_open(path, other, &e));
    assert_int_equal(e.kind, ERROR_USAGE);
    assert_non_null(strstr(e.text, "7265706f")); /* "repo" in hex */
    reopen();
}

static void a_foreign_sqlite_file_is_refused_and_not_touched(void **state)
{
    (void)state;
    char other[SCRATCH_PATH];
    sqlite3 *db = NULL;
    struct buf before = {0}, after = {0};
    scratch_path(other, folder, "other.sqlite");
    assert_int_equal(sqlite3_open(other, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_done(file_load(other, 10 * MIB, &before, &e), &e);
    assert_open_refused(other, ERROR_USAGE);
    assert_done(file_load(other, 10 * MIB, &after, &e), &e);
    assert_true(bytes_equal(buf_view(&before), buf_view(&after)));
    buf_done(&before);
    buf_done(&after);
}

static void write_at(const char *name, off_t at, size_t len)
{
    static const char junk[8192] = {'j', 'u', 'n', 'k'};
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, junk, len, at), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

static void a_file_that_is_no_database_is_damage_with_the_way_out_named(void **state)
{
    (void)state;
    catalog_close(c);
    c = NULL;
    write_at(path, 0, 4096);
    assert_open_refused(path, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "\nhint: pgkeep catalog rebuild"));
}

static void damage_inside_is_found_by_the_check_and_by_whoever_meets_it(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 40; n++)
        samples_add_pack(c, n, n * 16, 16);
    reopen(); /* all in the file itself */
    int64_t page = samples_number(c, "SELECT rootpage FROM sqlite_schema WHERE name = 'chunk'");
    catalog_close(c);
    write_at(path, (off_t)(page - 1) * 4096, 4096);
    c = samples_open(path);
    assert_refused(catalog_check(c, &e), &e, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "\nhint: pgkeep catalog rebuild"));
    struct ref ref;
    struct closure_pack pack;
    uint8_t id[FORMAT_HASH_LEN] = {20};
    assert_refused(objects_lookup(c, id, &ref, &pack, &e), &e, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "\nhint: pgkeep catalog rebuild"));
}

static void a_row_that_refers_to_nothing_is_found_by_the_check(void **state)
{
    (void)state;
    assert_done(sql_script(c,
                           "PRAGMA foreign_keys = OFF;"
                           "INSERT INTO backup_pack VALUES (1, 1);",
                           &e),
                &e);
    assert_refused(catalog_check(c, &e), &e, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "backup_pack"));
}

static void a_writer_that_waits_too_long_is_told_that_it_is_busy(void **state)
{
    (void)state;
    struct catalog *other = samples_open(path);
    assert_int_equal(sqlite3_busy_timeout(other->db, 50), SQLITE_OK);
    samples_add_pack(c, 1, 0, 1);
    assert_done(catalog_begin(c, &e), &e);
    assert_refused(runs_event(other, "test", NULL, NULL, &e), &e, ERROR_BUSY);
    /* Readers do not wait. */
    assert_int_equal(samples_number(other, "SELECT count(*) FROM pack"), 1);
    assert_int_equal(catalog_end(c, 0, &e), 0);
    assert_done(runs_event(other, "test", NULL, NULL, &e), &e);
    catalog_close(other);
}

static void *events_of_a_thread(void *arg)
{
    struct error mine;
    for (int i = 0; i < 25; i++) {
        struct ref ref;
        struct closure_pack pack;
        uint8_t id[FORMAT_HASH_LEN] = {3};
        if (runs_event(arg, "thread", NULL, "x", &mine) < 0 ||
            objects_lookup(arg, id, &ref, &pack, &mine) != 0 || pack.object.size != 1001)
            return arg;
    }
    return NULL;
}

static void threads_share_one_handle_and_processes_one_file(void **state)
{
    (void)state;
    pthread_t threads[4];
    void *failed = NULL;
    samples_add_pack(c, 1, 0, 8);
    struct catalog *other = samples_open(path);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, events_of_a_thread, i % 2 ? c : other), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(samples_number(c, "SELECT count(*) FROM event"), 100);
    catalog_close(other);
}

static void *let_go_soon(void *arg)
{
    static const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
    (void)nanosleep(&pause, NULL);
    return sqlite3_exec(arg, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ? NULL : arg;
}

/* Who writes to a file that is no write-ahead log yet keeps others from making it one. */
static void a_new_file_that_another_one_writes_is_waited_for(void **state)
{
    (void)state;
    char fresh[SCRATCH_PATH];
    sqlite3 *writer = NULL;
    pthread_t thread;
    void *failed = NULL;
    scratch_path(fresh, folder, "fresh.sqlite");
    assert_int_equal(sqlite3_open(fresh, &writer), SQLITE_OK);
    assert_int_equal(sqlite3_exec(writer, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(pthread_create(&thread, NULL, let_go_soon, writer), 0);
    struct catalog *made = samples_open(fresh);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    catalog_close(made);
    assert_int_equal(sqlite3_close(writer), SQLITE_OK);
}

static void processes_that_make_the_same_catalog_at_once_all_get_it(void **state)
{
    (void)state;
    char fresh[SCRATCH_PATH];
    pid_t children[6];
    scratch_path(fresh, folder, "fresh/catalog.sqlite");
    for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct catalog *mine = catalog_open(fresh, repository, &e);
            if (!mine)
                (void)fprintf(stderr, "%s\n", e.text);
            _exit(mine && runs_event(mine, "child", NULL, NULL, &e) == 0 ? 0 : 1);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct catalog *made = samples_open(fresh);
    assert_int_equal(samples_number(made, "SELECT count(*) FROM event"), 6);
    assert_done(catalog_check(made, &e), &e);
    catalog_close(made);
}

/* Copies: two catalogs with the same content, and what the comparison says of them. */
static char path_b[SCRATCH_PATH];

static void fill(struct catalog *to)
{
    samples_add_pack(to, 1, 0, 4);
    samples_add_pack(to, 2, 4, 4);
    samples_put(to, 1, "shop");
    samples_put(to, 2, "shop");
    samples_ack(to, 1, "fine");
    samples_ack(to, 2, "as well");
}

/* The same in another order, so that the numbers of the file differ. */
static void fill_backwards(struct catalog *to)
{
    samples_ack(to, 2, "as well");
    samples_put(to, 2, "shop");
    samples_put(to, 1, "shop");
    samples_ack(to, 1, "fine");
    samples_add_pack(to, 2, 4, 4);
    samples_add_pack(to, 1, 0, 4);
}

static struct catalog *second(void)
{
    scratch_path(path_b, folder, "b.sqlite");
    return samples_open(path_b);
}

static void assert_compare(int wanted, const char *table)
{
    char *difference = NULL;
    for (int turn = 0; turn < 2; turn++) {
        int answer =
            catalog_compare(turn ? path_b : path, turn ? path : path_b, &difference, &e);
        if (answer != wanted)
            fail_msg("%d, not %d: %s", answer, wanted,
                     answer < 0   ? e.text
                     : difference ? difference
                                  : "no difference");
        if (wanted == 0)
            assert_null(difference);
        else if (!strstr(difference, table))
            fail_msg("%s is not named: %s", table, difference);
        free(difference);
    }
}

static void the_same_content_in_another_order_is_the_same(void **state)
{
    (void)state;
    struct catalog *b = second();
    fill(c);
    fill_backwards(b);
    assert_done(runs_event(b, "history is not compared", NULL, NULL, &e), &e);
    assert_compare(0, NULL);
    catalog_close(b);
}

static void every_kind_of_difference_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *change;
        const char *table;
    } changes[] = {
        {"UPDATE repository SET repository_id = zeroblob(16)", "table repository, "},
        {"UPDATE pack SET size = size + 1 WHERE size = 1001", "table pack, "},
        {"UPDATE pack SET suffix = zeroblob(4) WHERE size = 1002", "table pack, "},
        {"UPDATE pack SET owner = zeroblob(16) WHERE size = 1001", "table pack, "},
        {"UPDATE pack SET indexed = 0 WHERE size = 1001", "table pack, "},
        {"INSERT INTO pack SELECT NULL, sha256, zeroblob(4), size, pack_id, owner, 1 FROM pack"
         " WHERE size = 1001",
         "table pack, "},
        {"DELETE FROM chunk WHERE chunk_id IN (SELECT max(chunk_id) FROM chunk)",
         "table chunk, "},
        {"UPDATE chunk SET record = record + 1 WHERE record = 3 AND pack_no = 1",
         "table chunk, "},
        {"UPDATE chunk SET offset = 0 WHERE record = 2", "table chunk, "},
        {"UPDATE chunk SET plain = 41 WHERE record = 2", "table chunk, "},
        {"DELETE FROM backup WHERE sequence = 2", "table backup, "},
        {"UPDATE backup SET digest = zeroblob(32) WHERE sequence = 1", "table backup, "},
        {"UPDATE backup SET previous = NULL WHERE sequence = 2", "table backup, "},
        {"UPDATE backup SET flags = 1 WHERE sequence = 2", "table backup, "},
        {"UPDATE backup SET committed_us = committed_us + 1", "table backup, "},
        {"DELETE FROM backup_pack WHERE backup_no = 2 AND pack_no = 1", "table backup_pack, "},
        {"UPDATE backup_private SET source = 'shop2'", "table backup_private, "},
        {"UPDATE backup_private SET database = NULL", "table backup_private, "},
        {"UPDATE backup_private SET dump_bytes = 1", "table backup_private, "},
        {"UPDATE backup_private SET filters = 'x'", "table backup_private, "},
        {"UPDATE backup_tag SET tag = 'other' WHERE ordinal = 1", "table backup_tag, "},
        {"DELETE FROM backup_tag WHERE ordinal = 1", "table backup_tag, "},
        {"UPDATE backup_member SET sha256 = zeroblob(32)", "table backup_member, "},
        {"DELETE FROM backup_table WHERE ordinal = 1", "table backup_table, "},
        {"UPDATE backup_table SET ordinal = ordinal + 2", "table backup_table, "},
        {"UPDATE table_state SET key = zeroblob(32) WHERE name = 'fixed'",
         "table backup_table, "},
        {"UPDATE mark SET at_us = 5 WHERE text = 'fine'", "table mark, "},
        {"UPDATE mark SET text = 'bad' WHERE text = 'fine'", "table mark, "},
        {"DELETE FROM mark WHERE text = 'fine'", "table mark, "},
    };
    struct catalog *b = second();
    fill(c);
    fill(b);
    assert_compare(0, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        catalog_close(b);
        assert_int_equal(unlink(path_b), 0);
        b = second();
        fill(b);
        assert_done(sql_script(b, changes[i].change, &e), &e);
        if (sqlite3_changes(b->db) == 0)
            fail_msg("nothing changed: %s", changes[i].change);
        assert_compare(CATALOG_DIFFERENT, changes[i].table);
    }
    catalog_close(b);
}

static void what_only_one_could_open_is_no_difference_but_said(void **state)
{
    (void)state;
    struct catalog *b = second();
    fill(c);
    samples_add_pack(b, 1, 0, 4);
    samples_add_pack(b, 2, 4, 4);
    samples_put(b, 1, "shop");
    samples_ack(b, 1, "fine");
    samples_ack(b, 2, NULL);
    struct manifest m = samples_manifest(2);
    assert_done(backups_put(b, &m, NULL, 0, &e), &e);
    manifest_done(&m);
    assert_compare(CATALOG_PARTIAL, "key 0202");
    catalog_close(b);
}

static void a_comparison_needs_two_sound_files_of_this_version(void **state)
{
    (void)state;
    char *difference = NULL;
    struct catalog *b = second();
    scratch_path(path_b, folder, "none.sqlite");
    assert_refused(catalog_compare(path, path_b, &difference, &e), &e, ERROR_IO);
    assert_refused(catalog_compare(path_b, path, &difference, &e), &e, ERROR_IO);
    assert_int_equal(access(path_b, F_OK), -1);
    scratch_path(path_b, folder, "b.sqlite");
    assert_done(sql_script(b, "PRAGMA user_version = 2", &e), &e);
    assert_refused(catalog_compare(path, path_b, &difference, &e), &e, ERROR_UNSUPPORTED);
    catalog_close(b);
    write_at(path_b, 0, 4096);
    assert_refused(catalog_compare(path, path_b, &difference, &e), &e, ERROR_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samples_make, samples_clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_catalog_has_the_newest_version_and_the_settings_that_keep_it_safe),
        TEST(only_the_owner_may_read_it_whatever_the_umask_is),
        TEST(a_hostile_umask_does_not_take_our_own_rights),
        TEST(a_mode_that_was_opened_up_is_closed_again),
        TEST(names_with_a_meaning_to_sqlite_are_files_like_others),
        TEST(network_file_systems_are_known_by_their_numbers),
        TEST(a_newer_version_is_left_alone),
        TEST(another_repository_is_refused),
        TEST(a_foreign_sqlite_file_is_refused_and_not_touched),
        TEST(a_file_that_is_no_database_is_damage_with_the_way_out_named),
        TEST(damage_inside_is_found_by_the_check_and_by_whoever_meets_it),
        TEST(a_row_that_refers_to_nothing_is_found_by_the_check),
        TEST(a_writer_that_waits_too_long_is_told_that_it_is_busy),
        TEST(threads_share_one_handle_and_processes_one_file),
        TEST(a_new_file_that_another_one_writes_is_waited_for),
        TEST(processes_that_make_the_same_catalog_at_once_all_get_it),
        TEST(the_same_content_in_another_order_is_the_same),
        TEST(every_kind_of_difference_is_found),
        TEST(what_only_one_could_open_is_no_difference_but_said),
        TEST(a_comparison_needs_two_sound_files_of_this_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
