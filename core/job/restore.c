/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/restore.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/dump/dump_writer.h"
#include "core/job/frame.h"
#include "core/job/rows_check.h"
#include "core/job/toc_out.h"

#define END_MARK "\\.\n\n\n"
#define TEXT_HELD (256 * KIB)

/* How a payload is cut while it passes. */
struct cutter {
    enum format_pieces rule;
    uint64_t piece_left; /* bytes to come of the piece that is open */
    uint64_t total_left; /* rule 2: bytes to come of the payload */
    uint64_t n;
    /* Rule 3: the run that is open, and where the next ones come from. */
    uint64_t run_count;
    uint64_t run_len;
    bool run_lines;
};

struct restore {
    struct restore_options o;
    struct secret chunk_id_key;
    struct fetch *fetch;
    struct stream_in *in;
    struct stream_in *lists; /* piece and object lists, read beside the payload */
    struct stream_in_item list_item;
    struct rows_check *rows;
    struct digest *bytes_digest;
    struct frame *frame;
    struct buf text;    /* rows on their way out as text */
    struct toc_out toc; /* of the dump that is being delivered */
};

/* ---- the handle -------------------------------------------------------------------- */

int restore_keys(struct repo *repo, const struct manifest *m, struct secret *chunk_id_key,
                 uint8_t row_key[16], struct error *e)
{
    const struct member_private *p = &m->private_part;
    struct keyring_domain domain;
    if (p->has_domain_keys) {
        *chunk_id_key = p->chunk_id_key;
        memcpy(row_key, p->row_key, sizeof p->row_key);
        return 0;
    }
    if (repo_domain(repo, m->domain_id, &domain, e) < 0)
        return -1;
    *chunk_id_key = domain.chunk_id;
    memcpy(row_key, domain.row_key, sizeof domain.row_key);
    keyring_domain_wipe(&domain);
    return 0;
}

struct restore *restore_new(const struct restore_options *o, struct error *e)
{
    uint8_t row_key[16];
    struct restore *r = calloc(1, sizeof *r);
    if (!r) {
        (void)error_memory(e, "restore");
        return NULL;
    }
    r->o = *o;
    r->o.check = o->check || o->selection;
    if (!o->manifest->is_open) {
        (void)error_set(e, ERROR_KEY, "no key at hand opens this backup");
        (void)error_hint(e, "give the passphrase or the recovery code");
        goto fail;
    }
    if (restore_keys(o->repo, o->manifest, &r->chunk_id_key, row_key, e) < 0)
        goto fail;
    r->fetch = fetch_new(&(struct fetch_options){.repo = o->repo,
                                                 .closure = &o->manifest->closure,
                                                 .chunk_id_key = &r->chunk_id_key},
                         e);
    r->in = r->fetch ? stream_in_new(r->fetch, o->workers, e) : NULL;
    r->rows = r->in ? rows_check_new(row_key, o->check && o->copy_sha256, e) : NULL;
    r->bytes_digest = r->rows ? digest_new(e) : NULL;
    explicit_bzero(row_key, sizeof row_key);
    if (r->bytes_digest)
        return r;
fail:
    restore_free(r);
    return NULL;
}

void restore_free(struct restore *r)
{
    if (!r)
        return;
    stream_in_free(r->in);
    stream_in_free(r->lists);
    fetch_free(r->fetch);
    rows_check_free(r->rows);
    digest_free(r->bytes_digest);
    frame_free(r->frame);
    buf_done(&r->text);
    toc_out_done(&r->toc);
    secret_wipe(&r->chunk_id_key);
    free(r);
}

struct fetch *restore_fetch(struct restore *r)
{
    return r->fetch;
}

static int check_stop(const struct restore *r, struct error *e)
{
    /* Another thread may set it (job/restore_jobs). */
    int n = r->o.stop ? __atomic_load_n(r->o.stop, __ATOMIC_RELAXED) : 0;
    return n ? error_stopped(e, n) : 0;
}

/* ---- lists beside the payload ------------------------------------------------------ */

static int begin_list(struct restore *r, const struct stream *list, struct error *e)
{
    r->list_item = (struct stream_in_item){0};
    if (!r->lists && !(r->lists = stream_in_new(r->fetch, 1, e)))
        return -1;
    return stream_in_begin(r->lists, list, e);
}

static int list_byte(struct restore *r, uint8_t *value, struct error *e)
{
    while (r->list_item.data.len == 0) {
        int rc = stream_in_next(r->lists, &r->list_item, e);
        if (rc != 0)
            return rc;
    }
    *value = *bytes_take(&r->list_item.data, 1).data;
    return 0;
}

