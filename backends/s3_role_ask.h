/* SPDX-License-Identifier: Apache-2.0 */
/* What the roles have in common: a question over HTTP whose answer is secret, whom a key may
 * come from, and files that hold a token. */
#ifndef BACKENDS_S3_ROLE_ASK_H
#define BACKENDS_S3_ROLE_ASK_H

#include <signal.h>

#include "backends/http.h"
#include "backends/s3_key.h"

struct s3_role_ask {
    const char *what; /* for messages */
    const char *method, *url;
    const char *header; /* a secret; NULL: none */
    struct bytes body;
    const char *ca_file; /* NULL: the system's CAs */
    bool is_near;        /* on this machine or beside it: quick, and by no proxy */
    const volatile sig_atomic_t *stop;
};

/* A reply of any status, at the second try if the first one found nobody or trouble (no reply,
 * 429, 5xx). Errors are those of http_send. The caller ends it with s3_role_ask_done. */
MUST_CHECK int s3_role_ask_any(const struct s3_role_ask *q, struct http_reply *reply,
                               struct error *e);
/* The same, and anything but status 200 is an error that shows the status and the code in the
 * body: ERROR_BUSY where trying again may help, else ERROR_KEY. */
MUST_CHECK int s3_role_ask_for(const struct s3_role_ask *q, struct http_reply *reply,
                               struct error *e);
/* Wipes and frees. */
void s3_role_ask_done(struct http_reply *reply);

/* May a key come from there: https, or an address of this machine or of the agents of ECS and
 * EKS? A URL with a user in it is not taken. */
bool s3_role_ask_trusts(const char *url);
/* Is it https? */
bool s3_role_ask_is_far(const char *url);

/* The text of the first <name> in a document of XML that is written without blanks in its
 * tags; empty where there is none, or something else than text in it. */
struct bytes s3_role_ask_element(struct bytes xml, const char *name);

/* A file with one secret line, whose path a variable names; the caller wipes it with
 * secret_free_text. NULL with ERROR_KEY, ERROR_IO. */
MUST_CHECK char *s3_role_ask_token(const char *variable, const char *path, struct error *e);

#endif
