/* SPDX-License-Identifier: Apache-2.0 */
/* Fields are found once a row, and what stands together in the source is copied together: a
 * column that was appended costs two copies, however many columns there are. */
#include "core/rows/projection.h"

#include <assert.h>
#include <stdlib.h>

/* ---- fields ---- */

/* Where the fields of a row end: at most `most` of them in ends, which has room for so many.
 * The number of fields that were found; 0 when there is no line. */
static size_t find_fields(struct bytes row, uint32_t *ends, size_t most)
{
    if (row.len == 0 || row.len > UINT32_MAX || row.data[row.len - 1] != '\n')
        return 0;
    const uint8_t *at = row.data;
    const uint8_t *end = row.data + row.len - 1;
    size_t count = 0;
    while (count < most) {
        const uint8_t *tab = memchr(at, '\t', (size_t)(end - at));
        ends[count++] = (uint32_t)((tab ? tab : end) - row.data);
        if (!tab)
            break;
        at = tab + 1;
    }
    return count;
}

static size_t count_tabs(struct bytes row)
{
    size_t tabs = 0;
    for (size_t i = 0; i < row.len; i++)
        tabs += row.data[i] == '\t';
    return tabs;
}

/* Text that is gathered piece by piece; pieces that stand side by side are one. */
struct pieces {
    struct buf *out;
    const uint8_t *data; /* the piece that is not copied yet */
    size_t len;
};

/* A field and the tab or LF behind it, which is there in the source too. */
static int add_field(struct pieces *p, const uint8_t *data, size_t len, struct error *e)
{
    /* Two rows may lie side by side as well, but a LF is between them. */
    if (p->len > 0 && p->data + p->len == data && data[-1] == '\t') {
        p->len += len + 1;
        return 0;
    }
    if (p->len > 0) {
        if (buf_append(p->out, p->data, p->len, e) < 0)
            return -1;
        p->out->data[p->out->len - 1] = '\t';
    }
    p->data = data;
    p->len = len + 1;
    return 0;
}

static int end_row(struct pieces *p, struct error *e)
{
    if (buf_append(p->out, p->data, p->len, e) < 0)
        return -1;
    if (p->len == 0)
        return buf_byte(p->out, '\n', e);
    p->out->data[p->out->len - 1] = '\n';
    return 0;
}

/* ---- rows from rows ---- */

/* Is the wanted row made of whole rows, one behind the other? That is what columns come to that
 * were appended, one night or another. */
static bool is_whole_rows(const struct projection_column *columns, size_t count,
                          const struct bytes *rows, size_t sources)
{
    size_t at = 0;
    for (size_t i = 0; i < sources; i++) {
        size_t start = at;
        while (at < count && columns[at].source == i && columns[at].column == at - start)
            at++;
        if (at == start || rows[i].len == 0 || rows[i].data[rows[i].len - 1] != '\n' ||
            count_tabs(rows[i]) != at - start - 1)
            return false;
    }
    return at == count;
}

static int join_whole_rows(const struct bytes *rows, size_t sources, struct buf *out,
                           struct error *e)
{
    for (size_t i = 0; i < sources; i++) {
        if (buf_append(out, rows[i].data, rows[i].len, e) < 0)
            return -1;
        out->data[out->len - 1] = i + 1 < sources ? '\t' : '\n';
    }
    return 0;
}

/* ---- rows from fields of rows ---- */

struct field {
    uint32_t start, end;
};

/* Finds the fields that columns want of one row; false when it has them not. */
static bool fields_of(const struct projection_column *columns, size_t count, size_t source,
                      struct bytes row, struct field *fields)
{
    uint32_t ends[PROJECTION_MAX_COLUMNS];
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        if (columns[i].source == source && columns[i].column >= most)
            most = columns[i].column + (size_t)1;
    if (most == 0)
        return true;
    if (most > PROJECTION_MAX_COLUMNS || find_fields(row, ends, most) < most)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t column = columns[i].column;
        if (columns[i].source == source)
            fields[i] =
                (struct field){.start = column > 0 ? ends[column - 1] + 1 : 0, ends[column]};
    }
    return true;
}

