/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/repo/manifest.h"

#define SECOND_US INT64_C(1000000)
#define DAY_S INT64_C(86400)
#define NO_BUCKET INT64_MIN

struct retention_policy retention_runbook(void)
{
    struct retention_policy p = {.minimum = RETENTION_MINIMUM};
    p.rules[MANIFEST_NIGHTLY].daily = 14;
    p.rules[MANIFEST_NIGHTLY].within_us = 7 * DAY_S * SECOND_US;
    p.rules[MANIFEST_WEEKLY].weekly = 4;
    p.rules[MANIFEST_PRE_DEPLOY].deploys = 2;
    p.rules[MANIFEST_PRE_DEPLOY].within_us = DAY_S * SECOND_US;
    return p;
}

/* ---- the calendar ------------------------------------------------------------------ */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01 where the backup was made. */
static int64_t day_of(const struct retention_backup *b)
{
    return floor_div(floor_div(b->time_us, SECOND_US) + b->utc_offset_s, DAY_S);
}

/* Hours are those of UTC: when clocks are put back an hour comes twice, and both are meant. */
static int64_t hour_bucket(const struct retention_backup *b)
{
    return floor_div(b->time_us, 3600 * SECOND_US);
}

/* Weeks begin on Monday (ISO 8601); 1970-01-01 was a Thursday. */
static int64_t week_bucket(const struct retention_backup *b)
{
    return floor_div(day_of(b) + 3, 7);
}

/* Months since year 0, by the days of 400 years that begin in March (Hinnant, "chrono-
 * Compatible Low-Level Date Algorithms"). */
static int64_t month_bucket(const struct retention_backup *b)
{
    int64_t days = day_of(b) + 719468;
    int64_t era = floor_div(days, 146097);
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t march_month = (5 * of_year + 2) / 153;
    return 12 * (era * 400 + year) + 2 + march_month;
}

static int64_t year_bucket(const struct retention_backup *b)
{
    return floor_div(month_bucket(b), 12);
}

/* ---- one group --------------------------------------------------------------------- */

struct place_rule {
    enum retention_reason reason;
    uint32_t places;
    int64_t (*bucket)(const struct retention_backup *b); /* NULL: each has its own */
};

static void keep(struct retention_backup *b, enum retention_reason reason, uint32_t place,
                 uint32_t places)
{
    if (b->reason != RETENTION_DROPPED)
        return;
    b->reason = reason;
    b->place = place;
    b->places = places;
}

/* group: those that count, newest first. */
static void fill_places(struct retention_backup *const *group, size_t count,
                        const struct place_rule *rule)
{
    uint32_t used = 0;
    int64_t last = NO_BUCKET;
    for (size_t i = 0; i < count && used < rule->places; i++) {
        int64_t bucket = rule->bucket ? rule->bucket(group[i]) : (int64_t)i;
        if (bucket == last)
            continue;
        last = bucket;
        keep(group[i], rule->reason, ++used, rule->places);
    }
}

/* All of the last cycles, however many each has: attempts before one that ended belong to it.
 */
static void keep_deploys(struct retention_backup *const *group, size_t count, uint32_t cycles)
{
    uint32_t used = 0;
    uint32_t last = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t cycle = group[i]->deploy;
        if (cycle == 0)
            continue;
        used += cycle != last;
        last = cycle;
        if (used > cycles)
            return;
        keep(group[i], RETENTION_DEPLOY, used, cycles);
    }
}

static void judge_group(const struct retention_policy *p, struct retention_backup *const *group,
                        size_t count)
{
    const struct retention_rules *r = &p->rules[group[0]->kind];
    const struct place_rule rules[] = {
        {RETENTION_LAST, r->last, NULL},
        {RETENTION_HOURLY, r->hourly, hour_bucket},
        {RETENTION_DAILY, r->daily, day_of},
        {RETENTION_WEEKLY, r->weekly, week_bucket},
        {RETENTION_MONTHLY, r->monthly, month_bucket},
        {RETENTION_YEARLY, r->yearly, year_bucket},
    };
    const struct place_rule least = {RETENTION_LEAST, p->minimum, NULL};
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        fill_places(group, count, &rules[i]);
    keep_deploys(group, count, r->deploys);
    for (size_t i = 0; i < count; i++)
        if (r->within_us > 0 && group[0]->time_us - group[i]->time_us <= r->within_us)
            keep(group[i], RETENTION_WITHIN, 0, 0);
    keep(group[0], RETENTION_NEWEST, 0, 0);
    fill_places(group, count, &least);
}

