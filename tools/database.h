/* SPDX-License-Identifier: Apache-2.0 */
/* Whole databases, as a restore makes, renames and drops them. s is connected to another one;
 * names are as in pg_database, quoted here. All: ERROR_SERVER with PostgreSQL's words. */
#ifndef TOOLS_DATABASE_H
#define TOOLS_DATABASE_H

#include "tools/server.h"

/* Encoding, locale and owner of a new database; NULL: the server's default. */
struct database_locale {
    char *encoding, *provider, *locale, *collate, *ctype, *icu_locale, *builtin_locale;
    const char *owner;
};
/* From template0. */
MUST_CHECK int database_create(struct server *s, const char *name,
                               const struct database_locale *l, struct error *e);
/* Sessions in it are ended (13 and later). Subscriptions in it would forbid it and are dropped
 * first, without a word to the publisher: the slot there is another database's. Nothing is said
 * when there is no such database. */
MUST_CHECK int database_drop(struct server *s, const char *name, struct error *e);
MUST_CHECK int database_own(struct server *s, const char *name, const char *owner,
                            struct error *e);
MUST_CHECK int database_rename(struct server *s, const char *from, const char *to,
                               struct error *e);
/* Sessions of clients in it, but for s itself. */
MUST_CHECK int database_sessions(struct server *s, const char *name, uint64_t *count,
                                 struct error *e);
/* ERROR_USAGE when there are any, with this hint. */
MUST_CHECK int database_refuse_sessions(struct server *s, const char *name, const char *hint,
                                        struct error *e);
/* In one transaction `name` becomes `aside` and `fresh` becomes `name`. Sessions in `name` are
 * ended. Others that come meanwhile are ended too, for some seconds; then ERROR_BUSY, and
 * nothing has changed. */
MUST_CHECK int database_swap(struct server *s, const char *fresh, const char *name,
                             const char *aside, struct error *e);
/* ANALYZE of it; a table that cannot be analysed is a warning. */
MUST_CHECK int database_analyze(struct server *s, const char *name,
                                const volatile sig_atomic_t *stop, struct error *e);

#endif
