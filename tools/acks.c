/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/acks.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/mark_rows.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/repo/marks.h"

static int visit(void *arg, const struct mark_rows_row *row, struct error *e)
{
    struct acks *a = arg;
    if (row->type != MARKS_ACK || (a->there && a->at_us <= row->at_us))
        return 0;
    free(a->reason);
    a->reason = row->text ? str_copy(row->text, e) : NULL;
    a->there = true;
    a->at_us = row->at_us;
    memcpy(a->host_id, row->host_id, FORMAT_ID_LEN);
    return row->text && !a->reason ? -1 : 0;
}

int acks_find(struct acks *a, struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN],
              struct error *e)
{
    return mark_rows_visit(c, backup_id, visit, a, e);
}

void acks_done(struct acks *a)
{
    free(a->reason);
    *a = (struct acks){0};
}

void acks_warn(struct catalog *c, const struct manifest *m)
{
    struct acks acks = {0};
    struct error why = {0};
    char id[9];
    str_hex(id, m->backup_id, 4);
    if ((m->flags & FORMAT_FLAG_SUSPECT) && acks_find(&acks, c, m->backup_id, &why) == 0 &&
        !acks.there)
        log_warning("backup %s is suspect: pgkeep show %s tells why", id, id);
    acks_done(&acks);
}
