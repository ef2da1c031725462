/* SPDX-License-Identifier: Apache-2.0 */
/* Is tonight's dump plausible beside the last ones? A dump may be whole and still not be what
 * was meant: of another database, after a script that deleted too much, by a role that sees
 * less. Nothing is read here and nothing is asked: counts of rows go in, findings come out. */
#ifndef JOB_PLAUSIBLE_H
#define JOB_PLAUSIBLE_H

#include "core/base/attr.h"
#include "core/base/error.h"

#define PLAUSIBLE_WINDOW 7 /* backups that tonight is compared with */
#define PLAUSIBLE_FEW_ROWS                                                                     \
    1000 /* as many may be lost, whatever share of a table they are;                           \
          * a database that never had more is too small to judge */

/* A table with data, or a partition. Texts are borrowed and not NULL; "" where there is none.
 */
struct plausible_table {
    const char *schema, *name, *oid;
    const char *root_schema, *root_name; /* of a partition: the top of its tree */
    uint64_t rows;
    bool counted; /* rows are known; others are only missed when they vanish */
};

struct plausible_backup {
    const struct plausible_table *tables;
    size_t count;
    uint64_t system_id; /* of the cluster: an oid means something in there alone; 0
                         * unknown: the other tables' oids tell */
    bool doubted; /* suspect, and not acked: it is no measure, but shows what comes back */
    bool acked;   /* the counts are what they should be: nothing older is compared with */
};

enum plausible_kind {
    PLAUSIBLE_VANISHED,
    PLAUSIBLE_EMPTIED,
    PLAUSIBLE_SHRUNK, /* by more than half and more than PLAUSIBLE_FEW_ROWS */
    PLAUSIBLE_RENAMED,
};

/* Why a finding is no alarm. */
enum plausible_excuse {
    PLAUSIBLE_ALARM, /* it is one */
    PLAUSIBLE_HARMLESS,
    PLAUSIBLE_VOLATILE, /* the caller said so */
    PLAUSIBLE_UNSTEADY, /* within the window it vanished, emptied or halved before, and that was
                         * accepted or passed by itself */
    PLAUSIBLE_TINY,     /* the whole database */
};

struct plausible_finding {
    enum plausible_kind kind;
    enum plausible_excuse excuse;
    const char *schema, *name;         /* as it was called */
    uint64_t before, now;              /* rows: the median of the window, and tonight */
    bool counted;                      /* these are known */
    const char *now_schema, *now_name; /* renamed: to this */
};

struct plausible_question {
    /* Newest first, all of one source and made with the same filters as tonight. Looked at are
     * the first PLAUSIBLE_WINDOW that are not doubted, and the doubted ones among these. */
    const struct plausible_backup *history;
    size_t history_count;
    const struct plausible_backup *tonight;
    bool (*is_volatile)(void *arg, const char *schema, const char *name); /* NULL: none is */
    void *is_volatile_arg;
};

/* The finding is good during the call; a negative answer (error filled) ends the visit. */
typedef int plausible_visit(void *arg, const struct plausible_finding *f, struct error *e);

/* Every finding, in the order of the tables' names. ERROR_MEMORY. */
MUST_CHECK int plausible_check(const struct plausible_question *q, plausible_visit *visit,
                               void *arg, struct error *e);

/* One line for people, control characters made visible. */
#define PLAUSIBLE_TEXT 600
void plausible_text(const struct plausible_finding *f, char out[PLAUSIBLE_TEXT]);

#endif
