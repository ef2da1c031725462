/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/clock.h"

#include <string.h>
#include <time.h>

#define US_PER_S INT64_C(1000000)

int64_t clock_now_us(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Seconds, rounded towards the past also before 1970. */
static time_t seconds_of(int64_t us)
{
    return (time_t)(us / US_PER_S - (us % US_PER_S < 0));
}

void clock_rfc3339(char out[CLOCK_TEXT], int64_t us)
{
    struct tm tm;
    time_t s = seconds_of(us);
    if (!gmtime_r(&s, &tm) || strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        memcpy(out, "-", 2);
}

void clock_local(char out[CLOCK_TEXT], int64_t us)
{
    struct tm tm;
    time_t s = seconds_of(us);
    if (!localtime_r(&s, &tm) || strftime(out, CLOCK_TEXT, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        memcpy(out, "-", 2);
}

/* Exactly n digits off the front of *p. */
static bool digits(const char **p, int n, int *value)
{
    *value = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        *value = *value * 10 + (**p - '0');
    }
    return true;
}

static bool skip(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

static bool read_date(const char **p, struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!digits(p, 4, &year) || !skip(p, '-') || !digits(p, 2, &month) || !skip(p, '-') ||
        !digits(p, 2, &day) || year < 1 || month < 1 || month > 12)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > days[month - 1] + (month == 2 && leap))
        return false;
    *tm = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return true;
}

static bool read_time(const char **p, struct tm *tm, bool *has_seconds)
{
    if (!digits(p, 2, &tm->tm_hour) || !skip(p, ':') || !digits(p, 2, &tm->tm_min))
        return false;
    *has_seconds = skip(p, ':');
    if (*has_seconds && !digits(p, 2, &tm->tm_sec))
        return false;
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

/* ".25" as microseconds; digits behind the sixth are cut. */
static bool read_fraction(const char **p, int64_t *us)
{
    int64_t unit = US_PER_S / 10;
    *us = 0;
    if (!skip(p, '.'))
        return true;
    if (**p < '0' || **p > '9')
        return false;
    for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        *us += (**p - '0') * unit;
    return true;
}

static bool read_zone(const char **p, int64_t *east_s)
{
    int hours, minutes;
    *east_s = 0;
    if (skip(p, 'Z') || skip(p, 'z'))
        return true;
    int sign = skip(p, '+') ? 1 : skip(p, '-') ? -1 : 0;
    if (sign == 0 || !digits(p, 2, &hours) || !skip(p, ':') || !digits(p, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *east_s = (int64_t)sign * (hours * 3600 + minutes * 60);
    return true;
}

/* mktime moves a time that the zone does not have; then the fields come back changed. */
static bool from_local(const struct tm *want, int64_t *us)
{
    struct tm tm = *want;
    tm.tm_isdst = -1;
    time_t s = mktime(&tm);
    if (tm.tm_mday != want->tm_mday || tm.tm_hour != want->tm_hour ||
        tm.tm_min != want->tm_min || tm.tm_sec != want->tm_sec)
        return false;
    *us = (int64_t)s * US_PER_S;
    return true;
}

bool clock_parse(const char *text, int64_t *us)
{
    struct tm tm;
    bool seconds = false;
    int64_t fraction, east_s;
    const char *p = text;
    if (!read_date(&p, &tm))
        return false;
    if (!*p)
        return from_local(&tm, us);
    bool blank = *p == ' ';
    if (!skip(&p, ' ') && !skip(&p, 'T') && !skip(&p, 't'))
        return false;
    if (!read_time(&p, &tm, &seconds))
        return false;
    if (!*p && blank)
        return from_local(&tm, us);
    if (!seconds || !read_fraction(&p, &fraction) || !read_zone(&p, &east_s) || *p)
        return false;
    *us = ((int64_t)timegm(&tm) - east_s) * US_PER_S + fraction;
    return true;
}
