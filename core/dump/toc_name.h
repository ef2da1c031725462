/* SPDX-License-Identifier: Apache-2.0 */
/* Names that people ask for: `orders`, `shop.orders`, `"Odd Name".t`, `shop.order*`. A name
 * that is in the TOC as it was typed wins; else the text is read as pg_dump reads its -t and
 * -n: letters outside double quotes become lower case, * and ? match, quotes make them plain.
 */
#ifndef DUMP_TOC_NAME_H
#define DUMP_TOC_NAME_H

#include "core/base/buf.h"

/* Zeroed memory is no name; toc_name_done frees. */
struct toc_name {
    const char *text;         /* as typed; borrowed */
    bool has_schema;          /* of the pattern */
    bool wild;                /* the pattern holds * or ? outside quotes */
    struct buf schema, table; /* the pattern; a zero byte stands before * and ? that match */
};

/* qualified: a dot divides schema and table; else the text is one name. ERROR_USAGE: empty, a
 * quote without its end, more than one dot; ERROR_MEMORY. text stays borrowed. */
MUST_CHECK int toc_name_parse(const char *text, bool qualified, struct toc_name *n,
                              struct error *e);
void toc_name_done(struct toc_name *n);

/* Is it this very name as it was typed: tag, or schema, a dot and tag? With schema NULL data
 * only tag counts. */
bool toc_name_is(const struct toc_name *n, struct bytes schema, struct bytes tag);
/* Does the pattern match? */
bool toc_name_matches(const struct toc_name *n, struct bytes schema, struct bytes tag);

/* How far two names are from each other, for "did you mean": changed, missing and added bytes,
 * case aside; at most 64 bytes of each count. */
unsigned toc_name_distance(struct bytes a, struct bytes b);

#endif
