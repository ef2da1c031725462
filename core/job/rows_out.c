/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/rows_out.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/job/stream_in.h"

/* Rows are hashed and matched in batches, where they lie in the caller's buffer: a row that the
 * base has is never copied. */

#define END_MARK "\\.\n\n\n"
#define END_MARK_LEN 5
#define BATCH ROW_HASH_BATCH
/* What the index of a whole table, and the hashes it is made of, may take. */
#define MATCH_BUDGET (40 * MIB)
/* Operations are handed over when so many are held. */
#define OPS_HELD 4096
/* Most of a large table is new: it is cut like a new one. */
#define MOSTLY_NEW (4 * MIB)
#define RECIPE_TARGET_ROWS (UINT32_MAX / 2)
/* Bytes that a reader may decode for rows out of order without having delivered any: what he
 * can hold. */
#define FREE_JUMPS STREAM_IN_CACHE
/* How far behind the expected row matching may still look, and how often it is said. */
#define LOOK_BACK (UINT64_C(1) << 17)

/* A chunk that is being filled. */
struct filling {
    struct buf text;
    uint32_t rows;
};

struct rows_out {
    struct writer *writer;
    const struct chunker *chunker;
    uint8_t row_key[ROW_HASH_KEY_LEN];
    struct writer_stream *stream;
    struct row_digest digest;
    struct rows_out_totals totals;

    struct bytes batch[BATCH];
    struct row_hash hashes[BATCH];
    uint8_t kept[BATCH * ROW_STATE_HASH_LEN]; /* the hashes, for tomorrow's state */
    size_t batched;
    struct buf partial; /* an unfinished row */
    bool in_long_row;
    struct row_hash_state long_hash;
    struct bytes_out long_row;
    unsigned end_mark; /* bytes of it that were seen; 0 while rows come */

    struct filling taken, added;
    uint64_t taken_bytes;
    struct row_match *match;
    struct recipe_out_options table;
    struct buf old_row, added_row;
    /* What row_base_verdict said about base rows from, …, until - 1. */
    enum row_base_verdict verdict;
    uint64_t verdict_from, verdict_until;
    uint64_t jumps;  /* bytes that a reader decodes for rows out of order */
    uint64_t placed; /* rows so far that are pointed at or taken */
    uint64_t passed; /* base rows that are not looked at any more */
    /* The recipe that is being made. */
    struct buf ops; /* struct recipe_out_op */
    struct recipe_out_op op;
    uint64_t recipe_rows;
    uint32_t recipe_ops, recipe_chunks;
    uint32_t base_index;
    uint64_t base_end; /* row of the base where the next of its recipes begins */
};

struct rows_out *rows_out_new(struct writer *w, const struct chunker *chunker,
                              const uint8_t row_key[ROW_HASH_KEY_LEN], struct error *e)
{
    struct rows_out *o = calloc(1, sizeof *o);
    if (!o) {
        (void)error_memory(e, "row stream");
        return NULL;
    }
    o->writer = w;
    o->chunker = chunker;
    memcpy(o->row_key, row_key, sizeof o->row_key);
    o->match = row_match_new(MATCH_BUDGET, e);
    if (o->match && row_digest_init(&o->digest, e) == 0)
        return o;
    rows_out_free(o);
    return NULL;
}

void rows_out_free(struct rows_out *o)
{
    if (!o)
        return;
    row_digest_done(&o->digest);
    row_match_free(o->match);
    o->long_row.stream = NULL; /* the same as o->stream */
    writer_stream_free(o->stream);
    bytes_out_done(&o->long_row);
    buf_done(&o->partial);
    buf_done(&o->taken.text);
    buf_done(&o->added.text);
    buf_done(&o->old_row);
    buf_done(&o->added_row);
    buf_done(&o->ops);
    explicit_bzero(o->row_key, sizeof o->row_key);
    free(o);
}

static void empty(struct filling *f)
{
    f->text.len = 0;
    f->rows = 0;
}

/* The recipe of the base that base_index is. */
static void enter_base(struct rows_out *o, uint64_t row)
{
    o->base_end = UINT64_MAX;
    o->base_index = 0;
    if (o->table.base)
        o->base_index = row_base_recipe(o->table.base, row, &o->base_end);
}

