/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/columns_number.h"

#include "core/rows/columns_digits.h"
#include "core/rows/columns_moment.h"

#define LONGEST COLUMNS_DIGITS_LONGEST
#define TRIMMED 0x80
#define FRACTION_MAX 6

static bool integers(const struct columns_values *v, uint64_t *out)
{
    for (size_t i = 0; i < v->count; i++) {
        const uint8_t *p = columns_value(v, i);
        uint32_t len = v->len[i];
        uint64_t negative = *p == '-';
        p += negative;
        size_t n = (size_t)len - negative; /* wraps for an empty value */
        uint64_t value;
        if (*p == '0' && len > 1)
            return false;
        if (n - 1 < 8) {
            if (!columns_digits_few(p, n, &value))
                return false;
        } else if (n - 1 >= LONGEST || !columns_digits_all(p, n, &value) ||
                   value > (uint64_t)INT64_MAX + negative) {
            return false;
        }
        out[i] = (value ^ (0 - negative)) + negative;
    }
    return true;
}

static bool padded(const struct columns_values *v, uint8_t width, uint64_t *out)
{
    if (width < 2 || width > COLUMNS_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < v->count; i++)
        if (v->len[i] != width || !columns_digits_all(columns_value(v, i), width, &out[i]))
            return false;
    return true;
}

/* Where the point stands in the len bytes at p; len when there is none. */
static inline size_t point_in(const uint8_t *p, size_t len)
{
    size_t i = 0;
    while (i < len && p[i] != '.')
        i++;
    return i;
}

/* A value with `behind` digits behind its point, in units of the last of scale digits. */
static inline bool decimal(const uint8_t *p, size_t len, size_t behind, size_t scale,
                           uint64_t *out)
{
    size_t negative = *p == '-';
    size_t point = len - behind - (behind > 0);
    uint64_t whole;
    uint64_t part = 0;
    if (point <= negative || point - negative + scale > COLUMNS_DIGITS_MAX)
        return false;
    p += negative;
    point -= negative;
    if ((*p == '0' && point > 1) || !columns_digits_all(p, point, &whole) ||
        (behind > 0 && (p[point] != '.' || !columns_digits_all(p + point + 1, behind, &part))))
        return false;
    uint64_t value =
        whole * columns_digits_power[scale] + part * columns_digits_power[scale - behind];
    *out = negative ? 0 - value : value;
    return value != 0 || !negative;
}

/* The same where p has at least 3 and at most 8 bytes, no sign, and at least one digit behind
 * the point: as one word without the point. */
static inline bool short_decimal(const uint8_t *p, size_t len, size_t behind, uint64_t *out)
{
    uint64_t word = columns_load(p + len - 8); /* its end is the value's */
    uint64_t part = ~UINT64_C(0) << (64 - 8 * behind);
    uint64_t fill = ~UINT64_C(0) >> 8 * (len - 1); /* what is not the value's */
    word = (word & part) | (word << 8 & ~part);
    return p[len - 1 - behind] == '.' && (*p != '0' || len == behind + 2) &&
           columns_digits_eight((word & ~(fill)) | (COLUMNS_DIGITS_ZEROS & fill), out);
}

static bool fixed_decimals(const struct columns_values *v, size_t scale, uint64_t *out)
{
    for (size_t i = 0; i < v->count; i++) {
        const uint8_t *p = columns_value(v, i);
        size_t len = v->len[i];
        if (len <= scale + 1 ||
            !(len <= 8 && *p != '-' ? short_decimal(p, len, scale, &out[i])
                                    : decimal(p, len, scale, scale, &out[i])))
            return false;
    }
    return true;
}

/* Digits behind the point, where none of them ends in a zero; SIZE_MAX: not a decimal. */
static inline size_t trimmed_digits(const uint8_t *p, size_t len)
{
    if (len == 0 || len > LONGEST + 2)
        return SIZE_MAX;
    size_t point = point_in(p, len);
    if (point == len)
        return 0;
    return point + 1 == len || p[len - 1] == '0' ? SIZE_MAX : len - point - 1;
}

