/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the SFTP store share: a server with a relay before it, in a zone of its own
 * (Asia/Kolkata), and folders below its "files". All ends the test where it does not work. */
#ifndef SUPPORT_SFTP_WORLD_H
#define SUPPORT_SFTP_WORLD_H

#include "core/repo/store.h"
#include "tests/support/check.h"
#include "tests/support/ssh_relay.h"
#include "tests/support/ssh_server.h"

#define SFTP_WORLD_URL 1024

extern struct ssh_server sftp_world_server;
extern struct ssh_relay *sftp_world_relay;

/* For cmocka_run_group_tests. */
int sftp_world_start(void **state);
int sftp_world_stop(void **state);

/* The URL of a folder, through that port (the server's or the relay's). */
void sftp_world_url_of(char out[SFTP_WORLD_URL], uint16_t port, const char *folder);
/* The store there, made; skips the test where there is no server. */
struct store *sftp_world_open_at(uint16_t port, const char *folder);

/* The server's files behind its back. */
void sftp_world_path_of(char out[SCRATCH_PATH], const char *name);
void sftp_world_write_file(const char *name, const char *text);
void sftp_world_set_age(const char *name, int64_t seconds);
bool sftp_world_file_there(const char *name);

void sftp_world_assert_holds(struct store *s, const char *name, struct bytes content);

struct sftp_world_found {
    char names[64][80];
    size_t count;
    uint64_t bytes;
    int64_t earliest;
    int64_t latest;
};
struct sftp_world_found sftp_world_list_of(struct store *s, const char *prefix);
/* True when the name is there, once. */
bool sftp_world_has(const struct sftp_world_found *f, const char *name);

#endif
