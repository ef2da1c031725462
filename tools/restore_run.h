/* SPDX-License-Identifier: Apache-2.0 */
/* pg_restore, fed from the repository: one for all, or several side by side (docs/DESIGN.md,
 * "Into PostgreSQL"). Nothing of the dump is stored on this machine. */
#ifndef TOOLS_RESTORE_RUN_H
#define TOOLS_RESTORE_RUN_H

#include "tools/restore_choice.h"
#include "tools/server.h"

#define RESTORE_RUN_JOBS_MAX 64

struct restore_run_options {
    const struct manifest *m;            /* open, its first member is a dump */
    const struct restore_choice *choice; /* all of it, or a part */
    struct server *server;
    const char *database; /* on that server; it is there */
    const char *role;
    bool no_owner, no_privileges, no_tablespaces;
    /* Of toc_replace: what the database holds is dropped first, all in one transaction, by one
     * pg_restore. Empty: the database is new. */
    struct bytes replace;
    unsigned jobs;    /* pg_restore processes, 1 to RESTORE_RUN_JOBS_MAX */
    uint64_t threads; /* for decoding; 0: by the machine */
};

/* Fill the database. ERROR_CHILD with the words of the pg_restore that failed first, after all
 * others have ended; what is in the database then is not whole. ERROR_CORRUPT and the like for
 * what was met in the repository. */
MUST_CHECK int restore_run(struct context *c, const struct restore_run_options *o,
                           struct error *e);

#endif
