/* SPDX-License-Identifier: Apache-2.0 */
/* Marks as the repository has them: what hosts said about backups (docs/FORMAT.md 3.6). Only
 * those that count in this store stand here. */
#ifndef CATALOG_MARK_ROWS_H
#define CATALOG_MARK_ROWS_H

#include "catalog/catalog.h"

struct mark_rows_row {
    uint8_t backup_id[FORMAT_ID_LEN];
    uint8_t nonce[FORMAT_ID_LEN]; /* <r> of its name */
    uint64_t type;                /* as docs/FORMAT.md numbers them */
    int64_t at_us;
    uint8_t host_id[FORMAT_ID_LEN];
    bool refers;
    uint8_t refers_to[FORMAT_ID_LEN];
    bool of_replica; /* about this store alone */
    bool has_text;
    const char *text; /* NULL: none, or never opened */
};

typedef int (*mark_rows_visitor)(void *arg, const struct mark_rows_row *row, struct error *e);

/* Record a mark. The same one again changes nothing but for a text that was not open before.
 * Its backup need not be there. */
MUST_CHECK int mark_rows_put(struct catalog *c, const struct mark_rows_row *row,
                             struct error *e);
/* Forget one; one that is not there is fine. */
MUST_CHECK int mark_rows_remove(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN],
                                const uint8_t nonce[FORMAT_ID_LEN], struct error *e);
/* Those of a backup, or all (NULL), in the order of their names. */
MUST_CHECK int mark_rows_visit(struct catalog *c, const uint8_t *backup_id,
                               mark_rows_visitor visit, void *arg, struct error *e);

#endif