int rows_out_begin(struct rows_out *o, const struct recipe_out_options *table, struct error *e)
{
    empty(&o->taken);
    empty(&o->added);
    o->partial.len = o->ops.len = 0;
    o->batched = 0;
    o->taken_bytes = 0;
    o->in_long_row = false;
    o->end_mark = 0;
    o->totals = (struct rows_out_totals){0};
    o->op = (struct recipe_out_op){0};
    o->recipe_rows = o->recipe_ops = o->recipe_chunks = 0;
    o->verdict_from = o->verdict_until = o->passed = o->placed = o->jumps = 0;
    o->table = *table;
    writer_stream_free(o->stream);
    o->stream = writer_stream_new(o->writer, table, e);
    if (!o->stream)
        return -1;
    enter_base(o, 0);
    struct row_base *b = table->base;
    if (b && row_match_begin(o->match, row_base_hashes(b), row_base_table(b)->rows, e) < 0)
        return -1;
    if (b)
        row_match_tell(o->match, row_base_rest, b);
    return row_digest_begin(&o->digest, e);
}

/* ---- what is handed over ------------------------------------------------------------- */

static int put(struct rows_out *o, struct filling *f, bool added, struct error *e)
{
    struct writer_chunk chunk = {.kind = FORMAT_KIND_ROWS, .rows = f->rows, .added = added};
    if (f->rows == 0)
        return 0;
    o->recipe_chunks++;
    f->rows = 0;
    return writer_put(o->writer, o->stream, &chunk, &f->text, e);
}

static int end_op(struct rows_out *o, struct error *e)
{
    if (o->op.copy == 0 && o->op.take == 0)
        return 0;
    int rc = buf_append(&o->ops, &o->op, sizeof o->op, e);
    o->op = (struct recipe_out_op){0};
    o->recipe_ops++;
    return rc;
}

/* End a chunk only together with the operations that take its rows: what the packer holds of a
 * recipe stays consistent. */
static int hand_over(struct rows_out *o, enum writer_end end, struct error *e)
{
    if (end_op(o, e) < 0)
        return -1;
    if (end != WRITER_GOES_ON) {
        if (put(o, &o->taken, false, e) < 0 || put(o, &o->added, true, e) < 0)
            return -1;
        o->recipe_rows = o->recipe_ops = o->recipe_chunks = 0;
    }
    return writer_ops(o->writer, o->stream, &o->ops, end, o->base_index, e);
}

static int next_op(struct rows_out *o, struct error *e)
{
    if (end_op(o, e) < 0)
        return -1;
    return o->ops.len == OPS_HELD * sizeof o->op ? hand_over(o, WRITER_GOES_ON, e) : 0;
}

/* Before a row is added to the recipe. */
static int make_room(struct rows_out *o, struct error *e)
{
    if (o->recipe_ops < RECIPE_TARGET_OPS && o->recipe_chunks < RECIPE_TARGET_CHUNKS &&
        o->recipe_rows < RECIPE_TARGET_ROWS)
        return 0;
    return hand_over(o, WRITER_RECIPE_ENDS, e);
}

static const struct chunker_rows *limits(const struct rows_out *o)
{
    bool mostly_new = o->taken_bytes > MOSTLY_NEW && o->totals.taken > o->totals.rows / 2;
    return !o->table.base || mostly_new ? &CHUNKER_NEW : &CHUNKER_LATER;
}

static int fill(struct rows_out *o, struct filling *f, struct bytes row,
                const struct row_hash *hash, struct error *e)
{
    const struct chunker_rows *limit = limits(o);
    bool added = f == &o->added;
    if (chunker_row_overflows(limit, f->text.len, row.len) && put(o, f, added, e) < 0)
        return -1;
    if (buf_append(&f->text, row.data, row.len, e) < 0)
        return -1;
    f->rows++;
    return chunker_row_ends(limit, f->text.len, row.len, hash) ? put(o, f, added, e) : 0;
}

