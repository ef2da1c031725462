/* SPDX-License-Identifier: Apache-2.0 */
/* What pg_restore does with an entry (pg_backup_archiver.c, RestoreArchive): with --clean it
 * runs the drop statements from the last entry to the first, then the definitions from the
 * first to the last. It takes an object's name for ALTER … OWNER from its drop statement, so
 * that must stay. An entry without a definition is not looked at; IF EXISTS is put into every
 * drop but one that begins with a comment, and into the one of a view that stands for a later
 * one: that is a CREATE, for which there may be no schema any more. */
#include "core/dump/toc_replace.h"

#include <string.h>

#include "core/base/cursor.h"
#include "core/dump/dump_writer.h"
#include "core/dump/toc_walk.h"
#include "core/dump/wire.h"

#define COMMENT "--\n"
#define DUMMY_VIEW "CREATE OR REPLACE VIEW "
#define SECTION_PRE_DATA 2

struct replacing {
    const struct toc_replace_options *o;
    struct buf *out;
    struct buf last; /* entries of the last stage */
    unsigned minor;
    bool counted; /* the entry count has passed */
    uint32_t ordinal;
    uint32_t kept;
    uint32_t max_dump_id;
};

/* ---- values ------------------------------------------------------------------------ */

static int put_int(struct buf *b, int64_t value, struct error *e)
{
    uint8_t raw[DUMP_WRITER_INT_LEN];
    dump_writer_int(raw, value);
    return buf_append(b, raw, sizeof raw, e);
}

static int put_text(struct buf *b, struct bytes text, struct error *e)
{
    return put_int(b, (int64_t)text.len, e) < 0 ? -1
           : text.len > 0                       ? buf_append(b, text.data, text.len, e)
                                                : 0;
}

static int put_null(struct buf *b, struct error *e)
{
    return put_int(b, -1, e);
}

static void skip_int(struct bytes *raw)
{
    (void)bytes_take(raw, WIRE_INT_LEN < raw->len ? WIRE_INT_LEN : raw->len);
}

/* The reader has checked them all; a length that does not fit would be its bug. */
static struct bytes take_text(struct bytes *raw)
{
    int32_t len = -1;
    if (raw->len >= WIRE_INT_LEN && !wire_int(raw->data, &len))
        len = -1;
    skip_int(raw);
    return len <= 0 || (size_t)len > raw->len ? (struct bytes){0}
                                              : bytes_take(raw, (size_t)len);
}

/* ---- entries ----------------------------------------------------------------------- */

/* The entry, of unknown data position. */
static int put_entry(const struct replacing *r, struct bytes raw, struct buf *out,
                     struct error *e)
{
    uint8_t offset[DUMP_WRITER_OFFSET_LEN];
    struct bytes rest = raw;
    skip_int(&rest); /* dump id */
    skip_int(&rest); /* has data */
    for (int i = 0; i < 4; i++)
        (void)take_text(&rest);
    if (r->minor >= 11)
        skip_int(&rest);
    (void)take_text(&rest); /* definition */
    struct bytes before = bytes_of(raw.data, raw.len - rest.len);
    struct bytes drop = take_text(&rest);
    bool dummy =
        drop.len > strlen(DUMMY_VIEW) && memcmp(drop.data, DUMMY_VIEW, strlen(DUMMY_VIEW)) == 0;
    if (!dummy)
        rest = bytes_of(raw.data + before.len, raw.len - before.len);
    if (buf_append(out, before.data, before.len, e) < 0 ||
        (dummy && put_text(out, bytes_text(COMMENT), e) < 0) ||
        buf_append(out, rest.data, rest.len - sizeof offset, e) < 0)
        return -1;
    const uint8_t *at = rest.data + rest.len - sizeof offset;
    if (*at == DUMP_WRITER_NO_DATA)
        return buf_append(out, at, sizeof offset, e);
    dump_writer_offset_unknown(offset);
    return buf_append(out, offset, sizeof offset, e);
}

/* An entry that only drops. */
static int put_drop(const struct replacing *r, uint32_t dump_id, const char *statement,
                    struct error *e)
{
    const uint8_t offset[DUMP_WRITER_OFFSET_LEN] = {DUMP_WRITER_NO_DATA};
    struct buf *out = r->out;
    if (put_int(out, dump_id, e) < 0 || put_int(out, 0, e) < 0 ||
        put_text(out, bytes_text("0"), e) < 0 || put_text(out, bytes_text("0"), e) < 0 ||
        put_text(out, bytes_text("what was there"), e) < 0 ||
        put_text(out, bytes_text("DROP"), e) < 0 ||
        (r->minor >= 11 && put_int(out, SECTION_PRE_DATA, e) < 0) ||
        put_text(out, bytes_text(COMMENT), e) < 0 ||
        put_int(out, (int64_t)(strlen(COMMENT) + strlen(statement)), e) < 0 ||
        buf_printf(out, e, "%s%s", COMMENT, statement) < 0 || put_null(out, e) < 0 ||
        put_null(out, e) < 0 || put_null(out, e) < 0 ||
        (r->minor >= 14 && put_null(out, e) < 0) ||
        (r->minor >= 16 && put_int(out, 0, e) < 0) || put_text(out, bytes_text(""), e) < 0 ||
        put_text(out, bytes_text("false"), e) < 0 || put_null(out, e) < 0)
        return -1;
    return buf_append(out, offset, sizeof offset, e);
}

static int pass_raw(struct replacing *r, const struct dump_event *ev, struct error *e)
{
    if (ev->part == DUMP_PART_HEADER)
        return buf_append(r->out, ev->raw.data, ev->raw.len, e);
    if (!r->counted) {
        r->counted = true;
        return put_int(r->out, (int64_t)r->o->selection->kept + (int64_t)r->o->drop_count, e);
    }
    uint32_t ordinal = r->ordinal++;
    if (ordinal >= r->o->selection->count || !toc_select_keeps(r->o->selection, ordinal))
        return 0;
    r->kept++;
    return put_entry(r, ev->raw, r->o->stages[ordinal] == TOC_STAGE_LAST ? &r->last : r->out,
                     e);
}

static int visit_event(void *arg, const struct dump_event *ev, struct error *e)
{
    struct replacing *r = arg;
    if (ev->type == DUMP_HEADER)
        r->minor = ev->header->minor;
    if (ev->type == DUMP_ENTRY && ev->entry->dump_id > r->max_dump_id)
        r->max_dump_id = ev->entry->dump_id;
    return ev->type == DUMP_RAW ? pass_raw(r, ev, e) : 0;
}

int toc_replace_write(const struct toc_replace_options *o, struct buf *out, struct error *e)
{
    struct replacing r = {.o = o, .out = out};
    int rc = toc_walk(o->toc, visit_event, &r, e);
    if (rc == 0 && r.kept != o->selection->kept)
        rc = error_set(e, ERROR_CORRUPT, "the stored TOC has other entries than it had before");
    if (rc == 0 && r.max_dump_id > (uint32_t)INT32_MAX - o->drop_count)
        rc = error_set(e, ERROR_UNSUPPORTED, "no dump ids are left in the archive");
    if (rc == 0)
        rc = buf_append(out, r.last.data, r.last.len, e);
    for (size_t i = 0; rc == 0 && i < o->drop_count; i++)
        rc = put_drop(&r, ++r.max_dump_id, o->drops[i], e);
    buf_done(&r.last);
    return rc;
}
