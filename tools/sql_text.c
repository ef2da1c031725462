/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sql_text.h"

#include <string.h>

size_t sql_text_quoted(struct bytes s, bool backslashes)
{
    uint8_t quote = s.data[0];
    for (size_t i = 1; i < s.len; i++) {
        if (backslashes && s.data[i] == '\\')
            i++;
        else if (s.data[i] == quote && i + 1 < s.len && s.data[i + 1] == quote)
            i++;
        else if (s.data[i] == quote)
            return i + 1;
    }
    return s.len;
}

/* Blanks, and lines that are comments. */
static void skip_between(struct bytes *sql)
{
    while (sql->len > 0) {
        if (memchr(" \n\r\t", sql->data[0], 4)) {
            (void)bytes_take(sql, 1);
        } else if (bytes_begins(*sql, "--")) {
            const uint8_t *lf = memchr(sql->data, '\n', sql->len);
            (void)bytes_take(sql, lf ? (size_t)(lf - sql->data) + 1 : sql->len);
        } else {
            return;
        }
    }
}

struct bytes sql_text_statement(struct bytes *sql)
{
    size_t i = 0;
    skip_between(sql);
    while (i < sql->len && sql->data[i] != ';') {
        bool escape = i > 0 && (sql->data[i - 1] == 'E' || sql->data[i - 1] == 'e');
        if (sql->data[i] == '\'' || sql->data[i] == '"')
            i += sql_text_quoted(bytes_of(sql->data + i, sql->len - i),
                                 sql->data[i] == '\'' && escape);
        else
            i++;
    }
    struct bytes statement = bytes_take(sql, i);
    if (sql->len > 0)
        (void)bytes_take(sql, 1);
    return statement;
}

size_t sql_text_name(struct bytes *text, uint8_t *out)
{
    size_t len = 0;
    if (text->len > 0 && text->data[0] == '"') {
        struct bytes raw = bytes_take(text, sql_text_quoted(*text, false));
        for (size_t i = 1; i + 1 < raw.len; i++) {
            out[len++] = raw.data[i];
            i += raw.data[i] == '"';
        }
        return len;
    }
    while (text->len > 0 && !memchr(" ,;\n", text->data[0], 4))
        out[len++] = *bytes_take(text, 1).data;
    return len > 0 && out[0] >= 'A' && out[0] <= 'Z' ? 0 : len;
}