/* ---- all --------------------------------------------------------------------------- */

static bool has_rules(const struct retention_rules *r)
{
    return r->last || r->hourly || r->daily || r->weekly || r->monthly || r->yearly ||
           r->within_us > 0 || r->deploys;
}

/* "K" fits "K" and "K=V". */
static bool tag_fits(const char *wanted, const char *tag)
{
    size_t len = strlen(wanted);
    return strcmp(wanted, tag) == 0 ||
           (!strchr(wanted, '=') && strncmp(wanted, tag, len) == 0 && tag[len] == '=');
}

static bool has_tag(const struct retention_policy *p, const struct retention_backup *b)
{
    for (size_t i = 0; i < p->tag_count; i++)
        for (size_t k = 0; k < b->tag_count; k++)
            if (tag_fits(p->tags[i], b->tags[k]))
                return true;
    return false;
}

/* What needs no other backup to be known. */
static enum retention_reason own_reason(const struct retention_policy *p,
                                        const struct retention_backup *b)
{
    return b->held                          ? RETENTION_HELD
           : b->deploy_open                 ? RETENTION_DEPLOY_OPEN
           : !b->counts                     ? RETENTION_NOT_COUNTED
           : !has_rules(&p->rules[b->kind]) ? RETENTION_NO_RULES
           : has_tag(p, b)                  ? RETENTION_TAG
                                            : RETENTION_DROPPED;
}

static int group_order(const struct retention_backup *a, const struct retention_backup *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->imported != b->imported)
        return a->imported ? 1 : -1;
    return strcmp(a->filters, b->filters);
}

static int newest_first(const void *x, const void *y)
{
    const struct retention_backup *a = *(struct retention_backup *const *)x;
    const struct retention_backup *b = *(struct retention_backup *const *)y;
    int order = group_order(a, b);
    if (order != 0)
        return order;
    if (a->time_us != b->time_us)
        return a->time_us > b->time_us ? -1 : 1;
    if (a->sequence != b->sequence)
        return a->sequence > b->sequence ? -1 : 1;
    return (a > b) - (a < b);
}

int retention_judge(const struct retention_policy *p, struct retention_backup *backups,
                    size_t count, struct error *e)
{
    size_t counted = 0;
    struct retention_backup **order = calloc(count + 1, sizeof *order);
    if (!order)
        return error_memory(e, "retention");
    for (size_t i = 0; i < count; i++) {
        struct retention_backup *b = &backups[i];
        if (b->kind >= RETENTION_KINDS)
            b->kind = 0;
        b->reason = own_reason(p, b);
        b->place = b->places = 0;
        if (b->counts && has_rules(&p->rules[b->kind]))
            order[counted++] = b;
    }
    qsort(order, counted, sizeof *order, newest_first);
    for (size_t i = 0, next; i < counted; i = next) {
        for (next = i + 1; next < counted && group_order(order[i], order[next]) == 0;)
            next++;
        judge_group(p, order + i, next - i);
    }
    free(order);
    return 0;
}

void retention_text(const struct retention_backup *b, char out[RETENTION_TEXT])
{
    static const char *const words[] = {
        [RETENTION_NOT_COUNTED] = "not counted as a good one",
        [RETENTION_NO_RULES] = "no rule for its kind",
        [RETENTION_HELD] = "held",
        [RETENTION_DEPLOY_OPEN] = "its deploy has not ended",
        [RETENTION_TAG] = "its tag",
        [RETENTION_NEWEST] = "the newest good one",
        [RETENTION_LEAST] = "minimum",
        [RETENTION_LAST] = "last",
        [RETENTION_HOURLY] = "hour",
        [RETENTION_DAILY] = "day",
        [RETENTION_WEEKLY] = "week",
        [RETENTION_MONTHLY] = "month",
        [RETENTION_YEARLY] = "year",
        [RETENTION_WITHIN] = "young enough",
        [RETENTION_DEPLOY] = "deploy cycle",
        [RETENTION_DROPPED] = "no rule keeps it",
    };
    if (b->places > 0)
        (void)snprintf(out, RETENTION_TEXT, "%s %u of %u", words[b->reason], b->place,
                       b->places);
    else
        (void)snprintf(out, RETENTION_TEXT, "%s", words[b->reason]);
}
