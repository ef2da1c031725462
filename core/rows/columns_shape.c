/* SPDX-License-Identifier: Apache-2.0 */
/* Some values are taken apart, as JSON or by classes of characters; what the same literals are
 * left of is a shape. Then every value is matched with the shapes: a field ends where the next
 * literal begins. A wrong cut costs bytes and nothing else, so JSON is not looked at closely:
 * whatever the parts are, they make up the value. */
#include "core/rows/columns_shape.h"

#include <assert.h>

#define SAMPLES ((size_t)64)
#define SAMPLE_BYTES (32 * KIB) /* of all samples */
#define WORDS_MEAN_MAX 96       /* longer values are prose, not keys */
#define WORDS_FIELDS_MAX 20
#define WORDS_SHAPES_MAX 6      /* every value is tried with all of them */
#define MOMENT_MIN ((size_t)19) /* bytes of a date and a time */
#define NESTED_MAX 4            /* objects within objects that are taken apart */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

enum class {
    REST,   /* up to the next literal */
    QUOTED, /* the same, inside quotes */
    LETTERS,
    DIGITS,
    WORD,
    MOMENT, /* a timestamp up to its zone */
};

struct field {
    uint32_t at, len;
    uint8_t class;
};

/* A value taken apart. */
struct sketch {
    const uint8_t *text;
    size_t len;
    struct field fields[COLUMNS_SHAPE_FIELDS];
    size_t count;
    size_t hits; /* samples that have these literals */
};

/* How a value is taken apart; false: it is not of that sort. */
typedef bool (*sketch_fn)(struct sketch *s);

static bool add(struct sketch *s, size_t at, size_t end, enum class class)
{
    if (s->count == COLUMNS_SHAPE_FIELDS)
        return false;
    s->fields[s->count++] = (struct field){
        .at = (uint32_t)at, .len = (uint32_t)(end - at), .class = (uint8_t) class};
    return true;
}

/* Behind the string that begins at `at`. COPY doubles the backslash that escapes a quote. */
static size_t behind_string(const struct sketch *s, size_t at)
{
    size_t i = at + 1;
    while (i < s->len && s->text[i] != '"')
        i += s->text[i] != '\\' ? 1 : i + 1 < s->len && s->text[i + 1] == '\\' ? 3 : 2;
    return i < s->len ? i + 1 : s->len;
}

/* Behind the array that begins at `at`. */
static size_t behind_array(const struct sketch *s, size_t at)
{
    size_t depth = 0;
    while (at < s->len) {
        uint8_t c = s->text[at];
        at = c == '"' ? behind_string(s, at) : at + 1;
        depth += c == '[';
        depth -= c == ']';
        if (depth == 0)
            break;
    }
    return at;
}

static bool is_key(const struct sketch *s, size_t at)
{
    while (at < s->len && s->text[at] == ' ')
        at++;
    return at < s->len && s->text[at] == ':';
}

static size_t behind_scalar(const struct sketch *s, size_t at)
{
    while (at < s->len && !memchr(",}] ", s->text[at], 4))
        at++;
    return at;
}

static bool sketch_json(struct sketch *s)
{
    size_t i = 0;
    size_t end;
    if (s->len == 0 || s->text[0] != '{')
        return false;
    while (i < s->len) {
        bool room = true;
        switch (s->text[i]) {
        case '"':
            end = behind_string(s, i);
            if (!is_key(s, end) && end - i >= 2)
                room = add(s, i + 1, end - 1, QUOTED);
            break;
        case '[':
            end = behind_array(s, i);
            room = add(s, i, end, REST);
            break;
        case '{':
        case '}':
        case ']':
        case ',':
        case ':':
        case ' ':
            end = i + 1;
            break;
        default:
            end = behind_scalar(s, i);
            room = add(s, i, end, REST);
        }
        if (!room)
            return false;
        i = end;
    }
    return s->count > 0;
}

static inline bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26 || c >= 0x80;
}

/* Behind the date, the time and the fraction of a second that begin at `at`. */
static size_t behind_moment(const uint8_t *text, size_t at, size_t len)
{
    if (len - at < MOMENT_MIN || text[at + 10] != ' ' || text[at + 13] != ':')
        return at;
    at += MOMENT_MIN;
    while (at < len && (is_digit(text[at]) || text[at] == '.'))
        at++;
    return at;
}