static int join_fields(const struct projection_column *columns, size_t count,
                       const struct bytes *rows, size_t sources, struct buf *out,
                       struct error *e)
{
    struct field fields[PROJECTION_MAX_COLUMNS];
    struct pieces pieces = {.out = out};
    for (size_t i = 0; i < count; i++) {
        if (columns[i].source >= sources)
            return error_set(e, ERROR_CORRUPT, "row: column of source %u, of %zu",
                             columns[i].source, sources);
        fields[i] = (struct field){0};
    }
    for (size_t i = 0; i < sources; i++)
        if (!fields_of(columns, count, i, rows[i], fields))
            return error_set(e, ERROR_CORRUPT, "row: source %zu has too few fields", i);
    for (size_t i = 0; i < count; i++)
        if (add_field(&pieces, rows[columns[i].source].data + fields[i].start,
                      fields[i].end - fields[i].start, e) < 0)
            return -1;
    return end_row(&pieces, e);
}

int projection_join(const struct projection_column *columns, size_t count,
                    const struct bytes *rows, size_t sources, struct buf *out, struct error *e)
{
    size_t before = out->len;
    assert(count > 0 && count <= PROJECTION_MAX_COLUMNS && sources <= PROJECTION_MAX_SOURCES);
    int rc = is_whole_rows(columns, count, rows, sources)
                 ? join_whole_rows(rows, sources, out, e)
                 : join_fields(columns, count, rows, sources, out, e);
    if (rc < 0)
        out->len = before;
    return rc;
}

/* The new row's text is the old one's and the added one's, side by side: false when this one's
 * is not. */
static bool cut_appended(const struct projection_shape *s, struct bytes row,
                         struct bytes *old_fields, struct bytes *added_fields)
{
    size_t at = row.len;
    for (size_t i = 0; i < s->added_count; i++) {
        const uint8_t *tab = at > 0 ? memrchr(row.data, '\t', at) : NULL;
        if (!tab)
            return false;
        at = (size_t)(tab - row.data);
    }
    *old_fields = bytes_of(row.data, at);
    *added_fields = bytes_of(row.data + at + 1, row.len - at - 1);
    return count_tabs(*old_fields) == s->old_count - 1;
}

static int set_line(struct buf *b, struct bytes fields, struct error *e)
{
    b->len = 0;
    if (buf_reserve(b, fields.len + 1, e) < 0 || buf_append(b, fields.data, fields.len, e) < 0)
        return -1;
    return buf_byte(b, '\n', e);
}

/* A line of the fields at these places of row. */
static int set_fields(struct buf *b, struct bytes row, const uint32_t *ends,
                      const uint16_t *places, size_t count, struct error *e)
{
    struct pieces pieces = {.out = b};
    b->len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t start = places[i] > 0 ? ends[places[i] - 1] + (size_t)1 : 0;
        if (add_field(&pieces, row.data + start, ends[places[i]] - start, e) < 0)
            return -1;
    }
    return end_row(&pieces, e);
}

int projection_split(const struct projection_shape *s, struct bytes row, struct buf *old_row,
                     struct buf *added_row, struct error *e)
{
    uint32_t ends[PROJECTION_MAX_COLUMNS + 1];
    assert(s->new_count > 0);
    if (row.len == 0 || row.data[row.len - 1] != '\n')
        return PROJECTION_LOST;
    if (s->is_appended) {
        struct bytes old_fields;
        struct bytes added_fields;
        struct bytes fields = bytes_of(row.data, row.len - 1);
        if (!cut_appended(s, fields, &old_fields, &added_fields))
            return PROJECTION_LOST;
        return set_line(old_row, old_fields, e) < 0 ? -1 : set_line(added_row, added_fields, e);
    }
    if (find_fields(row, ends, s->new_count + 1) != s->new_count)
        return PROJECTION_LOST;
    if (set_fields(old_row, row, ends, s->old_places, s->old_count, e) < 0)
        return -1;
    if (s->added_count == 0)
        return 0;
    return set_fields(added_row, row, ends, s->added_places, s->added_count, e);
}

