/* SPDX-License-Identifier: Apache-2.0 */
/* An easy handle of libcurl with its connection, and what a request on it saw. Judging that is
 * store_sftp_wire's. One thread at a time. */
#ifndef BACKENDS_STORE_SFTP_HANDLE_H
#define BACKENDS_STORE_SFTP_HANDLE_H

#include "backends/store_sftp_login.h"
#include "backends/store_sftp_wire.h"
#include "backends/transfer.h"

struct store_sftp_handle {
    CURL *curl;
    struct store_sftp_handle *next;
    struct store_sftp_seen seen;
    char error[CURL_ERROR_SIZE];

    /* of the request under way */
    const struct store_sftp_request *request;
    struct error *e;
    struct curl_slist *commands;
    bool failed; /* by us, e is filled */
    bool close_failed;
    bool login_cut; /* the connection broke while the key was offered: the same code as a no */
    bool unranged;  /* the server gave no size: the range would be ignored */
    bool begun;     /* bytes came */
    bool spent;     /* curl has left a file open on the server: not to be used again */
    size_t sent;
    struct transfer transfer;
};

/* Set up for the login's present way; l and limits outlive it. Nothing moving for a minute, or
 * for patience and a second more where that is shorter, ends a request. NULL with ERROR_MEMORY.
 */
MUST_CHECK struct store_sftp_handle *store_sftp_handle_new(const struct store_sftp_login *l,
                                                           struct transfer_limits *limits,
                                                           int64_t patience_ms,
                                                           struct error *e);
void store_sftp_handle_free(struct store_sftp_handle *h);

/* Set up a request to the server of base (sftp://host:port), which the caller performs and
 * then ends. r and e are kept until the end; e may be NULL: where h->failed is set it is
 * filled. ERROR_MEMORY. */
MUST_CHECK int store_sftp_handle_begin(struct store_sftp_handle *h, const char *base,
                                       const struct store_sftp_request *r, struct error *e);
void store_sftp_handle_end(struct store_sftp_handle *h);
/* Both, and the perform between them; *code is curl's word for what happened. */
MUST_CHECK int store_sftp_handle_perform(struct store_sftp_handle *h, const char *base,
                                         const struct store_sftp_request *r, CURLcode *code,
                                         struct error *e);

#endif
