/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of a TOC that are about the database itself: its settings, grants, comment. With
 * pg_restore they go to a database of the dump's own name or nowhere; here they are written
 * for the name that the database gets. */
#ifndef TOOLS_DATABASE_SQL_H
#define TOOLS_DATABASE_SQL_H

#include "core/dump/dump_reader.h"
#include "core/repo/member.h"

/* Does this TOC entry hold such statements? *privileges: they are grants. */
bool database_sql_about(const struct dump_entry *entry, bool *privileges);

/* Append the statements of defn, for the database `name` (quoted as an identifier by the
 * caller), to out. Only what pg_dump writes there is taken: ALTER DATABASE … SET, RESET and
 * CONNECTION LIMIT, ALTER ROLE … IN DATABASE, COMMENT, GRANT and REVOKE ON DATABASE; anything
 * else is left out and counted in *left_out. */
MUST_CHECK int database_sql_rewrite(struct bytes defn, const char *quoted_name,
                                    struct member_texts *out, size_t *left_out,
                                    struct error *e);

#endif
