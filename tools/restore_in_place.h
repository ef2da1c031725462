/* SPDX-License-Identifier: Apache-2.0 */
/* A backup in the place of what a database holds, in one transaction: all of it is there in the
 * end, or the database is as it was. Before it is touched the whole backup is read and
 * checked. */
#ifndef TOOLS_RESTORE_IN_PLACE_H
#define TOOLS_RESTORE_IN_PLACE_H

#include "tools/restore_check.h"
#include "tools/restore_choice.h"

struct restore_in_place_options {
    const struct manifest *m; /* open, its first member is a dump */
    const struct restore_choice *choice;
    struct server_options server; /* the database's */
    const char *role;
    bool no_owner, no_privileges, no_analyze;
    struct bytes globals; /* as in tools/restore_roles */
    bool create_roles;
    bool drop_extra;    /* objects that the backup lacks go too */
    bool with_sessions; /* though others are in it: their transactions are waited for */
    uint64_t threads;
    struct restore_check check; /* when all is done; what it finds undoes nothing */
};

#define RESTORE_IN_PLACE_EXTRA 1 /* the database has objects that the backup lacks */

/* *database: its name, the caller frees. RESTORE_IN_PLACE_EXTRA: they are in extra, and nothing
 * was done. ERROR_USAGE when others are in the database; ERROR_CORRUPT and the like for damage
 * in the backup, found before; ERROR_CHILD with pg_restore's words, after which the database is
 * as it was. */
MUST_CHECK int restore_in_place(struct context *c, const struct restore_in_place_options *o,
                                char **database, struct member_texts *extra, struct error *e);

#endif