static bool trimmed_decimals(const struct columns_values *v, size_t *scale, uint64_t *out)
{
    *scale = 0;
    for (size_t i = 0; i < v->count; i++) {
        size_t n = trimmed_digits(columns_value(v, i), v->len[i]);
        if (n > COLUMNS_DIGITS_MAX)
            return false;
        *scale = n > *scale ? n : *scale;
    }
    for (size_t i = 0; i < v->count; i++) {
        const uint8_t *p = columns_value(v, i);
        size_t len = v->len[i];
        size_t point = point_in(p, len);
        if (!decimal(p, len, point < len ? len - point - 1 : 0, *scale, &out[i]))
            return false;
    }
    return *scale > 0;
}

static bool decimals(const struct columns_values *v, struct columns_number *form, uint64_t *out)
{
    const uint8_t *p = columns_value(v, 0);
    size_t len = v->len[0];
    size_t point = point_in(p, len < LONGEST + 2 ? len : 0);
    size_t scale = point < len ? len - point - 1 : 0;
    uint64_t probe;
    if (len > LONGEST + 2 || scale > COLUMNS_DIGITS_MAX ||
        !decimal(p, len, scale, scale, &probe))
        return false;
    form->trimmed = scale == 0 || !fixed_decimals(v, scale, out);
    if (form->trimmed && !trimmed_decimals(v, &scale, out))
        return false;
    form->digits = (uint8_t)scale;
    return true;
}

bool columns_number_parse(const struct columns_values *v, struct columns_number *form,
                          uint64_t *out)
{
    uint8_t first = v->len[0] > 0 ? *columns_value(v, 0) : 0;
    if (first != '-' && (first < '0' || first > '9'))
        return false;
    *form = (struct columns_number){.kind = COLUMNS_INTEGER};
    if (integers(v, out))
        return true;
    if (v->len[0] <= COLUMNS_DIGITS_MAX && padded(v, (uint8_t)v->len[0], out)) {
        form->digits = (uint8_t)v->len[0];
        return true;
    }
    *form = (struct columns_number){.kind = COLUMNS_DECIMAL};
    if (decimals(v, form, out))
        return true;
    for (enum columns_kind kind = COLUMNS_DATE; kind <= COLUMNS_TIMESTAMP; kind++) {
        *form = (struct columns_number){.kind = kind};
        if (columns_moment_parse(v, form, out))
            return true;
    }
    return false;
}

void columns_number_write(struct columns_sink *s, const struct columns_number *form)
{
    columns_sink_byte(s, (uint8_t)form->kind);
    if (form->kind == COLUMNS_DATE)
        return;
    columns_sink_byte(s, (uint8_t)(form->digits | (form->trimmed ? TRIMMED : 0)));
    if (form->kind == COLUMNS_TIMESTAMP)
        columns_sink_byte(s, form->between);
    if (form->kind == COLUMNS_TIME || form->kind == COLUMNS_TIMESTAMP)
        columns_sink_bytes(s, form->suffix);
}

void columns_number_read(struct cursor *in, enum columns_kind kind, struct columns_number *form)
{
    *form = (struct columns_number){.kind = kind};
    if (kind == COLUMNS_DATE)
        return;
    uint8_t head = cursor_u8(in);
    form->digits = head & (TRIMMED - 1);
    form->trimmed = head & TRIMMED;
    bool timed = kind == COLUMNS_TIME || kind == COLUMNS_TIMESTAMP;
    if (kind == COLUMNS_TIMESTAMP)
        form->between = cursor_u8(in);
    uint64_t suffix = timed ? cursor_varint(in) : 0;
    if (form->digits > (timed ? FRACTION_MAX : COLUMNS_DIGITS_MAX) ||
        suffix > COLUMNS_SUFFIX_MAX || (form->trimmed && kind == COLUMNS_INTEGER) ||
        (form->digits == 0 && kind == COLUMNS_DECIMAL))
        in->bad = true;
    form->suffix = cursor_bytes(in, in->bad ? 0 : (size_t)suffix);
}

/* n, below 10^8, in as few digits as it needs; what is written beyond them is garbage. */
static inline uint8_t *print_few(uint8_t *out, uint64_t n)
{
    uint64_t w = columns_digits_spread(n);
    unsigned skip = (unsigned)__builtin_ctzll(w | UINT64_C(1) << 56) / 8;
    columns_store(out, (w | COLUMNS_DIGITS_ZEROS) >> 8 * skip);
    return out + 8 - skip;
}

