/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/dump_in.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/dump/payload.h"
#include "core/dump/toc_root.h"
#include "core/job/pieces_out.h"
#include "core/job/rows_seen.h"

#define READ_SIZE MIB

/* A data block on its way: what the entry table will say, and the streams that are not
 * settled yet. */
struct block {
    struct entry entry;
    bool rows;  /* the payload is a row stream */
    char *copy; /* the COPY statement, if any: the payload must have an end mark then */
    struct writer_stream *row_stream;
    struct rows_out_totals totals;
    struct bytes_out payload;
    struct bytes_out pieces;
    struct bytes_out objects;
};

struct dump_in {
    struct dump_in_options o;
    struct dump_reader *reader;
    const struct dump_header *header;
    struct digest *sha256;
    uint64_t bytes;
    bool input_ended;
    struct buf header_bytes;
    struct buf toc_bytes;
    bool toc_has_values; /* STATISTICS DATA: values of rows */
    bool has_partitions, has_tables, has_data;
    uint32_t toc_entries;
    struct bytes_out toc, table, tail, opaque;
    bool is_opaque, has_tail;
    struct block *blocks; /* one for every TOC entry with data, in TOC order */
    size_t block_count;
    uint32_t *order; /* places in blocks, in file order */
    size_t order_count;
    struct block *current; /* the block that is open, or NULL */
    struct rows_out *rows;
    struct row_store *store;
    struct payload *check;
    struct rows_seen seen; /* of a table that is compressed inside */
    struct pieces_out cut;
    bool line_begins; /* the piece that is open began where a line begins */
    uint64_t lines_before;
};

struct dump_in *dump_in_new(const struct dump_in_options *o, struct error *e)
{
    struct dump_in *d = calloc(1, sizeof *d);
    if (!d) {
        (void)error_memory(e, "dump");
        return NULL;
    }
    d->o = *o;
    d->reader = dump_reader_new(NULL, e);
    d->sha256 = d->reader ? digest_new(e) : NULL;
    d->rows = d->sha256 ? rows_out_new(o->writer, o->chunker, o->row_key, e) : NULL;
    if (d->rows && rows_seen_init(&d->seen, o->row_key, e) == 0)
        return d;
    dump_in_free(d);
    return NULL;
}

void dump_in_free(struct dump_in *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->block_count; i++) {
        struct block *b = &d->blocks[i];
        entry_done(&b->entry);
        free(b->copy);
        writer_stream_free(b->row_stream);
        bytes_out_done(&b->payload);
        bytes_out_done(&b->pieces);
        bytes_out_done(&b->objects);
    }
    free(d->blocks);
    free(d->order);
    bytes_out_done(&d->toc);
    bytes_out_done(&d->table);
    bytes_out_done(&d->tail);
    bytes_out_done(&d->opaque);
    pieces_out_done(&d->cut);
    buf_done(&d->header_bytes);
    buf_done(&d->toc_bytes);
    rows_out_free(d->rows);
    rows_seen_done(&d->seen);
    payload_free(d->check);
    digest_free(d->sha256);
    dump_reader_free(d->reader);
    free(d);
}

size_t dump_in_entry_count(const struct dump_in *d)
{
    return d->order_count;
}

const struct entry *dump_in_entry(const struct dump_in *d, size_t i)
{
    return &d->blocks[d->order[i]].entry;
}

static int wrap_block(const struct block *b, struct error *e)
{
    char name[ENTRY_TEXT];
    entry_text(&b->entry, name);
    return error_wrap(e, "%s", name);
}

/* ---- header and TOC ---------------------------------------------------------------- */

static int on_raw(struct dump_in *d, const struct dump_event *ev, struct error *e)
{
    switch (ev->part) {
    case DUMP_PART_HEADER:
        return buf_append(&d->header_bytes, ev->raw.data, ev->raw.len, e);
    case DUMP_PART_TOC:
        return buf_append(&d->toc_bytes, ev->raw.data, ev->raw.len, e);
    case DUMP_PART_TAIL:
        if (!d->has_tail) {
            enum format_kind kind = d->toc_has_values ? FORMAT_KIND_BYTES : FORMAT_KIND_META;
            if (bytes_out_begin(&d->tail, d->o.writer, d->o.chunker, kind, e) < 0)
                return -1;
            d->has_tail = true;
        }
        return bytes_out_add(&d->tail, ev->raw, e);
    default:
        return 0;
    }
}