/* A varint of the list; STREAM_IN_END when the list ends before it. */
static int list_varint(struct restore *r, uint64_t *value, struct error *e)
{
    uint8_t raw[10] = {0x80};
    size_t n = 0;
    for (bool more = true; more; n++) {
        int rc = n < sizeof raw ? list_byte(r, &raw[n], e) : STREAM_IN_END;
        if (rc == STREAM_IN_END && n > 0)
            return error_set(e, ERROR_CORRUPT, "list of pieces or objects is cut");
        if (rc != 0)
            return rc;
        more = raw[n] & 0x80;
    }
    struct cursor c = cursor_of(bytes_of(raw, n));
    *value = cursor_varint(&c);
    return c.bad ? error_set(e, ERROR_CORRUPT, "list of pieces or objects is damaged") : 0;
}

/* The next run; STREAM_IN_END at the list's end, or at the 0 that ends an object's. */
static int next_run(struct restore *r, struct cutter *c, struct error *e)
{
    uint64_t head = 0;
    int rc = list_varint(r, &head, e);
    if (rc != 0 || head == 0)
        return rc != 0 ? rc : STREAM_IN_END;
    c->run_count = head / 2;
    c->run_lines = head % 2 == 0;
    c->run_len = 0;
    rc = c->run_lines ? 0 : list_varint(r, &c->run_len, e);
    if (rc < 0)
        return -1;
    if (rc == STREAM_IN_END || c->run_count == 0 ||
        (!c->run_lines && (c->run_len == 0 || c->run_len > INT32_MAX)))
        return error_set(e, ERROR_CORRUPT, "list of pieces is damaged");
    return 0;
}

/* ---- cutting ----------------------------------------------------------------------- */

/* Length of the next piece when it does not depend on the text; 0: it is one line. */
static int piece_length(struct restore *r, struct cutter *c, uint64_t *len, struct error *e)
{
    if (c->rule == FORMAT_PIECES_FIXED) {
        *len = c->total_left < c->n ? c->total_left : c->n;
        return 0;
    }
    if (c->rule == FORMAT_PIECES_LIST && c->run_count == 0) {
        int rc = next_run(r, c, e);
        if (rc != 0)
            return rc < 0 ? -1 : error_set(e, ERROR_CORRUPT, "list of pieces is too short");
    }
    if (c->rule == FORMAT_PIECES_LIST)
        c->run_count--;
    *len = c->rule == FORMAT_PIECES_LINE || c->run_lines ? 0 : c->run_len;
    return 0;
}

/* Pass text on, cut into pieces. line_len: how long the line is that text begins (for long
 * rows, whose end is not in text), or 0: look for it. */
static int cut(struct restore *r, struct cutter *c, struct bytes text, uint64_t line_len,
               struct error *e)
{
    struct frame *f = r->frame;
    while (text.len > 0) {
        if (c->piece_left == 0) {
            if (piece_length(r, c, &c->piece_left, e) < 0)
                return -1;
            if (c->piece_left == 0 && line_len == 0) {
                const uint8_t *lf = memchr(text.data, '\n', text.len);
                line_len = lf ? (uint64_t)(lf - text.data) + 1 : text.len;
            }
            c->piece_left = c->piece_left == 0 ? line_len : c->piece_left;
            line_len = 0;
            if (c->piece_left > INT32_MAX)
                return error_set(e, ERROR_CORRUPT, "piece of %llu bytes",
                                 (unsigned long long)c->piece_left);
            if (frame_int(f, (int64_t)c->piece_left, e) < 0)
                return -1;
        }
        size_t part = text.len < c->piece_left ? text.len : (size_t)c->piece_left;
        c->piece_left -= part;
        c->total_left -= c->rule == FORMAT_PIECES_FIXED ? part : 0;
        if (frame_bytes(f, bytes_take(&text, part), e) < 0)
            return -1;
    }
    return 0;
}

static int cut_rows(struct restore *r, struct cutter *c, const struct stream_in_item *item,
                    struct error *e)
{
    if (c->rule == FORMAT_PIECES_LINE && item->rows > 0)
        return frame_rows(r->frame, item->data.data, item->ends, item->rows, item->base, e);
    return cut(r, c, item->data, item->row_begins ? item->long_row_bytes : 0, e);
}

/* The end mark is one piece where pieces are lines, however many line ends it has. */
static int cut_end_mark(struct restore *r, struct cutter *c, struct error *e)
{
    return cut(r, c, bytes_text(END_MARK), strlen(END_MARK), e);
}

