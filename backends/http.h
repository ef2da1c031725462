/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 client on libcurl easy handles (https://curl.se/libcurl/c/). One client keeps a
 * pool of handles: a call borrows one, connections stay open in it. No redirects are followed;
 * TLS certificates are always checked; proxies come from the environment as curl reads it
 * (https_proxy, no_proxy). Nothing is tried twice here: retries are the caller's. */
#ifndef BACKENDS_HTTP_H
#define BACKENDS_HTTP_H

#include "core/base/buf.h"
#include "core/repo/store.h"

/* Of a reply of status 300 and above there is room for this much at least. */
#define HTTP_ERROR_BODY (64 * KIB)

struct http;

struct http_options {
    const char *ca_file;         /* PEM file of the only CAs to trust; NULL: the system's */
    uint64_t connect_ms;         /* for name, connection and TLS together; 0: 15 s */
    uint64_t stall_ms;           /* no byte in either direction for so long; 0: 30 s */
    bool no_proxy;               /* for addresses that only the host itself can reach */
    struct store_options limits; /* of all calls of the client together */
};

/* Texts are copied; the flag of limits must outlive the client. ERROR_MEMORY. */
MUST_CHECK struct http *http_new(const struct http_options *o, struct error *e);
/* No call may be under way. NULL is fine. */
void http_free(struct http *h);
/* Other limits. While no call is under way. */
void http_configure(struct http *h, const struct store_options *limits);

struct http_request {
    const char *method;         /* GET, HEAD, PUT, POST, DELETE */
    const char *url;            /* http:// or https://, encoded; sent as it stands */
    const char *const *headers; /* "Name: value" lines, ended by NULL; NULL: none */
    struct bytes body;          /* of PUT and POST */
    size_t most_reply;          /* bytes of body; a longer one is ERROR_IO */
    uint64_t deadline_ms;       /* for the whole call; 0: no limit but the client's */
};

struct http_reply {
    int status;      /* 0: there was none */
    bool reached;    /* the server may have got (part of) the request */
    bool resent;     /* libcurl sent the body twice (an idle connection was dead) */
    struct buf head; /* fields as "name\0value\0"; ask with http_reply_field */
    struct buf body;
};

/* One attempt. 0: there is a whole reply, of whatever status. Otherwise ERROR_BUSY when the
 * server was not reached, or the reply was cut, late or stalled; ERROR_IO for a certificate
 * that is not trusted and for a reply that is too long; ERROR_USAGE for a URL that libcurl does
 * not take; error_stopped. out is zeroed memory or what an earlier call left (its memory is
 * used again); the caller ends it with http_reply_done. Any thread. */
MUST_CHECK int http_send(struct http *h, const struct http_request *r, struct http_reply *out,
                         struct error *e);

/* The value of a header field (name in any case), the last of that name; NULL: absent. The
 * reply's own. */
const char *http_reply_field(const struct http_reply *r, const char *name);
/* Seconds that Retry-After asks for (RFC 9110 10.2.3), at most `most`; 0: it does not, or asks
 * for more. A date is counted from the reply's own Date, so that the two clocks may differ. */
uint64_t http_reply_retry_after(const struct http_reply *r, uint64_t most);

void http_reply_done(struct http_reply *r);

#endif