/* The high bits of those bytes of word that do not belong to class (LETTERS, DIGITS, WORD). */
static inline uint64_t strangers(uint64_t word, uint8_t class)
{
    uint64_t digit = word ^ EACH('0'); /* 0 to 9 for a digit */
    uint64_t no_digit = ((digit & EACH(0x7f)) + EACH(0x80 - 10)) | digit;
    uint64_t low = (word | EACH(0x20)) & EACH(0x7f);
    uint64_t from_a = low + EACH(0x80 - 'a');
    uint64_t behind_z = low + EACH(0x80 - 'z' - 1);
    uint64_t no_letter = ~((from_a & ~behind_z) | word);
    return (class == DIGITS    ? no_digit
            : class == LETTERS ? no_letter
                               : no_digit & no_letter) &
           EACH(0x80);
}

static inline size_t behind_class(const uint8_t *text, size_t at, size_t len, uint8_t class)
{
    if (class == MOMENT)
        return behind_moment(text, at, len);
    for (; at < len; at += 8) {
        uint64_t found = strangers(columns_load(text + at), class);
        if (found != 0) {
            at += (size_t)__builtin_ctzll(found) / 8;
            break;
        }
    }
    return at < len ? at : len;
}

/* Runs of letters and of digits, or of both together, are the fields. */
static bool sketch_runs(struct sketch *s, bool together)
{
    for (size_t i = 0; i < s->len;) {
        uint8_t c = s->text[i];
        if (!is_digit(c) && !is_letter(c)) {
            i++;
            continue;
        }
        enum class class = together ? WORD : is_digit(c) ? DIGITS : LETTERS;
        size_t end = behind_class(s->text, i, s->len, (uint8_t) class);
        if (s->count == WORDS_FIELDS_MAX || !add(s, i, end, class))
            return false;
        i = end;
    }
    return s->count > 1 || (s->count == 1 && s->fields[0].len < s->len);
}

/* Timestamps of several zones: summer and winter. */
static bool sketch_moment(struct sketch *s)
{
    size_t end = behind_moment(s->text, 0, s->len);
    return end > 0 && add(s, 0, end, MOMENT) && add(s, end, s->len, REST);
}

static bool sketch_parts(struct sketch *s)
{
    return sketch_runs(s, false);
}

static bool sketch_words(struct sketch *s)
{
    return sketch_runs(s, true);
}

/* Where field i begins and ends, with its quotes when `outer`. */
static size_t begin_of(const struct sketch *s, size_t i, bool outer)
{
    return s->fields[i].at - (size_t)(outer && s->fields[i].class == QUOTED);
}

static size_t end_of(const struct sketch *s, size_t i, bool outer)
{
    return s->fields[i].at + s->fields[i].len + (size_t)(outer && s->fields[i].class == QUOTED);
}

/* What stands before field i (or behind the last one), without quotes. */
static struct bytes bare_literal(const struct sketch *s, size_t i)
{
    size_t begin = i > 0 ? end_of(s, i - 1, true) : 0;
    size_t end = i < s->count ? begin_of(s, i, true) : s->len;
    return bytes_of(s->text + begin, end - begin);
}

static bool alike(const struct sketch *a, const struct sketch *b)
{
    if (a->count != b->count ||
        !bytes_equal(bare_literal(a, a->count), bare_literal(b, a->count)))
        return false;
    for (size_t i = 0; i < a->count; i++)
        if ((a->fields[i].class > QUOTED && a->fields[i].class != b->fields[i].class) ||
            !bytes_equal(bare_literal(a, i), bare_literal(b, i)))
            return false;
    return true;
}

/* Literals and classes out of a sketch and `quoted`, which tells of every field whether all
 * samples had it in quotes: then these are the literals'. */
static void finish(const struct sketch *s, const bool *quoted, struct columns_shape *out)
{
    *out = (struct columns_shape){.fields = s->count};
    size_t begin = 0;
    for (size_t i = 0; i < s->count; i++) {
        size_t end = begin_of(s, i, !quoted[i]);
        out->literals[i] = bytes_of(s->text + begin, end - begin);
        out->classes[i] = s->fields[i].class > QUOTED ? s->fields[i].class : (uint8_t)REST;
        begin = end_of(s, i, !quoted[i]);
    }
    out->literals[s->count] = bytes_of(s->text + begin, s->len - begin);
}

struct sketches {
    struct sketch all[COLUMNS_SHAPE_MOST - 1];
    bool quoted[COLUMNS_SHAPE_MOST - 1][COLUMNS_SHAPE_FIELDS];
    size_t count;
    size_t samples;
};

