/* SPDX-License-Identifier: Apache-2.0 */
/* An OpenSSH server of a test's own (tests/servers/sshd). */
#ifndef SUPPORT_SSH_SERVER_H
#define SUPPORT_SSH_SERVER_H

#include "tests/support/scratch.h"

struct ssh_server {
    char dir[SCRATCH_PATH];   /* its keys and known_hosts */
    char files[SCRATCH_PATH]; /* the folder that it serves, as we see it */
    uint16_t port;            /* 0: it does not run */
};

/* Starts one in a new folder; options are those of tests/servers/sshd, NULL at the end. False,
 * with the reason printed, when there is no sshd on this machine; ends the test program when
 * PGKEEP_REQUIRE_SERVERS=1 is set then, or when the server does not start. */
bool ssh_server_start(struct ssh_server *s, const char *const *options);
/* Kills its connections, not the server. */
void ssh_server_cut(const struct ssh_server *s);
/* A command line in its folder, which must work. */
void ssh_server_shell(const struct ssh_server *s, const char *command);
void ssh_server_stop(struct ssh_server *s);

#endif
