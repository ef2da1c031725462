/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/toc_name.h"

#include <ctype.h>

#define DISTANCE_MAX 64

void toc_name_done(struct toc_name *n)
{
    buf_done(&n->schema);
    buf_done(&n->table);
    *n = (struct toc_name){0};
}

/* One character of the pattern, outside quotes. */
static int add_plain(struct toc_name *n, struct buf *to, char c, struct error *e)
{
    if (c != '*' && c != '?')
        return buf_byte(to, (uint8_t)tolower((unsigned char)c), e);
    n->wild = true;
    if (buf_byte(to, 0, e) < 0)
        return -1;
    return buf_byte(to, (uint8_t)c, e);
}

static int second_part(struct toc_name *n, struct error *e)
{
    if (n->has_schema)
        return error_set(e, ERROR_USAGE, "more than one dot, expected SCHEMA.TABLE");
    n->has_schema = true;
    n->schema = n->table;
    n->table = (struct buf){0};
    return 0;
}

static int parse(const char *text, bool qualified, struct toc_name *n, struct error *e)
{
    bool quoted = false;
    for (const char *p = text; *p; p++) {
        int rc = 0;
        if (*p == '"' && quoted && p[1] == '"')
            rc = buf_byte(&n->table, (uint8_t)*p++, e);
        else if (*p == '"')
            quoted = !quoted;
        else if (quoted)
            rc = buf_byte(&n->table, (uint8_t)*p, e);
        else if (*p == '.' && qualified)
            rc = second_part(n, e);
        else
            rc = add_plain(n, &n->table, *p, e);
        if (rc < 0)
            return -1;
    }
    if (quoted)
        return error_set(e, ERROR_USAGE, "a double quote has no end");
    if (n->table.len == 0 || (n->has_schema && n->schema.len == 0))
        return error_set(e, ERROR_USAGE, "a name is empty");
    return 0;
}

int toc_name_parse(const char *text, bool qualified, struct toc_name *n, struct error *e)
{
    *n = (struct toc_name){.text = text};
    if (parse(text, qualified, n, e) == 0)
        return 0;
    toc_name_done(n);
    return -1;
}

bool toc_name_is(const struct toc_name *n, struct bytes schema, struct bytes tag)
{
    struct bytes text = bytes_text(n->text);
    if (bytes_equal(text, tag))
        return true;
    if (!schema.data || text.len != schema.len + 1 + tag.len || text.data[schema.len] != '.')
        return false;
    struct bytes front = bytes_take(&text, schema.len);
    (void)bytes_take(&text, 1);
    return bytes_equal(front, schema) && bytes_equal(text, tag);
}

/* The usual walk with one way back: to the last * that was met. */
static bool glob(struct bytes p, struct bytes name)
{
    size_t at = 0;
    size_t i = 0;
    size_t star = SIZE_MAX;
    size_t star_at = 0;
    while (at < name.len) {
        bool special = i < p.len && p.data[i] == 0;
        if (special && p.data[i + 1] == '*') {
            i += 2;
            star = i;
            star_at = at;
        } else if (special || (i < p.len && p.data[i] == name.data[at])) {
            i += special ? 2 : 1;
            at++;
        } else if (star != SIZE_MAX) {
            i = star;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (i < p.len && p.data[i] == 0 && p.data[i + 1] == '*')
        i += 2;
    return i == p.len;
}

bool toc_name_matches(const struct toc_name *n, struct bytes schema, struct bytes tag)
{
    if (n->has_schema && !glob(buf_view(&n->schema), schema))
        return false;
    return glob(buf_view(&n->table), tag);
}

/* Levenshtein's, one row of the table at a time. */
unsigned toc_name_distance(struct bytes a, struct bytes b)
{
    unsigned row[DISTANCE_MAX + 1];
    size_t rows = a.len < DISTANCE_MAX ? a.len : DISTANCE_MAX;
    size_t columns = b.len < DISTANCE_MAX ? b.len : DISTANCE_MAX;
    for (unsigned k = 0; k <= columns; k++)
        row[k] = k;
    for (size_t i = 0; i < rows; i++) {
        unsigned diagonal = row[0]++;
        for (size_t k = 0; k < columns; k++) {
            unsigned change = diagonal + (tolower(a.data[i]) != tolower(b.data[k]));
            diagonal = row[k + 1];
            unsigned shorter = (row[k] < row[k + 1] ? row[k] : row[k + 1]) + 1;
            row[k + 1] = change < shorter ? change : shorter;
        }
    }
    return row[columns];
}
