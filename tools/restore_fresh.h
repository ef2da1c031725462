/* SPDX-License-Identifier: Apache-2.0 */
/* A backup into a database that is made for it under a passing name from template0: filled,
 * given what the dump says of its database, analysed, checked. Whoever asked for it renames or
 * drops it. */
#ifndef TOOLS_RESTORE_FRESH_H
#define TOOLS_RESTORE_FRESH_H

#include "tools/database.h"
#include "tools/restore_check.h"
#include "tools/restore_choice.h"

#define RESTORE_FRESH_NAME 64
/* Where CREATE and ALTER DATABASE are run. */
#define RESTORE_FRESH_MAINTENANCE "postgres"

struct restore_fresh_options {
    const struct manifest *m; /* open, its first member is a dump */
    const struct restore_choice *choice;
    struct server *server; /* connected to the maintenance database */
    const char *locale;
    const char *role;
    bool no_owner, no_privileges, no_tablespaces, no_analyze;
    struct bytes globals; /* as in tools/restore_roles, and these: */
    bool create_roles, superusers;
    uint64_t jobs, threads; /* as in tools/restore_run; 0: one, by the machine */
    struct restore_check check;
};

/* The database's name. When anything fails it is dropped. ERROR_SERVER, ERROR_CHILD with
 * pg_restore's words, ERROR_CORRUPT and the like of the repository. */
MUST_CHECK int restore_fresh_make(struct context *c, const struct restore_fresh_options *o,
                                  char name[RESTORE_FRESH_NAME], struct error *e);
/* Drop it; what goes wrong is logged. */
void restore_fresh_drop(struct server *s, const char *name);

#endif
