/* SPDX-License-Identifier: Apache-2.0 */
/* A state machine: each state's function takes bytes and makes one event, or answers GO_ON
 * when it only changed the state. Head and TOC gather their bytes in buffers of their own;
 * on the data side only an int that straddles two inputs is held, in `carry`. */
#include "core/dump/dump_reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/dump/block_table.h"
#include "core/dump/head.h"
#include "core/dump/id_set.h"
#include "core/dump/toc.h"
#include "core/dump/wire.h"

#define GO_ON 3

#define BLOCK_HEAD_LEN (1 + WIRE_INT_LEN)
#define BLOCK_TABLE_DATA 1
#define BLOCK_LARGE_OBJECTS 3
#define MINOR_SECTION 11
#define MINOR_TAIL 15

/* Large objects whose oids are held to find repeats (128 MiB); later ones go unchecked. */
#define OBJECTS_CHECKED ((uint32_t)16 * 1024 * 1024)

enum state {
    STATE_HEAD,
    STATE_HEADER,  /* the header's bytes are handed out, its event is due */
    STATE_TOC,     /* a unit of the TOC is due */
    STATE_ENTRY,   /* an entry's bytes are handed out, its event is due */
    STATE_TOC_END, /* that event is due */
    STATE_BLOCK,   /* a block's head, or the end of the data */
    STATE_OBJECT,  /* a large object's oid */
    STATE_LENGTH,  /* a piece's length */
    STATE_PIECE,   /* a piece's bytes */
    STATE_TAIL,    /* a unit of the second TOC is due */
    STATE_TAIL_END,
    STATE_OVER /* DUMP_END, an error or DUMP_READER_NEWER was answered */
};

struct dump_reader {
    enum state state;
    uint64_t at;
    struct head head;
    struct toc *toc;
    struct block_table table;
    uint64_t toc_end;
    uint32_t tail_blocks; /* entries with data met in the tail */

    uint8_t carry[BLOCK_HEAD_LEN];
    size_t carried;
    uint32_t dump_id; /* of the block */
    bool objects;     /* the block holds large objects */
    uint32_t oid;
    uint32_t piece_len;
    uint32_t piece_left;
    struct id_set oids;
    bool objects_warned;

    uint32_t warnings;
    char warning[300];
};

struct dump_reader *dump_reader_new(const struct dump_limits *limits, struct error *e)
{
    static const struct dump_limits defaults = {
        .toc_bytes = 2 * GIB, .entries = 10000000, .dependencies = 1000000};
    struct dump_reader *r = calloc(1, sizeof *r);
    if (!r) {
        (void)error_memory(e, "dump reader");
        return NULL;
    }
    r->toc = toc_new(limits ? limits : &defaults, e);
    if (!r->toc || id_set_init(&r->oids, e) < 0) {
        dump_reader_free(r);
        return NULL;
    }
    return r;
}

void dump_reader_free(struct dump_reader *r)
{
    if (!r)
        return;
    head_done(&r->head);
    toc_free(r->toc);
    block_table_done(&r->table);
    id_set_done(&r->oids);
    free(r);
}

struct bytes dump_reader_head(const struct dump_reader *r)
{
    return buf_view(&r->head.raw);
}

uint64_t dump_reader_at(const struct dump_reader *r)
{
    return r->at;
}

uint32_t dump_reader_warnings(const struct dump_reader *r, const char **last)
{
    *last = r->warning;
    return r->warnings;
}

bool dump_reader_dependency(struct bytes *left, uint32_t *dump_id)
{
    if (left->len < WIRE_INT_LEN)
        return false;
    struct bytes head = bytes_take(left, WIRE_INT_LEN);
    struct bytes digits = bytes_take(left, wire_u32(head.data + 1));
    uint32_t id = 0;
    for (size_t i = 0; i < digits.len; i++)
        id = id * 10 + (uint32_t)(digits.data[i] - '0');
    *dump_id = id;
    return true;
}

