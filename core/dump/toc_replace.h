/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an archive that replaces what a database holds. `pg_restore --clean` drops what
 * the archive has, in the archive's order; a database that went its own way since may have
 * things that depend on these, or need another order. Here the database's own drops are run, in
 * its own order, and the archive's are not; one transaction can hold all. */
#ifndef DUMP_TOC_REPLACE_H
#define DUMP_TOC_REPLACE_H

#include "core/dump/toc_stage.h"

struct toc_replace_drop {
    const char *desc;      /* kind of what goes, as pg_dump calls it; NULL: the statement is run
                            * as it is */
    const char *statement; /* as pg_dump writes it */
};

struct toc_replace_options {
    struct bytes toc; /* an archive's header and TOC */
    const struct toc_select *selection;
    const enum toc_stage *stages; /* of its entries: those of the last stage go to the end */
    const struct toc_replace_drop *drops; /* the first to be run is the last */
    size_t drop_count;
    bool no_owner; /* pg_restore gets --no-owner */
};

/* Header and TOC, appended to out; data blocks of the selection may follow. For pg_restore with
 * --clean --if-exists. ERROR_CORRUPT when toc cannot be read. */
MUST_CHECK int toc_replace_write(const struct toc_replace_options *o, struct buf *out,
                                 struct error *e);

#endif
