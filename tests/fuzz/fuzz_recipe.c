/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: recipes and what operations come to, stream values, items of the entry table. The
 * first byte chooses. */
#include <stdlib.h>

#include "core/repo/entry.h"
#include "core/repo/recipe.h"
#include "tests/support/made_recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sources by the chunks that they mean: their places may differ. */
static void compare(const struct recipe *a, const struct recipe *b)
{
    if (a->rows != b->rows || a->bytes != b->bytes || a->extent_count != b->extent_count ||
        a->source_count != b->source_count || a->op_count != b->op_count)
        abort();
    for (uint32_t i = 0; i < a->source_count; i++)
        if (a->sources[i].first != b->sources[i].first ||
            memcmp(a->chunks[a->sources[i].chunk].ref.chunk_id,
                   b->chunks[b->sources[i].chunk].ref.chunk_id, FORMAT_HASH_LEN) != 0)
            abort();
    if (a->has_base && !made_recipe_same(a, b))
        abort();
}

/* Against some base of a few hundred rows: it may fit. */
static void check_resolved(const struct recipe *r)
{
    struct error e = {0};
    struct made_recipe m = {.seed = 3, .width = 5};
    struct recipe base = {0};
    struct recipe out = {0};
    made_recipe_full(&m, &base, 40);
    if (recipe_resolve(&base, r, &out, &e) < 0) {
        if (e.kind != ERROR_CORRUPT && e.kind != ERROR_UNSUPPORTED)
            abort();
    } else if (out.rows != r->rows || !made_recipe_sound(&out)) {
        abort();
    }
    recipe_done(&base);
    recipe_done(&out);
}

static void check_recipe(struct bytes raw)
{
    struct error e = {0};
    struct recipe r = {0};
    struct recipe again = {0};
    struct buf b = {0};
    struct buf second = {0};
    if (recipe_read(raw, &r, &e) == 0) {
        if (!made_recipe_sound(&r) || recipe_write(&r, &b, &e) < 0 ||
            recipe_read(buf_view(&b), &again, &e) < 0 || recipe_write(&again, &second, &e) < 0)
            abort();
        compare(&r, &again);
        if (!bytes_equal(buf_view(&b), buf_view(&second)))
            abort();
        if (r.has_base)
            check_resolved(&r);
    } else if (e.kind == ERROR_NONE) {
        abort();
    }
    recipe_done(&r);
    recipe_done(&again);
    buf_done(&b);
    buf_done(&second);
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
