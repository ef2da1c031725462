/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/sftp_world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/store_sftp.h"
#include "core/base/clock.h"

struct ssh_server sftp_world_server;
struct ssh_relay *sftp_world_relay;
static bool there;

/* A URL of a folder below the server's, straight or through the relay. */
void sftp_world_url_of(char out[SFTP_WORLD_URL], uint16_t port, const char *folder)
{
    (void)snprintf(out, SFTP_WORLD_URL,
                   "sftp://127.0.0.1:%u%s/%s?key-file=%s/client_ed25519&known-hosts=%s/"
                   "known_hosts_both",
                   (unsigned)port, sftp_world_server.files, folder, sftp_world_server.dir,
                   sftp_world_server.dir);
}

/* known_hosts of the server for its own port and the relay's. */
static void write_known_hosts(void)
{
    char command[100];
    (void)snprintf(
        command, sizeof command, "sed 'p; s/:%u /:%u /' known_hosts >known_hosts_both",
        (unsigned)sftp_world_server.port, (unsigned)ssh_relay_port(sftp_world_relay));
    ssh_server_shell(&sftp_world_server, command);
}

int sftp_world_start(void **state)
{
    (void)state;
    (void)unsetenv("SSH_AUTH_SOCK");
    (void)setenv("HOME", "/nonexistent", 1);
    (void)setenv("PGKEEP_STORE_PATIENCE", "30", 1);
    /* Times of a listing are local ones: they must come out as UTC all the same. */
    (void)setenv("TZ", "Asia/Kolkata", 1);
    there = ssh_server_start(&sftp_world_server, NULL);
    (void)unsetenv("TZ");
    if (!there)
        return 0;
    sftp_world_relay = ssh_relay_start(sftp_world_server.port);
    write_known_hosts();
    return 0;
}

int sftp_world_stop(void **state)
{
    (void)state;
    if (!there)
        return 0;
    ssh_relay_stop(sftp_world_relay);
    ssh_server_stop(&sftp_world_server);
    return 0;
}

struct store *sftp_world_open_at(uint16_t port, const char *folder)
{
    char url[SFTP_WORLD_URL];
    struct error e = {0};
    if (!there)
        skip();
    sftp_world_url_of(url, port, folder);
    struct store *s = store_sftp_open(url, true, &e);
    if (!s)
        fail_msg("%s: %s", url, e.text);
    return s;
}

void sftp_world_path_of(char out[SCRATCH_PATH], const char *name)
{
    scratch_path(out, sftp_world_server.files, name);
}

void sftp_world_write_file(const char *name, const char *text)
{
    char path[SCRATCH_PATH];
    sftp_world_path_of(path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(dprintf(fd, "%s", text), (int)strlen(text));
    assert_int_equal(close(fd), 0);
}

void sftp_world_set_age(const char *name, int64_t seconds)
{
    char path[SCRATCH_PATH];
    sftp_world_path_of(path, name);
    struct timespec t = {.tv_sec = clock_now_us() / 1000000 - seconds};
    const struct timespec both[2] = {t, t};
    assert_int_equal(utimensat(AT_FDCWD, path, both, 0), 0);
}

bool sftp_world_file_there(const char *name)
{
    char path[SCRATCH_PATH];
    sftp_world_path_of(path, name);
    return access(path, F_OK) == 0;
}

void sftp_world_assert_holds(struct store *s, const char *name, struct bytes content)
{
    struct error e = {0};
    struct buf b = {0};
    assert_done(store_get(s, name, 0, STORE_ALL, &b, &e), &e);
    assert_true(bytes_equal(buf_view(&b), content));
    buf_done(&b);
}

static int note(void *arg, const struct store_item *item, struct error *e)
{
    struct sftp_world_found *f = arg;
    (void)e;
    assert_true(f->count < ARRAY_SIZE(f->names));
    (void)snprintf(f->names[f->count++], sizeof f->names[0], "%s", item->name);
    f->bytes += item->size;
    if (f->count == 1 || item->modified_us < f->earliest)
        f->earliest = item->modified_us;
    if (f->count == 1 || item->modified_us > f->latest)
        f->latest = item->modified_us;
    return 0;
}

struct sftp_world_found sftp_world_list_of(struct store *s, const char *prefix)
{
    struct sftp_world_found f = {.count = 0};
    struct error e = {0};
    assert_done(store_list(s, prefix, note, &f, &e), &e);
    return f;
}

bool sftp_world_has(const struct sftp_world_found *f, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++)
        n += strcmp(f->names[i], name) == 0;
    assert_true(n <= 1);
    return n == 1;
}