/* What tells a dump of a part from one of all, and whether there are partitions. */
static void note_tables(struct dump_in *d, const struct dump_entry *n)
{
    static const char by[] = "\nPARTITION BY ";
    static const char of[] = " PARTITION OF ";
    if (bytes_equal(n->desc, bytes_text("TABLE DATA"))) {
        d->has_data = true;
    } else if (bytes_equal(n->desc, bytes_text("TABLE ATTACH"))) {
        d->has_partitions = true;
    } else if (bytes_equal(n->desc, bytes_text("TABLE")) && n->defn.len > 0) {
        d->has_partitions =
            d->has_partitions || memmem(n->defn.data, n->defn.len, of, strlen(of)) != NULL;
        /* A table that is nothing but its partitions has no rows of its own. */
        d->has_tables =
            d->has_tables || memmem(n->defn.data, n->defn.len, by, strlen(by)) == NULL;
    }
}

static int on_entry(struct dump_in *d, const struct dump_entry *entry, struct error *e)
{
    if (bytes_equal(entry->desc, bytes_text("STATISTICS DATA")) ||
        bytes_equal(entry->desc, bytes_text("EXTENDED STATISTICS DATA")))
        d->toc_has_values = true;
    note_tables(d, entry);
    if (!entry->has_data)
        return 0;
    if ((d->block_count & (d->block_count - 1)) == 0) {
        size_t cap = d->block_count ? d->block_count * 2 : 1;
        struct block *blocks = reallocarray(d->blocks, cap, sizeof *blocks);
        if (!blocks)
            return error_memory(e, "TOC entries with data");
        d->blocks = blocks;
    }
    struct block *b = &d->blocks[d->block_count++];
    *b = (struct block){.entry = {.place = ENTRY_OWN_PLACE}};
    if (entry->copy.data && entry->copy.len > 0) {
        b->copy = str_copy_bytes(entry->copy, e);
        if (!b->copy)
            return -1;
    }
    b->rows = b->copy && d->header->codec == DUMP_CODEC_NONE;
    b->entry.uncounted = !b->copy;
    b->entry.name = str_copy_bytes(entry->tag, e);
    b->entry.desc = str_copy_bytes(entry->desc, e);
    b->entry.oid = str_copy_bytes(entry->oid, e);
    if (!b->entry.name || !b->entry.desc || !b->entry.oid)
        return -1;
    if (entry->schema.data)
        b->entry.schema = str_copy_bytes(entry->schema, e);
    return entry->schema.data && !b->entry.schema ? -1 : 0;
}

static int note_root(void *arg, uint32_t place, struct bytes schema, struct bytes name,
                     struct error *e)
{
    struct dump_in *d = arg;
    struct entry *entry = &d->blocks[place].entry;
    entry->root_schema = str_copy_bytes(schema, e);
    entry->root_name = entry->root_schema ? str_copy_bytes(name, e) : NULL;
    return entry->root_name ? 0 : -1;
}

static int find_roots(struct dump_in *d, struct error *e)
{
    struct buf head = {0};
    int rc = buf_append(&head, d->header_bytes.data, d->header_bytes.len, e);
    if (rc == 0)
        rc = buf_append(&head, d->toc_bytes.data, d->toc_bytes.len, e);
    if (rc == 0)
        rc = toc_root_find(buf_view(&head), note_root, d, e);
    buf_done(&head);
    return rc;
}

static int on_toc_end(struct dump_in *d, uint32_t entries, struct error *e)
{
    enum format_kind kind = d->toc_has_values ? FORMAT_KIND_BYTES : FORMAT_KIND_META;
    d->toc_entries = entries;
    d->order = calloc(d->block_count + 1, sizeof *d->order);
    if (!d->order)
        return error_memory(e, "order of the data blocks");
    d->check = payload_new(d->header->codec, e);
    if (!d->check || bytes_out_begin(&d->toc, d->o.writer, d->o.chunker, kind, e) < 0 ||
        bytes_out_add(&d->toc, buf_view(&d->toc_bytes), e) < 0 ||
        bytes_out_end(&d->toc, e) < 0 || (d->has_partitions && find_roots(d, e) < 0))
        return -1;
    buf_done(&d->toc_bytes);
    return 0;
}

/* ---- data -------------------------------------------------------------------------- */

