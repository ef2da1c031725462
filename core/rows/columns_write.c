/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/columns_write.h"

#include "core/rows/columns_distinct.h"
#include "core/rows/columns_hex.h"
#include "core/rows/columns_ints.h"
#include "core/rows/columns_number.h"
#include "core/rows/columns_shape.h"

#define NOT_SO 1 /* the values do not have this form; nothing was written */

#define FEW 255            /* entries that one byte tells apart */
#define TEXT_PERCENT 50    /* of all values: with more entries a dictionary does not pay */
#define HEX_PERCENT 85     /* the same for bytes that nothing else makes smaller */
#define PROBE 128          /* numbers that are looked at before a dictionary is tried */
#define HEX_WIDTH_MIN 4    /* bytes; shorter ones may be words */
#define SHAPED_ROWS_MIN 32 /* for fewer values the shapes cost too much */

struct write {
    struct columns_sink *sink;
    struct columns_memory *memory;
    struct error *e;
    size_t nodes; /* columns that may still be written */
    size_t work;  /* values that may still be written beyond the first columns */
};

/* What all values of a column have in common. */
struct look {
    uint32_t least, most; /* lengths */
    size_t total;
    size_t empty, nulls, absent; /* values that are empty, the word null, and \N */
    bool same;
};

static struct look look_at(const struct columns_values *v)
{
    struct look l = {.least = v->len[0], .most = v->len[0], .same = true};
    const uint8_t *first = columns_value(v, 0);
    for (size_t i = 0; i < v->count; i++) {
        uint32_t len = v->len[i];
        l.least = len < l.least ? len : l.least;
        l.most = len > l.most ? len : l.most;
        l.total += len;
        l.empty += len == 0;
        l.nulls += len == 4 && memcmp(columns_value(v, i), "null", 4) == 0;
        l.absent += len == 2 && memcmp(columns_value(v, i), "\\N", 2) == 0;
        if (l.same)
            l.same = len == l.least && memcmp(columns_value(v, i), first, len) == 0;
    }
    l.same = l.same && l.least == l.most;
    return l;
}

/* entries: they are those of a dictionary, below which there is no other one; so the entries of
 * all dictionaries stand at different places of the text. */
static int write_column(struct write *w, const struct columns_values *v, unsigned depth,
                        bool entries);

static void write_constant(struct write *w, const struct columns_values *v)
{
    columns_sink_byte(w->sink, COLUMNS_CONSTANT);
    columns_sink_bytes(w->sink, bytes_of(columns_value(v, 0), v->len[0]));
}

static void write_text(struct write *w, const struct columns_values *v, size_t total)
{
    columns_sink_byte(w->sink, COLUMNS_TEXT);
    columns_sink_varint(w->sink, total + v->count);
    uint8_t *out = columns_sink_take(w->sink, total + v->count);
    if (!out)
        return;
    for (size_t i = 0; i < v->count; i++) {
        columns_copy(out, columns_value(v, i), v->len[i]);
        out += v->len[i];
        *out++ = '\n';
    }
    columns_sink_end(w->sink, false);
}

static int write_dictionary(struct write *w, struct columns_distinct *d, size_t count,
                            unsigned depth)
{
    w->nodes--;
    w->work -= d->entries.count;
    columns_sink_byte(w->sink, COLUMNS_DICTIONARY);
    columns_sink_varint(w->sink, d->entries.count);
    if (write_column(w, &d->entries, depth + 1, true) < 0)
        return -1;
    columns_ints_put(w->sink, d->codes, count);
    return 0;
}

/* The entries of a dictionary: few, or more where they are not more than percent of all. */
static int find_entries(struct write *w, const struct columns_values *v, unsigned percent,
                        unsigned depth, struct columns_distinct *d)
{
    struct columns_distinct_limits limits = {.few = v->count * 3 / 4 < FEW ? v->count * 3 / 4
                                                                           : FEW,
                                             .most = percent > 0 ? COLUMNS_ENTRIES_MAX : FEW,
                                             .percent = percent};
    if (depth + 1 >= COLUMNS_DEPTH_MAX || w->nodes == 0 || w->work < v->count)
        return NOT_SO;
    int rc = columns_distinct_find(v, &limits, w->memory, d, w->e);
    return rc > 0 ? NOT_SO : rc;
}

