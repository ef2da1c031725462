/* SPDX-License-Identifier: Apache-2.0 */
/* A selection of a TOC, and what it came to, in words. Running out of memory, and an archive
 * that cannot be read, end the program. */
#ifndef SUPPORT_SELECTION_H
#define SUPPORT_SELECTION_H

#include "core/dump/toc_select.h"

struct selection {
    struct buf archive;
    struct toc_list list;
    struct toc_select select;
};

/* Load a fixture of tests/fixtures/pgdump by its name without .dump. */
void selection_load(struct selection *s, const char *fixture);
/* Take over an archive, which is read up to the end of its TOC. */
void selection_take(struct selection *s, struct buf archive);
void selection_done(struct selection *s);

/* toc_select_run in place of an earlier one. */
MUST_CHECK int selection_run(struct selection *s, const struct toc_select_options *o,
                             struct error *e);
/* The same for tables: names divided by "|". */
MUST_CHECK int selection_tables(struct selection *s, const char *names, struct error *e);

/* What is kept, settings aside, as "TABLE app.orders" and the like, a line each in archive
 * order; a terminator behind. Of a table that is not whole: "(TABLE app.orders)". */
struct buf selection_words(const struct selection *s);
/* The ordinal of an entry by these words; ends the program when there is none. */
uint32_t selection_find(const struct selection *s, const char *words);

#endif