static int see_rows(void *arg, struct bytes plain, struct error *e)
{
    return rows_seen_add(arg, plain, e);
}

static int on_block(struct dump_in *d, const struct dump_event *ev, struct error *e)
{
    struct block *b = &d->blocks[ev->data_index];
    if (ev->data_index != d->order_count)
        b->entry.place = ev->data_index;
    d->order[d->order_count++] = ev->data_index;
    d->current = b;
    if (ev->large_objects) {
        b->rows = false;
        b->entry.uncounted = true;
        free(b->copy);
        b->copy = NULL;
    }
    if (b->rows) {
        struct recipe_out_options table = {0};
        pieces_out_begin(&d->cut, d->o.writer, d->o.chunker, NULL);
        if (d->store && row_store_begin(d->store, &b->entry, b->copy, &table, e) < 0)
            return -1;
        table.limits = d->o.limits;
        return rows_out_begin(d->rows, &table, e);
    }
    if (bytes_out_begin(&b->payload, d->o.writer, d->o.chunker, FORMAT_KIND_BYTES, e) < 0)
        return -1;
    if (ev->large_objects)
        return bytes_out_begin(&b->objects, d->o.writer, d->o.chunker, FORMAT_KIND_META, e);
    pieces_out_begin(&d->cut, d->o.writer, d->o.chunker, NULL);
    if (payload_begin(d->check, b->copy, e) < 0)
        return -1;
    if (!b->copy)
        return 0;
    payload_watch(d->check, see_rows, &d->seen);
    return rows_seen_begin(&d->seen, e);
}

static int on_object(struct dump_in *d, uint32_t oid, struct error *e)
{
    struct buf number = {0};
    int rc = buf_varint(&number, oid, e);
    if (rc == 0)
        rc = bytes_out_add(&d->current->objects, buf_view(&number), e);
    buf_done(&number);
    pieces_out_begin(&d->cut, d->o.writer, d->o.chunker, &d->current->objects);
    return rc < 0 ? -1 : payload_begin(d->check, false, e);
}

static int on_row_data(struct dump_in *d, const struct dump_event *ev, struct error *e)
{
    if (ev->piece_begins) {
        d->line_begins = rows_out_at_line(d->rows);
        d->lines_before = rows_out_lines(d->rows);
    }
    if (rows_out_add(d->rows, ev->raw, e) < 0)
        return -1;
    if (!ev->piece_ends)
        return 0;
    bool one_line = d->line_begins && rows_out_at_line(d->rows) &&
                    rows_out_lines(d->rows) == d->lines_before + 1;
    return pieces_out_add(&d->cut, ev->piece_len, one_line, e);
}

static int on_data(struct dump_in *d, const struct dump_event *ev, struct error *e)
{
    assert(d->current); /* the parser gives data inside of blocks only */
    if (d->current->rows)
        return on_row_data(d, ev, e);
    if (payload_feed(d->check, ev->raw, e) < 0 ||
        bytes_out_add(&d->current->payload, ev->raw, e) < 0)
        return -1;
    return ev->piece_ends ? pieces_out_add(&d->cut, ev->piece_len, false, e) : 0;
}

static int on_object_end(struct dump_in *d, struct error *e)
{
    return payload_end(d->check, e) < 0 ? -1 : pieces_out_end_object(&d->cut, e);
}

static int end_pieces(struct dump_in *d, struct block *b, struct error *e)
{
    if (pieces_out_end(&d->cut, &b->entry.rule, &b->entry.rule_n, e) < 0)
        return -1;
    /* The list, if there is one, is this block's from now on. */
    b->pieces = d->cut.list;
    d->cut.list = (struct bytes_out){0};
    return 0;
}

static int on_block_end(struct dump_in *d, struct error *e)
{
    struct block *b = d->current;
    assert(b);
    if (b->rows) {
        if (rows_out_end(d->rows, &b->totals, e) < 0)
            return -1;
        if (d->store)
            row_store_end(d->store, &b->totals);
        free(b->copy);
        b->copy = NULL;
        b->row_stream = rows_out_take_stream(d->rows);
        return end_pieces(d, b, e);
    }
    if (bytes_out_end(&b->payload, e) < 0)
        return -1;
    if (b->objects.writer) {
        b->entry.rule = FORMAT_PIECES_LIST;
        return bytes_out_end(&b->objects, e);
    }
    if (payload_end(d->check, e) < 0 || end_pieces(d, b, e) < 0)
        return -1;
    return b->copy ? rows_seen_end(&d->seen, &b->entry.rows, b->entry.sum, e) : 0;
}

