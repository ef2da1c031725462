/* SPDX-License-Identifier: Apache-2.0 */
/* Where columns count, the hash of a row is the hash over the hashes of its fields in the order
 * of the columns that count: fields are hashed as they pass by, whatever their order, and none
 * is held. */
#include "core/rows/row_scan.h"

#include <stdlib.h>

struct row_scan {
    struct row_scan_options o;
    struct row_hash_state hash; /* of the row, or of the field that is open */
    struct row_hash *fields;    /* of the columns that count */
    size_t field;               /* which is open */
    struct buf held;            /* of a row that came in several pieces */
    uint64_t len;               /* of the row so far; 0: none is open */
};

struct row_scan *row_scan_new(const struct row_scan_options *o, struct error *e)
{
    struct row_scan *s = calloc(1, sizeof *s);
    if (s)
        s->fields = calloc(o->counting + 1, sizeof *s->fields);
    if (!s || !s->fields) {
        (void)error_memory(e, "rows of a table");
        row_scan_free(s);
        return NULL;
    }
    s->o = *o;
    row_hash_begin(&s->hash, o->key);
    return s;
}

void row_scan_free(struct row_scan *s)
{
    if (!s)
        return;
    free(s->fields);
    buf_done(&s->held);
    free(s);
}

static int end_field(struct row_scan *s, struct error *e)
{
    struct row_hash hash;
    if (s->field >= s->o.columns)
        return error_set(e, ERROR_CORRUPT, "a row has more fields than columns");
    row_hash_end(&s->hash, &hash);
    row_hash_begin(&s->hash, s->o.key);
    if (s->o.places[s->field] != ROW_SCAN_LEFT_OUT)
        s->fields[s->o.places[s->field]] = hash;
    s->field++;
    return 0;
}

/* A part of a row without its LF. */
static int add_fields(struct row_scan *s, struct bytes text, struct error *e)
{
    for (;;) {
        const uint8_t *tab = text.len > 0 ? memchr(text.data, '\t', text.len) : NULL;
        struct bytes part = bytes_take(&text, tab ? (size_t)(tab - text.data) : text.len);
        row_hash_add(&s->hash, part.data, part.len);
        if (!tab)
            return 0;
        (void)bytes_take(&text, 1);
        if (end_field(s, e) < 0)
            return -1;
    }
}

/* The hash of the row that ends; the next may begin. */
static int end_hash(struct row_scan *s, struct row_hash *hash, struct error *e)
{
    if (s->o.places) {
        /* Zero columns are a line without a field; an empty field looks the same. */
        if (s->o.columns > 0 && end_field(s, e) < 0)
            return -1;
        if (s->field != s->o.columns)
            return error_set(e, ERROR_CORRUPT, "a row has %zu fields, expected %zu", s->field,
                             s->o.columns);
        row_hash_of(s->o.key, s->fields, s->o.counting * sizeof *s->fields, hash);
        s->field = 0;
    } else {
        row_hash_end(&s->hash, hash);
    }
    row_hash_begin(&s->hash, s->o.key);
    return 0;
}

static int hold(struct row_scan *s, struct bytes part, struct error *e)
{
    size_t room = s->o.held_bytes - s->held.len;
    return buf_append(&s->held, part.data, part.len < room ? part.len : room, e);
}

/* The last part of a row, with its LF; or all of it. */
static int end_row(struct row_scan *s, struct bytes part, struct error *e)
{
    struct row_scan_row row = {.text = part, .len = s->len + part.len};
    bool whole = s->len == 0;
    if (!whole && hold(s, part, e) < 0)
        return -1;
    if (whole && !s->o.places) {
        row_hash_of(s->o.key, part.data, part.len, &row.hash);
    } else {
        struct bytes line = bytes_of(part.data, part.len - 1);
        if (s->o.places && add_fields(s, line, e) < 0)
            return -1;
        if (!s->o.places)
            row_hash_add(&s->hash, part.data, part.len);
        if (end_hash(s, &row.hash, e) < 0)
            return -1;
    }
    if (!whole)
        row.text = buf_view(&s->held);
    if (row.text.len > s->o.held_bytes)
        row.text.len = s->o.held_bytes;
    row.is_cut = row.text.len < row.len;
    s->len = 0;
    int rc = s->o.visit(s->o.arg, &row, e);
    s->held.len = 0;
    return rc;
}

int row_scan_add(struct row_scan *s, struct bytes text, struct error *e)
{
    while (text.len > 0) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        struct bytes part = bytes_take(&text, lf ? (size_t)(lf - text.data) + 1 : text.len);
        if (lf) {
            if (end_row(s, part, e) < 0)
                return -1;
            continue;
        }
        if (hold(s, part, e) < 0 || (s->o.places && add_fields(s, part, e) < 0))
            return -1;
        if (!s->o.places)
            row_hash_add(&s->hash, part.data, part.len);
        s->len += part.len;
    }
    return 0;
}

int row_scan_end(const struct row_scan *s, struct error *e)
{
    return s->len == 0 ? 0 : error_set(e, ERROR_CORRUPT, "the last row has no end");
}
