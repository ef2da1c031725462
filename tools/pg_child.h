/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL program that connects to the server of a connection: environment and password
 * file of our making. */
#ifndef TOOLS_PG_CHILD_H
#define TOOLS_PG_CHILD_H

#include "core/base/child.h"
#include "tools/server.h"

struct pg_child {
    char **environment;
    int passfile; /* -1: none */
    struct child_options options;
};

/* Fill in options.env and keep_fds for a child of s; argv and pipes are the caller's. */
MUST_CHECK int pg_child_prepare(struct pg_child *p, const struct server *s, struct error *e);
void pg_child_done(struct pg_child *p);

#endif
