/* SPDX-License-Identifier: Apache-2.0 */
/* Several parts of one dump put together side by side, each by a thread of its own, each to an
 * end of its own. The first that fails ends all. */
#ifndef JOB_RESTORE_JOBS_H
#define JOB_RESTORE_JOBS_H

#include "core/job/restore.h"

/* Where one part goes. */
struct restore_jobs_part {
    const struct toc_select *selection;
    int (*write)(void *arg, struct bytes b, struct error *e);
    /* In the thread of the writes, behind the last: what became of it. failed: the delivery
     * ended early, and e says why; a better reason may be put in its place. NULL: that is it.
     */
    int (*finish)(void *arg, bool failed, struct error *e);
    /* Any thread, at most once, before or behind finish too: a write that waits must end. */
    void (*cancel)(void *arg);
    void *arg;
};

struct restore_jobs_options {
    /* As in restore_options; write, selection and on_entry are the parts' own. Its workers are
     * shared among them, at least one each. */
    const struct restore_options *restore;
    const struct restore_jobs_part *parts;
    unsigned count;
    /* Five times a second in the caller's thread: bytes delivered so far. May be NULL. */
    void (*tick)(void *arg, uint64_t bytes);
    void *tick_arg;
};

/* Answers when all have ended. The error is that of the part that failed first;
 * ERROR_INTERRUPTED, ERROR_TERMINATED when a signal came. */
MUST_CHECK int restore_jobs_run(const struct restore_jobs_options *o, const struct member *m,
                                struct error *e);

#endif
