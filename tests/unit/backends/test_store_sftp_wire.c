/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that break, stall or are never made, and disks that are full. */
#include "tests/support/sftp_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/store_sftp.h"
#include "core/base/clock.h"

static void connections_that_were_cut_are_made_anew(void **state)
{
    struct error e = {0};
    (void)state;
    struct store *s = sftp_world_open_at(sftp_world_server.port, "cut");
    assert_done(store_put(s, "config", bytes_text("x"), &e), &e);
    ssh_server_cut(&sftp_world_server);
    sftp_world_assert_holds(s, "config", bytes_text("x"));
    ssh_server_cut(&sftp_world_server);
    assert_done(store_put(s, "replica", bytes_text("y"), &e), &e);
    ssh_server_cut(&sftp_world_server);
    assert_int_equal(sftp_world_list_of(s, "").count, 2);
    ssh_server_cut(&sftp_world_server);
    assert_done(store_remove(s, "replica", &e), &e);
    assert_false(sftp_world_file_there("cut/replica"));
    store_close(s);
}

/* libssh2 remembers the last "no such file", and tells it again when a connection breaks. */
static void an_answer_of_a_connection_that_breaks_is_not_believed(void **state)
{
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    struct store *s = sftp_world_open_at(ssh_relay_port(sftp_world_relay), "stale");
    assert_done(store_put(s, "packs/ab/cd", bytes_text("x"), &e), &e);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(store_get(s, "packs/ab/no", 0, STORE_ALL, &b, &e), STORE_ABSENT);
        ssh_relay_cut_next(sftp_world_relay);
        if (i == 0)
            sftp_world_assert_holds(s, "packs/ab/cd", bytes_text("x"));
        else if (i == 1)
            assert_int_equal(sftp_world_list_of(s, "packs/").count, 1);
        else if (i == 2)
            assert_int_equal(store_put(s, "packs/ab/cd", bytes_text("x"), &e), STORE_EXISTS);
        else if (i == 3)
            assert_done(store_put(s, "packs/ab/ce", bytes_text("y"), &e), &e);
        else
            assert_done(store_remove(s, "packs/ab/cd", &e), &e);
        assert_true(ssh_relay_happened(sftp_world_relay));
    }
    assert_false(sftp_world_file_there("stale/packs/ab/cd"));
    sftp_world_assert_holds(s, "packs/ab/ce", bytes_text("y"));
    buf_done(&b);
    store_close(s);
}

/* One put, get, listing and removal; the same whatever was lost. */
static void work(struct store *s, unsigned n)
{
    struct error e = {0};
    struct buf b = {0};
    char name[32];
    char content[200];
    (void)snprintf(name, sizeof name, "packs/ab/%u", n);
    (void)snprintf(content, sizeof content, "content of %u", n);
    assert_done(store_put(s, name, bytes_text(content), &e), &e);
    sftp_world_assert_holds(s, name, bytes_text(content));
    struct sftp_world_found f = sftp_world_list_of(s, "packs/");
    assert_true(sftp_world_has(&f, name));
    assert_int_equal(f.count, 1);
    assert_done(store_remove(s, name, &e), &e);
    assert_int_equal(store_get(s, name, 0, STORE_ALL, &b, &e), STORE_ABSENT);
    buf_done(&b);
}

static void every_answer_of_the_server_may_be_lost(void **state)
{
    char path[SCRATCH_PATH];
    (void)state;
    struct store *s = sftp_world_open_at(ssh_relay_port(sftp_world_relay), "lost");
    work(s, 0); /* learns what is asked for once */
    ssh_relay_lose(sftp_world_relay, 0);
    work(s, 0);
    unsigned most = ssh_relay_pieces(sftp_world_relay);
    assert_true(most > 10);
    sftp_world_path_of(path, "lost/packs/ab");
    size_t lost = 0;
    for (unsigned n = 1; n <= most; n++) {
        ssh_relay_lose(sftp_world_relay, n);
        work(s, n);
        lost += ssh_relay_happened(sftp_world_relay);
    }
    ssh_relay_lose(sftp_world_relay, 0);
    assert_int_equal(lost, most);
    /* Only files whose upload was cut may have stayed, and those are known by their names. */
    struct sftp_world_found f = sftp_world_list_of(s, "");
    assert_int_equal(f.count, 0);
    store_close(s);
}

