/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a body are nodes of a tree: a dictionary has its entries below it, a shape its
 * fields. Every node can give its next values as cells: views into the body, or into memory
 * that the values were printed to. A hostile body may say anything: what a node needs is taken
 * off a budget when its head is read, and what it prints is measured against the room that is
 * left in out. */
#include "core/rows/columns_read.h"

#include <assert.h>

#include "core/rows/columns_format.h"
#include "core/rows/columns_hex.h"
#include "core/rows/columns_ints.h"
#include "core/rows/columns_number.h"

#define BATCH_ROWS 1024            /* at most, */
#define BATCH_CELLS ((size_t)8192) /* and so many cells of all columns, */
#define BATCH_BYTES (64 * KIB)     /* and rows of about so many bytes */

/* A shape that is being read. */
struct shape {
    struct bytes *literals; /* one more than fields */
    size_t fields;
    size_t count;        /* values of this shape */
    size_t literal_len;  /* of all of them together */
    size_t batch;        /* values in this batch */
    struct bytes *cells; /* of this batch: those of the first field, then of the second, ... */
    size_t first;        /* node of the first field */
};

struct node {
    enum columns_kind kind;
    size_t next;       /* node behind this one and those below it, which follow it directly */
    size_t count;      /* values in all */
    size_t given;      /* so far */
    struct bytes data; /* constant, outcast, or what is left of the text or the bytes */
    struct columns_ints ints; /* numbers, lengths, codes or mask */
    struct columns_number form;
    size_t width;          /* of hex and fixed values */
    struct bytes *entries; /* of a dictionary */
    size_t entry_count;
    struct shape *shapes;
    size_t shape_count;
};

struct read {
    struct cursor in;
    struct columns_memory *memory;
    struct error *e;
    struct node *nodes;
    size_t count;
    size_t room;         /* nodes */
    size_t work;         /* values that heads may still announce */
    size_t entries_left; /* entries of dictionaries, and */
    size_t text_left;    /* their bytes */
    size_t out_left;     /* bytes that are still to be put together */
};

static int corrupt(struct read *r, const char *what)
{
    return error_set(r->e, ERROR_CORRUPT, "typed columns: %s at byte %zu", what, r->in.at);
}

static void *take(struct read *r, size_t count, size_t size)
{
    return columns_memory_take(r->memory, count * size, r->e);
}

/* A number of things that may not be more than most. */
static size_t read_count(struct read *r, size_t most)
{
    uint64_t n = cursor_varint(&r->in);
    r->in.bad = r->in.bad || n > most;
    return r->in.bad ? 0 : (size_t)n;
}

static struct bytes read_bytes(struct read *r)
{
    return cursor_bytes(&r->in, read_count(r, r->in.left.len));
}

static int give(struct read *r, struct node *n, struct bytes *cells, size_t count);
static int read_node(struct read *r, size_t count, unsigned depth);

/* Giving */

static int give_text(struct read *r, struct node *n, struct bytes *cells, size_t count)
{
    const uint8_t *p = n->data.data;
    const uint8_t *end = p + n->data.len;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *feed = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        if (!feed)
            return corrupt(r, "a text without its end");
        cells[i] = bytes_of(p, (size_t)(feed - p));
        p = feed + 1;
    }
    n->data = bytes_of(p, (size_t)(end - p));
    return 0;
}

static int give_numbers(struct read *r, struct node *n, struct bytes *cells, size_t count)
{
    uint64_t *v = take(r, count, sizeof *v);
    uint8_t *out = take(r, count, COLUMNS_NUMBER_ROOM);
    if (!v || !out)
        return -1;
    columns_ints_give(&n->ints, v, count);
    return columns_number_print(&n->form, v, count, out, cells)
               ? 0
               : corrupt(r, "a number that its form does not have");
}