static int take_row(struct rows_out *o, struct bytes row, const struct row_hash *hash,
                    struct error *e)
{
    if (make_room(o, e) < 0)
        return -1;
    o->recipe_rows++;
    o->op.take++;
    o->taken_bytes += row.len;
    return fill(o, &o->taken, row, hash, e);
}

/* ---- matching ------------------------------------------------------------------------ */

/* Does the base row follow the one that was copied last? */
static bool goes_on(const struct rows_out *o, uint64_t base_row)
{
    return o->op.copy > 0 && o->op.take == 0 && o->op.from + o->op.copy == base_row &&
           o->op.copy < UINT32_MAX;
}

static int copy_row(struct rows_out *o, uint64_t base_row, const struct row_hash *hash,
                    struct error *e)
{
    if (base_row >= o->base_end) {
        /* A recipe follows the base's from one to the next, and never back. */
        if (hand_over(o, WRITER_RECIPE_ENDS, e) < 0)
            return -1;
        enter_base(o, base_row);
    } else if (make_room(o, e) < 0) {
        return -1;
    }
    if (!goes_on(o, base_row)) {
        o->totals.differs = o->totals.differs || base_row != o->placed - 1;
        if (next_op(o, e) < 0)
            return -1;
        o->op.from = base_row;
    }
    o->op.copy++;
    o->recipe_rows++;
    return o->table.shape && o->table.shape->added_count > 0
               ? fill(o, &o->added, buf_view(&o->added_row), hash, e)
               : 0;
}

#define NO_MATCH 1

/* Jumps between the recipes of a very large table: may another one be read for the row? */
static bool afford_look(struct rows_out *o, uint64_t base_row)
{
    if (goes_on(o, base_row) || row_base_is_near(o->table.base, base_row))
        return true;
    if (o->jumps + ROW_BASE_LOAD > o->totals.bytes + FREE_JUMPS)
        return false;
    o->jumps += ROW_BASE_LOAD;
    return true;
}

/* The row of the base that is the same. Answers NO_MATCH. */
static int match_row(struct rows_out *o, struct bytes row, const struct row_hash *hash,
                     uint64_t *base_row, struct error *e)
{
    struct row_hash old_hash;
    if (o->table.shape) {
        int rc = projection_split(o->table.shape, row, &o->old_row, &o->added_row, e);
        if (rc != 0)
            return rc < 0 ? -1 : NO_MATCH;
        row_hash_of(o->row_key, o->old_row.data, o->old_row.len, &old_hash);
        hash = &old_hash;
    }
    *base_row = row_match_find(o->match, hash, row.len);
    if (*base_row == ROW_MATCH_NONE || !afford_look(o, *base_row))
        return NO_MATCH;
    if (*base_row >= o->verdict_from && *base_row < o->verdict_until)
        return 0;
    o->verdict_from = *base_row;
    return row_base_verdict(o->table.base, *base_row, &o->verdict, &o->verdict_until, e);
}

/* Is a jump to the base row worth it? A reader decodes a whole chunk for it, unless he has it
 * still. In all he is to decode no more than about twice what he delivers. Answers NO_MATCH. */
static int afford_jump(struct rows_out *o, uint64_t base_row, struct error *e)
{
    uint64_t bytes;
    if (goes_on(o, base_row))
        return 0;
    if (row_base_charge(o->table.base, base_row, &bytes, e) < 0)
        return -1;
    if (o->jumps + bytes > o->totals.bytes + FREE_JUMPS)
        return NO_MATCH;
    o->jumps += bytes;
    return 0;
}

/* What becomes of a row: 0 it is pointed at, NO_MATCH it is taken. */
static int decide(struct rows_out *o, struct bytes row, const struct row_hash *hash,
                  uint64_t *base_row, struct error *e)
{
    int rc = o->table.base ? match_row(o, row, hash, base_row, e) : NO_MATCH;
    o->placed++;
    if (rc < 0)
        return -1;
    /* A night without a change costs nothing: nothing is renewed before the first one is met.
     */
    if (rc == 0 && o->verdict == ROW_BASE_RENEW && !o->totals.differs &&
        row_base_waits(o->table.base)) {
        row_base_keep(o->table.base, *base_row);
        o->totals.kept_old = true;
        o->verdict = ROW_BASE_POINT;
    }
    if (rc == 0 && o->verdict == ROW_BASE_POINT) {
        rc = afford_jump(o, *base_row, e);
        if (rc <= 0)
            return rc;
    } else if (rc == 0 && o->verdict == ROW_BASE_RENEW) {
        o->totals.renewed++;
        o->totals.differs = true;
        return NO_MATCH;
    }
    o->totals.taken++;
    o->totals.differs = true;
    return NO_MATCH;
}

