/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/member.h"

#include <stdlib.h>

#include "core/base/str.h"
#include "core/repo/tlv.h"

enum {
    TAG_SOURCE = 1,
    TAG_DATABASE,
    TAG_SERVER,
    TAG_TOOLS,
    TAG_TAG,
    TAG_MIGRATIONS,
    TAG_FINDINGS,
    TAG_TIME_ZONE,
    TAG_DUMP_TIME,
    TAG_MEMBER,
    TAG_DOMAIN_KEYS,
    TAG_IMPORT,
    TAG_TOTALS,
};
enum {
    SERVER_VERSION = 1,
    SERVER_NUMBER,
    SERVER_SYSTEM,
    SERVER_STANDBY,
    SERVER_ENCODING,
    SERVER_SETTING,
    SERVER_HOST,
    SERVER_PORT,
    SERVER_USER,
};
enum { TOOLS_PGKEEP = 1, TOOLS_PG_DUMP, TOOLS_ARGUMENT, TOOLS_HOST };
enum {
    MEMBER_KIND = 1,
    MEMBER_NAME,
    MEMBER_SHA256,
    MEMBER_LENGTH,
    MEMBER_HEADER,
    MEMBER_TOC,
    MEMBER_TABLE,
    MEMBER_TAIL,
    MEMBER_CONTENT,
    MEMBER_COUNTS,
    MEMBER_CODEC,
    MEMBER_LACKS,
};

void member_texts_done(struct member_texts *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->items[i]);
    free(t->items);
    *t = (struct member_texts){0};
}

static void member_done(struct member *m)
{
    free(m->name);
    buf_done(&m->header);
    stream_done(&m->toc);
    stream_done(&m->table);
    stream_done(&m->tail);
    stream_done(&m->content);
}

void member_private_done(struct member_private *p)
{
    char *texts[] = {p->source,       p->database,    p->server_version, p->encoding,
                     p->server_host,  p->server_port, p->server_user,    p->pgkeep_version,
                     p->dump_version, p->host_name,   p->time_zone};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    member_texts_done(&p->settings);
    member_texts_done(&p->dump_arguments);
    member_texts_done(&p->tags);
    member_texts_done(&p->findings);
    for (size_t i = 0; i < p->member_count; i++)
        member_done(&p->members[i]);
    free(p->members);
    secret_wipe(&p->chunk_id_key);
    explicit_bzero(p->row_key, sizeof p->row_key);
    *p = (struct member_private){0};
}

static int texts_take(struct member_texts *t, char *text, struct error *e)
{
    char **items = text ? reallocarray(t->items, t->count + 1, sizeof *items) : NULL;
    if (!items) {
        free(text);
        return error_memory(e, "list of texts");
    }
    t->items = items;
    items[t->count++] = text;
    return 0;
}

int member_texts_add(struct member_texts *t, const char *text, struct error *e)
{
    return texts_take(t, str_copy(text, e), e);
}

struct member *member_add(struct member_private *p, struct error *e)
{
    struct member *members = reallocarray(p->members, p->member_count + 1, sizeof *members);
    if (!members) {
        (void)error_memory(e, "backup member");
        return NULL;
    }
    p->members = members;
    members[p->member_count] = (struct member){0};
    return &members[p->member_count++];
}

static int put_texts(struct buf *out, uint64_t tag, const struct member_texts *t,
                     struct error *e)
{
    for (size_t i = 0; i < t->count; i++)
        if (tlv_text(out, tag, t->items[i], e) < 0)
            return -1;
    return 0;
}

static int write_server(const struct member_private *p, struct buf *b, struct error *e)
{
    if (tlv_text(b, SERVER_VERSION, p->server_version, e) < 0 ||
        tlv_uint(b, SERVER_NUMBER, p->server_number, e) < 0 ||
        tlv_uint(b, SERVER_SYSTEM, p->system_id, e) < 0 ||
        tlv_uint(b, SERVER_STANDBY, p->standby, e) < 0 ||
        tlv_text(b, SERVER_ENCODING, p->encoding, e) < 0 ||
        put_texts(b, SERVER_SETTING, &p->settings, e) < 0 ||
        tlv_text(b, SERVER_HOST, p->server_host, e) < 0 ||
        tlv_text(b, SERVER_PORT, p->server_port, e) < 0)
        return -1;
    return tlv_text(b, SERVER_USER, p->server_user, e);
}

