/* SPDX-License-Identifier: Apache-2.0 */
/* Many rows of a table have the same day: the last one is remembered in both directions. */
#include "core/rows/columns_moment.h"

#include "core/rows/columns_digits.h"

#define MICRO 1000000
#define DAY_MICRO (INT64_C(86400) * MICRO)
#define DAY_LOW (-719162)  /* 0001-01-01, counted from 1970-01-01 */
#define DAY_HIGH (2932896) /* 9999-12-31 */
#define DATE_LEN 10
#define CLOCK_LEN 8
#define FRACTION_MAX 6

static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static bool leap(uint64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_from(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* YYYY-MM-DD at p. */
static bool date(const uint8_t *p, int64_t *day)
{
    uint64_t w = columns_load(p);
    uint64_t tail = columns_load(p + 8) << 48;
    uint64_t n;
    if ((w >> 32 & 0xff) != '-' || w >> 56 != '-' ||
        !columns_digits_eight((w & 0xffffffff) | (w >> 8 & UINT64_C(0xffff00000000)) | tail,
                              &n))
        return false;
    uint64_t year = n / 10000;
    uint64_t month = n / 100 % 100;
    uint64_t d = n % 100;
    if (year == 0 || month == 0 || month > 12 || d == 0 ||
        d > month_days[month - 1] + (uint64_t)(month == 2 && leap(year)))
        return false;
    *day = days_from((int64_t)year, (int64_t)month, (int64_t)d);
    return true;
}

/* hh:mm:ss at p. */
static inline bool clock_time(const uint8_t *p, uint64_t *micro)
{
    uint64_t w = columns_load(p);
    uint64_t n;
    if ((w >> 16 & 0xff) != ':' || (w >> 40 & 0xff) != ':' ||
        !columns_digits_eight((w & 0xffff) | (w >> 8 & 0xffff0000) |
                                  (w >> 16 & UINT64_C(0xffff00000000)) |
                                  COLUMNS_DIGITS_ZEROS << 48,
                              &n))
        return false;
    uint64_t hour = n / 1000000;
    uint64_t minute = n / 10000 % 100;
    uint64_t second = n / 100 % 100;
    *micro = ((hour * 60 + minute) * 60 + second) * MICRO;
    return hour < 24 && minute < 60 && second < 60;
}

/* The last day that was looked at: many rows have the same one. */
struct day {
    uint64_t head, tail; /* its bytes */
    int64_t day;
};

static inline bool date_again(const uint8_t *p, struct day *last)
{
    uint64_t head = columns_load(p);
    uint64_t tail = columns_load(p + 2);
    if (head == last->head && tail == last->tail)
        return true;
    *last = (struct day){.head = head, .tail = tail};
    return date(p, &last->day);
}

static bool dates(const struct columns_values *v, uint64_t *out)
{
    struct day last = {0};
    for (size_t i = 0; i < v->count; i++) {
        if (v->len[i] != DATE_LEN || !date_again(columns_value(v, i), &last))
            return false;
        out[i] = (uint64_t)last.day;
    }
    return true;
}

/* What the fractions of the seconds in a column look like. */
struct fractions {
    size_t least, most;
    bool trimmed; /* none ends in a zero */
};

/* The n digits at p, 1 to FRACTION_MAX, as microseconds. */
static inline bool fraction(const uint8_t *p, size_t n, struct fractions *f, uint64_t *micro)
{
    if (n == 0 || n > FRACTION_MAX ||
        !columns_digits_eight((columns_load(p) & ((UINT64_C(1) << 8 * n) - 1)) |
                                  COLUMNS_DIGITS_ZEROS << 8 * n,
                              micro))
        return false;
    *micro /= 100;
    f->trimmed = f->trimmed && p[n - 1] != '0';
    return true;
}

/* The last n bytes (at most 8) of those that end before p. */
static inline uint64_t tail_of(const uint8_t *p, size_t n)
{
    return n == 0 ? 0 : columns_load(p - 8) >> (64 - 8 * n);
}

/* What follows the second in the first value: a fraction, then the suffix of all values. */
static bool suffix_of(const uint8_t *p, size_t len, struct bytes *suffix)
{
    size_t n = 0;
    if (len > 0 && p[0] == '.')
        for (n = 1; n < len && p[n] >= '0' && p[n] <= '9';)
            n++;
    *suffix = bytes_of(p + n, len - n);
    return suffix->len <= COLUMNS_SUFFIX_MAX;
}

/* Times, with a date in front when the form is a timestamp. */
static bool times(const struct columns_values *v, struct columns_number *form, uint64_t *out)
{
    size_t dated = form->kind == COLUMNS_TIMESTAMP ? DATE_LEN + 1 : 0;
    size_t head = dated + CLOCK_LEN;
    if (v->len[0] < head || v->len[0] > head + 1 + FRACTION_MAX + COLUMNS_SUFFIX_MAX ||
        !suffix_of(columns_value(v, 0) + head, v->len[0] - head, &form->suffix))
        return false;
    form->between = dated > 0 ? columns_value(v, 0)[DATE_LEN] : 0;
    size_t suffix = form->suffix.len;
    uint64_t ending = tail_of(columns_value(v, 0) + v->len[0], suffix);
    struct day last = {0};
    struct fractions f = {.least = SIZE_MAX, .trimmed = true};
    for (size_t i = 0; i < v->count; i++) {
        const uint8_t *p = columns_value(v, i);
        size_t len = v->len[i];
        uint64_t micro = 0;
        if (len < head + suffix || tail_of(p + len, suffix) != ending ||
            !clock_time(p + dated, &out[i]) ||
            (dated > 0 && (p[DATE_LEN] != form->between || !date_again(p, &last))))
            return false;
        size_t n = len - head - suffix;
        if (n > 0 && (p[head] != '.' || !fraction(p + head + 1, n - 1, &f, &micro)))
            return false;
        n -= n > 0;
        f.least = n < f.least ? n : f.least;
        f.most = n > f.most ? n : f.most;
        out[i] += micro + (uint64_t)last.day * DAY_MICRO;
    }
    form->trimmed = f.trimmed;
    form->digits = (uint8_t)(f.trimmed ? FRACTION_MAX : f.most);
    return f.trimmed || f.least == f.most;
}

bool columns_moment_parse(const struct columns_values *v, struct columns_number *form,
                          uint64_t *out)
{
    return form->kind == COLUMNS_DATE ? dates(v, out) : times(v, form, out);
}

/* The day that was printed last, to be copied. */
struct printed {
    uint8_t text[16];
    int64_t day;
};

/* What prints one value: to out, returning its end; NULL: the form does not have it. */
typedef uint8_t *(*print_fn)(const struct columns_number *form, struct printed *last,
                             uint64_t n, uint8_t *out);

/* The inverse of days_from; day is DAY_LOW to DAY_HIGH. */
static void print_new_day(uint8_t *out, int64_t day)
{
    int64_t z = day + 719468;
    int64_t era = z / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t moved = (5 * of_year + 2) / 153;
    int64_t month = moved < 10 ? moved + 3 : moved - 9;
    year += era * 400 + (month <= 2);
    uint64_t w = columns_digits_spread((uint64_t)((year * 100 + month) * 100 + of_year -
                                                  (153 * moved + 2) / 5 + 1)) |
                 COLUMNS_DIGITS_ZEROS;
    columns_store(out, (w & 0xffffffff) | (uint64_t)'-' << 32 |
                           (w & UINT64_C(0xffff00000000)) << 8 | (uint64_t)'-' << 56);
    columns_store(out + 8, w >> 48);
}

static inline uint8_t *print_date(const struct columns_number *form, struct printed *last,
                                  uint64_t n, uint8_t *out)
{
    (void)form;
    int64_t day = (int64_t)n;
    if (day != last->day) {
        if (day < DAY_LOW || day > DAY_HIGH)
            return NULL;
        print_new_day(last->text, day);
        last->day = day;
    }
    memcpy(out, last->text, sizeof last->text);
    return out + DATE_LEN;
}

static inline uint8_t *print_time(const struct columns_number *form, struct printed *last,
                                  uint64_t n, uint8_t *out)
{
    (void)last;
    if (n >= DAY_MICRO)
        return NULL;
    uint64_t second = n / MICRO;
    uint64_t part = n % MICRO;
    uint64_t minute = second / 60;
    uint64_t w =
        columns_digits_spread((minute / 60 * 100 + minute % 60) * 10000 + second % 60 * 100) |
        COLUMNS_DIGITS_ZEROS;
    columns_store(out, (w & 0xffff) | (uint64_t)':' << 16 | (w & 0xffff0000) << 8 |
                           (uint64_t)':' << 40 | (w & UINT64_C(0xffff00000000)) << 16);
    if (form->digits < FRACTION_MAX) {
        uint64_t unit = columns_digits_power[FRACTION_MAX - form->digits];
        if (part % unit != 0)
            return NULL;
        part /= unit;
    }
    out = columns_digits_fraction(out + CLOCK_LEN, part, form->digits, form->trimmed);
    memcpy(out, form->suffix.data, COLUMNS_SUFFIX_MAX);
    return out + form->suffix.len;
}

static inline uint8_t *print_timestamp(const struct columns_number *form, struct printed *last,
                                       uint64_t n, uint8_t *out)
{
    int64_t moment = (int64_t)n;
    int64_t day = moment / DAY_MICRO - (moment % DAY_MICRO < 0);
    uint8_t *end = print_date(form, last, (uint64_t)day, out);
    if (!end)
        return NULL;
    *end = form->between;
    return print_time(form, last, n - (uint64_t)day * DAY_MICRO, end + 1);
}

static inline bool print_each(print_fn print_one, const struct columns_number *form,
                              const uint64_t *v, size_t n, uint8_t *out, struct bytes *cells)
{
    struct printed last = {.day = INT64_MAX};
    for (size_t i = 0; i < n; i++) {
        uint8_t *end = print_one(form, &last, v[i], out);
        if (!end)
            return false;
        cells[i] = bytes_of(out, (size_t)(end - out));
        out = end;
    }
    return true;
}

bool columns_moment_print(const struct columns_number *form, const uint64_t *v, size_t n,
                          uint8_t *out, struct bytes *cells)
{
    /* A loop for each kind: then the compiler has the print functions inside them. */
    if (form->kind == COLUMNS_DATE)
        return print_each(print_date, form, v, n, out, cells);
    if (form->kind == COLUMNS_TIME)
        return print_each(print_time, form, v, n, out, cells);
    return print_each(print_timestamp, form, v, n, out, cells);
}