/* With one type of host key alone, so that nothing else can be tried. */
static void a_connection_may_break_while_it_is_made(void **state)
{
    char url[SFTP_WORLD_URL];
    struct error e = {0};
    (void)state;
    store_close(sftp_world_open_at(sftp_world_server.port, "made"));
    ssh_server_shell(&sftp_world_server, "grep ed25519 known_hosts_both >known_hosts_one");
    (void)snprintf(url, sizeof url,
                   "sftp://127.0.0.1:%u%s/made?key-file=%s/client_ed25519&known-hosts=%s/"
                   "known_hosts_one",
                   (unsigned)ssh_relay_port(sftp_world_relay), sftp_world_server.files,
                   sftp_world_server.dir, sftp_world_server.dir);
    unsigned most = 1;
    for (unsigned n = 0; n <= most; n++) {
        ssh_relay_lose(sftp_world_relay, n);
        struct store *s = store_sftp_open(url, true, &e);
        if (!s)
            fail_msg("lost piece %u of %u: %s", n, most, e.text);
        if (n == 0)
            most = ssh_relay_pieces(sftp_world_relay);
        assert_int_equal(ssh_relay_happened(sftp_world_relay), n > 0);
        assert_int_equal(sftp_world_list_of(s, "").count, 0);
        store_close(s);
    }
    ssh_relay_lose(sftp_world_relay, 0);
    assert_true(most > 15);
}

static void a_server_that_is_silent_is_given_up(void **state)
{
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    (void)setenv("PGKEEP_STORE_PATIENCE", "1", 1);
    struct store *s = sftp_world_open_at(ssh_relay_port(sftp_world_relay), "silent");
    assert_done(store_put(s, "config", bytes_text("x"), &e), &e);
    ssh_relay_stall(sftp_world_relay, true);
    int64_t began = clock_monotonic_ms();
    assert_refused(store_get(s, "config", 0, STORE_ALL, &b, &e), &e, ERROR_BUSY);
    assert_refused(store_put(s, "replica", bytes_text("x"), &e), &e, ERROR_BUSY);
    assert_true(clock_monotonic_ms() - began < 40000);
    ssh_relay_stall(sftp_world_relay, false);
    sftp_world_assert_holds(s, "config", bytes_text("x"));
    (void)setenv("PGKEEP_STORE_PATIENCE", "30", 1);
    buf_done(&b);
    store_close(s);
}

static void a_full_disk_is_told_at_once(void **state)
{
    char path[SCRATCH_PATH];
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    struct store *s = sftp_world_open_at(sftp_world_server.port, "full");
    sftp_world_path_of(path, "full");
    if (mount("tmpfs", path, "tmpfs", 0, "size=4m") < 0) {
        print_message("skipped: no right to mount a tmpfs\n");
        store_close(s);
        skip();
    }
    for (size_t i = 0; i < 6 * MIB; i++)
        assert_int_equal(buf_byte(&b, (uint8_t)i, &e), 0);
    int64_t began = clock_monotonic_ms();
    assert_refused(store_put(s, "config", buf_view(&b), &e), &e, ERROR_IO);
    assert_int_equal(e.sys, ENOSPC);
    assert_non_null(strstr(e.text, "no space left on the server"));
    assert_true(clock_monotonic_ms() - began < 10000);
    /* What was uploaded is gone again. */
    assert_int_equal(scratch_count(path), 0);
    b.len = MIB;
    assert_done(store_put(s, "config", buf_view(&b), &e), &e);
    sftp_world_assert_holds(s, "config", buf_view(&b));
    assert_int_equal(umount(path), 0);
    buf_done(&b);
    store_close(s);
}

static void a_server_out_of_reach_is_busy(void **state)
{
    char url[SFTP_WORLD_URL];
    struct error e = {0};
    (void)state;
    if (sftp_world_server.port == 0)
        skip();
    (void)setenv("PGKEEP_STORE_PATIENCE", "0", 1);
    (void)snprintf(url, sizeof url, "sftp://127.0.0.1:%u/x?key-file=%s/client_ed25519",
                   (unsigned)ssh_relay_free_port(), sftp_world_server.dir);
    assert_null(store_sftp_open(url, false, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    (void)setenv("PGKEEP_STORE_PATIENCE", "x", 1);
    assert_null(store_sftp_open(url, false, &e));
    assert_int_equal(e.kind, ERROR_USAGE);
    (void)setenv("PGKEEP_STORE_PATIENCE", "30", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_that_were_cut_are_made_anew),
        cmocka_unit_test(an_answer_of_a_connection_that_breaks_is_not_believed),
        cmocka_unit_test(every_answer_of_the_server_may_be_lost),
        cmocka_unit_test(a_connection_may_break_while_it_is_made),
        cmocka_unit_test(a_server_that_is_silent_is_given_up),
        cmocka_unit_test(a_full_disk_is_told_at_once),
        cmocka_unit_test(a_server_out_of_reach_is_busy),
    };
    return cmocka_run_group_tests(tests, sftp_world_start, sftp_world_stop);
}
