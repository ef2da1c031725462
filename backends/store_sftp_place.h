/* SPDX-License-Identifier: Apache-2.0 */
/* What an SFTP URL means: whose account, which server, which folder. Any thread. */
#ifndef BACKENDS_STORE_SFTP_PLACE_H
#define BACKENDS_STORE_SFTP_PLACE_H

#include "backends/store_url.h"

#define STORE_SFTP_PLACE_PORT 22

struct store_sftp_place {
    struct store_url
        url;    /* with a user (ours, where the text has none), the host in lower case */
    char *path; /* without doubled or last slashes: "/a/b", "/~/a"; "" is the root */
};

/* ERROR_USAGE: no SFTP URL, an unknown parameter, a path with ".", ".." or another's home.
 * *out is ended by store_sftp_place_done. */
MUST_CHECK int store_sftp_place_parse(const char *text, struct store_sftp_place *out,
                                      struct error *e);
void store_sftp_place_done(struct store_sftp_place *p);

/* sftp://USER@HOST[:PORT]/PATH, the same for the same place; the caller frees it. */
MUST_CHECK char *store_sftp_place_text(const struct store_sftp_place *p, struct error *e);

/* The path, absolute, with home in place of "/~"; the caller frees it. NULL with ERROR_IO when
 * the home that the server told is none. */
MUST_CHECK char *store_sftp_place_root(const struct store_sftp_place *p, const char *home,
                                       struct error *e);

/* Name and home folder of the account we run in; each is the caller's, "" where unknown. NULL
 * with ERROR_MEMORY. */
MUST_CHECK char *store_sftp_place_user(struct error *e);
MUST_CHECK char *store_sftp_place_home(struct error *e);

#endif
