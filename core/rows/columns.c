/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and bodies are copied to memory with some bytes before and behind them: everything else
 * may then load and copy whole words. */
#include "core/rows/columns.h"

#include <stdlib.h>

#include "core/rows/columns_cut.h"
#include "core/rows/columns_memory.h"
#include "core/rows/columns_read.h"
#include "core/rows/columns_sink.h"
#include "core/rows/columns_write.h"

struct columns {
    struct columns_memory memory;
    size_t *ends;
    size_t end_count;
    size_t end_room;
};

struct columns *columns_new(struct error *e)
{
    struct columns *c = calloc(1, sizeof *c);
    if (!c)
        (void)error_memory(e, "columns");
    return c;
}

void columns_free(struct columns *c)
{
    if (!c)
        return;
    columns_memory_done(&c->memory);
    free(c->ends);
    free(c);
}

static struct bytes with_slack(struct columns *c, struct bytes b, struct error *e)
{
    uint8_t *copy = columns_memory_take(&c->memory, COLUMNS_SLACK + b.len, e);
    if (!copy)
        return (struct bytes){0};
    memset(copy, 0, COLUMNS_SLACK);
    copy += COLUMNS_SLACK;
    memcpy(copy, b.data, b.len);
    memset(copy + b.len, 0, COLUMNS_SLACK);
    return bytes_of(copy, b.len);
}

static int begin_sink(struct columns *c, size_t text_len, struct buf *body,
                      struct columns_sink *sink, struct error *e)
{
    size_t cap = COLUMNS_BODY_MAX(text_len);
    size_t room = cap / COLUMNS_SINK_SECTION_MIN + 1;
    if (buf_reserve(body, cap + COLUMNS_SLACK, e) < 0)
        return -1;
    if (room > c->end_room) {
        size_t *ends = realloc(c->ends, room * sizeof *ends);
        if (!ends)
            return error_memory(e, "columns");
        c->ends = ends;
        c->end_room = room;
    }
    *sink = (struct columns_sink){.data = body->data, .cap = cap, .ends = c->ends};
    return 0;
}

static int split(struct columns *c, struct bytes text, struct columns_sink *sink,
                 struct error *e)
{
    struct columns_cut cut = {
        .ends =
            columns_memory_take(&c->memory, COLUMNS_CUT_ENDS(text.len) * sizeof *cut.ends, e)};
    text = with_slack(c, text, e);
    if (!cut.ends || !text.data)
        return -1;
    if (!columns_cut(text, &cut))
        return COLUMNS_UNFIT;
    if (columns_write(text.data, &cut, &c->memory, sink, e) < 0)
        return -1;
    return sink->full ? COLUMNS_UNFIT : 0;
}

int columns_split(struct columns *c, struct bytes text, struct buf *body, struct error *e)
{
    struct columns_sink sink;
    body->len = 0;
    c->end_count = 0;
    if (text.len == 0 || text.len > COLUMNS_TEXT_MAX)
        return COLUMNS_UNFIT;
    if (begin_sink(c, text.len, body, &sink, e) < 0)
        return -1;
    columns_memory_back(&c->memory, NULL);
    int rc = split(c, text, &sink, e);
    if (rc == 0) {
        body->len = sink.len;
        c->end_count = sink.end_count;
    }
    return rc;
}

const size_t *columns_ends(const struct columns *c, size_t *count)
{
    *count = c->end_count;
    return c->ends;
}

int columns_join(struct columns *c, struct bytes body, uint8_t *out, size_t text_len,
                 struct error *e)
{
    if (body.len == 0 || text_len == 0 || text_len > COLUMNS_TEXT_MAX ||
        body.len > COLUMNS_BODY_MAX(text_len))
        return error_set(e, ERROR_CORRUPT,
                         "typed columns: a body of %zu bytes for %zu bytes of text", body.len,
                         text_len);
    columns_memory_back(&c->memory, NULL);
    body = with_slack(c, body, e);
    return body.data ? columns_read(body, &c->memory, out, text_len, e) : -1;
}