static int on_event(struct dump_in *d, const struct dump_event *ev, struct error *e)
{
    int rc = 0;
    switch (ev->type) {
    case DUMP_RAW:
        return on_raw(d, ev, e);
    case DUMP_HEADER:
        d->header = ev->header;
        return d->o.begin ? d->o.begin(d->o.begin_arg, d->header, &d->store, e) : 0;
    case DUMP_ENTRY:
        return on_entry(d, ev->entry, e);
    case DUMP_TOC_END:
        return on_toc_end(d, ev->entry_count, e);
    case DUMP_BLOCK:
        rc = on_block(d, ev, e);
        break;
    case DUMP_OBJECT:
        rc = on_object(d, ev->oid, e);
        break;
    case DUMP_DATA:
        rc = on_data(d, ev, e);
        break;
    case DUMP_OBJECT_END:
        rc = on_object_end(d, e);
        break;
    case DUMP_BLOCK_END:
        rc = on_block_end(d, e);
        if (rc == 0)
            d->current = NULL;
        break;
    case DUMP_END:
        return d->has_tail ? bytes_out_end(&d->tail, e) : 0;
    default:
        return 0;
    }
    return rc < 0 && d->current ? wrap_block(d->current, e) : rc;
}

/* ---- reading ----------------------------------------------------------------------- */

static int begin_opaque(struct dump_in *d, struct error *e)
{
    d->is_opaque = true;
    if (bytes_out_begin(&d->opaque, d->o.writer, d->o.chunker, FORMAT_KIND_BYTES, e) < 0)
        return -1;
    return bytes_out_add(&d->opaque, dump_reader_head(d->reader), e);
}

#define ENDED 1

/* The input buffer is about to be filled again. */
static int settle_rows(struct dump_in *d, struct error *e)
{
    if (!d->current || !d->current->rows || rows_out_settle(d->rows, e) == 0)
        return 0;
    return wrap_block(d->current, e);
}

/* Step the parser through one piece of input. Answers ENDED once the archive is whole. */
static int digest_input(struct dump_in *d, struct bytes in, bool at_end, struct error *e)
{
    struct dump_event ev;
    while (!d->is_opaque) {
        int rc = dump_reader_step(d->reader, &in, at_end, &ev, e);
        if (rc < 0)
            return d->current ? wrap_block(d->current, e) : -1;
        if (rc == DUMP_READER_NEED)
            return settle_rows(d, e);
        if (rc == DUMP_READER_NEWER) {
            if (begin_opaque(d, e) < 0)
                return -1;
            break;
        }
        if (on_event(d, &ev, e) < 0)
            return -1;
        if (ev.type == DUMP_END)
            return ENDED;
    }
    if (bytes_out_add(&d->opaque, in, e) < 0)
        return -1;
    if (at_end && bytes_out_end(&d->opaque, e) < 0)
        return -1;
    return at_end ? ENDED : 0;
}

static int read_all(struct dump_in *d, struct source *source, uint8_t *buffer, struct error *e)
{
    for (;;) {
        size_t got;
        if (source_read(source, buffer, READ_SIZE, &got, e) < 0)
            return -1;
        d->bytes += got;
        struct bytes in = bytes_of(buffer, got);
        if (digest_add(d->sha256, in, e) < 0)
            return -1;
        d->input_ended = got == 0;
        int rc = digest_input(d, in, d->input_ended, e);
        if (rc < 0)
            return -1;
        if (got == 0)
            return rc == ENDED ? 0 : error_set(e, ERROR_INCOMPLETE, "the dump has no end");
        if (d->o.tick && d->o.tick(d->o.tick_arg, d->bytes, e) < 0)
            return -1;
    }
}

int dump_in_read(struct dump_in *d, struct source *source, struct error *e)
{
    uint8_t *buffer = malloc(READ_SIZE);
    int rc = buffer ? read_all(d, source, buffer, e) : error_memory(e, "read buffer");
    free(buffer);
    if (rc == 0) {
        const char *last;
        uint32_t odd = dump_reader_warnings(d->reader, &last);
        if (odd > 0)
            log_warning("%u odd things in the dump, which is whole; the last: %s", odd, last);
        return source_finish(source, e);
    }
    if (e->kind == ERROR_INCOMPLETE && d->input_ended) {
        /* A dump that is cut because pg_dump failed: pg_dump's words are the better ones. Not
         * asked before its output ended: it would wait for a reader, and we for it. */
        struct error why = {0};
        if (source_finish(source, &why) < 0 && why.kind != ERROR_NONE)
            *e = why;
    } else {
        source_stop(source);
    }
    return -1;
}

