/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/dump_walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/dump/dump_writer.h"
#include "core/dump/inflate.h"
#include "core/dump/payload.h"

struct walker {
    struct dump_walk *w;
    struct dump_reader *reader;
    struct payload *payload;
    struct inflate *inflate;
    struct digest *digest;
    struct buf piece;
    bool *copy_data; /* by place among the entries with data */
    bool block_copies;
    uint32_t dump_id, oid;
};

static int log_field(struct dump_walk *w, struct bytes field, struct error *e)
{
    uint8_t sha[DIGEST_LEN];
    char hex[2 * DIGEST_LEN + 1];
    if (!field.data)
        return buf_printf(&w->log, e, " null");
    if (digest_sha256(field, sha, e) < 0)
        return -1;
    str_hex(hex, sha, sizeof sha);
    return buf_printf(&w->log, e, " %zu:%.8s", field.len, hex);
}

static int on_entry(struct walker *k, const struct dump_entry *n, struct error *e)
{
    struct dump_walk *w = k->w;
    struct bytes fields[] = {n->table_oid,  n->oid,     n->tag,   n->desc,
                             n->defn,       n->drop,    n->copy,  n->schema,
                             n->tablespace, n->tableam, n->owner, n->dependencies};
    w->entries++;
    if (n->has_data) {
        k->copy_data = realloc(k->copy_data, w->data_entries + 1);
        k->copy_data[w->data_entries++] = n->copy.data != NULL;
    }
    if (buf_printf(&w->log, e, "entry %u %u %d %u %u %u %" PRIu64, n->ordinal, n->dump_id,
                   n->has_data, n->section, n->relkind, n->offset_state, n->offset) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (log_field(w, fields[i], e) < 0)
            return -1;
    }
    return buf_printf(&w->log, e, "\n");
}

static int on_header(struct walker *k, const struct dump_header *h, struct error *e)
{
    struct dump_walk *w = k->w;
    w->header = *h;
    (void)snprintf(w->database, sizeof w->database, "%s", h->database);
    (void)snprintf(w->server_version, sizeof w->server_version, "%s", h->server_version);
    (void)snprintf(w->dump_version, sizeof w->dump_version, "%s", h->dump_version);
    k->payload = payload_new(h->codec, e);
    k->inflate = k->payload ? inflate_new(h->codec, e) : NULL;
    return k->inflate ? 0 : -1;
}

static int begin_stream(struct walker *k, bool copy_data, struct error *e)
{
    struct dump_walk *w = k->w;
    w->streams = reallocarray(w->streams, w->stream_count + 1, sizeof *w->streams);
    w->streams[w->stream_count] =
        (struct dump_walk_stream){.dump_id = k->dump_id, .oid = k->oid};
    if (payload_begin(k->payload, copy_data, e) < 0)
        return -1;
    return inflate_reset(k->inflate, e);
}

static int end_stream(struct walker *k, struct error *e)
{
    struct dump_walk_stream *s = &k->w->streams[k->w->stream_count++];
    if (payload_end(k->payload, e) < 0)
        return -1;
    s->plain_bytes = payload_plain_bytes(k->payload);
    return digest_take(k->digest, s->sha256, e);
}

static int on_data(struct walker *k, const struct dump_event *ev, struct error *e)
{
    struct dump_walk *w = k->w;
    if (ev->piece_begins != (k->piece.len == 0))
        return error_set(e, ERROR_CORRUPT, "piece does not begin where it should");
    if (buf_append(&k->piece, ev->raw.data, ev->raw.len, e) < 0 ||
        payload_feed(k->payload, ev->raw, e) < 0)
        return -1;
    struct bytes left = ev->raw;
    int rc = 0;
    while (rc == 0) {
        struct bytes plain;
        rc = inflate_step(k->inflate, &left, &plain, e);
        if (rc < 0 || digest_add(k->digest, plain, e) < 0)
            return -1;
    }
    if (ev->piece_ends != (k->piece.len == ev->piece_len))
        return error_set(e, ERROR_CORRUPT, "piece does not end where it should");
    if (!ev->piece_ends)
        return 0;
    w->pieces++;
    if (dump_writer_piece(&w->rebuilt, buf_view(&k->piece), e) < 0 ||
        buf_printf(&w->log, e, "piece") < 0 || log_field(w, buf_view(&k->piece), e) < 0)
        return -1;
    k->piece.len = 0;
    return buf_printf(&w->log, e, "\n");
}

static int on_block(struct walker *k, const struct dump_event *ev, struct error *e)
{
    struct dump_walk *w = k->w;
    k->dump_id = ev->dump_id;
    k->oid = 0;
    k->block_copies = k->copy_data[ev->data_index];
    w->blocks++;
    if (dump_writer_block(&w->rebuilt, ev->large_objects, ev->dump_id, e) < 0 ||
        buf_printf(&w->log, e, "block %u %u %d\n", ev->data_index, ev->dump_id,
                   ev->large_objects) < 0)
        return -1;
    return ev->large_objects ? 0 : begin_stream(k, k->block_copies, e);
}

static int on_object(struct walker *k, uint32_t oid, struct error *e)
{
    uint8_t raw[DUMP_WRITER_INT_LEN];
    k->oid = oid;
    dump_writer_object(raw, oid);
    if (buf_append(&k->w->rebuilt, raw, sizeof raw, e) < 0 ||
        buf_printf(&k->w->log, e, "object %u\n", oid) < 0)
        return -1;
    return begin_stream(k, false, e);
}

