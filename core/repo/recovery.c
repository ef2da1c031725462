/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/recovery.h"

#include <assert.h>

#include "core/base/digest.h"
#include "core/base/str.h"

#define VERSION 1
#define CHECK_LEN 4
#define RAW_LEN (1 + SECRET_LEN + CHECK_LEN)
#define LINES 4
#define LINE_DATA 15
#define LINE_SYMBOLS (LINE_DATA + 1)
#define GROUP 5

static_assert(RAW_LEN * 8 + 4 == LINES * LINE_DATA * 5, "37 bytes and 4 bits are 60 symbols");
static_assert(RECOVERY_SIZE == LINES * (LINE_SYMBOLS + LINE_DATA / GROUP + 1) + 1, "text size");

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static uint8_t check_symbol(const uint8_t data[LINE_DATA], unsigned line)
{
    unsigned sum = 0;
    for (size_t i = 0; i <= LINE_DATA; i++) {
        if (i > 0)
            sum = sum << 1 ^ (sum & 16 ? 0x25 : 0);
        if (i < LINE_DATA)
            sum ^= data[i];
    }
    return (uint8_t)(sum ^ line);
}

/* Version, seed and check of a seed; one byte of room behind for the symbol that reaches it. */
static int make_raw(const struct secret *seed, uint8_t raw[RAW_LEN + 1], struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    raw[0] = VERSION;
    memcpy(raw + 1, seed->key, SECRET_LEN);
    if (digest_sha256(bytes_of(raw, 1 + SECRET_LEN), digest, e) < 0)
        return -1;
    memcpy(raw + 1 + SECRET_LEN, digest, CHECK_LEN);
    raw[RAW_LEN] = 0;
    return 0;
}

int recovery_write(const struct secret *seed, char *out, size_t size, struct error *e)
{
    if (size < RECOVERY_SIZE)
        return error_set(e, ERROR_USAGE, "recovery code: room for %zu bytes, expected %d", size,
                         RECOVERY_SIZE);
    uint8_t raw[RAW_LEN + 1];
    uint8_t data[LINE_DATA];
    int rc = make_raw(seed, raw, e);
    size_t bit = 0;
    for (unsigned line = 0; rc == 0 && line < LINES; line++) {
        for (size_t i = 0; i < LINE_DATA; i++, bit += 5) {
            unsigned pair = (unsigned)raw[bit / 8] << 8 | raw[bit / 8 + 1];
            data[i] = pair >> (11 - bit % 8) & 31;
            *out++ = alphabet[data[i]];
            if (i % GROUP == GROUP - 1)
                *out++ = '-';
        }
        *out++ = alphabet[check_symbol(data, line)];
        *out++ = '\n';
    }
    *out = '\0';
    explicit_bzero(raw, sizeof raw);
    explicit_bzero(data, sizeof data);
    return rc;
}

/* The value of a typed character, -1 when it has none. */
static int value_of(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        c = '0';
    if (c == 'I' || c == 'L')
        c = '1';
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

struct typed {
    uint8_t symbols[LINES * LINE_SYMBOLS];
    size_t count;
    unsigned lines;    /* with any symbol in them */
    unsigned odd_line; /* the first one, from 1, with more or fewer than LINE_SYMBOLS */
    size_t odd_count;
};

static void end_line(struct typed *t, size_t count)
{
    if (count == 0)
        return;
    t->lines++;
    if (count != LINE_SYMBOLS && t->odd_line == 0) {
        t->odd_line = t->lines;
        t->odd_count = count;
    }
}

static int collect(const char *text, struct typed *t, struct error *e)
{
    size_t in_line = 0;
    for (; *text; text++) {
        if (*text == '\n') {
            end_line(t, in_line);
            in_line = 0;
        }
        if (strchr(" \t\r\n-", *text))
            continue;
        int value = value_of(*text);
        if (value < 0) {
            /* By line breaks where there are some, else by what was typed so far. */
            size_t line = t->lines > 0 ? t->lines : t->count / LINE_SYMBOLS;
            char shown[16];
            str_safe(shown, sizeof shown, bytes_of(text, 1));
            return error_set(e, ERROR_KEY,
                             "recovery code: line %zu is mistyped: it never has a %s", line + 1,
                             shown);
        }
        if (t->count < sizeof t->symbols)
            t->symbols[t->count] = (uint8_t)value;
        t->count++;
        in_line++;
    }
    end_line(t, in_line);
    if (t->count == sizeof t->symbols)
        return 0;
    if (t->lines == LINES && t->odd_line > 0)
        return error_set(e, ERROR_KEY,
                         "recovery code: line %u is mistyped: %zu characters, expected %d",
                         t->odd_line, t->odd_count, LINE_SYMBOLS);
    return error_set(e, ERROR_KEY, "recovery code: %zu characters, expected %zu", t->count,
                     sizeof t->symbols);
}

/* Symbols to bytes, each line's check looked at on the way. */
static int pack(const struct typed *t, uint8_t raw[RAW_LEN + 1], struct error *e)
{
    size_t bit = 0;
    memset(raw, 0, RAW_LEN + 1);
    for (unsigned line = 0; line < LINES; line++) {
        const uint8_t *data = t->symbols + (size_t)line * LINE_SYMBOLS;
        if (data[LINE_DATA] != check_symbol(data, line))
            return error_set(e, ERROR_KEY, "recovery code: line %u is mistyped", line + 1);
        for (size_t i = 0; i < LINE_DATA; i++, bit += 5) {
            unsigned pair = (unsigned)data[i] << (11 - bit % 8);
            raw[bit / 8] |= (uint8_t)(pair >> 8);
            raw[bit / 8 + 1] |= (uint8_t)pair;
        }
    }
    return 0;
}

int recovery_read(const char *text, struct secret *seed, struct error *e)
{
    struct typed t = {.count = 0};
    uint8_t raw[RAW_LEN + 1];
    uint8_t expected[RAW_LEN + 1];
    int rc = -1;
    if (collect(text, &t, e) < 0 || pack(&t, raw, e) < 0)
        goto out;
    memcpy(seed->key, raw + 1, SECRET_LEN);
    if (make_raw(seed, expected, e) < 0)
        goto out;
    if (raw[0] != VERSION)
        (void)error_set(e, ERROR_UNSUPPORTED, "recovery code: version %d, expected %d", raw[0],
                        VERSION);
    else if (!digest_equal(raw, expected, sizeof raw))
        (void)error_set(e, ERROR_KEY,
                        "recovery code is mistyped in more than one place of a line");
    else
        rc = 0;
out:
    if (rc < 0)
        secret_wipe(seed);
    explicit_bzero(&t, sizeof t);
    explicit_bzero(raw, sizeof raw);
    explicit_bzero(expected, sizeof expected);
    return rc;
}