static void warn(struct dump_reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void warn(struct dump_reader *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(r->warning, sizeof r->warning, fmt, ap);
    va_end(ap);
    r->warnings++;
}

static int cut(const struct dump_reader *r, const char *where, struct error *e)
{
    return error_set(e, ERROR_INCOMPLETE, "cut at byte %" PRIu64 " in %s", r->at, where);
}

/* Where the data side is, for messages. */
static void where_data(const struct dump_reader *r, char *out, size_t size)
{
    int n = snprintf(out, size, "the data block of dump id %" PRIu32, r->dump_id);
    if (r->objects && r->state != STATE_OBJECT && n > 0 && (size_t)n < size)
        (void)snprintf(out + n, size - (size_t)n, ", large object %" PRIu32, r->oid);
}

static int bad_data(const struct dump_reader *r, uint64_t at, const char *why, struct error *e)
{
    char where[100];
    where_data(r, where, sizeof where);
    return error_set(e, ERROR_INCOMPLETE, "byte %" PRIu64 ": %s: %s", at, where, why);
}

static int need_data(const struct dump_reader *r, bool at_end, struct error *e)
{
    char where[100];
    if (!at_end)
        return DUMP_READER_NEED;
    where_data(r, where, sizeof where);
    return cut(r, where, e);
}

static int raw_event(struct dump_event *ev, enum dump_part part, struct bytes raw)
{
    *ev = (struct dump_event){.type = DUMP_RAW, .part = part, .raw = raw};
    return 0;
}

static int step_head(struct dump_reader *r, struct bytes *in, bool at_end,
                     struct dump_event *ev, struct error *e)
{
    int rc = head_step(&r->head, in, at_end, e);
    r->at = r->head.raw.len;
    if (rc == HEAD_NEED && at_end) {
        char where[80];
        (void)snprintf(where, sizeof where, "the header (%s)", head_where(&r->head));
        return cut(r, where, e);
    }
    if (rc == HEAD_NEED)
        return DUMP_READER_NEED;
    if (rc == HEAD_NEWER)
        return DUMP_READER_NEWER;
    if (rc < 0)
        return -1;
    toc_begin(r->toc, r->head.header.minor, r->at);
    r->state = STATE_HEADER;
    return raw_event(ev, DUMP_PART_HEADER, buf_view(&r->head.raw));
}

/* A whole unit of either TOC (0), DUMP_READER_NEED, or -1. */
static int toc_unit(struct dump_reader *r, struct bytes *in, struct error *e)
{
    size_t before = in->len;
    int rc = toc_step(r->toc, in, e);
    r->at += before - in->len;
    return rc == TOC_NEED ? DUMP_READER_NEED : rc;
}

static int cut_in_toc(const struct dump_reader *r, struct error *e)
{
    char where[100];
    toc_where(r->toc, where, sizeof where);
    return cut(r, where, e);
}

static int note_entry(struct dump_reader *r, const struct dump_entry *n, struct error *e)
{
    if (n->section > 4 || (n->section == 0 && r->head.header.minor >= MINOR_SECTION))
        warn(r, "TOC entry %" PRIu32 ": unknown section %" PRIu32, n->ordinal + 1, n->section);
    if (!n->has_data)
        return 0;
    struct block b = {
        .dump_id = n->dump_id, .offset_state = n->offset_state, .offset = n->offset};
    if (bytes_equal(n->desc, bytes_text("TABLE DATA")))
        b.type = BLOCK_TABLE_DATA;
    else if (bytes_equal(n->desc, bytes_text("BLOBS")))
        b.type = BLOCK_LARGE_OBJECTS;
    else
        warn(r, "TOC entry %" PRIu32 ": data in an entry of an unknown kind", n->ordinal + 1);
    return block_table_add(&r->table, &b, e);
}

static int step_toc(struct dump_reader *r, struct bytes *in, bool at_end, struct dump_event *ev,
                    struct error *e)
{
    int rc = toc_unit(r, in, e);
    if (rc < 0)
        return -1;
    if (rc != 0)
        return at_end ? cut_in_toc(r, e) : rc;
    const struct dump_entry *n = toc_entry(r->toc);
    if (n && note_entry(r, n, e) < 0)
        return -1;
    if (n)
        r->state = STATE_ENTRY;
    else if (toc_ended(r->toc))
        r->state = STATE_TOC_END;
    return raw_event(ev, DUMP_PART_TOC, toc_raw(r->toc));
}

static int step_entry(struct dump_reader *r, struct dump_event *ev)
{
    *ev = (struct dump_event){.type = DUMP_ENTRY, .entry = toc_entry(r->toc)};
    r->state = toc_ended(r->toc) ? STATE_TOC_END : STATE_TOC;
    return 0;
}

static int step_toc_end(struct dump_reader *r, struct dump_event *ev, struct error *e)
{
    if (toc_finish(r->toc, e) < 0)
        return -1;
    r->toc_end = r->at;
    for (uint32_t i = 0; i < r->table.count; i++) {
        const struct block *b = &r->table.blocks[i];
        if (b->offset_state == 2 && b->offset < r->toc_end)
            return error_set(e, ERROR_INCOMPLETE,
                             "data of dump id %" PRIu32 ": position %" PRIu64
                             ", expected at least the end of the TOC at %" PRIu64,
                             b->dump_id, b->offset, r->toc_end);
    }
    *ev = (struct dump_event){.type = DUMP_TOC_END, .entry_count = toc_count(r->toc)};
    r->state = STATE_BLOCK;
    return 0;
}

/* n bytes in one piece at *p: a view of *in, or the carry when they came in bits. */
static int take(struct dump_reader *r, struct bytes *in, size_t n, const uint8_t **p)
{
    if (r->carried == 0 && in->len >= n) {
        *p = bytes_take(in, n).data;
        r->at += n;
        return 0;
    }
    size_t missing = n - r->carried;
    size_t more = in->len < missing ? in->len : missing;
    if (more > 0)
        memcpy(r->carry + r->carried, bytes_take(in, more).data, more);
    r->carried += more;
    r->at += more;
    if (r->carried < n)
        return DUMP_READER_NEED;
    r->carried = 0;
    *p = r->carry;
    return 0;
}

static int end_of_data(struct dump_reader *r, const struct bytes *in, bool at_end,
                       struct dump_event *ev, struct error *e)
{
    if (in->len == 0 && !at_end)
        return DUMP_READER_NEED;
    if (in->len == 0) {
        *ev = (struct dump_event){.type = DUMP_END};
        r->state = STATE_OVER;
        return 0;
    }
    if (r->state == STATE_TAIL_END || r->head.header.minor < MINOR_TAIL)
        return error_set(e, ERROR_INCOMPLETE, "byte %" PRIu64 ": trailing data behind the %s",
                         r->at, r->state == STATE_TAIL_END ? "second TOC" : "last data block");
    toc_begin_tail(r->toc, r->at);
    r->state = STATE_TAIL;
    return GO_ON;
}

static int check_block(const struct dump_reader *r, const struct block *b, uint8_t type,
                       uint64_t at, struct error *e)
{
    if (b->seen)
        return bad_data(r, at, "it is there a second time", e);
    if (b->type != 0 && b->type != type)
        return error_set(e, ERROR_INCOMPLETE,
                         "byte %" PRIu64 ": data block of dump id %" PRIu32
                         ": type %u, expected %u",
                         at, b->dump_id, type, b->type);
    if (b->offset_state == 2 && b->offset != at)
        return error_set(e, ERROR_INCOMPLETE,
                         "data block of dump id %" PRIu32 ": found at byte %" PRIu64
                         ", but the TOC says %" PRIu64,
                         b->dump_id, at, b->offset);
    return 0;
}

static int find_block(struct dump_reader *r, uint8_t type, uint64_t at, uint32_t *place,
                      struct error *e)
{
    int rc = block_table_find(&r->table, r->dump_id, place, e);
    if (rc < 0)
        return -1;
    if (rc == BLOCK_TABLE_ABSENT)
        return bad_data(r, at, "no TOC entry with data has this id", e);
    if (check_block(r, &r->table.blocks[*place], type, at, e) < 0)
        return -1;
    if (*place != r->table.next)
        warn(r, "byte %" PRIu64 ": data block of dump id %" PRIu32 " is out of TOC order", at,
             r->dump_id);
    block_table_mark(&r->table, *place, at);
    return 0;
}

static int cut_before_block(const struct dump_reader *r, struct error *e)
{
    char where[120];
    (void)snprintf(where, sizeof where,
                   "the head of data block %" PRIu32 " of %" PRIu32 " (%" PRIu32 " missing)",
                   r->table.seen + 1, r->table.count, r->table.count - r->table.seen);
    return cut(r, where, e);
}

static int step_block(struct dump_reader *r, struct bytes *in, bool at_end,
                      struct dump_event *ev, struct error *e)
{
    if (r->table.seen == r->table.count)
        return end_of_data(r, in, at_end, ev, e);
    const uint8_t *p;
    if (take(r, in, BLOCK_HEAD_LEN, &p) != 0)
        return at_end ? cut_before_block(r, e) : DUMP_READER_NEED;
    uint64_t at = r->at - BLOCK_HEAD_LEN;
    uint8_t type = p[0];
    int32_t id;
    if (type != BLOCK_TABLE_DATA && type != BLOCK_LARGE_OBJECTS)
        return error_set(e, ERROR_INCOMPLETE,
                         "byte %" PRIu64 ": data block type %u, expected %d or %d", at, type,
                         BLOCK_TABLE_DATA, BLOCK_LARGE_OBJECTS);
    if (!wire_int(p + 1, &id) || id < 1)
        return error_set(e, ERROR_INCOMPLETE, "byte %" PRIu64 ": data block without a dump id",
                         at);
    r->dump_id = (uint32_t)id;
    r->objects = false;
    uint32_t place;
    if (find_block(r, type, at, &place, e) < 0)
        return -1;
    r->objects = type == BLOCK_LARGE_OBJECTS;
    r->state = r->objects ? STATE_OBJECT : STATE_LENGTH;
    *ev = (struct dump_event){.type = DUMP_BLOCK,
                              .data_index = place,
                              .dump_id = r->dump_id,
                              .large_objects = r->objects};
    return 0;
}

static int end_block(struct dump_reader *r, struct dump_event *ev)
{
    r->state = STATE_BLOCK;
    *ev = (struct dump_event){.type = DUMP_BLOCK_END};
    return 0;
}

static int note_object(struct dump_reader *r, struct error *e)
{
    if (r->oids.used == OBJECTS_CHECKED) {
        if (!r->objects_warned)
            warn(r, "more than %" PRIu32 " large objects: repeated oids are not looked for",
                 OBJECTS_CHECKED);
        r->objects_warned = true;
        return 0;
    }
    int rc = id_set_add(&r->oids, r->oid, e);
    if (rc == ID_SET_THERE)
        return bad_data(r, r->at - WIRE_INT_LEN, "its oid is there a second time", e);
    return rc;
}

static int step_object(struct dump_reader *r, struct bytes *in, bool at_end,
                       struct dump_event *ev, struct error *e)
{
    const uint8_t *p;
    if (take(r, in, WIRE_INT_LEN, &p) != 0)
        return need_data(r, at_end, e);
    /* An oid is unsigned, but was written through a signed int. */
    int32_t oid;
    if (!wire_int(p, &oid))
        return bad_data(r, r->at - WIRE_INT_LEN, "no large object's oid", e);
    if (oid == 0)
        return end_block(r, ev);
    r->oid = (uint32_t)oid;
    r->state = STATE_LENGTH;
    if (note_object(r, e) < 0)
        return -1;
    *ev = (struct dump_event){.type = DUMP_OBJECT, .oid = r->oid};
    return 0;
}

static int step_piece(struct dump_reader *r, struct bytes *in, bool at_end,
                      struct dump_event *ev, struct error *e)
{
    size_t n = in->len < r->piece_left ? in->len : r->piece_left;
    if (n == 0)
        return need_data(r, at_end, e);
    *ev = (struct dump_event){.type = DUMP_DATA,
                              .raw = bytes_take(in, n),
                              .piece_begins = r->piece_left == r->piece_len,
                              .piece_ends = n == r->piece_left,
                              .piece_len = r->piece_len};
    r->at += n;
    r->piece_left -= (uint32_t)n;
    if (r->piece_left == 0)
        r->state = STATE_LENGTH;
    return 0;
}

static int step_length(struct dump_reader *r, struct bytes *in, bool at_end,
                       struct dump_event *ev, struct error *e)
{
    const uint8_t *p;
    if (take(r, in, WIRE_INT_LEN, &p) != 0)
        return need_data(r, at_end, e);
    uint32_t len = wire_u32(p + 1);
    if (p[0] != 0 || len > INT32_MAX)
        return bad_data(r, r->at - WIRE_INT_LEN, "piece length is not 0 to 2147483647", e);
    if (len > 0) {
        r->piece_len = r->piece_left = len;
        r->state = STATE_PIECE;
        return step_piece(r, in, at_end, ev, e);
    }
    if (!r->objects)
        return end_block(r, ev);
    r->state = STATE_OBJECT;
    *ev = (struct dump_event){.type = DUMP_OBJECT_END};
    return 0;
}

/* An entry of the tail: its offset must say where the block was found. */
static int check_tail_entry(struct dump_reader *r, const struct dump_entry *n, struct error *e)
{
    if (!n->has_data)
        return 0;
    if (r->tail_blocks == r->table.count)
        return error_set(e, ERROR_INCOMPLETE,
                         "second TOC entry %" PRIu32 " has data, the first has not",
                         n->ordinal + 1);
    const struct block *b = &r->table.blocks[r->tail_blocks++];
    if (b->dump_id != n->dump_id || n->offset_state != 2 || n->offset != b->at)
        return error_set(e, ERROR_INCOMPLETE,
                         "second TOC entry %" PRIu32 ": dump id %" PRIu32 " at byte %" PRIu64
                         ", expected %" PRIu32 " at %" PRIu64,
                         n->ordinal + 1, n->dump_id, n->offset, b->dump_id, b->at);
    return 0;
}

/* Garbage gets one wording, whichever field it failed in; a cut tail is a cut. */
static int trailing(struct error *e)
{
    if (!e || e->kind != ERROR_INCOMPLETE)
        return -1;
    return error_wrap(e, "trailing data behind the last block is not the TOC again");
}

static int step_tail(struct dump_reader *r, struct bytes *in, bool at_end,
                     struct dump_event *ev, struct error *e)
{
    int rc = toc_unit(r, in, e);
    if (rc < 0)
        return trailing(e);
    if (rc != 0)
        return at_end ? cut_in_toc(r, e) : rc;
    const struct dump_entry *n = toc_entry(r->toc);
    if (n && check_tail_entry(r, n, e) < 0)
        return trailing(e);
    if (toc_ended(r->toc)) {
        if (toc_finish(r->toc, e) < 0)
            return trailing(e);
        r->state = STATE_TAIL_END;
    }
    return raw_event(ev, DUMP_PART_TAIL, toc_raw(r->toc));
}

static int step_state(struct dump_reader *r, struct bytes *in, bool at_end,
                      struct dump_event *ev, struct error *e)
{
    switch (r->state) {
    case STATE_HEAD:
        return step_head(r, in, at_end, ev, e);
    case STATE_HEADER:
        *ev = (struct dump_event){.type = DUMP_HEADER, .header = &r->head.header};
        r->state = STATE_TOC;
        return 0;
    case STATE_TOC:
        return step_toc(r, in, at_end, ev, e);
    case STATE_ENTRY:
        return step_entry(r, ev);
    case STATE_TOC_END:
        return step_toc_end(r, ev, e);
    case STATE_BLOCK:
        return step_block(r, in, at_end, ev, e);
    case STATE_OBJECT:
        return step_object(r, in, at_end, ev, e);
    case STATE_LENGTH:
        return step_length(r, in, at_end, ev, e);
    case STATE_PIECE:
        return step_piece(r, in, at_end, ev, e);
    case STATE_TAIL:
        return step_tail(r, in, at_end, ev, e);
    case STATE_TAIL_END:
        return end_of_data(r, in, at_end, ev, e);
    case STATE_OVER:
        break;
    }
    return error_set(e, ERROR_USAGE, "dump reader stepped after its end");
}

int dump_reader_step(struct dump_reader *r, struct bytes *in, bool at_end,
                     struct dump_event *ev, struct error *e)
{
    assert(r->state != STATE_OVER);
    int rc;
    do
        rc = step_state(r, in, at_end, ev, e);
    while (rc == GO_ON);
    if (rc < 0 || rc == DUMP_READER_NEWER)
        r->state = STATE_OVER;
    return rc;
}
