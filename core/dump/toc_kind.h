/* SPDX-License-Identifier: Apache-2.0 */
/* What a TOC entry's kind ("TABLE DATA") means to who takes some entries and leaves others. */
#ifndef DUMP_TOC_KIND_H
#define DUMP_TOC_KIND_H

#include "core/base/bytes.h"

enum toc_kind {
    TOC_KIND_OTHER, /* types, functions, extensions and all that is not named here */
    TOC_KIND_SETTING,
    TOC_KIND_SCHEMA,
    TOC_KIND_DOMAIN,
    TOC_KIND_TABLE, /* foreign ones too */
    TOC_KIND_VIEW,
    TOC_KIND_MATERIALIZED_VIEW,
    TOC_KIND_SEQUENCE,
    TOC_KIND_TABLE_DATA,
    TOC_KIND_TABLE_ATTACH,
    TOC_KIND_RULE,
    TOC_KIND_FOREIGN_KEY,
    TOC_KIND_STATISTICS_DATA,
    TOC_KIND_LARGE_OBJECT, /* BLOB, BLOB METADATA, BLOBS */
};

enum toc_kind_flag {
    TOC_KIND_RELATION = 1, /* can be asked for as a table */
    TOC_KIND_PART = 2,     /* belongs to a relation that it depends on */
    TOC_KIND_NAMED = 4,    /* a part whose tag begins with its relation's name and a blank */
    TOC_KIND_NOTE = 8,   /* comment, grants, value of a sequence: goes with what it is about */
    TOC_KIND_JOINT = 16, /* joins things: only where all of them are */
    TOC_KIND_CONTENT = 32, /* not there with --schema-only */
    TOC_KIND_ROWS = 64,    /* all that is there with --data-only */
};

struct toc_kind_facts {
    const char *desc;
    enum toc_kind kind;
    unsigned flags; /* of enum toc_kind_flag */
};

/* Never NULL; of a kind that is not known: TOC_KIND_OTHER without flags, desc NULL. */
const struct toc_kind_facts *toc_kind_of(struct bytes desc);

#endif
