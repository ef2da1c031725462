/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/pieces_out.h"

#define RUNS_HELD (4 * KIB)

void pieces_out_begin(struct pieces_out *p, struct writer *w, const struct chunker *c,
                      struct bytes_out *to)
{
    struct buf runs = p->runs;
    runs.len = 0;
    *p = (struct pieces_out){.writer = w,
                             .chunker = c,
                             .to = to,
                             .one_run = true,
                             .fixed_holds = true,
                             .runs = runs};
}

static int close_run(struct pieces_out *p, struct error *e)
{
    if (p->run_count == 0)
        return 0;
    if (buf_varint(&p->runs, 2 * p->run_count + (p->line_run ? 0 : 1), e) < 0 ||
        (!p->line_run && buf_varint(&p->runs, p->run_len, e) < 0))
        return -1;
    p->run_count = 0;
    return 0;
}

/* Move the runs that are held into their list, so that memory stays bounded. */
static int flush(struct pieces_out *p, struct error *e)
{
    if (!p->to) {
        if (bytes_out_begin(&p->list, p->writer, p->chunker, FORMAT_KIND_META, e) < 0)
            return -1;
        p->to = &p->list;
    }
    int rc = bytes_out_add(p->to, buf_view(&p->runs), e);
    p->runs.len = 0;
    return rc;
}

static void watch_fixed(struct pieces_out *p, uint32_t len)
{
    if (p->fixed == 0)
        p->fixed = len;
    else if (p->last_len != p->fixed || len > p->fixed)
        p->fixed_holds = false; /* only the last piece may be shorter */
    p->last_len = len;
}

int pieces_out_add(struct pieces_out *p, uint32_t len, bool is_line, struct error *e)
{
    watch_fixed(p, len);
    if (p->run_count > 0 && (p->line_run ? is_line : p->run_len == len)) {
        p->run_count++;
        return 0;
    }
    if (p->run_count > 0)
        p->one_run = false;
    if (close_run(p, e) < 0)
        return -1;
    p->line_run = is_line;
    p->run_len = len;
    p->run_count = 1;
    return p->runs.len < RUNS_HELD ? 0 : flush(p, e);
}

int pieces_out_end(struct pieces_out *p, uint8_t *rule, uint64_t *n, struct error *e)
{
    *n = 0;
    if (p->one_run && (p->line_run || p->run_count == 0)) {
        *rule = FORMAT_PIECES_LINE;
        return 0;
    }
    if (p->fixed_holds) {
        *rule = FORMAT_PIECES_FIXED;
        *n = p->fixed;
        return 0;
    }
    *rule = FORMAT_PIECES_LIST;
    if (close_run(p, e) < 0 || flush(p, e) < 0)
        return -1;
    return bytes_out_end(&p->list, e);
}

int pieces_out_end_object(struct pieces_out *p, struct error *e)
{
    if (close_run(p, e) < 0 || buf_varint(&p->runs, 0, e) < 0)
        return -1;
    return flush(p, e);
}

void pieces_out_done(struct pieces_out *p)
{
    buf_done(&p->runs);
    bytes_out_done(&p->list);
    *p = (struct pieces_out){0};
}