static int give_planes(struct read *r, struct node *n, struct bytes *cells, size_t count)
{
    uint8_t *rows = take(r, count, n->width);
    uint8_t *out = n->kind == COLUMNS_FIXED ? rows : take(r, count, 2 * n->width + 4);
    if (!rows || !out)
        return -1;
    columns_hex_turn_back(n->data.data + n->given, n->count, count, n->width, rows);
    if (n->kind != COLUMNS_FIXED)
        columns_hex_print(n->kind, rows, n->width, count, out, cells);
    else
        for (size_t i = 0; i < count; i++)
            cells[i] = bytes_of(rows + i * n->width, n->width);
    return 0;
}

static int give_bytea(struct read *r, struct node *n, struct bytes *cells, size_t count)
{
    uint64_t *lengths = take(r, count, sizeof *lengths);
    if (!lengths)
        return -1;
    columns_ints_give(&n->ints, lengths, count);
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        if (lengths[i] > n->data.len || attr_add_overflows(total, lengths[i], &total) ||
            total > n->data.len)
            return corrupt(r, "bytes that are not there");
    uint8_t *out = take(r, 1, 2 * (size_t)total + COLUMNS_HEX_BYTEA_HEAD * count);
    if (!out)
        return -1;
    for (size_t i = 0; i < count; i++) {
        cells[i] = columns_hex_print_bytea(bytes_take(&n->data, (size_t)lengths[i]), out);
        out += cells[i].len;
    }
    return 0;
}

static int give_entries(struct read *r, struct node *n, struct bytes *cells, size_t count)
{
    uint64_t *codes = take(r, count, sizeof *codes);
    if (!codes)
        return -1;
    columns_ints_give(&n->ints, codes, count);
    for (size_t i = 0; i < count; i++) {
        if (codes[i] >= n->entry_count)
            return corrupt(r, "a code beyond its dictionary");
        cells[i] = n->entries[codes[i]];
    }
    return 0;
}

static int give_except(struct read *r, struct node *n, struct bytes *cells, size_t count)
{
    uint64_t *mask = take(r, count, sizeof *mask);
    if (!mask)
        return -1;
    columns_ints_give(&n->ints, mask, count);
    size_t others = 0;
    for (size_t i = 0; i < count; i++) {
        if (mask[i] > 1)
            return corrupt(r, "a mask of other values than 0 and 1");
        others += (size_t)mask[i];
    }
    /* The others come to the end of cells and move up: each stands where it must or behind. */
    struct bytes *from = cells + count - others;
    if (others > 0 && give(r, n + 1, from, others) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct bytes other = mask[i] ? *from : n->data;
        from += mask[i];
        cells[i] = other;
    }
    return 0;
}

/* The fields of the values that shape s has in this batch; adds up what they come to. */
static int give_fields(struct read *r, struct shape *s, uint64_t *total)
{
    if (s->batch == 0)
        return 0;
    s->cells = take(r, s->batch * s->fields, sizeof *s->cells);
    if (!s->cells)
        return -1;
    size_t node = s->first;
    for (size_t f = 0; f < s->fields; f++) {
        if (give(r, &r->nodes[node], s->cells + f * s->batch, s->batch) < 0)
            return -1;
        node = r->nodes[node].next;
    }
    *total += s->literal_len * s->batch;
    for (size_t i = 0; i < s->batch * s->fields && *total <= r->out_left; i++)
        *total += s->cells[i].len;
    return *total <= r->out_left ? 0 : corrupt(r, "more text than there should be");
}

static inline uint8_t *put(uint8_t *out, struct bytes b)
{
    columns_copy(out, b.data, b.len);
    return out + b.len;
}

/* The next value of shape s, whose fields are at s->cells, a batch apart. */
static inline uint8_t *put_shape(const struct shape *s, const struct bytes *cells, uint8_t *out)
{
    for (size_t f = 0; f < s->fields; f++, cells += s->batch)
        out = put(put(out, s->literals[f]), *cells);
    return put(out, s->literals[s->fields]);
}

