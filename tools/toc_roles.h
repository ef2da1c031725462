/* SPDX-License-Identifier: Apache-2.0 */
/* Roles that a TOC entry's definition names, beside its owner: who has grants, whom a policy is
 * for. pg_restore finds out that one is missing when it comes to that statement. */
#ifndef TOOLS_TOC_ROLES_H
#define TOOLS_TOC_ROLES_H

#include "core/dump/dump_reader.h"
#include "core/repo/member.h"

/* Each once, appended to out. ERROR_MEMORY. */
MUST_CHECK int toc_roles_read(const struct dump_entry *entry, struct member_texts *out,
                              struct error *e);
/* Append text unless it is there, or empty. */
MUST_CHECK int toc_roles_add(struct member_texts *t, struct bytes text, struct error *e);

#endif
