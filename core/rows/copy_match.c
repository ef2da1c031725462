/* SPDX-License-Identifier: Apache-2.0 */
/* Values are looked through byte by byte with the automaton of Knuth, Morris and Pratt, so that
 * it does not matter how the text is cut. A text that COPY writes without escapes stands in the
 * row as it is: then rows without it are passed over by memmem first. */
#include "core/rows/copy_match.h"

#include <assert.h>
#include <stdlib.h>

#include "core/rows/copy_text.h"

struct copy_match {
    struct bytes text;
    bool whole;
    bool is_plain;  /* text stands in rows as it is */
    size_t *border; /* of each prefix: the longest one that it also ends with */
    uint16_t column;
    uint64_t rows;
    /* Of the row that is open. */
    bool in_row;
    bool has; /* it has such a value */
    uint16_t field;
    /* Of the field that is open. */
    size_t matched; /* bytes of text that the value ends with; whole: that it is so far */
    bool escaped;   /* behind a backslash */
    bool other;     /* whole: it is another one already; or NULL */
};

static void find_borders(struct copy_match *m)
{
    size_t k = 0;
    for (size_t i = 1; i < m->text.len; i++) {
        while (k > 0 && m->text.data[i] != m->text.data[k])
            k = m->border[k - 1];
        k += m->text.data[i] == m->text.data[k];
        m->border[i] = k;
    }
}

static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] == '\\')
            return false;
    return text.len > 0;
}

struct copy_match *copy_match_new(struct bytes text, bool whole, struct error *e)
{
    assert(whole || text.len > 0);
    struct copy_match *m = calloc(1, sizeof *m);
    if (m)
        m->border = calloc(text.len + 1, sizeof *m->border);
    if (!m || !m->border) {
        copy_match_free(m);
        (void)error_memory(e, "search in rows");
        return NULL;
    }
    m->text = text;
    m->whole = whole;
    m->is_plain = is_plain(text);
    m->column = COPY_MATCH_ANY;
    find_borders(m);
    return m;
}

void copy_match_free(struct copy_match *m)
{
    if (!m)
        return;
    free(m->border);
    free(m);
}

static void begin_field(struct copy_match *m)
{
    m->matched = 0;
    m->escaped = false;
    m->other = false;
}

static void begin_row(struct copy_match *m)
{
    begin_field(m);
    m->in_row = false;
    m->has = false;
    m->field = 0;
}

void copy_match_begin(struct copy_match *m, uint16_t column)
{
    begin_row(m);
    m->column = column;
}

/* A byte of the value. */
static void add_byte(struct copy_match *m, uint8_t byte)
{
    if (m->whole) {
        if (m->matched == m->text.len || m->text.data[m->matched] != byte)
            m->other = true;
        else
            m->matched++;
        return;
    }
    while (m->matched > 0 && m->text.data[m->matched] != byte)
        m->matched = m->border[m->matched - 1];
    m->matched += m->text.data[m->matched] == byte;
    if (m->matched == m->text.len) {
        m->has = true;
        m->matched = 0;
    }
}

static void end_field(struct copy_match *m)
{
    bool counts = m->column == COPY_MATCH_ANY || m->column == m->field;
    if (m->whole && counts && !m->other && m->matched == m->text.len)
        m->has = true;
    m->field++;
    begin_field(m);
}

/* A part of a field, without the tab or LF that ends it. */
static void add_value(struct copy_match *m, struct bytes part)
{
    for (size_t i = 0; i < part.len; i++) {
        uint8_t byte = part.data[i];
        if (m->escaped && byte == 'N') { /* NULL; a letter N is not escaped */
            m->escaped = false;
            m->other = true;
        } else if (m->escaped) {
            m->escaped = false;
            add_byte(m, copy_text_meant(byte));
        } else if (byte == '\\') {
            m->escaped = true;
        } else {
            add_byte(m, byte);
        }
    }
}

/* A part of a row, without its LF. */
static void add_fields(struct copy_match *m, struct bytes part)
{
    while (!m->has) {
        const uint8_t *tab = part.len > 0 ? memchr(part.data, '\t', part.len) : NULL;
        struct bytes value = bytes_take(&part, tab ? (size_t)(tab - part.data) : part.len);
        if (m->column == COPY_MATCH_ANY || m->column == m->field)
            add_value(m, value);
        if (!tab)
            return;
        (void)bytes_take(&part, 1);
        end_field(m);
    }
}

/* Pass over whole rows at the front of *text that cannot have the text. */
static void pass_over(const struct copy_match *m, struct bytes *text)
{
    if (m->in_row || !m->is_plain)
        return;
    const uint8_t *found = memmem(text->data, text->len, m->text.data, m->text.len);
    size_t until = found ? (size_t)(found - text->data) : text->len;
    const uint8_t *lf = until > 0 ? memrchr(text->data, '\n', until) : NULL;
    if (lf)
        (void)bytes_take(text, (size_t)(lf - text->data) + 1);
}

void copy_match_add(struct copy_match *m, struct bytes text)
{
    for (;;) {
        pass_over(m, &text);
        if (text.len == 0)
            return;
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        add_fields(m, bytes_take(&text, lf ? (size_t)(lf - text.data) : text.len));
        m->in_row = true;
        if (!lf)
            return;
        (void)bytes_take(&text, 1);
        end_field(m);
        m->rows += m->has;
        begin_row(m);
    }
}

uint64_t copy_match_rows(const struct copy_match *m)
{
    return m->rows;
}