static int begin_cut(struct restore *r, const struct entry *entry, uint64_t bytes,
                     struct cutter *c, struct error *e)
{
    *c = (struct cutter){
        .rule = (enum format_pieces)entry->rule, .n = entry->rule_n, .total_left = bytes};
    return c->rule == FORMAT_PIECES_LIST ? begin_list(r, &entry->pieces, e) : 0;
}

static int end_cut(struct restore *r, const struct cutter *c, struct error *e)
{
    if (c->piece_left != 0 || (c->rule == FORMAT_PIECES_LIST && c->run_count != 0))
        return error_set(e, ERROR_CORRUPT, "payload is shorter than its pieces");
    return frame_int(r->frame, 0, e);
}

/* ---- payloads ---------------------------------------------------------------------- */

static int rows_block(struct restore *r, const struct entry *entry, struct restore_entry *seen,
                      struct error *e)
{
    struct cutter c;
    struct stream_in_item item;
    int rc;
    if (begin_cut(r, entry, stream_bytes(&entry->payload) + strlen(END_MARK), &c, e) < 0 ||
        stream_in_begin(r->in, &entry->payload, e) < 0 || rows_check_begin(r->rows, e) < 0)
        return -1;
    while ((rc = stream_in_next(r->in, &item, e)) == 0) {
        if ((r->o.check && rows_check_add(r->rows, &item, e) < 0) ||
            cut_rows(r, &c, &item, e) < 0 || check_stop(r, e) < 0)
            return -1;
    }
    if (rc < 0 || cut_end_mark(r, &c, e) < 0 || end_cut(r, &c, e) < 0)
        return -1;
    if (r->o.check && rows_check_end(r->rows, entry, seen->copy_sha256, e) < 0)
        return -1;
    seen->has_copy_sha256 = r->o.check && r->o.copy_sha256;
    return 0;
}

/* The digest of a byte stream's only part must be that of its bytes. */
static int check_bytes(struct restore *r, const struct stream *s, struct error *e)
{
    uint8_t value[DIGEST_LEN];
    if (digest_take(r->bytes_digest, value, e) < 0)
        return -1;
    if (s->part_count == 1 && memcmp(value, s->parts[0].digest, DIGEST_LEN) != 0)
        return error_set(e, ERROR_CORRUPT, "bytes differ from the bytes that were stored");
    return 0;
}

static int bytes_block(struct restore *r, const struct entry *entry, struct error *e)
{
    struct cutter c;
    struct stream_in_item item;
    int rc;
    if (begin_cut(r, entry, stream_bytes(&entry->payload), &c, e) < 0 ||
        stream_in_begin(r->in, &entry->payload, e) < 0)
        return -1;
    while ((rc = stream_in_next(r->in, &item, e)) == 0)
        if ((r->o.check && digest_add(r->bytes_digest, item.data, e) < 0) ||
            cut(r, &c, item.data, 0, e) < 0 || check_stop(r, e) < 0)
            return -1;
    if (rc < 0 || end_cut(r, &c, e) < 0)
        return -1;
    return r->o.check ? check_bytes(r, &entry->payload, e) : 0;
}

/* Bytes of the payload, taken in slices across the stream's items. */
static int pass_bytes(struct restore *r, struct stream_in_item *item, uint64_t len,
                      struct error *e)
{
    while (len > 0) {
        if (item->data.len == 0) {
            int rc = stream_in_next(r->in, item, e);
            if (rc != 0)
                return rc < 0 ? -1 : error_set(e, ERROR_CORRUPT, "large objects are cut short");
            if (r->o.check && digest_add(r->bytes_digest, item->data, e) < 0)
                return -1;
            if (check_stop(r, e) < 0)
                return -1;
        }
        size_t part = item->data.len < len ? item->data.len : (size_t)len;
        if (frame_bytes(r->frame, bytes_take(&item->data, part), e) < 0)
            return -1;
        len -= part;
    }
    return 0;
}

static int one_object(struct restore *r, struct stream_in_item *item, uint32_t oid,
                      struct error *e)
{
    struct cutter runs = {0};
    uint8_t raw[DUMP_WRITER_INT_LEN];
    int rc;
    dump_writer_object(raw, oid);
    if (frame_bytes(r->frame, bytes_of(raw, sizeof raw), e) < 0)
        return -1;
    while ((rc = next_run(r, &runs, e)) == 0)
        for (; runs.run_count > 0; runs.run_count--)
            if (runs.run_lines || frame_int(r->frame, (int64_t)runs.run_len, e) < 0 ||
                pass_bytes(r, item, runs.run_len, e) < 0)
                return runs.run_lines ? error_set(e, ERROR_CORRUPT, "lines in a large object")
                                      : -1;
    return rc < 0 ? -1 : frame_int(r->frame, 0, e);
}