static inline uint8_t *print(uint8_t *out, uint64_t n)
{
    if (n < 100000000)
        return print_few(out, n);
    if (n < UINT64_C(10000000000000000))
        return columns_digits_print(print_few(out, n / 100000000), n % 100000000, 8);
    out = print_few(out, n / UINT64_C(10000000000000000));
    return columns_digits_print(out, n % UINT64_C(10000000000000000), 16);
}

/* What prints n values, cells getting where they stand; false: the form does not have one. */

static bool print_codes(unsigned width, const uint64_t *v, size_t n, uint8_t *out,
                        struct bytes *cells)
{
    for (size_t i = 0; i < n; i++, out += width) {
        if (v[i] >= columns_digits_power[width])
            return false;
        (void)columns_digits_print(out, v[i], width);
        cells[i] = bytes_of(out, width);
    }
    return true;
}

static void print_integers(const uint64_t *v, size_t n, uint8_t *out, struct bytes *cells)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t negative = v[i] >> 63;
        *out = '-';
        uint8_t *end = print(out + negative, (v[i] ^ (0 - negative)) + negative);
        cells[i] = bytes_of(out, (size_t)(end - out));
        out = end;
    }
}

/* The same, all of them below 10^4: half the work. */
static void print_tiny(const uint64_t *v, size_t n, uint8_t *out, struct bytes *cells)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t w = (uint32_t)v[i];
        uint32_t high = w * 10486 >> 20;
        w = high | (w - 100 * high) << 16;
        high = (w * 103 >> 10) & 0x000f000f;
        w = high | (w - 10 * high) << 8;
        unsigned skip = (unsigned)__builtin_ctz(w | 1U << 24) / 8;
        columns_store(out, (w | (uint32_t)COLUMNS_DIGITS_ZEROS) >> 8 * skip);
        cells[i] = bytes_of(out, 4 - skip);
        out += 4 - skip;
    }
}

static void print_decimals(const struct columns_number *form, const uint64_t *v, size_t n,
                           uint8_t *out, struct bytes *cells)
{
    uint64_t unit = columns_digits_power[form->digits];
    for (size_t i = 0; i < n; i++) {
        uint64_t negative = v[i] >> 63;
        uint64_t value = (v[i] ^ (0 - negative)) + negative;
        *out = '-';
        uint8_t *end = print(out + negative, value / unit);
        end = columns_digits_fraction(end, value % unit, form->digits, form->trimmed);
        cells[i] = bytes_of(out, (size_t)(end - out));
        out = end;
    }
}

/* The same with 1 to 7 digits behind the point, and below 10^8 without it: no division. */
static void print_short(unsigned behind, const uint64_t *v, size_t n, uint8_t *out,
                        struct bytes *cells)
{
    unsigned before = 8 - behind;
    for (size_t i = 0; i < n; i++) {
        uint64_t w = columns_digits_spread(v[i]);
        unsigned skip = (unsigned)__builtin_ctzll(w | UINT64_C(1) << 8 * (before - 1)) / 8;
        w |= COLUMNS_DIGITS_ZEROS;
        columns_store(out, w >> 8 * skip);
        out[before - skip] = '.';
        columns_store(out + before - skip + 1, w >> 8 * before);
        cells[i] = bytes_of(out, 9 - skip);
        out += 9 - skip;
    }
}

/* No more bits than the largest of them has; all of them for a negative number. */
static uint64_t all_bits(const uint64_t *v, size_t n)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i++)
        bits |= v[i];
    return bits;
}

bool columns_number_print(const struct columns_number *form, const uint64_t *v, size_t n,
                          uint8_t *out, struct bytes *cells)
{
    if (form->kind > COLUMNS_DECIMAL)
        return columns_moment_print(form, v, n, out, cells);
    if (form->kind == COLUMNS_INTEGER && form->digits > 0)
        return print_codes(form->digits, v, n, out, cells);
    uint64_t bits = all_bits(v, n);
    if (form->kind == COLUMNS_DECIMAL) {
        if (!form->trimmed && form->digits < 8 && bits < UINT64_C(1) << 26)
            print_short(form->digits, v, n, out, cells);
        else
            print_decimals(form, v, n, out, cells);
    } else if (bits < UINT64_C(1) << 13) {
        print_tiny(v, n, out, cells);
    } else {
        print_integers(v, n, out, cells);
    }
    return true;
}
