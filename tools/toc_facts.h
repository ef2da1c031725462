/* SPDX-License-Identifier: Apache-2.0 */
/* What a stored TOC says about the database it came from. */
#ifndef TOOLS_TOC_FACTS_H
#define TOOLS_TOC_FACTS_H

#include "core/dump/toc_select.h"
#include "core/repo/member.h"
#include "tools/database.h"

struct toc_facts {
    struct database_locale locale;
    char *owner;                    /* of the database; NULL: the TOC does not say */
    struct member_texts owners;     /* roles that own entries, each once */
    struct member_texts grantees;   /* roles that grants and settings name, each once */
    struct member_texts needed;     /* the same, policies and user mappings */
    struct member_texts superusers; /* owners of what only superusers may own, each once */
    struct member_texts
        properties; /* definitions about the database itself, see database_sql */
    struct member_texts privileges; /* the same, grants */
};
void toc_facts_done(struct toc_facts *f);

/* toc: header and TOC, as restore_toc gives them. Encoding and locale are those of the
 * DATABASE and ENCODING entries; all else is of the entries that selection keeps (NULL: of
 * all). ERROR_CORRUPT when it cannot be read. */
MUST_CHECK int toc_facts_read(struct bytes toc, const struct toc_select *selection,
                              struct toc_facts *f, struct error *e);

#endif