static int write_tools(const struct member_private *p, struct buf *b, struct error *e)
{
    if (tlv_text(b, TOOLS_PGKEEP, p->pgkeep_version, e) < 0 ||
        tlv_text(b, TOOLS_PG_DUMP, p->dump_version, e) < 0 ||
        put_texts(b, TOOLS_ARGUMENT, &p->dump_arguments, e) < 0)
        return -1;
    return tlv_text(b, TOOLS_HOST, p->host_name, e);
}

static int put_varints(struct buf *out, uint64_t tag, const uint64_t numbers[4],
                       struct error *e)
{
    struct buf value = {0};
    int rc = 0;
    for (size_t i = 0; i < 4 && rc == 0; i++)
        rc = buf_varint(&value, numbers[i], e);
    if (rc == 0)
        rc = tlv_put(out, tag, buf_view(&value), e);
    buf_done(&value);
    return rc;
}

static int write_member(const struct member *m, struct buf *b, struct error *e)
{
    const uint64_t counts[] = {m->toc_entries, m->data_entries, m->rows, m->payload_bytes};
    if (tlv_uint(b, MEMBER_KIND, m->kind, e) < 0 || tlv_text(b, MEMBER_NAME, m->name, e) < 0 ||
        (m->has_sha256 &&
         tlv_put(b, MEMBER_SHA256, bytes_of(m->sha256, sizeof m->sha256), e) < 0) ||
        tlv_uint(b, MEMBER_LENGTH, m->length, e) < 0 ||
        tlv_put(b, MEMBER_HEADER, buf_view(&m->header), e) < 0 ||
        stream_put(&m->toc, MEMBER_TOC, b, e) < 0 ||
        stream_put(&m->table, MEMBER_TABLE, b, e) < 0 ||
        stream_put(&m->tail, MEMBER_TAIL, b, e) < 0 ||
        stream_put(&m->content, MEMBER_CONTENT, b, e) < 0 ||
        put_varints(b, MEMBER_COUNTS, counts, e) < 0)
        return -1;
    if (tlv_uint(b, MEMBER_CODEC, m->codec, e) < 0)
        return -1;
    return m->lacks ? tlv_uint(b, MEMBER_LACKS, m->lacks, e) : 0;
}

static int put_findings(const struct member_private *p, struct buf *out, struct error *e)
{
    struct buf lines = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < p->findings.count; i++)
        rc = buf_printf(&lines, e, "%s%s", i > 0 ? "\n" : "", p->findings.items[i]);
    if (rc == 0 && p->findings.count > 0)
        rc = tlv_put(out, TAG_FINDINGS, buf_view(&lines), e);
    buf_done(&lines);
    return rc;
}

static int put_dump_time(const struct member_private *p, struct buf *out, struct error *e)
{
    uint8_t raw[sizeof p->dump_time];
    for (size_t i = 0; i < ARRAY_SIZE(p->dump_time); i++)
        buf_store_u32(raw + 4 * i, (uint32_t)p->dump_time[i]);
    return p->has_dump_time ? tlv_put(out, TAG_DUMP_TIME, bytes_of(raw, sizeof raw), e) : 0;
}

static int put_domain_keys(const struct member_private *p, struct buf *out, struct error *e)
{
    uint8_t raw[SECRET_LEN + sizeof p->row_key];
    memcpy(raw, p->chunk_id_key.key, SECRET_LEN);
    memcpy(raw + SECRET_LEN, p->row_key, sizeof p->row_key);
    int rc =
        p->has_domain_keys ? tlv_put(out, TAG_DOMAIN_KEYS, bytes_of(raw, sizeof raw), e) : 0;
    explicit_bzero(raw, sizeof raw);
    return rc;
}

int member_private_write(const struct member_private *p, struct buf *out, struct error *e)
{
    const uint64_t totals[] = {p->rows, p->payload_bytes, p->stored_bytes, p->new_chunks};
    struct buf part = {0};
    int rc = -1;
    if (tlv_text(out, TAG_SOURCE, p->source, e) < 0 ||
        tlv_text(out, TAG_DATABASE, p->database, e) < 0 || write_server(p, &part, e) < 0 ||
        tlv_put(out, TAG_SERVER, buf_view(&part), e) < 0)
        goto out;
    part.len = 0;
    if (write_tools(p, &part, e) < 0 || tlv_put(out, TAG_TOOLS, buf_view(&part), e) < 0 ||
        put_texts(out, TAG_TAG, &p->tags, e) < 0 || put_findings(p, out, e) < 0 ||
        tlv_text(out, TAG_TIME_ZONE, p->time_zone, e) < 0 || put_dump_time(p, out, e) < 0)
        goto out;
    for (size_t i = 0; i < p->member_count; i++) {
        part.len = 0;
        if (write_member(&p->members[i], &part, e) < 0 ||
            tlv_put(out, TAG_MEMBER, buf_view(&part), e) < 0)
            goto out;
    }
    if (put_domain_keys(p, out, e) < 0 || put_varints(out, TAG_TOTALS, totals, e) < 0)
        goto out;
    rc = 0;
out:
    buf_done(&part);
    return rc;
}

