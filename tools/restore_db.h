/* SPDX-License-Identifier: Apache-2.0 */
/* A backup into a new database, or in the place of one: made under a passing name
 * (tools/restore_fresh), renamed last. */
#ifndef TOOLS_RESTORE_DB_H
#define TOOLS_RESTORE_DB_H

#include "tools/restore_fresh.h"

struct restore_db_options {
    struct server_options server;
    const char *name;                   /* of the database in the end */
    const char *spare;                  /* what it is called when a swap could not be made */
    bool swap;                          /* one of that name is put aside, if there is one */
    bool with_sessions;                 /* though others are in it: they are ended */
    struct restore_fresh_options fresh; /* but for the server */
};

/* ERROR_EXISTS when the database is there and is not to be swapped; ERROR_USAGE when others are
 * in it. *aside: what the old database is called now, NULL if there was none; the caller frees.
 * Errors of restore_fresh_make: nothing has changed then. */
MUST_CHECK int restore_db(struct context *c, const struct restore_db_options *o, char **aside,
                          struct error *e);

#endif