static int objects_block(struct restore *r, const struct entry *entry, struct error *e)
{
    struct stream_in_item item = {0};
    uint64_t oid = 0;
    int rc;
    if (begin_list(r, &entry->objects, e) < 0 || stream_in_begin(r->in, &entry->payload, e) < 0)
        return -1;
    while ((rc = list_varint(r, &oid, e)) == 0)
        if (oid == 0 || oid > UINT32_MAX || one_object(r, &item, (uint32_t)oid, e) < 0)
            return oid == 0 || oid > UINT32_MAX
                       ? error_set(e, ERROR_CORRUPT, "large object %llu",
                                   (unsigned long long)oid)
                       : -1;
    if (rc < 0)
        return -1;
    rc = item.data.len > 0 ? 0 : stream_in_next(r->in, &item, e);
    if (rc != STREAM_IN_END)
        return rc < 0 ? -1 : error_set(e, ERROR_CORRUPT, "bytes behind the last large object");
    if (frame_int(r->frame, 0, e) < 0)
        return -1;
    return r->o.check ? check_bytes(r, &entry->payload, e) : 0;
}

static int block(struct restore *r, const struct entry *entry, uint32_t place, struct error *e)
{
    struct restore_entry seen = {.entry = entry, .place = place};
    struct buf head = {0};
    bool objects = entry->objects.kind != 0;
    const struct toc_out_block *in_toc = toc_out_find(&r->toc, entry, place, e);
    if (!in_toc || !in_toc->kept)
        return in_toc ? 0 : -1;
    int rc = dump_writer_block(&head, objects, in_toc->dump_id, e);
    if (rc == 0)
        rc = frame_bytes(r->frame, buf_view(&head), e);
    buf_done(&head);
    if (rc < 0)
        return -1;
    if (objects)
        rc = objects_block(r, entry, e);
    else if (entry->payload.kind == FORMAT_STREAM_ROWS)
        rc = rows_block(r, entry, &seen, e);
    else
        rc = bytes_block(r, entry, e);
    if (rc < 0) {
        char name[ENTRY_TEXT];
        entry_text(entry, name);
        return error_wrap(e, "%s", name);
    }
    return r->o.on_entry ? r->o.on_entry(r->o.on_entry_arg, &seen, e) : 0;
}

/* ---- members ----------------------------------------------------------------------- */

int restore_toc(struct restore *r, const struct member *m, struct buf *out, struct error *e)
{
    if (buf_append(out, m->header.data, m->header.len, e) < 0)
        return -1;
    return stream_in_load(r->in, &m->toc, out, e) < 0 ? error_wrap(e, "TOC") : 0;
}

int restore_entries(struct restore *r, const struct member *m, restore_visit *visit, void *arg,
                    struct error *e)
{
    struct buf table = {0};
    int rc = stream_in_load(r->in, &m->table, &table, e);
    struct cursor c = cursor_of(buf_view(&table));
    while (rc == 0 && c.left.len > 0) {
        struct entry entry = {0};
        rc = entry_read(&c, &entry, e);
        if (rc == 0)
            rc = visit(arg, &entry, e);
        entry_done(&entry);
    }
    buf_done(&table);
    return rc;
}

struct blocks {
    struct restore *restore;
    uint32_t place;
};

static int visit_block(void *arg, const struct entry *entry, struct error *e)
{
    struct blocks *b = arg;
    return block(b->restore, entry, b->place++, e);
}

static int whole_stream(struct restore *r, const struct stream *s, struct error *e)
{
    struct stream_in_item item;
    int rc = stream_in_begin(r->in, s, e);
    while (rc == 0) {
        rc = stream_in_next(r->in, &item, e);
        if (rc == 0)
            rc = frame_bytes(r->frame, item.data, e);
        if (rc == 0)
            rc = check_stop(r, e);
    }
    return rc < 0 ? -1 : 0;
}

