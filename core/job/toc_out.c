/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/toc_out.h"

#include <stdlib.h>

#include "core/dump/dump_writer.h"
#include "core/dump/toc_walk.h"

struct writing {
    struct toc_out *out;
    const struct toc_select *selection;
    struct frame *frame;
    bool counted;     /* the entry count has passed */
    uint32_t ordinal; /* of the next entry */
};

void toc_out_done(struct toc_out *t)
{
    free(t->blocks);
    *t = (struct toc_out){0};
}

static bool keeps(const struct writing *w, uint32_t ordinal)
{
    return !w->selection ||
           (ordinal < w->selection->count && toc_select_keeps(w->selection, ordinal));
}

static int learn(struct writing *w, const struct dump_entry *n, struct error *e)
{
    struct toc_out *t = w->out;
    if (!n->has_data)
        return 0;
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        struct toc_out_block *blocks = reallocarray(t->blocks, cap, sizeof *blocks);
        if (!blocks)
            return error_memory(e, "dump ids");
        t->blocks = blocks;
        t->cap = cap;
    }
    t->blocks[t->count++] =
        (struct toc_out_block){.dump_id = n->dump_id, .kept = keeps(w, n->ordinal)};
    return 0;
}

static int differs(struct error *e)
{
    return error_set(e, ERROR_CORRUPT, "the stored TOC has other entries than it had before");
}

/* An entry as it stands but for its position: that of the data in another archive. */
static int pass_entry(struct writing *w, struct bytes raw, struct error *e)
{
    uint8_t offset[DUMP_WRITER_OFFSET_LEN];
    uint32_t ordinal = w->ordinal++;
    if (ordinal >= w->selection->count)
        return differs(e);
    if (!toc_select_keeps(w->selection, ordinal))
        return 0;
    struct bytes fields = bytes_take(&raw, raw.len - sizeof offset);
    if (frame_bytes(w->frame, fields, e) < 0)
        return -1;
    if (raw.data[0] == DUMP_WRITER_NO_DATA)
        return frame_bytes(w->frame, raw, e);
    dump_writer_offset_unknown(offset);
    return frame_bytes(w->frame, bytes_of(offset, sizeof offset), e);
}

static int pass_raw(struct writing *w, const struct dump_event *ev, struct error *e)
{
    if (!w->selection || !w->frame)
        return 0;
    if (ev->part == DUMP_PART_HEADER)
        return frame_bytes(w->frame, ev->raw, e);
    if (w->counted)
        return pass_entry(w, ev->raw, e);
    w->counted = true;
    return frame_int(w->frame, w->selection->kept, e);
}

static int visit_event(void *arg, const struct dump_event *ev, struct error *e)
{
    if (ev->type == DUMP_RAW)
        return pass_raw(arg, ev, e);
    return ev->type == DUMP_ENTRY ? learn(arg, ev->entry, e) : 0;
}

int toc_out_write(struct toc_out *t, struct bytes toc, const struct toc_select *selection,
                  struct frame *frame, struct error *e)
{
    struct writing w = {.out = t, .selection = selection, .frame = frame};
    t->count = 0;
    if (toc_walk(toc, visit_event, &w, e) < 0)
        return -1;
    if (!frame)
        return 0;
    if (selection)
        return w.ordinal == selection->count ? 0 : differs(e);
    return frame_bytes(frame, toc, e);
}

bool toc_out_keeps_any(const struct toc_out *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->blocks[i].kept)
            return true;
    return false;
}

const struct toc_out_block *toc_out_find(const struct toc_out *t, const struct entry *entry,
                                         uint32_t place, struct error *e)
{
    uint32_t in_toc = entry->place == ENTRY_OWN_PLACE ? place : entry->place;
    if (in_toc < t->count)
        return &t->blocks[in_toc];
    (void)error_set(e, ERROR_CORRUPT, "no TOC entry for data block %u", place);
    return NULL;
}
