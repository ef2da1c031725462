/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to an SSH server and who it must be to us: host keys, user keys, and the ways to
 * log in that are tried one after the other until one works. */
#ifndef BACKENDS_STORE_SFTP_LOGIN_H
#define BACKENDS_STORE_SFTP_LOGIN_H

#include <curl/curl.h>

#include "backends/known_hosts.h"
#include "backends/store_url.h"

#define STORE_SFTP_LOGIN_FOUND 5 /* different host keys of a server that are remembered */

struct store_sftp_login {
    char *user;
    char *host;
    uint16_t port;
    struct known_hosts hosts;
    bool pinned;      /* hosts are host-key= parameters */
    char *origin;     /* where hosts are from, for messages */
    bool agent;       /* there is an ssh-agent to ask */
    char *keys[2];    /* files of private keys, or NULL */
    char *passphrase; /* of the key file; secret; NULL: none */
    bool old_library; /* libssh2 before 1.11: no RSA but with SHA-1 */

    /* The way that is taken: a type of host key (KNOWN_HOSTS_TYPES: the server's choice) and a
     * user key (0: the agent, else keys[way - 1]). */
    enum known_hosts_type type;
    size_t way;
    int steer; /* a file in memory that makes libssh2 ask for that type; -1: none */
};

/* What a handle saw of the server in its last connection. */
struct store_sftp_seen {
    const struct store_sftp_login *login;
    enum known_hosts_verdict verdict;
    bool shown; /* the server showed a host key */
    char fingerprint[KNOWN_HOSTS_FINGERPRINT];
    char type[32];
};

/* Take user, host, port, key-file, known-hosts and host-key from the URL (of store_sftp_place);
 * read known_hosts and look at the key files. ERROR_USAGE, ERROR_KEY (a key file others can
 * read, or one with a passphrase that is not given), ERROR_IO. The first way is chosen. */
MUST_CHECK int store_sftp_login_init(struct store_sftp_login *l, const struct store_url *u,
                                     struct error *e);
void store_sftp_login_done(struct store_sftp_login *l);

/* Set what concerns the way on a handle; seen is filled by its connections and outlives it.
 * ERROR_MEMORY. */
MUST_CHECK int store_sftp_login_apply(const struct store_sftp_login *l, CURL *curl,
                                      struct store_sftp_seen *seen, struct error *e);

/* Turn to the next host key type, or user key; false when there is none left. */
MUST_CHECK bool store_sftp_login_next_type(struct store_sftp_login *l);
MUST_CHECK bool store_sftp_login_next_way(struct store_sftp_login *l);

/* The server's keys are none of those that we trust; found: fingerprints that it showed, ""
 * where it showed none. ERROR_KEY. */
int store_sftp_login_wrong_host(const struct store_sftp_login *l, bool revoked,
                                const char *found, struct error *e);
/* It took none of our keys. ERROR_KEY. */
int store_sftp_login_refused(const struct store_sftp_login *l, struct error *e);

#endif