static int dictionary(struct write *w, const struct columns_values *v, unsigned percent,
                      unsigned depth)
{
    struct columns_distinct d;
    int rc = find_entries(w, v, percent, depth, &d);
    return rc == 0 ? write_dictionary(w, &d, v->count, depth) : rc;
}

/* Do the first numbers look as if there were only a few different ones? */
static bool few_numbers(const uint64_t *v, size_t n)
{
    uint64_t seen[PROBE];
    size_t count = 0;
    size_t probe = n < PROBE ? n : PROBE;
    for (size_t i = 0; i < probe; i++) {
        size_t j = 0;
        while (j < count && seen[j] != v[i])
            j++;
        if (j == count)
            seen[count++] = v[i];
        if (count > probe / 4)
            return false;
    }
    return true;
}

static int numbers(struct write *w, const struct columns_values *v, unsigned depth,
                   bool entries)
{
    struct columns_number form;
    uint64_t *n = columns_memory_take(w->memory, v->count * sizeof *n, w->e);
    if (!n)
        return -1;
    if (!columns_number_parse(v, &form, n))
        return NOT_SO;
    struct columns_ints_plan plan = columns_ints_plan(n, v->count);
    if (plan.bits > 8 && !entries && few_numbers(n, v->count)) {
        int rc = dictionary(w, v, 0, depth);
        if (rc != NOT_SO)
            return rc;
    }
    columns_number_write(w->sink, &form);
    columns_ints_write(w->sink, &plan, n, v->count);
    return 0;
}

static void write_planes(struct write *w, const uint8_t *rows, size_t count, size_t width)
{
    columns_sink_varint(w->sink, width);
    uint8_t *out = columns_sink_take(w->sink, count * width);
    if (!out)
        return;
    columns_hex_turn(rows, count, width, out, count);
    size_t end = w->sink->len;
    for (size_t k = 1; k <= width; k++) {
        w->sink->len = end - count * (width - k);
        columns_sink_end(w->sink, false);
    }
}

/* Hex digits or uuids, all of len characters. */
static int hex(struct write *w, const struct columns_values *v, uint32_t len, unsigned depth,
               bool entries)
{
    enum columns_kind kind = len == COLUMNS_HEX_UUID_LEN ? COLUMNS_UUID : COLUMNS_HEX;
    size_t width = kind == COLUMNS_UUID ? 16 : len / 2;
    if (len % 2 != 0 || width < HEX_WIDTH_MIN || width > COLUMNS_WIDE_MAX)
        return NOT_SO;
    uint8_t *rows = columns_memory_take(w->memory, v->count * width, w->e);
    if (!rows)
        return -1;
    if (!columns_hex_parse(v, kind, len, rows))
        return NOT_SO;
    int rc = entries ? NOT_SO : dictionary(w, v, HEX_PERCENT, depth);
    if (rc != NOT_SO)
        return rc;
    columns_sink_byte(w->sink, (uint8_t)kind);
    write_planes(w, rows, v->count, width);
    return 0;
}

static int bytea(struct write *w, const struct columns_values *v, size_t total)
{
    uint64_t *lengths = columns_memory_take(w->memory, v->count * sizeof *lengths, w->e);
    uint8_t *bytes = columns_memory_take(w->memory, total / 2, w->e);
    if (!lengths || !bytes)
        return -1;
    if (!columns_hex_parse_bytea(v, bytes, lengths))
        return NOT_SO;
    size_t len = (total - COLUMNS_HEX_BYTEA_HEAD * v->count) / 2;
    columns_sink_byte(w->sink, COLUMNS_BYTEA);
    columns_ints_put(w->sink, lengths, v->count);
    columns_sink_bytes(w->sink, bytes_of(bytes, len));
    columns_sink_end(w->sink, false);
    return 0;
}

/* Texts of one length without blanks: codes and keys of some kind, whose places have each a
 * meaning of its own. */
static bool is_code(const struct columns_values *v)
{
    size_t stride = v->count / 64 + 1;
    for (size_t i = 0; i < v->count; i += stride)
        if (memchr(columns_value(v, i), ' ', v->len[i]))
            return false;
    return true;
}