static int place_row(struct rows_out *o, struct bytes row, const struct row_hash *hash,
                     struct error *e)
{
    uint64_t base_row = 0;
    int rc = decide(o, row, hash, &base_row, e);
    if (rc < 0)
        return -1;
    return rc == 0 ? copy_row(o, base_row, hash, e) : take_row(o, row, hash, e);
}

/* ---- rows ---------------------------------------------------------------------------- */

static int count_rows(struct rows_out *o, size_t n, struct error *e)
{
    if (row_digest_add_many(&o->digest, o->hashes, n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        row_match_store(o->kept + i * ROW_STATE_HASH_LEN, &o->hashes[i]);
    if (o->table.draft)
        row_state_draft_hashes(o->table.draft, o->table.table, o->kept, n);
    return 0;
}

int rows_out_settle(struct rows_out *o, struct error *e)
{
    size_t n = o->batched;
    o->batched = 0;
    row_hash_of_many(o->row_key, o->batch, n, o->hashes);
    if (count_rows(o, n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (place_row(o, o->batch[i], &o->hashes[i], e) < 0)
            return -1;
    if (o->table.base && o->match->next > o->passed + 2 * LOOK_BACK) {
        o->passed = o->match->next - LOOK_BACK;
        row_base_passed(o->table.base, o->passed);
    }
    return 0;
}

static int add_row(struct rows_out *o, struct bytes row, struct error *e)
{
    o->batch[o->batched++] = row;
    o->totals.rows++;
    o->totals.bytes += row.len;
    return o->batched == BATCH ? rows_out_settle(o, e) : 0;
}

/* ---- long rows ----------------------------------------------------------------------- */

/* The unfinished row is too long to be held: its bytes become chunks of their own. */
static int begin_long_row(struct rows_out *o, struct error *e)
{
    if (make_room(o, e) < 0 || put(o, &o->taken, false, e) < 0)
        return -1;
    o->in_long_row = true;
    row_hash_begin(&o->long_hash, o->row_key);
    row_hash_add(&o->long_hash, o->partial.data, o->partial.len);
    o->long_row = (struct bytes_out){
        .writer = o->writer,
        .chunker = o->chunker,
        .stream = o->stream,
        .chunk = {.kind = FORMAT_KIND_BYTES, .part_of_row = true},
    };
    int rc = bytes_out_add(&o->long_row, buf_view(&o->partial), e);
    o->partial.len = 0;
    return rc;
}

/* Its chunks are stored by now, or were known; but if the base has the row its recipe can say
 * so. Not in another shape: the row is not held. */
static int place_long_row(struct rows_out *o, uint64_t len, struct error *e)
{
    uint64_t base_row = 0;
    struct row_base *base = o->table.base;
    if (o->table.shape)
        o->table.base = NULL;
    int rc = decide(o, bytes_of(NULL, (size_t)len), &o->hashes[0], &base_row, e);
    o->table.base = base;
    if (rc < 0 || writer_row_end(o->writer, o->stream, rc == NO_MATCH, e) < 0)
        return -1;
    if (rc == 0)
        return copy_row(o, base_row, &o->hashes[0], e);
    o->recipe_chunks += (uint32_t)(len / CHUNKER_MIN) + 1;
    o->recipe_rows++;
    o->op.take++;
    return 0;
}

static int end_long_row(struct rows_out *o, struct error *e)
{
    row_hash_end(&o->long_hash, &o->hashes[0]);
    o->in_long_row = false;
    uint64_t len = o->long_row.bytes;
    o->totals.rows++;
    o->totals.bytes += len;
    if (count_rows(o, 1, e) < 0 || bytes_out_flush(&o->long_row, e) < 0)
        return -1;
    o->long_row.stream = NULL; /* it is this object's */
    bytes_out_done(&o->long_row);
    return place_long_row(o, len, e);
}

/* ---- bytes --------------------------------------------------------------------------- */

static bool is_end_mark(struct bytes row)
{
    return row.len == 3 && memcmp(row.data, END_MARK, 3) == 0;
}

/* The partial row is whole, its LF with it. */
static int end_partial(struct rows_out *o, struct error *e)
{
    struct bytes row = buf_view(&o->partial);
    int rc = 0;
    if (is_end_mark(row))
        o->end_mark = 3;
    else if (add_row(o, row, e) < 0 || rows_out_settle(o, e) < 0)
        rc = -1;
    o->partial.len = 0;
    return rc;
}

/* Bytes of a row that does not lie in one piece: up to and with its LF, or all. */
static int add_part(struct rows_out *o, struct bytes part, bool ends, struct error *e)
{
    if (rows_out_settle(o, e) < 0)
        return -1;
    if (!o->in_long_row && o->partial.len + part.len > FORMAT_LONG_ROW &&
        begin_long_row(o, e) < 0)
        return -1;
    if (o->in_long_row) {
        row_hash_add(&o->long_hash, part.data, part.len);
        if (bytes_out_add(&o->long_row, part, e) < 0)
            return -1;
        return ends ? end_long_row(o, e) : 0;
    }
    if (buf_append(&o->partial, part.data, part.len, e) < 0)
        return -1;
    return ends ? end_partial(o, e) : 0;
}

static int add_end_mark(struct rows_out *o, struct bytes b, struct error *e)
{
    for (size_t i = 0; i < b.len; i++) {
        if (o->end_mark == END_MARK_LEN || b.data[i] != '\n')
            return error_set(e, ERROR_INCOMPLETE, "data behind the end mark");
        o->end_mark++;
    }
    return 0;
}

int rows_out_add(struct rows_out *o, struct bytes b, struct error *e)
{
    while (b.len > 0) {
        if (o->end_mark > 0)
            return add_end_mark(o, b, e);
        const uint8_t *lf = memchr(b.data, '\n', b.len);
        struct bytes part = bytes_take(&b, lf ? (size_t)(lf - b.data) + 1 : b.len);
        int rc = 0;
        if (!lf || o->in_long_row || o->partial.len > 0 || part.len > FORMAT_LONG_ROW)
            rc = add_part(o, part, lf, e);
        else if (is_end_mark(part))
            o->end_mark = 3;
        else
            rc = add_row(o, part, e);
        if (rc < 0)
            return -1;
    }
    return 0;
}

bool rows_out_at_line(const struct rows_out *o)
{
    return !o->in_long_row && o->partial.len == 0 &&
           (o->end_mark == 0 || o->end_mark == END_MARK_LEN);
}

uint64_t rows_out_lines(const struct rows_out *o)
{
    return o->totals.rows + (o->end_mark == END_MARK_LEN);
}

int rows_out_end(struct rows_out *o, struct rows_out_totals *totals, struct error *e)
{
    if (o->end_mark != END_MARK_LEN)
        return error_set(e, ERROR_INCOMPLETE, "table data without its end mark");
    if (rows_out_settle(o, e) < 0 ||
        row_digest_end(&o->digest, o->totals.digest, o->totals.sum, e) < 0)
        return -1;
    *totals = o->totals;
    if (o->table.base) {
        const struct row_match_counts *c = row_match_counts(o->match);
        log_debug("matched %llu in order, %llu ahead, %llu in the window, %llu far; %llu not",
                  (unsigned long long)c->in_order, (unsigned long long)c->ahead,
                  (unsigned long long)c->window, (unsigned long long)c->whole,
                  (unsigned long long)c->none);
        row_base_passed(o->table.base, UINT64_MAX);
    }
    return hand_over(o, WRITER_STREAM_ENDS, e);
}

struct writer_stream *rows_out_take_stream(struct rows_out *o)
{
    struct writer_stream *s = o->stream;
    o->stream = NULL;
    return s;
}
