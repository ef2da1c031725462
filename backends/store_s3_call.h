/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to one bucket: signed anew at every attempt, tried again as long as it may help. */
#ifndef BACKENDS_STORE_S3_CALL_H
#define BACKENDS_STORE_S3_CALL_H

#include <stdatomic.h>

#include "backends/backoff.h"
#include "backends/http.h"
#include "backends/s3_credentials.h"
#include "backends/s3_sign.h"
#include "backends/store_s3_place.h"

#define STORE_S3_CALL_AGAIN 1 /* it may work later; the error says why it did not now */

/* What a server does with "If-None-Match: *". */
enum store_s3_conditional { STORE_S3_NOT_KNOWN, STORE_S3_HONOURED, STORE_S3_IGNORED };

/* A bucket and the means to reach it. */
struct store_s3_link {
    struct store_s3_place place;
    struct http *http;
    struct s3_sign *sign;
    struct s3_credentials *credentials;
    struct backoff_patience patience;
    atomic_int conditional;
};

/* *l is zeroed memory. ERROR_USAGE for the URL or the environment. Ended by
 * store_s3_call_close, also after an error. */
MUST_CHECK int store_s3_call_open(struct store_s3_link *l, const char *url, struct error *e);
void store_s3_call_close(struct store_s3_link *l);

struct store_s3_call {
    const char *method;
    const char *name; /* of the object, relative to the prefix; NULL: the bucket */
    const struct s3_sign_pair *query;
    size_t query_count;
    const struct s3_sign_pair *headers;
    size_t header_count;
    struct bytes body;
    const uint8_t *body_sha256; /* NULL: there is no body */
    size_t most_reply;
};

/* How long an operation, all its calls together, may still go on after a failure. */
struct store_s3_until {
    struct backoff backoff;
    unsigned renewals; /* of credentials */
};
struct store_s3_until store_s3_call_until(struct store_s3_link *l);

/* One attempt. 0: the reply's status is 2xx (and no <Error> in it), 404, 412, 416 or
 * 501, and the caller's to judge. STORE_S3_CALL_AGAIN, or an error as store_s3_fault says. */
MUST_CHECK int store_s3_call_try(struct store_s3_link *l, const struct store_s3_call *c,
                                 struct store_s3_until *u, struct http_reply *r,
                                 struct error *e);

/* backoff_wait after STORE_S3_CALL_AGAIN, at least as long as Retry-After asks for. */
MUST_CHECK int store_s3_call_wait(struct store_s3_until *u, const struct http_reply *r,
                                  struct error *e);

/* Attempts until one gives an answer or the time is over: for calls that may be repeated
 * without a look at what became of them. */
MUST_CHECK int store_s3_call_send(struct store_s3_link *l, const struct store_s3_call *c,
                                  struct store_s3_until *u, struct http_reply *r,
                                  struct error *e);

#endif
