/* SPDX-License-Identifier: Apache-2.0 */
/* The SFTP store against a real OpenSSH server: what it promises beyond core/repo/store.h. */
#include "tests/support/sftp_world.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/store_sftp.h"
#include "core/base/clock.h"
#include "core/base/str.h"

#define OLD_TEMPORARY ".tmp-00000000000000000000000000000001"
#define YOUNG_TEMPORARY ".tmp-00000000000000000000000000000002"

/* ---- ordinary work --------------------------------------------------------------------- */

static void what_was_put_is_there_whole_and_private(void **state)
{
    static const size_t sizes[] = {0, 1, 32768, 3 * MIB + 17};
    struct error e = {0};
    struct buf b = {0};
    struct stat st;
    char path[SCRATCH_PATH];
    (void)state;
    struct store *s = sftp_world_open_at(sftp_world_server.port, "whole/deep");
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "packs/0%zu/abc-%zu", i, i);
        b.len = 0;
        while (b.len < sizes[i])
            assert_int_equal(buf_byte(&b, (uint8_t)(b.len * 7 + b.len / 251), &e), 0);
        assert_done(store_put(s, name, buf_view(&b), &e), &e);
        sftp_world_assert_holds(s, name, buf_view(&b));
    }
    sftp_world_path_of(path, "whole/deep/packs/03/abc-3");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    sftp_world_path_of(path, "whole/deep/packs/03");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    sftp_world_path_of(path, "whole/deep/packs/03");
    assert_int_equal(scratch_count(path), 1);
    sftp_world_path_of(path, "whole/deep");
    assert_int_equal(scratch_count(path), 1);
    buf_done(&b);
    store_close(s);
}

static void a_taken_name_keeps_its_content(void **state)
{
    struct error e = {0};
    char path[SCRATCH_PATH];
    (void)state;
    struct store *s = sftp_world_open_at(sftp_world_server.port, "taken");
    assert_string_equal(store_describe(s),
                        "SFTP; create-if-absent: yes; durable: left to the server, no fsync");
    assert_done(store_put(s, "config", bytes_text("first"), &e), &e);
    assert_int_equal(store_put(s, "config", bytes_text("other"), &e), STORE_EXISTS);
    assert_int_equal(store_put(s, "config", bytes_text("first"), &e), STORE_EXISTS);
    assert_int_equal(store_put(s, "config", (struct bytes){0}, &e), STORE_EXISTS);
    sftp_world_assert_holds(s, "config", bytes_text("first"));
    sftp_world_path_of(path, "taken");
    assert_int_equal(scratch_count(path), 1);
    assert_done(store_remove(s, "config", &e), &e);
    assert_done(store_remove(s, "config", &e), &e);
    assert_done(store_remove(s, "hosts/none", &e), &e);
    assert_int_equal(scratch_count(path), 0);
    store_close(s);
}

static void what_is_no_file_is_no_object(void **state)
{
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    struct store *s = sftp_world_open_at(sftp_world_server.port, "nofile");
    assert_done(store_put(s, "packs/ab/cd", bytes_text("x"), &e), &e);
    assert_refused(store_get(s, "packs/ab", 0, STORE_ALL, &b, &e), &e, ERROR_CORRUPT);
    assert_int_equal(store_put(s, "packs/ab", bytes_text("x"), &e), STORE_EXISTS);
    assert_refused(store_remove(s, "packs/ab", &e), &e, ERROR_IO);
    sftp_world_assert_holds(s, "packs/ab/cd", bytes_text("x"));
    buf_done(&b);
    store_close(s);
}

static void objects_too_large_to_load_are_refused(void **state)
{
    char path[SCRATCH_PATH];
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    struct store *s = sftp_world_open_at(sftp_world_server.port, "large");
    sftp_world_write_file("large/config", "start");
    sftp_world_path_of(path, "large/config");
    assert_int_equal(truncate(path, (off_t)(300 * MIB)), 0);
    assert_refused(store_get(s, "config", 0, STORE_ALL, &b, &e), &e, ERROR_CORRUPT);
    assert_int_equal(b.cap, 0);
    assert_done(store_get(s, "config", 0, 5, &b, &e), &e);
    assert_true(bytes_equal(buf_view(&b), bytes_text("start")));
    assert_done(store_get(s, "config", 299 * MIB, STORE_ALL, &b, &e), &e);
    assert_int_equal(b.len, MIB);
    buf_done(&b);
    store_close(s);
}

