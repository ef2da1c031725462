/* SPDX-License-Identifier: Apache-2.0 */
/* Which backup is meant: an id, a unique prefix of at least 4 digits, latest, latest~N. */
#ifndef TOOLS_SELECT_H
#define TOOLS_SELECT_H

#include "catalog/backups.h"
#include "tools/context.h"

/* The options that narrow a choice; commands have them among their own. */
struct select_options {
    const char *source;
    const char *database;
    const char *tag;
    const char *kind;
    const char *before;
};
/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): type and member are names */
#define SELECT_SPECS(type, member) \
    {0, "source", OPTIONS_TEXT, offsetof(type, member.source), "NAME", \
     "only of this source", NULL}, \
    {0, "database", OPTIONS_TEXT, offsetof(type, member.database), "NAME", \
     "only of this database", NULL}, \
    {0, "tag", OPTIONS_TEXT, offsetof(type, member.tag), "K[=V]", \
     "only with this tag", NULL}, \
    {0, "kind", OPTIONS_TEXT, offsetof(type, member.kind), "KIND", \
     "nightly, weekly, pre-deploy or manual", NULL}, \
    {0, "before", OPTIONS_TEXT, offsetof(type, member.before), "TIME", \
     "only committed before this time", NULL}
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

/* ERROR_USAGE for a kind or time that means nothing. */
MUST_CHECK int select_filter(const struct select_options *o, struct backups_filter *filter,
                             struct error *e);

/* The one backup that text means, after the catalog was brought up to date. ERROR_ABSENT;
 * ERROR_USAGE when several could be meant. The row is freed by backups_row_done. */
MUST_CHECK int select_backup(struct context *c, const char *text,
                             const struct select_options *o, struct backups_row *row,
                             struct error *e);

/* select_backup and its manifest, private part open. */
MUST_CHECK int select_manifest(struct context *c, const char *text,
                               const struct select_options *o, struct manifest *m,
                               struct error *e);

/* ERROR_USAGE when backups that filter lets pass are of several sources; *count (may be NULL):
 * how many pass. what: for the message. */
MUST_CHECK int select_one_source(struct context *c, const struct backups_filter *filter,
                                 const char *what, uint64_t *count, struct error *e);

#endif