int projection_narrow(const struct projection_shape *s, struct bytes row, struct buf *out,
                      struct error *e)
{
    uint32_t ends[PROJECTION_MAX_COLUMNS + 1] = {0};
    size_t count = s->old_count + s->lost_count;
    if (find_fields(row, ends, count + 1) != count)
        return PROJECTION_LOST;
    return set_fields(out, row, ends, s->kept_places, s->old_count, e);
}

/* ---- shapes ---- */

/* Sets the place of each old column, or COLUMN_NAMES_NOWHERE. 0, or the answers of
 * projection_match. */
static int compare(const struct column_names *old, const struct column_names *new,
                   uint16_t *places)
{
    size_t found = 0;
    size_t in_place = 0;
    size_t guess = 0;
    for (size_t i = 0; i < old->count; i++) {
        places[i] = column_names_place(new, column_names_at(old, i), guess);
        if (places[i] == COLUMN_NAMES_NOWHERE)
            continue;
        guess = places[i] + (size_t)1;
        found++;
        in_place += places[i] == i;
    }
    /* What is not found was renamed, if nothing else can have happened. */
    if (old->count == new->count && found == in_place)
        return PROJECTION_SAME;
    return found > 0 || old->count == 0 ? 0 : PROJECTION_LOST;
}

static int allocate(struct projection_shape *s, size_t old_count, size_t new_count,
                    struct error *e)
{
    s->old_places = calloc(old_count + 1, sizeof *s->old_places);
    s->kept_places = calloc(old_count + 1, sizeof *s->kept_places);
    s->added_places = calloc(new_count + 1, sizeof *s->added_places);
    s->columns = calloc(new_count + 1, sizeof *s->columns);
    if (!s->old_places || !s->kept_places || !s->added_places || !s->columns)
        return error_memory(e, "columns of a table");
    return 0;
}

static int make_shape(struct projection_shape *s, const uint16_t *places, size_t old_count,
                      size_t new_count, struct error *e)
{
    if (allocate(s, old_count, new_count, e) < 0)
        return -1;
    s->new_count = new_count;
    for (size_t i = 0; i < new_count; i++)
        s->columns[i].column = COLUMN_NAMES_NOWHERE;
    for (size_t i = 0; i < old_count; i++) {
        if (places[i] == COLUMN_NAMES_NOWHERE) {
            s->lost_count++;
            continue;
        }
        /* A name that stands twice is no list of columns. */
        if (s->columns[places[i]].column != COLUMN_NAMES_NOWHERE)
            return PROJECTION_LOST;
        s->columns[places[i]].column = (uint16_t)i;
        s->kept_places[s->old_count] = (uint16_t)i;
        s->old_places[s->old_count++] = places[i];
    }
    s->is_appended = s->old_count > 0 && s->old_count < new_count;
    for (size_t i = 0; i < new_count; i++) {
        s->is_appended =
            s->is_appended && (i >= s->old_count || s->old_places[i] == (uint16_t)i);
        if (s->columns[i].column != COLUMN_NAMES_NOWHERE)
            continue;
        s->columns[i] =
            (struct projection_column){.source = 1, .column = (uint16_t)s->added_count};
        s->added_places[s->added_count++] = (uint16_t)i;
    }
    return 0;
}

int projection_match(struct bytes old_columns, struct bytes new_columns,
                     struct projection_shape *out, struct error *e)
{
    struct column_names old = {0};
    struct column_names new = {0};
    uint16_t places[PROJECTION_MAX_COLUMNS];
    int rc = column_names_of_copy(old_columns, &old, e);
    if (rc == 0)
        rc = column_names_of_copy(new_columns, &new, e);
    if (rc == COLUMN_NAMES_NONE)
        rc = PROJECTION_LOST;
    if (rc == 0)
        rc = compare(&old, &new, places);
    if (rc == 0)
        rc = make_shape(out, places, old.count, new.count, e);
    if (rc != 0)
        projection_shape_done(out);
    column_names_done(&old);
    column_names_done(&new);
    return rc;
}

void projection_shape_done(struct projection_shape *s)
{
    free(s->old_places);
    free(s->kept_places);
    free(s->added_places);
    free(s->columns);
    *s = (struct projection_shape){0};
}
