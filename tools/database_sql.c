/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/database_sql.h"

#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/str.h"

#define MARKER " DATABASE "

static bool begins(struct bytes text, const char *with)
{
    struct bytes w = bytes_text(with);
    return text.len >= w.len && memcmp(text.data, w.data, w.len) == 0;
}

bool database_sql_about(const struct dump_entry *entry, bool *privileges)
{
    *privileges = bytes_equal(entry->desc, bytes_text("ACL"));
    if (bytes_equal(entry->desc, bytes_text("DATABASE PROPERTIES")))
        return true;
    return (*privileges || bytes_equal(entry->desc, bytes_text("COMMENT"))) &&
           begins(entry->tag, "DATABASE ");
}

/* Length of the quoted thing at the front of s, its quotes with it: '…' and "…" with doubled
 * quotes, backslashes inside E'…'. */
static size_t quoted_length(struct bytes s, bool backslashes)
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

/* Take one statement off the front, up to its semicolon; *database is where the database's
 * name begins in it, 0 when there is none. */
static struct bytes next_statement(struct bytes *sql, size_t *database)
{
    size_t i = 0;
    *database = 0;
    while (sql->len > 0 && memchr(" \n\r\t", sql->data[0], 4))
        (void)bytes_take(sql, 1);
    while (i < sql->len && sql->data[i] != ';') {
        struct bytes rest = bytes_of(sql->data + i, sql->len - i);
        bool escape = i > 0 && (sql->data[i - 1] == 'E' || sql->data[i - 1] == 'e');
        if (sql->data[i] == '\'' || sql->data[i] == '"') {
            i += quoted_length(rest, sql->data[i] == '\'' && escape);
        } else {
            if (*database == 0 && begins(rest, MARKER))
                *database = i + strlen(MARKER);
            i++;
        }
    }
    struct bytes statement = bytes_take(sql, i);
    if (sql->len > 0)
        (void)bytes_take(sql, 1);
    return statement;
}

/* What stands behind the database's name. */
static struct bytes behind_name(struct bytes statement, size_t database)
{
    struct bytes rest = bytes_of(statement.data + database, statement.len - database);
    size_t len = 0;
    if (rest.len > 0 && rest.data[0] == '"')
        len = quoted_length(rest, false);
    else
        while (len < rest.len && rest.data[len] != ' ')
            len++;
    (void)bytes_take(&rest, len);
    return rest;
}

static bool allowed(struct bytes statement, size_t database, struct bytes behind)
{
    if (database == 0)
        return false;
    if (begins(statement, "ALTER DATABASE "))
        return begins(behind, " SET ") || begins(behind, " RESET ") ||
               begins(behind, " CONNECTION LIMIT ");
    return begins(statement, "ALTER ROLE ") || begins(statement, "COMMENT ON DATABASE ") ||
           begins(statement, "GRANT ") || begins(statement, "REVOKE ");
}

int database_sql_rewrite(struct bytes defn, const char *quoted_name, struct member_texts *out,
                         size_t *left_out, struct error *e)
{
    struct buf sql = {0};
    int rc = 0;
    while (rc == 0 && defn.len > 0) {
        size_t database;
        struct bytes statement = next_statement(&defn, &database);
        if (statement.len == 0)
            continue;
        struct bytes behind = behind_name(statement, database);
        if (!allowed(statement, database, behind)) {
            ++*left_out;
            continue;
        }
        sql.len = 0;
        if (buf_append(&sql, statement.data, database, e) < 0 ||
            buf_printf(&sql, e, "%s", quoted_name) < 0 ||
            buf_append(&sql, behind.data, behind.len, e) < 0 || buf_byte(&sql, 0, e) < 0)
            rc = -1;
        if (rc == 0)
            rc = member_texts_add(out, (const char *)sql.data, e);
    }
    buf_done(&sql);
    return rc;
}