static int count_codes(struct read *r, struct node *n, const uint64_t *codes, size_t count)
{
    for (size_t s = 0; s < n->shape_count; s++)
        n->shapes[s].batch = 0;
    for (size_t i = 0; i < count; i++) {
        if (codes[i] >= n->shape_count)
            return corrupt(r, "a shape that is not there");
        n->shapes[codes[i]].batch++;
    }
    return 0;
}

static int give_shapes(struct read *r, struct node *n, struct bytes *cells, size_t count)
{
    uint64_t *codes = take(r, count, sizeof *codes);
    if (!codes)
        return -1;
    columns_ints_give(&n->ints, codes, count);
    if (count_codes(r, n, codes, count) < 0)
        return -1;
    uint64_t total = 0;
    for (size_t s = 0; s < n->shape_count; s++)
        if (give_fields(r, &n->shapes[s], &total) < 0)
            return -1;
    uint8_t *out = take(r, 1, (size_t)total);
    if (!out)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct shape *s = &n->shapes[codes[i]];
        uint8_t *end = put_shape(s, s->cells++, out);
        cells[i] = bytes_of(out, (size_t)(end - out));
        out = end;
    }
    return 0;
}

/* The next count values of n. */
static int give(struct read *r, struct node *n, struct bytes *cells, size_t count)
{
    if (count > n->count - n->given)
        return corrupt(r, "more values wanted than there are");
    int rc = 0;
    switch (n->kind) {
    case COLUMNS_TEXT:
        rc = give_text(r, n, cells, count);
        break;
    case COLUMNS_CONSTANT:
        for (size_t i = 0; i < count; i++)
            cells[i] = n->data;
        break;
    case COLUMNS_INTEGER:
    case COLUMNS_DECIMAL:
    case COLUMNS_DATE:
    case COLUMNS_TIME:
    case COLUMNS_TIMESTAMP:
        rc = give_numbers(r, n, cells, count);
        break;
    case COLUMNS_HEX:
    case COLUMNS_UUID:
    case COLUMNS_FIXED:
        rc = give_planes(r, n, cells, count);
        break;
    case COLUMNS_BYTEA:
        rc = give_bytea(r, n, cells, count);
        break;
    case COLUMNS_DICTIONARY:
        rc = give_entries(r, n, cells, count);
        break;
    case COLUMNS_EXCEPT:
        rc = give_except(r, n, cells, count);
        break;
    case COLUMNS_SHAPES:
        rc = give_shapes(r, n, cells, count);
        break;
    case COLUMNS_KINDS:
        assert(false);
    }
    n->given += count;
    return rc;
}

/* Reading heads */

static int read_planes(struct read *r, struct node *n)
{
    n->width = read_count(r, COLUMNS_WIDE_MAX);
    if (n->width == 0 || (n->kind == COLUMNS_UUID && n->width != 16))
        r->in.bad = true;
    n->data = cursor_bytes(&r->in, n->width * n->count);
    return 0;
}

/* All entries are printed at once and stay. */
static int read_dictionary(struct read *r, struct node *n, unsigned depth)
{
    size_t most = n->count < COLUMNS_ENTRIES_MAX ? n->count : COLUMNS_ENTRIES_MAX;
    n->entry_count = read_count(r, most < r->entries_left ? most : r->entries_left);
    if (n->entry_count == 0)
        return corrupt(r, "a dictionary without entries, or with too many");
    r->entries_left -= n->entry_count;
    if (read_node(r, n->entry_count, depth + 1) < 0)
        return -1;
    n->entries = take(r, n->entry_count, sizeof *n->entries);
    if (!n->entries || give(r, n + 1, n->entries, n->entry_count) < 0)
        return -1;
    for (size_t i = 0; i < n->entry_count; i++) {
        if (n->entries[i].len > r->text_left)
            return corrupt(r, "entries of more text than there should be");
        r->text_left -= n->entries[i].len;
    }
    columns_ints_read(&r->in, n->count, &n->ints);
    return 0;
}