/* ---- listings --------------------------------------------------------------------------- */

static void a_listing_tells_names_sizes_and_times_in_utc(void **state)
{
    struct error e = {0};
    (void)state;
    struct store *s = sftp_world_open_at(sftp_world_server.port, "listed");
    assert_int_equal(sftp_world_list_of(s, "").count, 0);
    assert_int_equal(sftp_world_list_of(s, "packs/").count, 0);
    int64_t before = clock_now_us();
    assert_done(store_put(s, "config", bytes_text("1234"), &e), &e);
    assert_done(store_put(s, "packs/ab/cd", bytes_text("12"), &e), &e);
    assert_done(store_put(s, "packs/ab/ce", bytes_text("1"), &e), &e);
    assert_done(store_put(s, "packs/ff/cf", (struct bytes){0}, &e), &e);
    struct sftp_world_found f = sftp_world_list_of(s, "");
    assert_int_equal(f.count, 4);
    assert_int_equal(f.bytes, 7);
    assert_true(sftp_world_has(&f, "config") && sftp_world_has(&f, "packs/ab/cd") &&
                sftp_world_has(&f, "packs/ab/ce") && sftp_world_has(&f, "packs/ff/cf"));
    /* Cut to the minute. */
    assert_true(f.earliest > before - INT64_C(62000000) && f.latest <= clock_now_us());
    assert_int_equal(sftp_world_list_of(s, "packs/").count, 3);
    assert_int_equal(sftp_world_list_of(s, "packs/ab/").count, 2);
    assert_int_equal(sftp_world_list_of(s, "packs/ab/cd").count, 1);
    assert_int_equal(sftp_world_list_of(s, "con").count, 1);
    assert_int_equal(sftp_world_list_of(s, "marks/").count, 0);
    store_close(s);
}

static void hostile_names_do_no_harm(void **state)
{
    static const char *const names[] = {
        "odd/packs/ab/with blank",
        "odd/packs/ab/ begins with one",
        "odd/packs/ab/line\nend",
        "odd/packs/ab/-rw",
        "odd/packs/ab/back\\slash\"quote",
        "odd/packs/ab/\xc3\xa9\xff\x1b[31m",
        "odd/packs/ab/x -> y",
        "odd/packs/ab/.hidden",
        "odd/packs/ab/cd",
    };
    (void)state;
    struct error e = {0};
    struct store *s = sftp_world_open_at(sftp_world_server.port, "odd");
    assert_done(store_put(s, "packs/ab/ce", bytes_text("12"), &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        sftp_world_write_file(names[i], "1");
    char link[SCRATCH_PATH];
    sftp_world_path_of(link, "odd/packs/link");
    assert_int_equal(symlink("/etc", link), 0);
    sftp_world_path_of(link, "odd/hosts");
    assert_int_equal(symlink("/etc/passwd", link), 0);
    sftp_world_path_of(link, "odd/packs/ab/deep");
    assert_int_equal(mkdir(link, 0700), 0);
    sftp_world_write_file("odd/packs/ab/deep/er", "1");
    struct sftp_world_found f = sftp_world_list_of(s, "");
    assert_true(sftp_world_has(&f, "packs/ab/ce"));
    assert_true(sftp_world_has(&f, "packs/ab/cd"));
    assert_true(sftp_world_has(&f, "packs/ab/with blank"));
    assert_true(sftp_world_has(&f, "packs/ab/ begins with one"));
    assert_false(sftp_world_has(&f, "packs/ab/.hidden"));
    assert_false(sftp_world_has(&f, "packs/ab/deep/er"));
    assert_false(sftp_world_has(&f, "hosts"));
    for (size_t i = 0; i < f.count; i++)
        assert_true(str_starts(f.names[i], "packs/ab/"));
    store_close(s);
}

/* Above 31 folders they are fetched over several connections, some of which may break. */
static void many_folders_are_listed_whole(void **state)
{
    static const unsigned losses[] = {0, 1, 9, 40, 90, 150, 220};
    char path[SCRATCH_PATH];
    (void)state;
    struct store *s = sftp_world_open_at(ssh_relay_port(sftp_world_relay), "many/packs");
    for (unsigned i = 0; i < 60; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "many/packs/%02x", i);
        sftp_world_path_of(path, name);
        assert_int_equal(mkdir(path, 0700), 0);
        (void)snprintf(name, sizeof name, "many/packs/%02x/ab", i);
        sftp_world_write_file(name, "1");
    }
    for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
        ssh_relay_lose(sftp_world_relay, losses[i]);
        struct sftp_world_found f = sftp_world_list_of(s, "");
        assert_int_equal(f.count, 60);
        assert_int_equal(f.bytes, 60);
        for (unsigned k = 0; k < 60; k++) {
            char name[32];
            (void)snprintf(name, sizeof name, "%02x/ab", k);
            assert_true(sftp_world_has(&f, name));
        }
        assert_int_equal(ssh_relay_happened(sftp_world_relay), losses[i] > 0);
    }
    ssh_relay_lose(sftp_world_relay, 0);
    store_close(s);
}

