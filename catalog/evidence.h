/* SPDX-License-Identifier: Apache-2.0 */
/* What tonight's row counts are compared with: the last backups of the same source, made with
 * the same filters, that are whole and that nobody has reason to doubt. */
#ifndef CATALOG_EVIDENCE_H
#define CATALOG_EVIDENCE_H

#include "catalog/catalog.h"

struct evidence_backup {
    uint8_t backup_id[FORMAT_ID_LEN];
    uint64_t system_id; /* of its cluster; 0 unknown */
    bool acked;         /* a keeper has accepted it */
};

typedef int (*evidence_visitor)(void *arg, const struct evidence_backup *backup,
                                struct error *e);

/* At most `most` of them, newest first. filters: as member_filters gives them. Left out are
 * backups that are suspect and not acked, those of an unknown archive version, those without
 * any table, and those that were never opened. */
MUST_CHECK int evidence_visit(struct catalog *c, const char *source, const char *filters,
                              unsigned most, evidence_visitor visit, void *arg,
                              struct error *e);

#endif