static int read_except(struct read *r, struct node *n, unsigned depth)
{
    n->data = read_bytes(r);
    size_t others = read_count(r, n->count);
    columns_ints_read(&r->in, n->count, &n->ints);
    return others > 0 ? read_node(r, others, depth + 1) : 0;
}

static int read_shape(struct read *r, struct shape *s, size_t most)
{
    *s = (struct shape){.count = read_count(r, most)};
    s->fields = read_count(r, COLUMNS_FIELDS_MAX);
    s->literals = take(r, s->fields + 1, sizeof *s->literals);
    if (!s->literals)
        return -1;
    for (size_t i = 0; i <= s->fields; i++) {
        s->literals[i] = read_bytes(r);
        s->literal_len += s->literals[i].len;
    }
    return s->count > 0 && !r->in.bad ? 0 : corrupt(r, "a shape that is not well formed");
}

static int read_shapes(struct read *r, struct node *n, unsigned depth)
{
    n->shape_count = read_count(r, COLUMNS_SHAPES_MAX);
    n->shapes = take(r, n->shape_count, sizeof *n->shapes);
    if (!n->shapes)
        return -1;
    size_t left = n->count;
    for (size_t i = 0; i < n->shape_count; i++) {
        if (read_shape(r, &n->shapes[i], left) < 0)
            return -1;
        left -= n->shapes[i].count;
    }
    if (left != 0)
        return corrupt(r, "shapes of fewer values than there are");
    columns_ints_read(&r->in, n->count, &n->ints);
    for (size_t i = 0; i < n->shape_count; i++) {
        n->shapes[i].first = r->count;
        for (size_t f = 0; f < n->shapes[i].fields; f++)
            if (read_node(r, n->shapes[i].count, depth + 1) < 0)
                return -1;
    }
    return 0;
}

static int read_kind(struct read *r, struct node *n, unsigned depth)
{
    switch (n->kind) {
    case COLUMNS_TEXT:
    case COLUMNS_CONSTANT:
        n->data = read_bytes(r);
        return 0;
    case COLUMNS_INTEGER:
    case COLUMNS_DECIMAL:
    case COLUMNS_DATE:
    case COLUMNS_TIME:
    case COLUMNS_TIMESTAMP:
        columns_number_read(&r->in, n->kind, &n->form);
        columns_ints_read(&r->in, n->count, &n->ints);
        return 0;
    case COLUMNS_HEX:
    case COLUMNS_UUID:
    case COLUMNS_FIXED:
        return read_planes(r, n);
    case COLUMNS_BYTEA:
        columns_ints_read(&r->in, n->count, &n->ints);
        n->data = read_bytes(r);
        return 0;
    case COLUMNS_DICTIONARY:
        return read_dictionary(r, n, depth);
    case COLUMNS_EXCEPT:
        return read_except(r, n, depth);
    case COLUMNS_SHAPES:
        return read_shapes(r, n, depth);
    case COLUMNS_KINDS:
        break;
    }
    return corrupt(r, "a column of an unknown kind");
}

/* A column of count values and what is below it, down to COLUMNS_DEPTH_MAX. */
static int read_node(struct read *r, size_t count, unsigned depth)
{
    if (depth == COLUMNS_DEPTH_MAX || r->count == r->room || count > r->work)
        return corrupt(r, "too many columns or values");
    struct node *n = &r->nodes[r->count++];
    r->work -= count;
    uint8_t kind = cursor_u8(&r->in);
    *n = (struct node){.kind = kind < COLUMNS_KINDS ? kind : COLUMNS_KINDS, .count = count};
    if (read_kind(r, n, depth) < 0)
        return -1;
    n->next = r->count;
    return r->in.bad ? corrupt(r, "a column that is not well formed") : 0;
}

/* Rows */

