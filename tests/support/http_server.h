/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP server on a port of its own: one request a connection, one thread. */
#ifndef SUPPORT_HTTP_SERVER_H
#define SUPPORT_HTTP_SERVER_H

#include "core/base/buf.h"

struct http_server;

/* request: head and body, terminated. What is appended to body is answered with the status that
 * is returned; 0: the connection is cut. From the server's thread. */
typedef int http_server_answer(void *arg, const char *request, struct buf *body);

/* Ends the test program when it cannot. */
struct http_server *http_server_start(http_server_answer *answer, void *arg);
void http_server_stop(struct http_server *s);
/* "http://127.0.0.1:PORT" */
const char *http_server_url(const struct http_server *s);

#endif