/* A name with a line end could hide the line behind it, or forge one. */
static void a_line_end_in_a_name_hides_no_object(void **state)
{
    struct error e = {0};
    (void)state;
    struct store *s = sftp_world_open_at(sftp_world_server.port, "lines");
    for (unsigned i = 0; i < 20; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "packs/ab/%02x", i);
        assert_done(store_put(s, name, bytes_text("1"), &e), &e);
        (void)snprintf(name, sizeof name, "lines/packs/ab/%02x\n%02x", i, i + 1);
        sftp_world_write_file(name, "12");
    }
    struct sftp_world_found f = sftp_world_list_of(s, "packs/ab/");
    size_t ours = 0;
    for (unsigned i = 0; i < 20; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "packs/ab/%02x", i);
        for (size_t k = 0; k < f.count; k++)
            ours += strcmp(f.names[k], name) == 0;
    }
    assert_true(ours >= 20);
    store_close(s);
}

static void temporary_files_of_dead_runs_are_removed_after_a_day(void **state)
{
    struct error e = {0};
    (void)state;
    struct store *s = sftp_world_open_at(sftp_world_server.port, "old");
    sftp_world_write_file("old/" OLD_TEMPORARY, "half");
    sftp_world_set_age("old/" OLD_TEMPORARY, 100000);
    sftp_world_write_file("old/" YOUNG_TEMPORARY, "half");
    sftp_world_set_age("old/" YOUNG_TEMPORARY, 80000);
    assert_int_equal(sftp_world_list_of(s, "").count, 0);
    /* Nothing tells that a day has gone by on the sftp_world_server. */
    assert_true(sftp_world_file_there("old/" OLD_TEMPORARY));
    assert_done(store_put(s, "config", bytes_text("x"), &e), &e);
    assert_int_equal(sftp_world_list_of(s, "").count, 1);
    assert_false(sftp_world_file_there("old/" OLD_TEMPORARY));
    assert_true(sftp_world_file_there("old/" YOUNG_TEMPORARY));
    store_close(s);
}

static void an_absent_folder_is_no_repository(void **state)
{
    char url[SFTP_WORLD_URL];
    struct error e = {0};
    (void)state;
    if (sftp_world_server.port == 0)
        skip();
    sftp_world_url_of(url, sftp_world_server.port, "never/made");
    assert_null(store_sftp_open(url, false, &e));
    assert_int_equal(e.kind, ERROR_NO_REPOSITORY);
    assert_non_null(strstr(e.text, "hint: "));
    sftp_world_write_file("a-file", "x");
    sftp_world_url_of(url, sftp_world_server.port, "a-file");
    assert_null(store_sftp_open(url, false, &e));
    assert_int_equal(e.kind, ERROR_NO_REPOSITORY);
    assert_null(store_sftp_open(url, true, &e));
    assert_int_equal(e.kind, ERROR_IO);
    store_close(sftp_world_open_at(sftp_world_server.port, "never/made"));
    sftp_world_url_of(url, sftp_world_server.port, "never/made");
    struct store *s = store_sftp_open(url, false, &e);
    assert_non_null(s);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_there_whole_and_private),
        cmocka_unit_test(a_taken_name_keeps_its_content),
        cmocka_unit_test(what_is_no_file_is_no_object),
        cmocka_unit_test(objects_too_large_to_load_are_refused),
        cmocka_unit_test(a_listing_tells_names_sizes_and_times_in_utc),
        cmocka_unit_test(hostile_names_do_no_harm),
        cmocka_unit_test(many_folders_are_listed_whole),
        cmocka_unit_test(a_line_end_in_a_name_hides_no_object),
        cmocka_unit_test(temporary_files_of_dead_runs_are_removed_after_a_day),
        cmocka_unit_test(an_absent_folder_is_no_repository),
    };
    return cmocka_run_group_tests(tests, sftp_world_start, sftp_world_stop);
}
