/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/store_sftp_text.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/str.h"

#define DAY_S 86400
#define MAX_SIZE ((uint64_t)INT64_MAX)

char *store_sftp_text_command(const char *command, bool ignore, const char *from,
                              const char *to, struct error *e)
{
    const char *const paths[] = {from, to};
    struct buf out = {0};
    int rc = buf_printf(&out, e, "%s%s", ignore ? "*" : "", command);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        if (rc < 0 || !paths[i])
            continue;
        rc = buf_append(&out, " \"", 2, e);
        for (const char *p = paths[i]; rc == 0 && *p; p++) {
            if (*p == '"' || *p == '\\')
                rc = buf_byte(&out, '\\', e);
            if (rc == 0)
                rc = buf_byte(&out, (uint8_t)*p, e);
        }
        if (rc == 0)
            rc = buf_byte(&out, '"', e);
    }
    if (rc == 0)
        rc = buf_byte(&out, 0, e);
    if (rc < 0)
        buf_done(&out);
    return (char *)out.data;
}

/* ---- listings ------------------------------------------------------------------------ */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The next word, and the blanks before it. */
static struct bytes next_word(struct bytes *line)
{
    while (line->len > 0 && *line->data == ' ')
        (void)bytes_take(line, 1);
    const uint8_t *end = line->len > 0 ? memchr(line->data, ' ', line->len) : NULL;
    return bytes_take(line, end ? (size_t)(end - line->data) : line->len);
}

static bool number(struct bytes word, uint64_t max, uint64_t *value)
{
    char text[24];
    if (word.len == 0 || word.len >= sizeof text)
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (!is_digit(word.data[i]))
            return false;
    memcpy(text, word.data, word.len);
    text[word.len] = '\0';
    return str_u64(text, max, value);
}

/* "drwxr-xr-x", maybe with a sign for ACLs or labels behind. */
static bool is_mode(struct bytes word)
{
    if (word.len < 10 || word.len > 11 || !memchr("-dlbcpsD", word.data[0], 8))
        return false;
    for (size_t i = 1; i < 10; i++)
        if (!memchr("rwxsStTlL-", word.data[i], 10))
            return false;
    return word.len == 10 || memchr("+.@", word.data[10], 3);
}

static bool month(struct bytes word, int *value)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (word.len != 3)
        return false;
    for (int i = 0; i < 12; i++) {
        if (memcmp(names + (size_t)i * 3, word.data, 3) == 0) {
            *value = i;
            return true;
        }
    }
    return false;
}

/* "14:29" of the last twelve months, or a year. */
static bool clock_or_year(struct bytes word, int64_t now_s, struct tm *t,
                          struct store_sftp_line *out)
{
    uint64_t hour;
    uint64_t minute;
    uint64_t year;
    if (word.len == 4 && number(word, 9999, &year)) {
        t->tm_year = (int)year - 1900;
        out->time_s = timegm(t);
        out->clock = false;
        return year >= 1970;
    }
    if (word.len != 5 || word.data[2] != ':' || !number(bytes_of(word.data, 2), 23, &hour) ||
        !number(bytes_of(word.data + 3, 2), 59, &minute))
        return false;
    struct tm today;
    time_t now = (time_t)now_s;
    if (!gmtime_r(&now, &today))
        return false;
    t->tm_hour = (int)hour;
    t->tm_min = (int)minute;
    struct tm copy = *t; /* timegm may change what it is given */
    copy.tm_year = today.tm_year + 1;
    out->time_s = timegm(&copy);
    for (int i = 0; i < 2 && out->time_s > now_s + DAY_S; i++) {
        copy = *t;
        copy.tm_year = today.tm_year - i;
        out->time_s = timegm(&copy);
    }
    out->clock = true;
    return true;
}

bool store_sftp_text_line(struct bytes line, int64_t now_s, struct store_sftp_line *out)
{
    uint64_t number_of;
    uint64_t day;
    struct tm t = {0};
    struct bytes mode = next_word(&line);
    *out = (struct store_sftp_line){0};
    if (!is_mode(mode) || !number(next_word(&line), MAX_SIZE, &number_of) ||
        next_word(&line).len == 0 || next_word(&line).len == 0 ||
        !number(next_word(&line), MAX_SIZE, &out->size) ||
        !month(next_word(&line), &t.tm_mon) || !number(next_word(&line), 31, &day) || day == 0)
        return false;
    t.tm_mday = (int)day;
    if (!clock_or_year(next_word(&line), now_s, &t, out))
        return false;
    /* One blank, and all that follows is the name: it may begin with blanks. */
    if (line.len < 2)
        return false;
    (void)bytes_take(&line, 1);
    out->type = (char)mode.data[0];
    out->name = line;
    return true;
}

/* ---- statvfs --------------------------------------------------------------------------- */

static bool field(struct bytes answer, const char *name, uint64_t *value)
{
    size_t len = strlen(name);
    const uint8_t *at = answer.len > 0 ? memmem(answer.data, answer.len, name, len) : NULL;
    if (!at)
        return false;
    struct bytes rest = bytes_of(at + len, answer.len - len - (size_t)(at - answer.data));
    size_t digits = 0;
    while (digits < rest.len && is_digit(rest.data[digits]))
        digits++;
    return number(bytes_of(rest.data, digits), UINT64_MAX, value);
}

bool store_sftp_text_free(struct bytes answer, uint64_t *free_bytes)
{
    uint64_t unit;
    uint64_t units;
    if (!field(answer, "f_frsize: ", &unit) || !field(answer, "f_bavail: ", &units))
        return false;
    if (__builtin_mul_overflow(unit, units, free_bytes))
        *free_bytes = UINT64_MAX;
    return true;
}
