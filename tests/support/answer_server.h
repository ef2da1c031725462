/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP server on a port of its own: one request a connection, one thread. */
#ifndef SUPPORT_ANSWER_SERVER_H
#define SUPPORT_ANSWER_SERVER_H

#include "core/base/buf.h"

struct answer_server;

/* request: head and body, terminated. What is appended to body is answered with the status that
 * is returned; 0: the connection is cut. From the server's thread. */
typedef int answer_server_answer(void *arg, const char *request, struct buf *body);

/* Ends the test program when it cannot. */
struct answer_server *answer_server_start(answer_server_answer *answer, void *arg);
void answer_server_stop(struct answer_server *s);
/* "http://127.0.0.1:PORT" */
const char *answer_server_url(const struct answer_server *s);

#endif
