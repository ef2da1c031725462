/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: recipes and their segments, stream values, items of the entry table. The first
 * byte chooses. */
#include <stdlib.h>

#include "core/repo/entry.h"
#include "core/repo/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walk it as job/stream_in does: everything it points at must be there. */
static void walk(const struct recipe *r)
{
    struct cursor c = cursor_of(buf_view(&r->segments));
    struct recipe_segment s;
    while (recipe_next(&c, &s)) {
        if (s.op == RECIPE_LONG_ROW) {
            struct cursor list = cursor_of(s.list);
            while (list.left.len > 0)
                if (cursor_varint(&list) >= r->count || list.bad)
                    abort();
            continue;
        }
        if (s.chunk >= r->count)
            abort();
        const struct recipe_chunk *chunk = &r->chunks[s.chunk];
        if (s.op == RECIPE_BYTES && s.first + s.bytes > chunk->ref.plain)
            abort();
        if (s.op == RECIPE_ROWS && s.first + s.rows > chunk->rows)
            abort();
    }
    if (c.bad)
        abort();
}

static void check_recipe(struct bytes raw)
{
    struct error e = {0};
    struct recipe r = {0};
    struct recipe again = {0};
    struct buf b = {0};
    if (recipe_read(raw, &r, &e) == 0) {
        walk(&r);
        if (recipe_write(&r, &b, &e) < 0 || recipe_read(buf_view(&b), &again, &e) < 0 ||
            again.count != r.count || again.rows != r.rows)
            abort();
    } else if (e.kind == ERROR_NONE) {
        abort();
    }
    recipe_done(&r);
    recipe_done(&again);
    buf_done(&b);
}

static void check_stream(struct bytes raw)
{
    struct error e = {0};
    struct stream s = {0};
    struct stream again = {0};
    struct buf b = {0};
    if (stream_read(raw, &s, &e) == 0 &&
        (stream_write(&s, &b, &e) < 0 || stream_read(buf_view(&b), &again, &e) < 0 ||
         again.part_count != s.part_count || stream_bytes(&again) != stream_bytes(&s)))
        abort();
    stream_done(&s);
    stream_done(&again);
    buf_done(&b);
}

static void check_entries(struct bytes raw)
{
    struct error e = {0};
    struct cursor c = cursor_of(raw);
    struct buf b = {0};
    int rc = 0;
    while (rc == 0 && c.left.len > 0) {
        struct entry n = {0};
        rc = entry_read(&c, &n, &e);
        b.len = 0;
        if (rc == 0) {
            struct entry again = {0};
            if (entry_write(&n, &b, &e) < 0)
                abort();
            struct cursor in = cursor_of(buf_view(&b));
            if (entry_read(&in, &again, &e) < 0 || strcmp(again.name, n.name) != 0 ||
                again.rule_n != n.rule_n)
                abort();
            entry_done(&again);
        }
        entry_done(&n);
    }
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes rest = bytes_of(data + 1, size - 1);
    if (data[0] % 3 == 0)
        check_recipe(rest);
    else if (data[0] % 3 == 1)
        check_stream(rest);
    else
        check_entries(rest);
    return 0;
}
