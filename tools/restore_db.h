/* SPDX-License-Identifier: Apache-2.0 */
/* A backup into a new database: made under a temporary name from template0, filled by
 * pg_restore, analysed, renamed last; dropped when anything fails. */
#ifndef TOOLS_RESTORE_DB_H
#define TOOLS_RESTORE_DB_H

#include "tools/restore_choice.h"
#include "tools/server.h"

struct restore_db_options {
    struct server_options server;
    const char *name; /* of the new database */
    const char *locale;
    const char *role;
    bool no_owner, no_privileges, no_analyze;
    uint64_t threads;
    const struct restore_choice *choice; /* a part of the dump; NULL: all of it */
};

/* m is open, its first member is the dump. ERROR_EXISTS when the database is there;
 * ERROR_SERVER, ERROR_CHILD with pg_restore's words. */
MUST_CHECK int restore_db(struct context *c, const struct manifest *m,
                          const struct restore_db_options *o, struct error *e);

#endif
