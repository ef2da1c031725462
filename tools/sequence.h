/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of a host's backups. */
#ifndef TOOLS_SEQUENCE_H
#define TOOLS_SEQUENCE_H

#include "core/job/backup.h"
#include "tools/context.h"

/* backup_commit with this host's next sequence: one after another, whatever runs beside. */
MUST_CHECK int sequence_commit(struct context *c, struct backup *b, struct error *e);

#endif
