/* SPDX-License-Identifier: Apache-2.0 */
/* Which backups of a source stay, and why: a function of what is known of them and of a policy,
 * and of nothing else. No clock is asked: times count from the newest backup on, so a clock
 * that jumps drops nothing.
 *
 * Backups are divided into groups, which do not see each other: by kind, by what was dumped
 * (a dump of one table is no successor of one of all), and imported ones apart. In each group
 * only those that count fill the places that a rule has; one that does not count is never
 * dropped and never in the place of another. */
#ifndef CATALOG_RETENTION_H
#define CATALOG_RETENTION_H

#include "core/base/attr.h"
#include "core/base/error.h"

#define RETENTION_KINDS 5 /* enum manifest_kind; 0: a kind that is not known */
#define RETENTION_MINIMUM 3

/* Places: the newest backup of each of the last n hours, days and so on that have one. All 0:
 * the kind is left alone. */
struct retention_rules {
    uint32_t last, hourly, daily, weekly, monthly, yearly;
    int64_t within_us; /* all that are at most so much older than the newest */
    uint32_t deploys;  /* all of the last n deploy cycles */
};

struct retention_policy {
    struct retention_rules rules[RETENTION_KINDS]; /* by kind */
    uint32_t minimum;                              /* of each group stay at least so many */
    const char *const *tags;                       /* "K" or "K=V": those that have one stay */
    size_t tag_count;
};

/* The runbook's table: nightly 14 days and at least all of 7 days, weekly 4 weeks, pre-deploy 2
 * cycles and at least a day; others are left alone. */
struct retention_policy retention_runbook(void);

enum retention_reason {
    /* It stays: */
    RETENTION_NOT_COUNTED, /* suspect, not confirmed, damaged, of a time that nobody believes */
    RETENTION_NO_RULES,    /* for its kind */
    RETENTION_HELD,
    RETENTION_DEPLOY_OPEN, /* its deploy has no end yet */
    RETENTION_TAG,
    RETENTION_NEWEST, /* the newest that counts */
    RETENTION_LEAST,  /* one of the minimum */
    RETENTION_LAST,   /* n of the rule's places, as those below */
    RETENTION_HOURLY,
    RETENTION_DAILY,
    RETENTION_WEEKLY,
    RETENTION_MONTHLY,
    RETENTION_YEARLY,
    RETENTION_WITHIN,
    RETENTION_DEPLOY,
    /* It goes: */
    RETENTION_DROPPED,
};

struct retention_backup {
    int64_t time_us;      /* signed, and believed by the store's clock */
    int32_t utc_offset_s; /* of the zone whose days count, at that time */
    uint64_t sequence;    /* of two at one time the higher one is newer */
    uint8_t kind;
    const char *filters; /* what was dumped; "" all */
    bool imported;
    bool counts;
    bool held;
    uint32_t deploy;  /* number of its cycle, rising; 0: none */
    bool deploy_open; /* that has not ended */
    const char *const *tags;
    size_t tag_count;
    /* The answer. */
    enum retention_reason reason;
    uint32_t place, places; /* 3 of 14 days, with a rule that has places */
};

static inline bool retention_keeps(const struct retention_backup *b)
{
    return b->reason != RETENTION_DROPPED;
}

/* Fill in the answers of all backups of one source, in any order. ERROR_MEMORY. */
MUST_CHECK int retention_judge(const struct retention_policy *p,
                               struct retention_backup *backups, size_t count, struct error *e);

/* "day 3 of 14" and the like. */
#define RETENTION_TEXT 80
void retention_text(const struct retention_backup *b, char out[RETENTION_TEXT]);

#endif