static int get_texts(struct tlv_reader *r, const struct tlv *t, struct member_texts *out,
                     struct error *e)
{
    if (memchr(t->value.data, 0, t->value.len)) {
        r->bad = true;
        return 0;
    }
    return texts_take(out, str_copy_bytes(t->value, e), e);
}

static int get_findings(struct tlv_reader *r, struct bytes lines, struct member_private *out,
                        struct error *e)
{
    const uint8_t *end;
    if (r->bad || lines.len == 0 || memchr(lines.data, 0, lines.len)) {
        r->bad = true;
        return 0;
    }
    while ((end = memchr(lines.data, '\n', lines.len)) != NULL) {
        size_t len = (size_t)(end - lines.data);
        if (texts_take(&out->findings, str_copy_bytes(bytes_of(lines.data, len), e), e) < 0)
            return -1;
        lines = bytes_of(end + 1, lines.len - len - 1);
        if (lines.len == 0)
            break;
    }
    return texts_take(&out->findings, str_copy_bytes(lines, e), e);
}

static void get_varints(struct tlv_reader *r, const struct tlv *t, uint64_t *const out[4])
{
    tlv_once(r, t);
    struct cursor c = cursor_of(t->value);
    for (size_t i = 0; i < 4; i++)
        *out[i] = cursor_varint(&c);
    if (c.bad)
        r->bad = true;
}

static int read_server(struct bytes raw, struct member_private *out, struct error *e)
{
    struct tlv_reader r = tlv_reader_of(raw);
    struct tlv t;
    int rc = 0;
    while (rc == 0 && tlv_next(&r, &t)) {
        if (t.tag == SERVER_VERSION)
            rc = tlv_get_text(&r, &t, &out->server_version, e);
        else if (t.tag == SERVER_NUMBER)
            out->server_number = tlv_get_uint(&r, &t, UINT32_MAX);
        else if (t.tag == SERVER_SYSTEM)
            out->system_id = tlv_get_uint(&r, &t, UINT64_MAX);
        else if (t.tag == SERVER_STANDBY)
            out->standby = tlv_get_uint(&r, &t, 1) == 1;
        else if (t.tag == SERVER_ENCODING)
            rc = tlv_get_text(&r, &t, &out->encoding, e);
        else if (t.tag == SERVER_SETTING)
            rc = get_texts(&r, &t, &out->settings, e);
        else if (t.tag == SERVER_HOST)
            rc = tlv_get_text(&r, &t, &out->server_host, e);
        else if (t.tag == SERVER_PORT)
            rc = tlv_get_text(&r, &t, &out->server_port, e);
        else if (t.tag == SERVER_USER)
            rc = tlv_get_text(&r, &t, &out->server_user, e);
    }
    return rc < 0 ? rc : tlv_end(&r, "manifest: server", e);
}

static int read_tools(struct bytes raw, struct member_private *out, struct error *e)
{
    struct tlv_reader r = tlv_reader_of(raw);
    struct tlv t;
    int rc = 0;
    while (rc == 0 && tlv_next(&r, &t)) {
        if (t.tag == TOOLS_PGKEEP)
            rc = tlv_get_text(&r, &t, &out->pgkeep_version, e);
        else if (t.tag == TOOLS_PG_DUMP)
            rc = tlv_get_text(&r, &t, &out->dump_version, e);
        else if (t.tag == TOOLS_ARGUMENT)
            rc = get_texts(&r, &t, &out->dump_arguments, e);
        else if (t.tag == TOOLS_HOST)
            rc = tlv_get_text(&r, &t, &out->host_name, e);
    }
    return rc < 0 ? rc : tlv_end(&r, "manifest: tools", e);
}

static struct stream *stream_of(struct member *m, uint64_t tag)
{
    switch (tag) {
    case MEMBER_TOC:
        return &m->toc;
    case MEMBER_TABLE:
        return &m->table;
    case MEMBER_TAIL:
        return &m->tail;
    case MEMBER_CONTENT:
        return &m->content;
    default:
        return NULL;
    }
}

