/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/entry.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/repo/tlv.h"

enum {
    TAG_SCHEMA = 1,
    TAG_NAME,
    TAG_DESC,
    TAG_OID,
    TAG_PLACE,
    TAG_PAYLOAD,
    TAG_RULE,
    TAG_PIECES,
    TAG_OBJECTS,
    TAG_CONTENT,
    TAG_READ_IN,
    TAG_ROOT_SCHEMA,
    TAG_ROOT_NAME,
};

void entry_done(struct entry *entry)
{
    free(entry->schema);
    free(entry->name);
    free(entry->desc);
    free(entry->oid);
    free(entry->root_schema);
    free(entry->root_name);
    stream_done(&entry->payload);
    stream_done(&entry->pieces);
    stream_done(&entry->objects);
    *entry = (struct entry){0};
}

void entry_text(const struct entry *entry, char out[ENTRY_TEXT])
{
    char desc[64];
    char schema[200];
    char name[200];
    bool table = strcmp(entry->desc, "TABLE DATA") == 0;
    str_safe(desc, sizeof desc, bytes_text(table ? "table" : entry->desc));
    str_safe(schema, sizeof schema, bytes_text(entry->schema ? entry->schema : ""));
    str_safe(name, sizeof name, bytes_text(entry->name));
    (void)snprintf(out, ENTRY_TEXT, "%s %s%s%s", desc, schema, *schema ? "." : "", name);
}

static int put_small(const struct entry *entry, struct buf *out, struct error *e)
{
    struct buf rule = {0};
    uint8_t content[8 + sizeof entry->sum];
    int rc = -1;
    buf_store_u64(content, entry->rows);
    memcpy(content + 8, entry->sum, sizeof entry->sum);
    if (tlv_text(out, TAG_SCHEMA, entry->schema, e) < 0 ||
        tlv_text(out, TAG_NAME, entry->name, e) < 0 ||
        tlv_text(out, TAG_DESC, entry->desc, e) < 0 ||
        tlv_text(out, TAG_OID, entry->oid, e) < 0 ||
        (entry->place != ENTRY_OWN_PLACE && tlv_uint(out, TAG_PLACE, entry->place, e) < 0) ||
        buf_varint(&rule, entry->rule, e) < 0 || buf_varint(&rule, entry->rule_n, e) < 0 ||
        tlv_put(out, TAG_RULE, buf_view(&rule), e) < 0 ||
        (!entry->uncounted &&
         tlv_put(out, TAG_CONTENT, bytes_of(content, sizeof content), e) < 0) ||
        tlv_text(out, TAG_ROOT_SCHEMA, entry->root_schema, e) < 0 ||
        tlv_text(out, TAG_ROOT_NAME, entry->root_name, e) < 0)
        goto out;
    rc = 0;
out:
    buf_done(&rule);
    return rc;
}

int entry_write(const struct entry *entry, struct buf *out, struct error *e)
{
    struct buf item = {0};
    int rc = -1;
    if (put_small(entry, &item, e) < 0 ||
        stream_put(&entry->payload, TAG_PAYLOAD, &item, e) < 0 ||
        stream_put(&entry->pieces, TAG_PIECES, &item, e) < 0 ||
        stream_put(&entry->objects, TAG_OBJECTS, &item, e) < 0 ||
        buf_varint(out, item.len, e) < 0 || buf_append(out, item.data, item.len, e) < 0)
        goto out;
    rc = 0;
out:
    buf_done(&item);
    return rc;
}

static int get_stream(struct tlv_reader *r, const struct tlv *t, struct stream *out,
                      struct error *e)
{
    tlv_once(r, t);
    return r->bad ? 0 : stream_read(t->value, out, e);
}

static void get_rule(struct tlv_reader *r, const struct tlv *t, struct entry *out)
{
    tlv_once(r, t);
    struct cursor c = cursor_of(t->value);
    uint64_t rule = cursor_varint(&c);
    out->rule_n = cursor_varint(&c);
    if (!cursor_ended(&c) || rule < FORMAT_PIECES_LINE || rule > FORMAT_PIECES_LIST ||
        (rule == FORMAT_PIECES_FIXED) != (out->rule_n > 0) || out->rule_n > INT32_MAX)
        r->bad = true;
    out->rule = (uint8_t)rule;
}

static int get_field(struct tlv_reader *r, const struct tlv *t, struct entry *out,
                     struct error *e)
{
    switch (t->tag) {
    case TAG_SCHEMA:
        return tlv_get_text(r, t, &out->schema, e);
    case TAG_NAME:
        return tlv_get_text(r, t, &out->name, e);
    case TAG_DESC:
        return tlv_get_text(r, t, &out->desc, e);
    case TAG_OID:
        return tlv_get_text(r, t, &out->oid, e);
    case TAG_PLACE:
        out->place = (uint32_t)tlv_get_uint(r, t, UINT32_MAX - 1);
        return 0;
    case TAG_PAYLOAD:
        return get_stream(r, t, &out->payload, e);
    case TAG_PIECES:
        return get_stream(r, t, &out->pieces, e);
    case TAG_OBJECTS:
        return get_stream(r, t, &out->objects, e);
    case TAG_RULE:
        get_rule(r, t, out);
        return 0;
    case TAG_CONTENT: {
        uint8_t content[8 + sizeof out->sum];
        tlv_get_fixed(r, t, content, sizeof content);
        struct cursor c = cursor_of(bytes_of(content, sizeof content));
        out->rows = cursor_u64(&c);
        cursor_copy(&c, out->sum, sizeof out->sum);
        return 0;
    }
    case TAG_ROOT_SCHEMA:
        return tlv_get_text(r, t, &out->root_schema, e);
    case TAG_ROOT_NAME:
        return tlv_get_text(r, t, &out->root_name, e);
    default:
        return 0;
    }
}

int entry_read(struct cursor *c, struct entry *out, struct error *e)
{
    uint64_t len = cursor_varint(c);
    if (c->bad || len > c->left.len)
        return error_set(e, ERROR_CORRUPT, "entry table: item at byte %zu is cut", c->at);
    struct tlv_reader r = tlv_reader_of(cursor_bytes(c, (size_t)len));
    struct tlv t;
    out->place = ENTRY_OWN_PLACE;
    while (tlv_next(&r, &t))
        if (get_field(&r, &t, out, e) < 0)
            return -1;
    if (!out->name || !out->desc || out->payload.kind == 0 || out->rule == 0 ||
        (out->rule == FORMAT_PIECES_LIST && out->pieces.kind == 0 && out->objects.kind == 0))
        r.bad = true;
    out->uncounted = !(r.seen & 1u << TAG_CONTENT);
    return tlv_end(&r, "entry table item", e);
}
