/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/globals_sql.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "tools/sql_text.h"

static size_t place_of(const struct member_texts *roles, struct bytes name)
{
    size_t i = 0;
    while (i < roles->count && !bytes_equal(bytes_text(roles->items[i]), name))
        i++;
    return i;
}

/* The role that a statement is about, whose name stands behind the first words; the roles'
 * count when it is none of them. name has room for all of statement. */
static size_t subject(struct bytes statement, const struct member_texts *roles, uint8_t *name,
                      bool *creates)
{
    static const char *const words[] = {"CREATE ROLE ", "ALTER ROLE ", "COMMENT ON ROLE "};
    *creates = bytes_begins(statement, words[0]);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!bytes_begins(statement, words[i]))
            continue;
        (void)bytes_take(&statement, strlen(words[i]));
        return place_of(roles, bytes_of(name, sql_text_name(&statement, name)));
    }
    return roles->count;
}

/* SECURITY LABEL FOR provider ON ROLE name IS 'label' */
static bool labels(struct bytes statement, const struct member_texts *roles, uint8_t *name)
{
    static const char behind[] = " ON ROLE ";
    const uint8_t *at = bytes_begins(statement, "SECURITY LABEL ")
                            ? memmem(statement.data, statement.len, behind, strlen(behind))
                            : NULL;
    if (!at)
        return false;
    (void)bytes_take(&statement, (size_t)(at - statement.data) + strlen(behind));
    return place_of(roles, bytes_of(name, sql_text_name(&statement, name))) < roles->count;
}

/* GRANT a TO b …: of either. */
static bool joins(struct bytes statement, const struct member_texts *roles, uint8_t *name)
{
    if (!bytes_begins(statement, "GRANT "))
        return false;
    (void)bytes_take(&statement, strlen("GRANT "));
    bool first =
        place_of(roles, bytes_of(name, sql_text_name(&statement, name))) < roles->count;
    if (!bytes_begins(statement, " TO "))
        return false;
    (void)bytes_take(&statement, strlen(" TO "));
    bool second =
        place_of(roles, bytes_of(name, sql_text_name(&statement, name))) < roles->count;
    return first || second;
}

int globals_sql_roles(struct bytes script, const struct member_texts *roles,
                      struct member_texts *out, bool *found, struct error *e)
{
    uint8_t *name = malloc(script.len + 1);
    int rc = 0;
    if (!name)
        return error_memory(e, "roles");
    memset(found, 0, roles->count * sizeof *found);
    while (rc == 0 && script.len > 0) {
        bool creates;
        struct bytes statement = sql_text_statement(&script);
        size_t role = subject(statement, roles, name, &creates);
        if (role < roles->count && creates)
            found[role] = true;
        if (role == roles->count && !labels(statement, roles, name) &&
            !joins(statement, roles, name))
            continue;
        char *text = str_copy_bytes(statement, e);
        rc = text ? member_texts_add(out, text, e) : -1;
        if (text)
            explicit_bzero(text, strlen(text)); /* it may set a password */
        free(text);
    }
    free(name);
    return rc;
}

void globals_sql_soften(char *statement)
{
    static const char *const words[] = {" NOSUPERUSER", " NOREPLICATION", " NOBYPASSRLS"};
    char *options = strstr(statement, " WITH NOSUPERUSER ");
    const char *password = options ? strstr(options, " PASSWORD ") : NULL;
    for (size_t i = 0; options && i < ARRAY_SIZE(words); i++) {
        size_t len = strlen(words[i]);
        char *at = strstr(options, words[i]);
        if (!at || (password && at > password) || (at[len] != ' ' && at[len] != '\0'))
            continue;
        memmove(at, at + len, strlen(at + len) + 1);
        password = password ? password - len : NULL;
    }
}

void globals_sql_clean(struct buf *script)
{
    size_t kept = 0;
    for (size_t at = 0; at < script->len;) {
        struct bytes rest = bytes_of(script->data + at, script->len - at);
        const uint8_t *lf = memchr(rest.data, '\n', rest.len);
        size_t len = lf ? (size_t)(lf - rest.data) + 1 : rest.len;
        if (!bytes_begins(rest, "\\restrict ") && !bytes_begins(rest, "\\unrestrict ")) {
            memmove(script->data + kept, script->data + at, len);
            kept += len;
        }
        at += len;
    }
    explicit_bzero(script->data + kept, script->len - kept);
    script->len = kept;
}
