/* SPDX-License-Identifier: Apache-2.0 */
/* What pg_restore does with an entry (pg_backup_archiver.c, RestoreArchive): with --clean it
 * runs the drop statements from the last entry to the first, then the definitions from the
 * first to the last. An entry without a definition is not looked at. One without a drop
 * statement gets no ALTER … OWNER, and of functions and the like the drop statement says for
 * what; so where the archive's own drops become comments, these get their owner in the
 * definition. IF EXISTS is put into every drop but one that begins with a comment; not all have
 * room for it (ALTER DOMAIN, DROP OPERATOR CLASS … USING), which is why the archive's own are
 * not run. */
#include "core/dump/toc_replace.h"

#include <string.h>

#include "core/base/cursor.h"
#include "core/dump/dump_writer.h"
#include "core/dump/toc_walk.h"
#include "core/dump/wire.h"

#define COMMENT "--\n"
#define DROP "DROP "
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

/* Kinds whose name for ALTER … OWNER pg_restore takes from the drop statement. */
static bool is_named_by_drop(struct bytes desc)
{
    static const char *const kinds[] = {"FUNCTION", "PROCEDURE",      "AGGREGATE",
                                        "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY"};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (bytes_equal(desc, bytes_text(kinds[i])))
            return true;
    return false;
}

/* Definition, then ALTER … OWNER TO for what the drop statement drops. */
static int put_owned(struct buf *out, struct bytes defn, struct bytes drop, struct bytes owner,
                     struct error *e)
{
    struct buf text = {0};
    (void)bytes_take(&drop, strlen(DROP));
    while (drop.len > 0 && memchr(";\n ", drop.data[drop.len - 1], 3))
        drop.len--;
    int rc = buf_append(&text, defn.data, defn.len, e);
    if (rc == 0)
        rc = buf_printf(&text, e, "\nALTER ");
    if (rc == 0)
        rc = buf_append(&text, drop.data, drop.len, e);
    if (rc == 0)
        rc = buf_printf(&text, e, " OWNER TO \"");
    for (size_t i = 0; rc == 0 && i < owner.len; i++)
        if ((owner.data[i] == '"' && buf_byte(&text, '"', e) < 0) ||
            buf_byte(&text, owner.data[i], e) < 0)
            rc = -1;
    if (rc == 0)
        rc = buf_printf(&text, e, "\";\n");
    if (rc == 0)
        rc = put_text(out, buf_view(&text), e);
    buf_done(&text);
    return rc;
}

/* The fields of an entry that are looked at; the others lie between them as they stand. */
struct parts {
    struct bytes head; /* up to the definition */
    struct bytes desc, defn, drop, owner;
    struct bytes middle; /* copy statement up to the owner */
    struct bytes tail;   /* behind the owner, offset field included */
};

static void take_apart(const struct replacing *r, struct bytes raw, struct parts *p)
{
    struct bytes rest = raw;
    skip_int(&rest); /* dump id */
    skip_int(&rest); /* has data */
    for (int i = 0; i < 3; i++)
        (void)take_text(&rest);
    p->desc = take_text(&rest);
    if (r->minor >= 11)
        skip_int(&rest);
    p->head = bytes_of(raw.data, raw.len - rest.len);
    p->defn = take_text(&rest);
    p->drop = take_text(&rest);
    const uint8_t *middle = rest.data;
    for (int i = 0; i < (r->minor >= 14 ? 4 : 3); i++)
        (void)take_text(&rest);
    if (r->minor >= 16)
        skip_int(&rest);
    p->middle = bytes_of(middle, (size_t)(rest.data - middle));
    p->owner = take_text(&rest);
    p->tail = rest;
}

/* The entry without its drop statement, of unknown data position. */
static int put_entry(const struct replacing *r, struct bytes raw, struct buf *out,
                     struct error *e)
{
    uint8_t offset[DUMP_WRITER_OFFSET_LEN];
    struct parts p;
    take_apart(r, raw, &p);
    if (p.drop.len == 0) {
        if (buf_append(out, raw.data, raw.len - sizeof offset, e) < 0)
            return -1;
    } else {
        bool here = is_named_by_drop(p.desc) && p.owner.len > 0 && p.drop.len > strlen(DROP);
        int rc = buf_append(out, p.head.data, p.head.len, e);
        if (rc == 0 && here && !r->o->no_owner)
            rc = put_owned(out, p.defn, p.drop, p.owner, e);
        else if (rc == 0)
            rc = put_text(out, p.defn, e);
        if (rc < 0 || put_text(out, bytes_text(COMMENT), e) < 0 ||
            buf_append(out, p.middle.data, p.middle.len, e) < 0 ||
            put_text(out, here ? bytes_text("") : p.owner, e) < 0 ||
            buf_append(out, p.tail.data, p.tail.len - sizeof offset, e) < 0)
            return -1;
    }
    const uint8_t *at = raw.data + raw.len - sizeof offset;
    if (*at == DUMP_WRITER_NO_DATA)
        return buf_append(out, at, sizeof offset, e);
    dump_writer_offset_unknown(offset);
    return buf_append(out, offset, sizeof offset, e);
}

/* An entry that only drops. */
static int put_drop(const struct replacing *r, uint32_t dump_id,
                    const struct toc_replace_drop *d, struct error *e)
{
    const char *comment = d->desc ? "" : COMMENT;
    const uint8_t offset[DUMP_WRITER_OFFSET_LEN] = {DUMP_WRITER_NO_DATA};
    struct buf *out = r->out;
    if (put_int(out, dump_id, e) < 0 || put_int(out, 0, e) < 0 ||
        put_text(out, bytes_text("0"), e) < 0 || put_text(out, bytes_text("0"), e) < 0 ||
        put_text(out, bytes_text("what was there"), e) < 0 ||
        put_text(out, bytes_text(d->desc ? d->desc : "DROP"), e) < 0 ||
        (r->minor >= 11 && put_int(out, SECTION_PRE_DATA, e) < 0) ||
        put_text(out, bytes_text(COMMENT), e) < 0 ||
        put_int(out, (int64_t)(strlen(comment) + strlen(d->statement)), e) < 0 ||
        buf_printf(out, e, "%s%s", comment, d->statement) < 0 || put_null(out, e) < 0 ||
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
        rc = put_drop(&r, ++r.max_dump_id, &o->drops[i], e);
    buf_done(&r.last);
    return rc;
}