static int read_member(struct bytes raw, struct member *m, struct error *e)
{
    struct tlv_reader r = tlv_reader_of(raw);
    struct tlv t;
    int rc = 0;
    while (rc == 0 && tlv_next(&r, &t)) {
        struct stream *s = stream_of(m, t.tag);
        if (s) {
            tlv_once(&r, &t);
            rc = r.bad ? 0 : stream_read(t.value, s, e);
        } else if (t.tag == MEMBER_KIND) {
            m->kind = (uint8_t)tlv_get_uint(&r, &t, FORMAT_MEMBER_OPAQUE);
        } else if (t.tag == MEMBER_NAME) {
            rc = tlv_get_text(&r, &t, &m->name, e);
        } else if (t.tag == MEMBER_SHA256) {
            tlv_get_fixed(&r, &t, m->sha256, sizeof m->sha256);
            m->has_sha256 = true;
        } else if (t.tag == MEMBER_LENGTH) {
            m->length = tlv_get_uint(&r, &t, UINT64_MAX);
        } else if (t.tag == MEMBER_HEADER) {
            tlv_once(&r, &t);
            rc = r.bad ? 0 : buf_append(&m->header, t.value.data, t.value.len, e);
        } else if (t.tag == MEMBER_COUNTS) {
            get_varints(&r, &t,
                        (uint64_t *const[]){&m->toc_entries, &m->data_entries, &m->rows,
                                            &m->payload_bytes});
        } else if (t.tag == MEMBER_CODEC) {
            m->codec = (uint8_t)tlv_get_uint(&r, &t, 3);
        } else if (t.tag == MEMBER_LACKS) {
            m->lacks = (uint8_t)tlv_get_uint(&r, &t, UINT8_MAX);
        }
    }
    if (m->kind == 0)
        r.bad = true;
    return rc < 0 ? rc : tlv_end(&r, "manifest: member", e);
}

static void get_dump_time(struct tlv_reader *r, const struct tlv *t, struct member_private *out)
{
    uint8_t raw[sizeof out->dump_time];
    tlv_get_fixed(r, t, raw, sizeof raw);
    struct cursor c = cursor_of(bytes_of(raw, sizeof raw));
    for (size_t i = 0; i < ARRAY_SIZE(out->dump_time); i++)
        out->dump_time[i] = (int32_t)cursor_u32(&c);
    out->has_dump_time = true;
}

static void get_domain_keys(struct tlv_reader *r, const struct tlv *t,
                            struct member_private *out)
{
    uint8_t raw[SECRET_LEN + sizeof out->row_key];
    tlv_get_fixed(r, t, raw, sizeof raw);
    memcpy(out->chunk_id_key.key, raw, SECRET_LEN);
    memcpy(out->row_key, raw + SECRET_LEN, sizeof out->row_key);
    explicit_bzero(raw, sizeof raw);
    out->has_domain_keys = true;
}

static int get_field(struct tlv_reader *r, const struct tlv *t, struct member_private *out,
                     struct error *e)
{
    switch (t->tag) {
    case TAG_SOURCE:
        return tlv_get_text(r, t, &out->source, e);
    case TAG_DATABASE:
        return tlv_get_text(r, t, &out->database, e);
    case TAG_SERVER:
        tlv_once(r, t);
        return r->bad ? 0 : read_server(t->value, out, e);
    case TAG_TOOLS:
        tlv_once(r, t);
        return r->bad ? 0 : read_tools(t->value, out, e);
    case TAG_TAG:
        return get_texts(r, t, &out->tags, e);
    case TAG_FINDINGS:
        tlv_once(r, t);
        return get_findings(r, t->value, out, e);
    case TAG_TIME_ZONE:
        return tlv_get_text(r, t, &out->time_zone, e);
    case TAG_DUMP_TIME:
        get_dump_time(r, t, out);
        return 0;
    case TAG_MEMBER: {
        struct member *m = member_add(out, e);
        return m ? read_member(t->value, m, e) : -1;
    }
    case TAG_DOMAIN_KEYS:
        get_domain_keys(r, t, out);
        return 0;
    case TAG_TOTALS:
        get_varints(r, t,
                    (uint64_t *const[]){&out->rows, &out->payload_bytes, &out->stored_bytes,
                                        &out->new_chunks});
        return 0;
    default:
        return 0;
    }
}

int member_private_read(struct bytes raw, struct member_private *out, struct error *e)
{
    struct tlv_reader r = tlv_reader_of(raw);
    struct tlv t;
    while (tlv_next(&r, &t))
        if (get_field(&r, &t, out, e) < 0)
            return -1;
    return tlv_end(&r, "manifest: private part", e);
}
