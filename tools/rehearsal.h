/* SPDX-License-Identifier: Apache-2.0 */
/* One rehearsal on a server: restore into a database of its own, dump that with the settings of
 * a backup through the same parser, compare, drop. */
#ifndef TOOLS_REHEARSAL_H
#define TOOLS_REHEARSAL_H

#include "core/job/rehearse.h"
#include "tools/restore_fresh.h"

struct rehearsal_options {
    const struct manifest *m; /* open, its first member is a dump */
    const struct server_options *server;
    struct restore_fresh_options fresh; /* but for the server and the choice */
    bool keep;                          /* the database stays */
    rehearse_finding *finding;
    void *arg;
};

struct rehearsal_result {
    struct rehearse_counts counts;
    int64_t restore_ms;                /* until the database could have been used */
    int server_number;                 /* 150018 */
    char database[RESTORE_FRESH_NAME]; /* with keep */
};

/* ERROR_CHILD and ERROR_SERVER: it could not be restored there, which says nothing of the
 * backup; ERROR_CORRUPT and the like: damage. Differences are no error. */
MUST_CHECK int rehearsal_run(struct context *c, const struct rehearsal_options *o,
                             struct rehearsal_result *out, struct error *e);

#endif