struct table {
    size_t rows, columns;
    size_t batch; /* rows that are put together at a time */
};

static int read_heads(struct read *r, struct table *t, size_t text_len)
{
    t->rows = read_count(r, text_len);
    t->columns = read_count(r, COLUMNS_NODES_MAX);
    if (t->rows == 0 || t->columns == 0 || t->columns > text_len / t->rows)
        return corrupt(r, "rows and columns that the text has no room for");
    r->nodes = take(r, r->room, sizeof *r->nodes);
    if (!r->nodes)
        return -1;
    for (size_t i = 0; i < t->columns; i++)
        if (read_node(r, t->rows, 0) < 0)
            return -1;
    return cursor_ended(&r->in) ? 0 : corrupt(r, "something behind the last column");
}

/* Nothing may be left over anywhere: a body says nothing that the text does not hold. */
static int check_all_given(struct read *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct node *n = &r->nodes[i];
        bool used_up = n->kind == COLUMNS_TEXT || n->kind == COLUMNS_BYTEA;
        if (n->given != n->count || (used_up && n->data.len > 0))
            return corrupt(r, "values that no row has");
    }
    return 0;
}

/* Puts n rows together; cells are column by column, n each. NULL: out ends first. */
static uint8_t *put_rows(const struct bytes *cells, size_t n, size_t columns, uint8_t *out,
                         const uint8_t *end)
{
    for (size_t row = 0; row < n; row++) {
        for (size_t column = 0; column < columns; column++) {
            struct bytes b = cells[column * n + row];
            size_t room = (size_t)(end - out);
            if (b.len >= room)
                return NULL;
            if (room - b.len > 32)
                columns_copy(out, b.data, b.len);
            else if (b.len > 0)
                memcpy(out, b.data, b.len);
            out += b.len;
            *out++ = column + 1 < columns ? '\t' : '\n';
        }
    }
    return out;
}

static int put_table(struct read *r, const struct table *t, uint8_t *out)
{
    const struct columns_memory mark = *r->memory;
    const uint8_t *end = out + r->out_left;
    for (size_t done = 0; done < t->rows;) {
        size_t n = t->rows - done < t->batch ? t->rows - done : t->batch;
        struct bytes *cells = take(r, n * t->columns, sizeof *cells);
        if (!cells)
            return -1;
        size_t node = 0;
        for (size_t i = 0; i < t->columns; i++) {
            if (give(r, &r->nodes[node], cells + i * n, n) < 0)
                return -1;
            node = r->nodes[node].next;
        }
        out = put_rows(cells, n, t->columns, out, end);
        if (!out)
            return corrupt(r, "more text than there should be");
        r->out_left = (size_t)(end - out);
        done += n;
        columns_memory_back(r->memory, &mark);
    }
    return r->out_left == 0 ? 0 : corrupt(r, "less text than there should be");
}

int columns_read(struct bytes body, struct columns_memory *m, uint8_t *out, size_t text_len,
                 struct error *e)
{
    struct read r = {.in = cursor_of(body),
                     .memory = m,
                     .e = e,
                     .room =
                         body.len / 2 < COLUMNS_NODES_MAX ? body.len / 2 : COLUMNS_NODES_MAX,
                     .work = COLUMNS_WORK * text_len,
                     .entries_left = text_len,
                     .text_left = text_len,
                     .out_left = text_len};
    struct table t;
    if (read_heads(&r, &t, text_len) < 0)
        return -1;
    t.batch = BATCH_CELLS / r.count;
    size_t by_bytes = (size_t)((uint64_t)BATCH_BYTES * t.rows / text_len);
    t.batch = t.batch < by_bytes ? t.batch : by_bytes;
    t.batch = t.batch < BATCH_ROWS ? t.batch : BATCH_ROWS;
    t.batch = t.batch > 0 ? t.batch : 1;
    return put_table(&r, &t, out) < 0 ? -1 : check_all_given(&r);
}