static int on_event(struct walker *k, const struct dump_event *ev, struct error *e)
{
    struct dump_walk *w = k->w;
    switch (ev->type) {
    case DUMP_RAW:
        if (ev->part == DUMP_PART_TAIL)
            w->tail_bytes += ev->raw.len;
        return buf_append(&w->rebuilt, ev->raw.data, ev->raw.len, e);
    case DUMP_HEADER:
        w->toc_start = dump_reader_at(k->reader);
        return on_header(k, ev->header, e);
    case DUMP_ENTRY:
        return on_entry(k, ev->entry, e);
    case DUMP_TOC_END:
        w->data_start = w->data_end = dump_reader_at(k->reader);
        return buf_printf(&w->log, e, "toc end %u\n", ev->entry_count);
    case DUMP_BLOCK:
        return on_block(k, ev, e);
    case DUMP_OBJECT:
        return on_object(k, ev->oid, e);
    case DUMP_DATA:
        return on_data(k, ev, e);
    case DUMP_OBJECT_END:
        return end_stream(k, e) < 0 ? -1 : dump_writer_end(&w->rebuilt, e);
    case DUMP_BLOCK_END:
        w->data_end = dump_reader_at(k->reader);
        if (dump_writer_end(&w->rebuilt, e) < 0 || buf_printf(&w->log, e, "block end\n") < 0)
            return -1;
        return k->oid ? 0 : end_stream(k, e);
    case DUMP_END:
        break;
    }
    return buf_printf(&w->log, e, "end\n");
}

static void mark(struct walker *k)
{
    struct dump_walk *w = k->w;
    /* Full when the count is a power of two. */
    if ((w->mark_count & (w->mark_count - 1)) == 0)
        w->marks =
            reallocarray(w->marks, w->mark_count ? 2 * w->mark_count : 1, sizeof *w->marks);
    w->marks[w->mark_count++] = dump_reader_at(k->reader);
}

/* k->w NULL: events are not looked at. */
static int step_all(struct walker *k, struct bytes in, bool at_end, bool *ended,
                    struct error *e)
{
    struct dump_event ev = {.type = DUMP_RAW};
    int rc = 0;
    while (rc == 0 && !*ended) {
        rc = dump_reader_step(k->reader, &in, at_end, &ev, e);
        *ended = rc == 0 && ev.type == DUMP_END;
        if (rc == 0 && k->w) {
            rc = on_event(k, &ev, e);
            mark(k);
        }
    }
    if (rc == DUMP_READER_NEED && in.len > 0)
        rc = error_set(e, ERROR_CORRUPT, "reader wants more, but has not taken all");
    return rc;
}

/* One input, in a copy of its own that ends with it. */
static int feed(struct walker *k, struct bytes part, bool at_end, bool *ended, struct error *e)
{
    uint8_t *copy = malloc(part.len ? part.len : 1);
    if (part.len > 0)
        memcpy(copy, part.data, part.len);
    int rc = step_all(k, bytes_of(copy, part.len), at_end, ended, e);
    free(copy);
    return rc;
}

static int feed_all(struct walker *k, struct bytes archive, size_t split, struct error *e)
{
    bool ended = false;
    while (!ended) {
        size_t n = split && split < archive.len ? split : archive.len;
        struct bytes part = bytes_take(&archive, n);
        int rc = feed(k, part, part.len == 0 || (archive.len == 0 && split != 1), &ended, e);
        if (rc < 0 || rc == DUMP_READER_NEWER)
            return rc;
    }
    return 0;
}

int dump_walk(struct dump_walk *w, struct bytes archive, size_t split, struct error *e)
{
    struct walker k = {.w = w};
    int rc = -1;
    k.reader = dump_reader_new(NULL, e);
    k.digest = digest_new(e);
    if (k.reader && k.digest)
        rc = feed_all(&k, archive, split, e);
    if (k.reader) {
        const char *last;
        w->warnings = dump_reader_warnings(k.reader, &last);
    }
    dump_reader_free(k.reader);
    payload_free(k.payload);
    inflate_free(k.inflate);
    digest_free(k.digest);
    buf_done(&k.piece);
    free(k.copy_data);
    return rc;
}

void dump_walk_done(struct dump_walk *w)
{
    buf_done(&w->log);
    buf_done(&w->rebuilt);
    free(w->streams);
    free(w->marks);
    *w = (struct dump_walk){0};
}

int dump_walk_quick(struct bytes archive, size_t split, const struct dump_limits *limits,
                    struct error *e)
{
    struct walker k = {.reader = dump_reader_new(limits, e)};
    int rc = -1;
    bool ended = false;
    if (k.reader)
        rc = split ? feed_all(&k, archive, split, e) : step_all(&k, archive, true, &ended, e);
    dump_reader_free(k.reader);
    return rc;
}

struct buf dump_walk_load(const char *path)
{
    struct buf b = {0};
    FILE *f = fopen(path, "rb");
    size_t n = 1;
    while (f && n > 0 && buf_reserve(&b, 64 * KIB, NULL) == 0) {
        n = fread(b.data + b.len, 1, 64 * KIB, f);
        b.len += n;
    }
    if (!f || ferror(f)) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        abort();
    }
    (void)fclose(f);
    return b;
}
