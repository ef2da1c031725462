/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a folder of an SFTP server:
 *   sftp://USER@HOST:PORT/PATH?key-file=F&known-hosts=F&host-key=SHA256:…
 * PATH is absolute; /~/PATH is below the home folder. An object is uploaded under a temporary
 * name beside its own and renamed when it is whole. SFTP through libcurl has no fsync: when an
 * object is on the server's disk is up to the server, and sync promises nothing more. Times of
 * listed objects are exact to the minute, to the day above half a year.
 * The host key must be known: host-key pins, which replace known_hosts files; known-hosts, else
 * ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts. User keys: ssh-agent, then key-file, else
 * ~/.ssh/id_ed25519 and id_ecdsa; the passphrase of a key file is that of secret_find
 * for PGKEEP_SSH_KEY_PASSPHRASE. */
#ifndef BACKENDS_STORE_SFTP_H
#define BACKENDS_STORE_SFTP_H

#include "core/repo/store.h"

/* Connects. create: make the folder where it is absent, and find out how the server renames.
 * NULL with ERROR_USAGE, ERROR_KEY (host key, login), ERROR_NO_REPOSITORY (folder absent),
 * ERROR_BUSY (out of reach for 5 minutes; PGKEEP_STORE_PATIENCE=SECONDS), ERROR_IO. */
MUST_CHECK struct store *store_sftp_open(const char *url, bool create, struct error *e);

/* sftp://USER@HOST[:PORT]/PATH without parameters: the caller frees it. Asks no server.
 * NULL with ERROR_USAGE. */
MUST_CHECK char *store_sftp_canonical(const char *url, struct error *e);

#endif