static void count_in(struct sketches *all, const struct sketch *s)
{
    size_t i = 0;
    while (i < all->count && !alike(&all->all[i], s))
        i++;
    if (i == ARRAY_SIZE(all->all))
        return;
    if (i == all->count) {
        all->all[all->count++] = *s;
        memset(all->quoted[i], 1, sizeof all->quoted[i]);
    }
    all->all[i].hits++;
    for (size_t f = 0; f < s->count; f++)
        all->quoted[i][f] = all->quoted[i][f] && s->fields[f].class == QUOTED;
}

/* Has it no literals? Then several such shapes are an accident of random characters. */
static bool is_bare(const struct sketch *s)
{
    size_t len = 0;
    for (size_t i = 0; i < s->count; i++)
        len += s->fields[i].len;
    return len == s->len;
}

/* At most so many shapes that several samples have; false when too many samples have none of
 * them. */
static bool discover(const struct columns_values *v, sketch_fn take_apart, size_t most,
                     struct sketches *all, struct columns_shapes *out)
{
    size_t stride = v->count / SAMPLES + 1;
    size_t bytes = 0;
    *all = (struct sketches){0};
    for (size_t i = 0; i < v->count && bytes < SAMPLE_BYTES; i += stride) {
        struct sketch s = {.text = columns_value(v, i), .len = v->len[i]};
        if (take_apart(&s))
            count_in(all, &s);
        all->samples++;
        bytes += s.len;
        if (all->samples == 8 && all->count > 6)
            return false;
    }
    size_t covered = 0;
    size_t bare = 0;
    out->count = 0;
    for (size_t i = 0; i < all->count; i++) {
        if (all->all[i].hits < 2 || all->all[i].hits * 32 < all->samples)
            continue;
        covered += all->all[i].hits;
        bare += is_bare(&all->all[i]);
        finish(&all->all[i], all->quoted[i], &out->shapes[out->count++]);
    }
    return out->count > 0 && out->count <= most && (bare == 0 || out->count == 1) &&
           covered * 100 >= all->samples * 85;
}

/* Where literal begins in text[at..len); len + 1: nowhere. */
static inline size_t find(const uint8_t *text, size_t at, size_t len, struct bytes literal)
{
    while (at + literal.len <= len) {
        const uint8_t *p = memchr(text + at, literal.data[0], len - literal.len + 1 - at);
        if (!p)
            break;
        if (columns_same(p, literal.data, literal.len))
            return (size_t)(p - text);
        at = (size_t)(p - text) + 1;
    }
    return len + 1;
}

/* The end of field f, which begins at `at`; more than len: the value does not have the shape.
 */
static inline size_t field_end(const struct columns_shape *s, size_t f, const uint8_t *text,
                               size_t at, size_t len)
{
    struct bytes next = s->literals[f + 1];
    if (s->classes[f] != REST)
        return behind_class(text, at, len, s->classes[f]);
    if (f + 1 == s->fields)
        return at + next.len <= len ? len - next.len : len + 1;
    return find(text, at, len, next);
}

/* Does value i have the shape? Its fields go to at and lens. */
static bool match(const struct columns_shape *s, const struct columns_values *v, size_t i,
                  uint32_t *at, uint32_t *lens)
{
    const uint8_t *text = columns_value(v, i);
    size_t len = v->len[i];
    size_t here = s->literals[0].len;
    if (here > len || !columns_same(text, s->literals[0].data, here))
        return false;
    for (size_t f = 0; f < s->fields; f++) {
        struct bytes next = s->literals[f + 1];
        size_t end = field_end(s, f, text, here, len);
        if (end + next.len > len || !columns_same(text + end, next.data, next.len) ||
            (end == here && s->classes[f] != REST))
            return false;
        at[f] = v->at[i] + (uint32_t)here;
        lens[f] = (uint32_t)(end - here);
        here = end + next.len;
    }
    return here == len;
}

/* Slices of all fields of all values, value by value. */
struct slices {
    uint32_t *at, *len;
    size_t count;
};

/* Matches every value; what has no shape gets one more, of one field. False: too many have
 * none. */