/* The TOC on its way out; of the blocks that follow it is known then which are kept. */
static int deliver_toc(struct restore *r, const struct member *m, struct error *e)
{
    struct buf read = {0};
    int rc = r->o.toc.len > 0 ? 0 : restore_toc(r, m, &read, e);
    if (rc == 0)
        rc = toc_out_write(&r->toc, r->o.toc.len > 0 ? r->o.toc : buf_view(&read),
                           r->o.selection, r->o.head.len > 0 ? NULL : r->frame, e);
    if (rc == 0 && r->o.head.len > 0)
        rc = frame_bytes(r->frame, r->o.head, e);
    buf_done(&read);
    return rc;
}

static int deliver_dump(struct restore *r, const struct member *m, struct error *e)
{
    struct blocks blocks = {.restore = r};
    if (deliver_toc(r, m, e) < 0)
        return -1;
    /* Of an archive without data the entry table need not be read. */
    if (r->o.without_data || (r->o.selection && !toc_out_keeps_any(&r->toc)))
        return 0;
    int rc = restore_entries(r, m, visit_block, &blocks, e);
    /* A second TOC belongs to the dump as it was. */
    return rc == 0 && m->tail.kind != 0 && !r->o.selection ? whole_stream(r, &m->tail, e) : rc;
}

static void tell(struct restore *r, const struct stream_in_counts *before)
{
    struct stream_in_counts now = stream_in_counts(r->in);
    log_debug("restore: decoded %llu rows in %llu chunks for %llu rows delivered",
              (unsigned long long)(now.rows_decoded - before->rows_decoded),
              (unsigned long long)(now.chunks_decoded - before->chunks_decoded),
              (unsigned long long)(now.rows_delivered - before->rows_delivered));
    struct fetch_counts fetched = fetch_counts(r->fetch);
    log_debug("restore: fetched %llu bytes in %llu reads so far",
              (unsigned long long)fetched.bytes, (unsigned long long)fetched.reads);
}

int restore_member(struct restore *r, const struct member *m, struct error *e)
{
    uint8_t sha256[DIGEST_LEN];
    uint64_t total;
    struct stream_in_counts before = stream_in_counts(r->in);
    if (!r->frame && !(r->frame = frame_new(r->o.write, r->o.write_arg, e)))
        return -1;
    if (r->o.selection && m->kind != FORMAT_MEMBER_DUMP)
        return error_set(e, ERROR_UNSUPPORTED, "%s is no dump that entries can be taken from",
                         m->name);
    int rc =
        m->kind == FORMAT_MEMBER_DUMP ? deliver_dump(r, m, e) : whole_stream(r, &m->content, e);
    if (rc < 0 || frame_end(r->frame, sha256, &total, e) < 0)
        return -1;
    tell(r, &before);
    if (m->has_sha256 && !r->o.selection &&
        (total != m->length || memcmp(sha256, m->sha256, sizeof sha256) != 0))
        return error_set(e, ERROR_DIFFERENT,
                         "%llu bytes were put together, and they are not the %llu that were "
                         "stored",
                         (unsigned long long)total, (unsigned long long)m->length);
    return 0;
}

/* ---- rows alone -------------------------------------------------------------------- */

static int flush_text(struct restore *r, struct error *e)
{
    int rc =
        r->o.write && r->text.len > 0 ? r->o.write(r->o.write_arg, buf_view(&r->text), e) : 0;
    r->text.len = 0;
    return rc;
}

/* Small slices are gathered: a write may be a system call. */
static int write_text(struct restore *r, struct bytes text, struct error *e)
{
    if (r->text.len + text.len > TEXT_HELD && flush_text(r, e) < 0)
        return -1;
    if (text.len > TEXT_HELD)
        return r->o.write ? r->o.write(r->o.write_arg, text, e) : 0;
    return buf_append(&r->text, text.data, text.len, e);
}

int restore_rows(struct restore *r, const struct entry *entry, struct error *e)
{
    struct stream_in_item item;
    uint8_t copy_sha256[DIGEST_LEN];
    if (entry->payload.kind != FORMAT_STREAM_ROWS)
        return error_set(e, ERROR_UNSUPPORTED, "%s is not stored as rows", entry->name);
    int rc = stream_in_begin(r->in, &entry->payload, e);
    if (rc == 0)
        rc = rows_check_begin(r->rows, e);
    while (rc == 0) {
        rc = stream_in_next(r->in, &item, e);
        if (rc == 0)
            rc = rows_check_add(r->rows, &item, e);
        if (rc == 0)
            rc = write_text(r, item.data, e);
        if (rc == 0)
            rc = check_stop(r, e);
    }
    if (rc < 0 || flush_text(r, e) < 0)
        return -1;
    return rows_check_end(r->rows, entry, copy_sha256, e);
}
