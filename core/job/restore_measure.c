/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/restore_measure.h"

#include "core/job/fetch_sum.h"
#include "core/job/toc_out.h"

struct measuring {
    struct toc_out toc;
    struct fetch_sum *sum;
    struct restore_measure *out;
    uint32_t place;
};

static int measure_block(void *arg, const struct entry *entry, struct error *e)
{
    struct measuring *m = arg;
    const struct toc_out_block *in_toc = toc_out_find(&m->toc, entry, m->place++, e);
    if (!in_toc || !in_toc->kept)
        return in_toc ? 0 : -1;
    m->out->rows += entry->rows;
    m->out->payload_bytes += stream_bytes(&entry->payload);
    if (fetch_sum_add(m->sum, &entry->payload, e) < 0 ||
        fetch_sum_add(m->sum, &entry->objects, e) < 0)
        return -1;
    return fetch_sum_add(m->sum, &entry->pieces, e);
}

static int measure_dump(struct measuring *m, struct restore *r, const struct member *member,
                        const struct toc_select *selection, struct error *e)
{
    struct buf toc = {0};
    int rc = restore_toc(r, member, &toc, e);
    if (rc == 0)
        rc = toc_out_write(&m->toc, buf_view(&toc), selection, NULL, e);
    buf_done(&toc);
    /* As a restore does it: without data the entry table is not read. */
    if (rc == 0 && (!selection || toc_out_keeps_any(&m->toc)))
        rc = restore_entries(r, member, measure_block, m, e);
    return rc == 0 && !selection ? fetch_sum_add(m->sum, &member->tail, e) : rc;
}

int restore_measure_member(struct restore *r, const struct member *m,
                           const struct toc_select *selection, struct restore_measure *out,
                           struct error *e)
{
    *out = (struct restore_measure){0};
    struct measuring measuring = {.out = out, .sum = fetch_sum_new(restore_fetch(r), e)};
    int rc = -1;
    if (measuring.sum)
        rc = m->kind == FORMAT_MEMBER_DUMP ? measure_dump(&measuring, r, m, selection, e)
                                           : fetch_sum_add(measuring.sum, &m->content, e);
    if (rc == 0) {
        struct fetch_counts total = fetch_sum_total(measuring.sum);
        out->fetch_bytes = total.bytes;
        out->fetch_reads = total.reads;
    }
    fetch_sum_free(measuring.sum);
    toc_out_done(&measuring.toc);
    return rc;
}
