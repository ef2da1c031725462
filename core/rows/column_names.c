/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/column_names.h"

void column_names_done(struct column_names *n)
{
    buf_done(&n->text);
    n->count = 0;
}

struct bytes column_names_at(const struct column_names *n, size_t i)
{
    size_t start = i > 0 ? n->ends[i - 1] : 0;
    return bytes_of(n->text.data + start, n->ends[i] - start);
}

/* What stands behind the last name has become a name. */
static void end_name(struct column_names *n)
{
    n->ends[n->count++] = (uint32_t)n->text.len;
}

int column_names_add(struct column_names *n, struct bytes name, struct error *e)
{
    if (n->count == COLUMN_NAMES_MAX)
        return error_set(e, ERROR_UNSUPPORTED, "more than %d columns", COLUMN_NAMES_MAX);
    if (buf_append(&n->text, name.data, name.len, e) < 0)
        return -1;
    end_name(n);
    return 0;
}

bool column_names_equal(const struct column_names *a, const struct column_names *b)
{
    return a->count == b->count && bytes_equal(buf_view(&a->text), buf_view(&b->text)) &&
           (a->count == 0 || memcmp(a->ends, b->ends, a->count * sizeof *a->ends) == 0);
}

uint16_t column_names_place(const struct column_names *n, struct bytes name, size_t guess)
{
    if (guess < n->count && bytes_equal(column_names_at(n, guess), name))
        return (uint16_t)guess;
    for (size_t i = 0; i < n->count; i++)
        if (bytes_equal(column_names_at(n, i), name))
            return (uint16_t)i;
    return COLUMN_NAMES_NOWHERE;
}

/* ---- reading SQL ------------------------------------------------------------------- */

/* Behind the quoted part that begins at `at`; beyond text when it does not end. */
static size_t skip_quoted(struct bytes text, size_t at)
{
    const uint8_t *end = memchr(text.data + at + 1, '"', text.len - at - 1);
    return end ? (size_t)(end - text.data) + 1 : text.len + 1;
}

static uint8_t peek(struct bytes text)
{
    return text.len > 0 ? text.data[0] : 0;
}

/* One name off the front of *list, behind what n has of text; COLUMN_NAMES_NONE when there is
 * none. */
static int read_name(struct bytes *list, struct column_names *n, struct error *e)
{
    size_t before = n->text.len;
    size_t len = 0;
    while (peek(*list) == '"') {
        size_t end = skip_quoted(*list, 0);
        if (end > list->len)
            return COLUMN_NAMES_NONE;
        struct bytes part = bytes_take(list, end);
        if (buf_append(&n->text, part.data + 1, part.len - 2, e) < 0)
            return -1;
        /* Two quotes within a name are one of it. */
        if (peek(*list) == '"' && buf_byte(&n->text, '"', e) < 0)
            return -1;
    }
    while (n->text.len == before && len < list->len && !memchr(",()\" \n", list->data[len], 6))
        len++;
    struct bytes plain = bytes_take(list, len);
    if (buf_append(&n->text, plain.data, plain.len, e) < 0)
        return -1;
    return n->text.len > before ? 0 : COLUMN_NAMES_NONE;
}

/* The names between parentheses; list begins behind the first one. */
static int read_list(struct bytes list, struct column_names *n, struct error *e)
{
    for (;;) {
        if (n->count == COLUMN_NAMES_MAX)
            return COLUMN_NAMES_NONE;
        int rc = read_name(&list, n, e);
        if (rc != 0)
            return rc;
        end_name(n);
        uint8_t next = peek(list);
        if (next == ')')
            return 0;
        if (next != ',')
            return COLUMN_NAMES_NONE;
        (void)bytes_take(&list, 1);
        while (peek(list) == ' ')
            (void)bytes_take(&list, 1);
    }
}

int column_names_of_copy(struct bytes statement, struct column_names *n, struct error *e)
{
    size_t at = 5;
    if (statement.len < at || statement.len > UINT32_MAX ||
        memcmp(statement.data, "COPY ", at) != 0)
        return COLUMN_NAMES_NONE;
    while (at < statement.len && statement.data[at] != '(')
        at = statement.data[at] == '"' ? skip_quoted(statement, at) : at + 1;
    if (at >= statement.len)
        return at == statement.len ? 0 : COLUMN_NAMES_NONE;
    (void)bytes_take(&statement, at + 1);
    return read_list(statement, n, e);
}

/* Takes word off the front of *text. */
static bool take_word(struct bytes *text, const char *word)
{
    size_t len = strlen(word);
    if (text->len < len || memcmp(text->data, word, len) != 0)
        return false;
    (void)bytes_take(text, len);
    return true;
}

/* Takes everything up to and with word off *text, quoted parts aside. */
static bool skip_to(struct bytes *text, const char *word)
{
    size_t at = 0;
    while (at < text->len) {
        struct bytes rest = bytes_of(text->data + at, text->len - at);
        if (take_word(&rest, word)) {
            *text = rest;
            return true;
        }
        at = *rest.data == '"' ? skip_quoted(*text, at) : at + 1;
    }
    return false;
}

int column_names_of_key(struct bytes statement, struct bytes tag, struct bytes table,
                        struct column_names *n, struct error *e)
{
    if (tag.len <= table.len || statement.len > UINT32_MAX ||
        !bytes_equal(bytes_take(&tag, table.len), table) || !take_word(&tag, " ") ||
        !take_word(&statement, "ALTER TABLE ") || !skip_to(&statement, "ADD CONSTRAINT "))
        return COLUMN_NAMES_NONE;
    struct column_names constraint = {0};
    int rc = read_name(&statement, &constraint, e);
    if (rc == 0 && (!bytes_equal(buf_view(&constraint.text), tag) ||
                    !take_word(&statement, " PRIMARY KEY (")))
        rc = COLUMN_NAMES_NONE;
    if (rc == 0)
        rc = read_list(statement, n, e);
    column_names_done(&constraint);
    return rc;
}
