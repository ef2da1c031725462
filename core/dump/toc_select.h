/* SPDX-License-Identifier: Apache-2.0 */
/* Which entries of a TOC make an archive of their own out of some of its tables or schemas:
 * what was asked for, what belongs to it, and what it needs (docs/DESIGN.md, "One table"). A
 * function of the TOC alone. */
#ifndef DUMP_TOC_SELECT_H
#define DUMP_TOC_SELECT_H

#include "core/dump/toc_list.h"

enum toc_select_content { TOC_SELECT_ALL, TOC_SELECT_SCHEMA_ONLY, TOC_SELECT_DATA_ONLY };

/* Without tables and schemas: every entry. With both: these tables, in these schemas. */
struct toc_select_options {
    const char *const *tables; /* as in dump/toc_name */
    size_t table_count;
    const char *table_option; /* how messages call it; NULL: -t */
    const char *const *schemas;
    size_t schema_count;
    bool large_objects; /* all of them too; nothing says which table means which */
    enum toc_select_content content;
};

enum toc_select_why {
    TOC_SELECT_NO,
    TOC_SELECT_LEFT_OUT, /* a foreign key whose other table, `by`, is not taken */
    TOC_SELECT_ALWAYS,   /* settings of the session */
    TOC_SELECT_ASKED,
    TOC_SELECT_PART,   /* belongs to the entry `by` */
    TOC_SELECT_NEEDED, /* the entry `by` needs it */
};

struct toc_select_mark {
    enum toc_select_why why;
    bool whole;  /* with all that belongs to it; else its definition alone */
    uint32_t by; /* ordinal; TOC_SELECT_NOBODY where nobody is named */
};
#define TOC_SELECT_NOBODY UINT32_MAX

/* What became of a table or schema that was asked for. */
struct toc_select_answer {
    uint32_t found; /* relations, or schemas */
    bool pattern;   /* by a pattern with * or ? */
};

/* Zeroed memory is an empty one. */
struct toc_select {
    struct toc_select_mark *marks; /* one an entry, by ordinal */
    uint32_t count;
    uint32_t kept;
    struct toc_select_answer *answers; /* tables, then schemas */
};

static inline bool toc_select_keeps(const struct toc_select *s, uint32_t ordinal)
{
    return s->marks[ordinal].why > TOC_SELECT_LEFT_OUT;
}

/* Into an empty one. ERROR_USAGE for a name that is none or that the TOC has not, with the
 * nearest ones as a hint; ERROR_MEMORY. Call toc_select_done in every case. */
MUST_CHECK int toc_select_run(const struct toc_list *l, const struct toc_select_options *o,
                              struct toc_select *s, struct error *e);
void toc_select_done(struct toc_select *s);

#endif
