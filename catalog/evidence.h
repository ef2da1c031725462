/* SPDX-License-Identifier: Apache-2.0 */
/* What tonight's row counts are compared with: the last backups of the same source that were
 * made with the same filters. */
#ifndef CATALOG_EVIDENCE_H
#define CATALOG_EVIDENCE_H

#include "catalog/catalog.h"

struct evidence_backup {
    uint8_t backup_id[FORMAT_ID_LEN];
    uint64_t system_id; /* of its cluster; 0 unknown */
    bool doubted;       /* suspect, and no keeper has accepted it */
    bool acked;         /* one has */
};

struct evidence_query {
    const char *source;
    const char *filters; /* as member_filters gives them */
    unsigned most;       /* backups that are not doubted */
};

typedef int (*evidence_visitor)(void *arg, const struct evidence_backup *backup,
                                struct error *e);

/* Newest first: at most so many that are not doubted, and doubted ones that lie between these.
 * Left out are backups of an unknown archive version,
 * those without any table, and those that were never opened. */
MUST_CHECK int evidence_visit(struct catalog *c, const struct evidence_query *query,
                              evidence_visitor visit, void *arg, struct error *e);

#endif
