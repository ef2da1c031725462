/* SPDX-License-Identifier: Apache-2.0 */
/* What whoever restores wants to be true of the database before it counts: statements in a
 * file, a program of his. */
#ifndef TOOLS_RESTORE_CHECK_H
#define TOOLS_RESTORE_CHECK_H

#include "tools/context.h"
#include "tools/server.h"

struct restore_check {
    const char
        *smoke; /* a file of statements for psql: none may fail or give false; NULL none */
    const char *hook; /* a command, cut into words without a shell; NULL none */
};

/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): type and member are names */
#define RESTORE_CHECK_SPECS(type, member) \
    {0, "smoke", OPTIONS_TEXT, offsetof(type, member.smoke), "FILE.sql", \
     "statements that must neither fail nor give false in the restored database", NULL}, \
    {0, "hook", OPTIONS_TEXT, offsetof(type, member.hook), "COMMAND", \
     "a command that must succeed; PG* and DATABASE_URL lead to the database (a password is " \
     "where libpq finds it)", NULL}
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

/* The hook's environment is ours without secrets of ours and without any PG* and database URL
 * of the caller; PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSFILE and DATABASE_URL (without a
 * password) lead to the database. What either prints goes to standard error. ERROR_CHILD when
 * one fails. */
MUST_CHECK int restore_check_run(struct context *c, const struct restore_check *check,
                                 struct server *server, const char *database, struct error *e);

/* The smoke file can be read, the hook's words can be cut: before anything is done. */
MUST_CHECK int restore_check_usable(const struct restore_check *check, struct error *e);

#endif