static int fixed(struct write *w, const struct columns_values *v, uint32_t len)
{
    uint8_t *rows = columns_memory_take(w->memory, v->count * len, w->e);
    if (!rows)
        return -1;
    uint8_t *out = rows;
    for (size_t i = 0; i < v->count; i++, out += len)
        columns_copy(out, columns_value(v, i), len);
    columns_sink_byte(w->sink, COLUMNS_FIXED);
    write_planes(w, rows, v->count, len);
    return 0;
}

/* One value stands out: where it stands is told by a mask, the others follow without it. */
static int write_except(struct write *w, const struct columns_values *v, struct bytes outcast,
                        unsigned depth, bool entries)
{
    uint64_t *mask = columns_memory_take(w->memory, v->count * sizeof *mask, w->e);
    struct columns_values rest = {
        .text = v->text,
        .at = columns_memory_take(w->memory, v->count * sizeof *rest.at, w->e),
        .len = columns_memory_take(w->memory, v->count * sizeof *rest.len, w->e),
    };
    if (!mask || !rest.at || !rest.len)
        return -1;
    for (size_t i = 0; i < v->count; i++) {
        bool other = !bytes_equal(bytes_of(columns_value(v, i), v->len[i]), outcast);
        mask[i] = other;
        rest.at[rest.count] = v->at[i];
        rest.len[rest.count] = v->len[i];
        rest.count += other;
    }
    columns_sink_byte(w->sink, COLUMNS_EXCEPT);
    columns_sink_bytes(w->sink, outcast);
    columns_sink_varint(w->sink, rest.count);
    columns_ints_put(w->sink, mask, v->count);
    return rest.count > 0 ? write_column(w, &rest, depth + 1, entries) : 0;
}

static void write_shape_head(struct columns_sink *s, const struct columns_shape *shape)
{
    columns_sink_varint(s, shape->count);
    columns_sink_varint(s, shape->fields);
    for (size_t i = 0; i <= shape->fields; i++)
        columns_sink_bytes(s, shape->literals[i]);
}

static int write_shapes(struct write *w, struct columns_shapes *shapes, size_t count,
                        unsigned depth, bool entries)
{
    columns_sink_byte(w->sink, COLUMNS_SHAPES);
    columns_sink_varint(w->sink, shapes->count);
    for (size_t i = 0; i < shapes->count; i++)
        write_shape_head(w->sink, &shapes->shapes[i]);
    columns_ints_put(w->sink, shapes->codes, count);
    for (size_t i = 0; i < shapes->count; i++)
        for (size_t f = 0; f < shapes->shapes[i].fields; f++)
            if (write_column(w, &shapes->shapes[i].values[f], depth + 1, entries) < 0)
                return -1;
    return 0;
}

/* Takes what the shapes' fields need off w; false: there is not that much. */
static bool afford(struct write *w, const struct columns_shapes *shapes)
{
    size_t nodes = 0;
    size_t work = 0;
    for (size_t i = 0; i < shapes->count; i++) {
        nodes += shapes->shapes[i].fields;
        work += shapes->shapes[i].fields * shapes->shapes[i].count;
    }
    if (nodes > w->nodes || work > w->work)
        return false;
    w->nodes -= nodes;
    w->work -= work;
    return true;
}

static int shapes(struct write *w, const struct columns_values *v, size_t total, unsigned depth,
                  bool entries)
{
    struct columns_shapes *found = columns_memory_take(w->memory, sizeof *found, w->e);
    if (!found)
        return -1;
    if (v->count < SHAPED_ROWS_MIN || depth + 2 >= COLUMNS_DEPTH_MAX)
        return NOT_SO;
    int rc = columns_shape_find(v, total, w->memory, found, w->e);
    if (rc != 0)
        return rc < 0 ? -1 : NOT_SO;
    return afford(w, found) ? write_shapes(w, found, v->count, depth, entries) : NOT_SO;
}

/* Texts that nothing is known of. Parts of values repeat more often than whole ones, so where
 * a dictionary would not be much smaller than the column, shapes are looked for first. */
