/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void str_hex(char *out, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool str_unhex(void *out, size_t len, const char *text)
{
    uint8_t *p = out;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text[2 * i]);
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        p[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * len] == '\0';
}

char *str_copy(const char *text, struct error *e)
{
    return str_copy_bytes(bytes_text(text), e);
}

char *str_copy_bytes(struct bytes b, struct error *e)
{
    char *copy = malloc(b.len + 1);
    if (!copy) {
        (void)error_memory(e, "text");
        return NULL;
    }
    if (b.len > 0)
        memcpy(copy, b.data, b.len);
    copy[b.len] = '\0';
    return copy;
}

char *str_format(struct error *e, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0) {
        (void)error_memory(e, "text");
        return NULL;
    }
    return text;
}

/* Length of the UTF-8 sequence at p if it is valid (RFC 3629) and printable, else 0: it must
 * be escaped. */
static size_t printable_length(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return p[0] >= 0x20 && p[0] != 0x7f;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
    bool surrogate = p[0] == 0xed && p[1] > 0x9f;
    bool control = p[0] == 0xc2 && p[1] < 0xa0; /* C1 */
    return overlong || beyond || surrogate || control ? 0 : n;
}

void str_safe(char *out, size_t size, struct bytes text)
{
    size_t used = 0;
    for (size_t i = 0; i < text.len;) {
        size_t n = printable_length(text.data + i, text.len - i);
        size_t need = n ? n : 4;
        if (used + need + 4 > size) {
            if (used + 4 <= size) {
                memcpy(out + used, "...", 3);
                used += 3;
            }
            break;
        }
        if (n) {
            memcpy(out + used, text.data + i, n);
        } else {
            char hex[5];
            (void)snprintf(hex, sizeof hex, "\\x%02x", text.data[i]);
            memcpy(out + used, hex, 4);
        }
        used += need;
        i += n ? n : 1;
    }
    out[used] = '\0';
}

bool str_u64(const char *text, uint64_t max, uint64_t *value)
{
    uint64_t v = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *value = v;
    return v <= max;
}

bool str_bytes(const char *text, uint64_t *value)
{
    static const char units[] = "KMGT";
    char number[24];
    unsigned shift = 0;
    size_t len = strlen(text);
    const char *unit = len > 0 ? strchr(units, text[len - 1]) : NULL;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        len--;
    }
    if (len >= sizeof number)
        return false;
    memcpy(number, text, len);
    number[len] = '\0';
    if (!str_u64(number, UINT64_MAX >> shift, value))
        return false;
    *value <<= shift;
    return true;
}

void str_size(char *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes;
    size_t unit = 0;
    while (v >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
        v /= 1024;
        unit++;
    }
    (void)snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", v, units[unit]);
}

size_t str_cut(const char *text, size_t max)
{
    size_t len = strlen(text);
    if (len <= max)
        return len;
    while (max > 1 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}
