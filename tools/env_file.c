/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/env_file.h"

#include "core/base/str.h"

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct bytes *b)
{
    while (b->len > 0 && blank(b->data[0]))
        (void)bytes_take(b, 1);
}

static void drop_blanks_behind(struct bytes *b)
{
    while (b->len > 0 && blank(b->data[b->len - 1]))
        b->len--;
}

static size_t line_length(struct bytes b)
{
    const uint8_t *end = b.len > 0 ? memchr(b.data, '\n', b.len) : NULL;
    return end ? (size_t)(end - b.data) : b.len;
}

/* Takes a quoted value and the rest of its line; false when the quote has no partner or is
 * followed by more than a comment: then it is a part of the value. */
static bool take_quoted(struct bytes *text, struct bytes *value)
{
    struct bytes rest = *text;
    const uint8_t quote = rest.data[0];
    (void)bytes_take(&rest, 1);
    const uint8_t *end = rest.len > 0 ? memchr(rest.data, quote, rest.len) : NULL;
    if (!end)
        return false;
    *value = bytes_take(&rest, (size_t)(end - rest.data));
    (void)bytes_take(&rest, 1);
    struct bytes behind = bytes_take(&rest, line_length(rest));
    skip_blanks(&behind);
    if (behind.len > 0 && behind.data[0] != '#')
        return false;
    *text = rest;
    return true;
}

/* Takes a value without quotes: to the end of the line, or to a # behind a blank. */
static struct bytes take_plain(struct bytes *text)
{
    struct bytes value = bytes_take(text, line_length(*text));
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] == '#' && (i == 0 || blank(value.data[i - 1])))
            value.len = i;
    drop_blanks_behind(&value);
    return value;
}

/* The name in front of a line's "=", which is taken as well; empty when the line has none. */
static struct bytes take_name(struct bytes *text)
{
    struct bytes line = bytes_of(text->data, line_length(*text));
    const uint8_t *equals = line.len > 0 ? memchr(line.data, '=', line.len) : NULL;
    if (!equals || line.data[0] == '#') {
        (void)bytes_take(text, line.len);
        return bytes_of(line.data, 0);
    }
    struct bytes name = bytes_take(text, (size_t)(equals - line.data));
    (void)bytes_take(text, 1);
    static const char export[] = "export";
    const size_t len = sizeof export - 1;
    if (name.len > len && memcmp(name.data, export, len) == 0 && blank(name.data[len]))
        (void)bytes_take(&name, len);
    skip_blanks(&name);
    drop_blanks_behind(&name);
    return name;
}

int env_file_get(struct bytes text, const char *name, char **value, struct error *e)
{
    bool found = false;
    struct bytes last = {0};
    *value = NULL;
    if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        (void)bytes_take(&text, 3);
    while (text.len > 0) {
        struct bytes here = {0};
        skip_blanks(&text);
        struct bytes key = take_name(&text);
        if (key.len > 0) {
            skip_blanks(&text);
            bool quoted = text.len > 0 && memchr("\"'`", text.data[0], 3);
            if (!quoted || !take_quoted(&text, &here))
                here = take_plain(&text);
        }
        if (key.len > 0 && bytes_equal(key, bytes_text(name))) {
            last = here;
            found = true;
        }
        if (text.len > 0 && text.data[0] == '\n')
            (void)bytes_take(&text, 1);
    }
    if (!found)
        return ENV_FILE_ABSENT;
    if (last.len > 0 && memchr(last.data, '\0', last.len))
        return error_set(e, ERROR_USAGE, "%s: the value holds a zero byte", name);
    *value = str_copy_bytes(last, e);
    return *value ? 0 : -1;
}
