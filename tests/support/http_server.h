/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP server on a port of its own that answers what a script says, request by request, and
 * remembers what it was asked. One connection at a time, in a thread of its own. */
#ifndef SUPPORT_HTTP_SERVER_H
#define SUPPORT_HTTP_SERVER_H

#include "core/base/buf.h"

#define HTTP_SERVER_MOST 256 /* requests */

/* What becomes of one request. */
struct http_server_step {
    const char *reply; /* status line, fields, blank line, body; NULL: none */
    size_t len;        /* of reply; 0: to its terminator */
    size_t read;       /* bytes of the request's body to read; 0: all of it */
    bool keep;         /* the connection stays open for the next request */
    bool reset;        /* it is cut hard (RST) */
    unsigned wait_ms;  /* before the reply */
    unsigned slow_ms;  /* between its bytes */
};

struct http_server;

/* The steps must outlive the server; requests behind the last one find it again. Ends the test
 * when it cannot. */
struct http_server *http_server_start(const struct http_server_step *steps, size_t count);
unsigned http_server_port(const struct http_server *s);
/* How many requests came so far. */
size_t http_server_count(struct http_server *s);
/* The nth one, head and body as they came, terminated; its length is in *len when not NULL.
 * The server's own; "" when there was none. */
const char *http_server_request(struct http_server *s, size_t n, size_t *len);
void http_server_stop(struct http_server *s);

#endif
