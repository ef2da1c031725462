/* SPDX-License-Identifier: Apache-2.0 */
/* What `pg_dumpall --globals-only` says about roles, statement by statement. */
#ifndef TOOLS_GLOBALS_SQL_H
#define TOOLS_GLOBALS_SQL_H

#include "core/repo/member.h"

/* Append to out, in order, the statements that make these roles what they were: CREATE ROLE,
 * ALTER ROLE (attributes, password, settings), COMMENT and SECURITY LABEL on them, memberships
 * of theirs and in them. All else is left out, tablespaces too. found (of count) tells which
 * roles are in script at all. ERROR_MEMORY. */
MUST_CHECK int globals_sql_roles(struct bytes script, const struct member_texts *roles,
                                 struct member_texts *out, bool *found, struct error *e);

/* Take out of an ALTER ROLE what only superusers may say and what a new role is anyway. In
 * place. */
void globals_sql_soften(char *statement);

/* Take out what is another in every run: psql's \restrict and \unrestrict. In place. */
void globals_sql_clean(struct buf *script);

#endif
