/* SPDX-License-Identifier: Apache-2.0 */
/* A restore divided for one pg_restore after another, and several side by side: what comes
 * before the data, archives with about as much data each, what comes behind. Every entry is in
 * exactly one of them, settings of the session in each. */
#ifndef JOB_RESTORE_SPLIT_H
#define JOB_RESTORE_SPLIT_H

#include "core/dump/toc_stage.h"
#include "core/job/restore.h"

/* Zeroed memory is an empty one. */
struct restore_split {
    struct toc_select define; /* of one job: all but the last */
    struct toc_select finish, last;
    struct toc_select all; /* but the last: from the tables in it, and from what depends on
                            * them, pg_restore knows what may not be done side by side */
    bool has_last;         /* last holds more than settings */
    struct toc_select *data;
    unsigned data_count;    /* of several jobs: at most as many, and as there are with data */
    uint64_t payload_bytes; /* of them all */
};

/* Of the dump m, whose TOC is l, what s keeps (NULL: all), into an empty one. r reads the entry
 * table. ERROR_CORRUPT; call restore_split_done in every case. */
struct restore_split_what {
    const struct member *member;
    const struct toc_list *list;
    const struct toc_select *selection;
    unsigned jobs;
};
MUST_CHECK int restore_split_make(struct restore *r, const struct restore_split_what *what,
                                  struct restore_split *out, struct error *e);
void restore_split_done(struct restore_split *s);

#endif