/* ---- the end ----------------------------------------------------------------------- */

static int take_rows(struct block *b, struct error *e)
{
    struct stream *s = &b->entry.payload;
    s->kind = FORMAT_STREAM_ROWS;
    struct stream_part *part = stream_add_part(s, e);
    if (!part)
        return -1;
    part->rows = b->totals.rows;
    part->bytes = b->totals.bytes;
    memcpy(part->digest, b->totals.digest, sizeof part->digest);
    uint64_t rows = writer_stream_take(b->row_stream, part);
    if (rows != b->totals.rows)
        return error_set(e, ERROR_CORRUPT, "recipes of %llu rows for a table of %llu",
                         (unsigned long long)rows, (unsigned long long)b->totals.rows);
    writer_stream_free(b->row_stream);
    b->row_stream = NULL;
    b->entry.rows = b->totals.rows;
    memcpy(b->entry.sum, b->totals.sum, sizeof b->entry.sum);
    return 0;
}

static int take_block(struct block *b, struct error *e)
{
    if (b->rows ? take_rows(b, e) < 0 : bytes_out_take(&b->payload, &b->entry.payload, e) < 0)
        return -1;
    if (b->pieces.writer && bytes_out_take(&b->pieces, &b->entry.pieces, e) < 0)
        return -1;
    if (b->objects.writer && bytes_out_take(&b->objects, &b->entry.objects, e) < 0)
        return -1;
    return 0;
}

static int store_table(struct dump_in *d, struct error *e)
{
    struct bytes_out *table = &d->table;
    struct buf item = {0};
    int rc = bytes_out_begin(table, d->o.writer, d->o.chunker, FORMAT_KIND_META, e);
    for (size_t i = 0; i < d->order_count && rc == 0; i++) {
        struct block *b = &d->blocks[d->order[i]];
        item.len = 0;
        rc = take_block(b, e);
        if (rc == 0)
            rc = entry_write(&b->entry, &item, e);
        if (rc == 0)
            rc = bytes_out_add(table, buf_view(&item), e);
    }
    buf_done(&item);
    return rc < 0 ? -1 : bytes_out_end(table, e);
}

static int fill_dump(struct dump_in *d, struct member *m, struct error *e)
{
    int rc = store_table(d, e);
    if (rc == 0)
        rc = writer_settle(d->o.writer, e);
    if (rc == 0)
        rc = bytes_out_take(&d->table, &m->table, e);
    if (rc < 0 || bytes_out_take(&d->toc, &m->toc, e) < 0 ||
        (d->has_tail && bytes_out_take(&d->tail, &m->tail, e) < 0))
        return -1;
    m->kind = FORMAT_MEMBER_DUMP;
    m->header = d->header_bytes;
    d->header_bytes = (struct buf){0};
    m->toc_entries = d->toc_entries;
    m->data_entries = d->block_count;
    m->codec = (uint8_t)d->header->codec;
    if (d->has_data != d->has_tables)
        m->lacks = d->has_data ? MEMBER_LACKS_DEFINITIONS : MEMBER_LACKS_ROWS;
    for (size_t i = 0; i < d->block_count; i++) {
        m->rows += d->blocks[i].entry.rows;
        m->payload_bytes += stream_bytes(&d->blocks[i].entry.payload);
    }
    return 0;
}

int dump_in_finish(struct dump_in *d, struct member *m, bool *unchecked, struct error *e)
{
    *unchecked = d->is_opaque;
    if (writer_settle(d->o.writer, e) < 0)
        return -1;
    if (d->is_opaque) {
        m->kind = FORMAT_MEMBER_OPAQUE;
        m->payload_bytes = d->bytes;
        if (bytes_out_take(&d->opaque, &m->content, e) < 0)
            return -1;
    } else if (fill_dump(d, m, e) < 0) {
        return -1;
    }
    m->has_sha256 = true;
    m->length = d->bytes;
    return digest_take(d->sha256, m->sha256, e);
}