static int texts(struct write *w, const struct columns_values *v, const struct look *l,
                 unsigned depth, bool entries)
{
    struct columns_distinct d;
    unsigned percent = l->total > 4 * v->count ? TEXT_PERCENT : 0;
    int found = entries ? NOT_SO : find_entries(w, v, percent, depth, &d);
    if (found < 0)
        return -1;
    if (found == 0 && (d.entries.count <= FEW || d.entries.count * 8 <= v->count))
        return write_dictionary(w, &d, v->count, depth);
    int rc = shapes(w, v, l->total, depth, entries);
    if (rc != NOT_SO)
        return rc;
    if (found == 0)
        return write_dictionary(w, &d, v->count, depth);
    if (l->least == l->most && l->least <= COLUMNS_WIDE_MAX && is_code(v))
        return fixed(w, v, l->least);
    write_text(w, v, l->total);
    return 0;
}

/* The value that stands out among others that may be numbers, if there is one. */
static bool find_outcast(const struct columns_values *v, const struct look *l,
                         struct bytes *outcast)
{
    *outcast = bytes_text("\\N");
    if (l->absent > 0)
        return true;
    *outcast = bytes_text(l->nulls > 0 ? "null" : "");
    if (l->nulls == 0 && l->empty == 0)
        return false;
    size_t i = 0;
    while (i < v->count && bytes_equal(bytes_of(columns_value(v, i), v->len[i]), *outcast))
        i++;
    return i < v->count && v->len[i] > 0 && *columns_value(v, i) >= '-' &&
           *columns_value(v, i) <= '9';
}

static int write_others(struct write *w, const struct columns_values *v, const struct look *l,
                        unsigned depth, bool entries)
{
    struct bytes outcast;
    if (l->same) {
        write_constant(w, v);
        return 0;
    }
    if (depth + 1 < COLUMNS_DEPTH_MAX && w->nodes > 0 && w->work >= v->count &&
        find_outcast(v, l, &outcast)) {
        w->nodes--;
        w->work -= v->count;
        return write_except(w, v, outcast, depth, entries);
    }
    int rc = NOT_SO;
    if (l->least == l->most)
        rc = hex(w, v, l->least, depth, entries);
    if (rc == NOT_SO)
        rc = bytea(w, v, l->total);
    return rc == NOT_SO ? texts(w, v, l, depth, entries) : rc;
}

static int write_column(struct write *w, const struct columns_values *v, unsigned depth,
                        bool entries)
{
    struct columns_memory mark = *w->memory;
    int rc = numbers(w, v, depth, entries);
    if (rc == NOT_SO) {
        struct look l = look_at(v);
        rc = write_others(w, v, &l, depth, entries);
    }
    columns_memory_back(w->memory, &mark);
    return rc;
}

static void take_column(const struct columns_cut *cut, size_t column, struct columns_values *v)
{
    const uint32_t *end = cut->ends + column;
    for (size_t row = 0; row < cut->rows; row++, end += cut->columns) {
        v->at[row] = end[0] + 1;
        v->len[row] = end[1] - (end[0] + 1);
    }
    v->count = cut->rows;
}

int columns_write(const uint8_t *text, const struct columns_cut *cut, struct columns_memory *m,
                  struct columns_sink *sink, struct error *e)
{
    struct columns_values v = {
        .text = text,
        .at = columns_memory_take(m, cut->rows * sizeof *v.at, e),
        .len = columns_memory_take(m, cut->rows * sizeof *v.len, e),
    };
    if (!v.at || !v.len)
        return -1;
    if (cut->columns > COLUMNS_NODES_MAX) {
        sink->full = true;
        return 0;
    }
    size_t cells = cut->rows * cut->columns;
    size_t text_len = (size_t)cut->ends[cells] + 1;
    struct write w = {.sink = sink,
                      .memory = m,
                      .e = e,
                      .nodes = COLUMNS_NODES_MAX - cut->columns,
                      .work = COLUMNS_WORK * text_len - cells};
    columns_sink_varint(sink, cut->rows);
    columns_sink_varint(sink, cut->columns);
    for (size_t i = 0; i < cut->columns; i++) {
        take_column(cut, i, &v);
        if (write_column(&w, &v, 0, false) < 0)
            return -1;
    }
    columns_sink_end(sink, true);
    return 0;
}
