/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_properties.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/str.h"
#include "tools/database_sql.h"

/* One that is refused is told and does not undo the rest. */
static int run_statements(struct server *s, const struct member_texts *definitions,
                          const char *name, struct error *e)
{
    struct member_texts statements = {0};
    size_t left_out = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < definitions->count; i++)
        rc = database_sql_rewrite(bytes_text(definitions->items[i]), name, &statements,
                                  &left_out, e);
    for (size_t i = 0; rc == 0 && i < statements.count; i++) {
        struct error why;
        if (server_run(s, "the database's own settings", statements.items[i], &why) < 0)
            log_warning("%s", why.text);
    }
    member_texts_done(&statements);
    if (left_out > 0)
        log_warning("%zu statements about the database itself were left out", left_out);
    return rc;
}

/* Without its owner the database's public schema and CREATE SCHEMA are closed to him. */
static int apply_owner(struct server *s, const char *database, const struct toc_facts *facts,
                       struct error *e)
{
    if (!facts->owner || database_own(s, database, facts->owner, e) == 0)
        return 0;
    return error_hint(e, "a superuser may do that, or restore with --no-owner");
}

int restore_properties_apply(struct server *s, const char *database,
                             const struct toc_facts *facts,
                             const struct restore_properties_options *o, struct error *e)
{
    if (!o->no_owner && apply_owner(s, database, facts, e) < 0)
        return -1;
    char *name = server_identifier(s, database, e);
    int rc = name ? run_statements(s, &facts->properties, name, e) : -1;
    if (rc == 0 && !o->no_privileges)
        rc = run_statements(s, &facts->privileges, name, e);
    free(name);
    return rc;
}