static bool match_all(const struct columns_values *v, struct columns_shapes *out,
                      struct slices *s)
{
    size_t known = out->count;
    size_t last = 0;
    struct columns_shape *none = &out->shapes[known];
    *none = (struct columns_shape){.fields = 1};
    for (size_t i = 0; i < v->count; i++) {
        size_t shape = last;
        bool found = match(&out->shapes[shape], v, i, s->at + s->count, s->len + s->count);
        for (size_t k = 0; k < known && !found; k++)
            if (k != last &&
                match(&out->shapes[k], v, i, s->at + s->count, s->len + s->count)) {
                shape = k;
                found = true;
            }
        if (!found) {
            shape = known;
            s->at[s->count] = v->at[i];
            s->len[s->count] = v->len[i];
            if (++none->count * 4 > i + 64)
                return false;
        } else {
            last = shape;
            out->shapes[shape].count++;
        }
        s->count += out->shapes[shape].fields;
        out->codes[i] = shape;
    }
    out->count += none->count > 0;
    return true;
}

static int make_room(struct columns_shape *s, const uint8_t *text, struct columns_memory *m,
                     struct error *e)
{
    s->values = columns_memory_take(m, s->fields * sizeof *s->values, e);
    if (!s->values)
        return -1;
    for (size_t f = 0; f < s->fields; f++) {
        s->values[f] = (struct columns_values){
            .text = text,
            .at = columns_memory_take(m, s->count * sizeof *s->values[f].at, e),
            .len = columns_memory_take(m, s->count * sizeof *s->values[f].len, e),
        };
        if (!s->values[f].at || !s->values[f].len)
            return -1;
    }
    return 0;
}

/* The slices, sorted by shape and field. */
static void deal(const struct columns_values *v, const struct slices *s,
                 struct columns_shapes *out)
{
    size_t at = 0;
    for (size_t i = 0; i < v->count; i++) {
        struct columns_shape *shape = &out->shapes[out->codes[i]];
        assert(shape->values);
        for (size_t f = 0; f < shape->fields; f++, at++) {
            struct columns_values *field = &shape->values[f];
            field->at[field->count] = s->at[at];
            field->len[field->count++] = s->len[at];
        }
    }
}

/* Shapes that no value has after all are dropped. */
static void drop_unused(const struct columns_values *v, struct columns_shapes *out)
{
    uint64_t places[COLUMNS_SHAPE_MOST];
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        places[i] = kept;
        if (out->shapes[i].count > 0)
            out->shapes[kept++] = out->shapes[i];
    }
    if (kept < out->count)
        for (size_t i = 0; i < v->count; i++)
            out->codes[i] = places[out->codes[i]];
    out->count = kept;
}

static int apply(const struct columns_values *v, size_t total, struct columns_memory *m,
                 struct columns_shapes *out, struct error *e)
{
    size_t fields = 1;
    for (size_t i = 0; i < out->count; i++)
        fields = out->shapes[i].fields > fields ? out->shapes[i].fields : fields;
    /* A field has at least one byte, or one of a literal behind it. */
    size_t most = v->count * fields < total + v->count ? v->count * fields : total + v->count;
    struct slices s = {
        .at = columns_memory_take(m, (most + fields) * sizeof *s.at, e),
        .len = columns_memory_take(m, (most + fields) * sizeof *s.len, e),
    };
    out->codes = columns_memory_take(m, v->count * sizeof *out->codes, e);
    if (!s.at || !s.len || !out->codes)
        return -1;
    if (!match_all(v, out, &s))
        return COLUMNS_SHAPE_NONE;
    drop_unused(v, out);
    for (size_t i = 0; i < out->count; i++)
        if (make_room(&out->shapes[i], v->text, m, e) < 0)
            return -1;
    deal(v, &s, out);
    return 0;
}

int columns_shape_find(const struct columns_values *v, size_t total, struct columns_memory *m,
                       struct columns_shapes *out, struct error *e)
{
    static const sketch_fn keys[] = {sketch_moment, sketch_parts, sketch_words};
    struct sketches *all = columns_memory_take(m, sizeof *all, e);
    if (!all)
        return -1;
    if (v->len[0] > 0 && *columns_value(v, 0) == '{')
        return discover(v, sketch_json, COLUMNS_SHAPE_MOST, all, out)
                   ? apply(v, total, m, out, e)
                   : COLUMNS_SHAPE_NONE;
    if (total > v->count * WORDS_MEAN_MAX)
        return COLUMNS_SHAPE_NONE;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (discover(v, keys[i], WORDS_SHAPES_MAX, all, out)) {
            int rc = apply(v, total, m, out, e);
            if (rc <= 0)
                return rc;
        }
    return COLUMNS_SHAPE_NONE;
}
