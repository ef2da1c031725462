/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/database_sql.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "tools/sql_text.h"

#define MARKER " DATABASE "

bool database_sql_about(const struct dump_entry *entry, bool *privileges)
{
    *privileges = bytes_equal(entry->desc, bytes_text("ACL"));
    if (bytes_equal(entry->desc, bytes_text("DATABASE PROPERTIES")))
        return true;
    return (*privileges || bytes_equal(entry->desc, bytes_text("COMMENT"))) &&
           bytes_begins(entry->tag, "DATABASE ");
}

/* Where the database's name begins in a statement; 0 when there is none. */
static size_t find_database(struct bytes statement)
{
    for (size_t i = 0; i < statement.len;) {
        struct bytes rest = bytes_of(statement.data + i, statement.len - i);
        bool escape = i > 0 && (statement.data[i - 1] == 'E' || statement.data[i - 1] == 'e');
        if (statement.data[i] == '\'' || statement.data[i] == '"')
            i += sql_text_quoted(rest, statement.data[i] == '\'' && escape);
        else if (bytes_begins(rest, MARKER))
            return i + strlen(MARKER);
        else
            i++;
    }
    return 0;
}

/* What stands behind the database's name. */
static struct bytes behind_name(struct bytes statement, size_t database)
{
    struct bytes rest = bytes_of(statement.data + database, statement.len - database);
    size_t len = 0;
    if (rest.len > 0 && rest.data[0] == '"')
        len = sql_text_quoted(rest, false);
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
    if (bytes_begins(statement, "ALTER DATABASE "))
        return bytes_begins(behind, " SET ") || bytes_begins(behind, " RESET ") ||
               bytes_begins(behind, " CONNECTION LIMIT ");
    return bytes_begins(statement, "ALTER ROLE ") ||
           bytes_begins(statement, "COMMENT ON DATABASE ") ||
           bytes_begins(statement, "GRANT ") || bytes_begins(statement, "REVOKE ");
}

int database_sql_rewrite(struct bytes defn, const char *quoted_name, struct member_texts *out,
                         size_t *left_out, struct error *e)
{
    struct buf sql = {0};
    int rc = 0;
    while (rc == 0 && defn.len > 0) {
        struct bytes statement = sql_text_statement(&defn);
        if (statement.len == 0)
            continue;
        size_t database = find_database(statement);
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
