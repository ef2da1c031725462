/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_roles.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/str.h"
#include "tools/globals_sql.h"
#include "tools/toc_roles.h"

static int add_missing(struct server *s, const struct member_texts *roles,
                       struct member_texts *missing, struct error *e)
{
    for (size_t i = 0; i < roles->count; i++) {
        int has = server_has_role(s, roles->items[i], e);
        if (has < 0 || (has == 0 && toc_roles_add(missing, bytes_text(roles->items[i]), e) < 0))
            return -1;
    }
    return 0;
}

static int refuse(const struct member_texts *missing, struct error *e)
{
    struct buf names = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < missing->count; i++) {
        char name[80];
        str_safe(name, sizeof name, bytes_text(missing->items[i]));
        rc = buf_printf(&names, e, "%s%s", i ? ", " : "", name);
    }
    if (rc == 0) {
        (void)error_set(e, ERROR_SERVER, "roles that the dump names are missing here: %.*s",
                        (int)names.len, (const char *)names.data);
        rc = error_hint(e,
                        "--globals makes them as they were, if they were saved, --create-roles "
                        "without login; or restore with --no-owner --no-privileges");
    }
    buf_done(&names);
    return rc;
}

static int create(struct server *s, const char *role, bool superuser, struct error *e)
{
    char *name = server_identifier(s, role, e);
    char *sql =
        name ? str_format(e, "CREATE ROLE %s NOLOGIN%s", name, superuser ? " SUPERUSER" : "")
             : NULL;
    int rc = sql ? server_run(s, "CREATE ROLE", sql, e) : -1;
    if (rc == 0)
        log_info("role %s was made, without login", name);
    free(sql);
    free(name);
    return rc;
}

static bool is_one_of(const struct member_texts *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

/* What the script says of the missing roles; they are taken off the list. A statement that is
 * refused once the role is there (a setting or a membership) is a warning. */
static int create_as_they_were(struct server *s, struct bytes globals,
                               struct member_texts *missing, struct error *e)
{
    struct member_texts statements = {0};
    struct member_texts left = {0};
    bool *found = calloc(missing->count + 1, sizeof *found);
    if (!found)
        return error_memory(e, "roles");
    int rc = globals_sql_roles(globals, missing, &statements, found, e);
    for (size_t i = 0; rc == 0 && i < statements.count; i++) {
        struct error why;
        bool creates = str_starts(statements.items[i], "CREATE ROLE ");
        if (str_starts(statements.items[i], "ALTER ROLE "))
            globals_sql_soften(statements.items[i]);
        if (server_run_secretly(s, "role", statements.items[i], &why) == 0)
            continue;
        if (creates) {
            *e = why;
            rc = -1;
        } else {
            log_warning("%s", why.text);
        }
    }
    for (size_t i = 0; rc == 0 && i < missing->count; i++)
        if (!found[i])
            rc = member_texts_add(&left, missing->items[i], e);
    for (size_t i = 0; i < statements.count; i++)
        explicit_bzero(statements.items[i], strlen(statements.items[i]));
    member_texts_done(&statements);
    free(found);
    if (rc < 0) {
        member_texts_done(&left);
        return -1;
    }
    log_info("%zu roles were made as they were", missing->count - left.count);
    member_texts_done(missing);
    *missing = left;
    return 0;
}

int restore_roles_prepare(struct server *s, const struct toc_facts *facts,
                          const struct restore_roles_options *o, struct error *e)
{
    struct member_texts missing = {0};
    int rc = add_missing(s, &facts->needed, &missing, e);
    if (rc == 0 && !o->no_owner)
        rc = add_missing(s, &facts->owners, &missing, e);
    if (rc == 0 && !o->no_privileges)
        rc = add_missing(s, &facts->grantees, &missing, e);
    if (rc == 0 && missing.count > 0 && o->globals.len > 0)
        rc = create_as_they_were(s, o->globals, &missing, e);
    if (rc == 0 && missing.count > 0 && !o->create)
        rc = refuse(&missing, e);
    for (size_t i = 0; rc == 0 && i < missing.count; i++)
        rc = create(s, missing.items[i],
                    o->superusers && is_one_of(&facts->superusers, missing.items[i]), e);
    member_texts_done(&missing);
    return rc;
}
