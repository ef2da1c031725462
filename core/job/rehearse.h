/* SPDX-License-Identifier: Apache-2.0 */
/* Is what was restored what was backed up? Two contents are compared: the backup's own, and
 * those of a dump of the restored database. The order of rows, and of the columns of an
 * inherited table, is not what a restore keeps. */
#ifndef JOB_REHEARSE_H
#define JOB_REHEARSE_H

#include "core/job/contents.h"

enum rehearse_verdict {
    REHEARSE_DIFFERENT,
    /* Its text depends on what is not known or not the same: settings of who made the dump,
     * statements instead of rows, another version of PostgreSQL. */
    REHEARSE_NOT_COMPARABLE,
};

struct rehearse_counts {
    uint64_t tables, rows; /* the same in both */
    uint64_t objects;      /* there in both and the same */
    uint64_t different, not_comparable;
    uint64_t
        uncounted;   /* of the latter: tables of which not even the number of rows is known */
    uint64_t unread; /* objects whose definitions another version wrote, so that they say
                      * nothing; no finding is made of them */
};

/* Called for every finding. desc, schema (data NULL: none), name: of the object or table; text:
 * what is the matter, "497 rows, 500 in the backup". */
typedef void rehearse_finding(void *arg, enum rehearse_verdict verdict,
                              const struct bytes name[3], const char *text);

struct rehearse_options {
    bool settings_known; /* the backup's dump was made with the settings of the second one */
    bool same_version;   /* of pg_dump and of the server: the same thing gives the same text */
    rehearse_finding *finding;
    void *arg;
};

/* Both are sorted and were loaded with_values. What is about the database itself, which has
 * another name, is left out. ERROR_MEMORY. */
MUST_CHECK int rehearse_compare(const struct contents *backup, const struct contents *restored,
                                const struct rehearse_options *o,
                                struct rehearse_counts *counts, struct error *e);

#endif
