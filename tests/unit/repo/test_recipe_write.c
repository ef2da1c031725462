/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of recipes, as docs/FORMAT.md 6.1 says them. */
#include "tests/support/check.h"

#include "core/repo/recipe.h"
#include "core/repo/tlv.h"
#include "tests/support/made_recipe.h"

static void add_chunk(struct recipe *r, uint32_t number, enum format_kind kind, uint32_t rows)
{
    struct error e = {0};
    struct ref ref = made_recipe_ref(number, kind, 100);
    assert_done(recipe_add_chunk(r, &ref, rows, &e), &e);
}

static void add(struct recipe *r, uint32_t n, uint32_t chunk, uint32_t first)
{
    struct error e = {0};
    const struct recipe_source s = {chunk, first};
    assert_done(recipe_add_extent(r, n, 0, &s, &e), &e);
}

static struct buf written(const struct recipe *r)
{
    struct error e = {0};
    struct buf b = {0};
    assert_done(recipe_write(r, &b, &e), &e);
    return b;
}

/* The value of a tag; data is NULL when it is not there. */
static struct bytes value_of(const struct buf *b, uint64_t tag)
{
    struct tlv_reader r = tlv_reader_of(buf_view(b));
    struct tlv t;
    while (tlv_next(&r, &t))
        if (t.tag == tag)
            return t.value;
    return (struct bytes){0};
}

static void check_value(const struct buf *b, uint64_t tag, const char *wanted, size_t len)
{
    struct bytes value = value_of(b, tag);
    assert_int_equal(value.len, len);
    assert_memory_equal(value.data, wanted, len);
}

#define assert_value(b, tag, text) check_value(b, tag, text, sizeof(text) - 1)

static void chunks_stand_in_the_order_of_first_use(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_ROWS};
    add_chunk(&r, 0, FORMAT_KIND_ROWS, 10);
    add_chunk(&r, 1, FORMAT_KIND_ROWS, 99); /* nobody uses it */
    add_chunk(&r, 2, FORMAT_KIND_BYTES, 1);
    add_chunk(&r, 3, FORMAT_KIND_BYTES, 0);
    add_chunk(&r, 4, FORMAT_KIND_BYTES, 1); /* nor this */
    add_chunk(&r, 5, FORMAT_KIND_BYTES, 0);
    add_chunk(&r, 6, FORMAT_KIND_ROWS, 5);
    add(&r, 2, 6, 0);
    add(&r, 1, 2, 0);
    add(&r, 3, 0, 3);
    add(&r, 3, 6, 2);
    add(&r, 3, 0, 0);
    r.bytes = 300;
    struct buf b = written(&r);
    assert_value(&b, 1, "\1");
    assert_value(&b, 2, "\14\254\2");
    assert_value(&b, 5, "\5\5\0\0\0\3\2\5\0\0\6\0\13\5\2\1\3\3\3\0");
    assert_null(value_of(&b, 6).data);
    assert_null(value_of(&b, 8).data);
    recipe_done(&r);
    assert_done(recipe_read(buf_view(&b), &r, &e), &e);
    static const uint32_t order[] = {6, 2, 3, 0};
    assert_int_equal(r.count, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(r.chunks[i].ref.record, order[i]);
    struct buf again = written(&r);
    assert_true(bytes_equal(buf_view(&b), buf_view(&again)));
    recipe_done(&r);
    buf_done(&b);
    buf_done(&again);
}

static void a_directory_is_as_the_format_says(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_BYTES};
    struct ref ref = {.record = 3, .offset = 300, .stored = 100, .plain = 200, .codec = 1};
    ref.kind = FORMAT_KIND_BYTES;
    memset(ref.chunk_id, 7, sizeof ref.chunk_id);
    memset(ref.pack_id, 8, sizeof ref.pack_id);
    assert_done(recipe_add_chunk(&r, &ref, 0, &e), &e);
    memset(ref.pack_id, 9, sizeof ref.pack_id);
    assert_done(recipe_add_chunk(&r, &ref, 0, &e), &e);
    memset(ref.pack_id, 8, sizeof ref.pack_id);
    assert_done(recipe_add_chunk(&r, &ref, 0, &e), &e);
    struct buf b = written(&r);
    assert_value(&b, 1, "\2");
    assert_value(&b, 2, "\0\330\4");
    assert_value(&b, 3,
                 "\10\10\10\10\10\10\10\10\10\10\10\10\10\10\10\10"
                 "\11\11\11\11\11\11\11\11\11\11\11\11\11\11\11\11");
#define ID "\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7"
#define REST "\3\254\2\144\310\1\1\2\0"
    assert_value(&b, 4, ID "\0" REST ID "\1" REST ID "\0" REST);
    assert_null(value_of(&b, 5).data);
    recipe_done(&r);
    buf_done(&b);
}

static void what_was_named_long_ago_is_named_by_number(void **state)
{
    (void)state;
    struct recipe r = {.kind = FORMAT_STREAM_ROWS};
    for (uint32_t i = 0; i < 66; i++) {
        add_chunk(&r, i, FORMAT_KIND_ROWS, 10);
        add(&r, 1, i, 0);
    }
    add(&r, 1, 2, 1);
    add(&r, 1, 0, 1);
    add(&r, 1, 1, 1);
    add(&r, 1, 65, 1);
    add(&r, 1, 65, 5);
    struct buf b = written(&r);
    struct bytes segments = value_of(&b, 5);
    assert_true(segments.len > 73);
    /* n, the length of the column, 66 zeros */
    struct cursor c = cursor_of(segments);
    assert_int_equal(cursor_u8(&c), 71);
    assert_int_equal(cursor_u8(&c), 71);
    (void)cursor_bytes(&c, 66);
    assert_true(bytes_equal(cursor_bytes(&c, 5), bytes_of("\100\101\102\4\1", 5)));
    recipe_done(&r);
    buf_done(&b);
}

static void projections_that_are_used_get_new_numbers(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_ROWS};
    static const struct recipe_column columns[] = {{0, 1}, {1, 0}, {0, 300}};
    uint32_t p;
    add_chunk(&r, 0, FORMAT_KIND_ROWS, 10);
    add_chunk(&r, 1, FORMAT_KIND_ROWS, 10);
    assert_done(recipe_add_projection(&r, 1, columns, 1, &p, &e), &e);
    assert_done(recipe_add_projection(&r, 2, columns, 3, &p, &e), &e);
    add(&r, 1, 0, 0);
    struct recipe_source s[] = {{0, 1}, {1, 0}};
    assert_done(recipe_add_extent(&r, 2, 2, s, &e), &e);
    s[0].first = 8;
    assert_done(recipe_add_extent(&r, 2, 2, s, &e), &e);
    struct buf b = written(&r);
    assert_value(&b, 5, "\3\5\0\1\0\2\2\5\0\0\0\12\3\3\1\2\2\4\1\0\2\1");
    assert_value(&b, 8, "\2\3\0\1\1\0\0\254\2");
    recipe_done(&r);
    buf_done(&b);
}

static void operations_are_as_the_format_says(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_ROWS, .has_base = true, .bytes = 77};
    static const struct recipe_op ops[] = {{0, 0, 1}, {10, 5, 2}, {15, 1, 1}, {3, 2, 0}};
    static const struct recipe_column columns[] = {{0, 1}, {1, 0}};
    struct buf base = {0};
    uint32_t p;
    r.base = made_recipe_ref(9, FORMAT_KIND_RECIPE, 500);
    assert_done(ref_write(&base, &r.base, &e), &e);
    add_chunk(&r, 1, FORMAT_KIND_ROWS, 4);
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        assert_done(recipe_add_op(&r, &ops[i], &e), &e);
    struct buf b = written(&r);
    assert_value(&b, 2, "\14\115");
    assert_true(bytes_equal(value_of(&b, 6), buf_view(&base)));
    assert_value(&b, 7, "\4\4\0\24\0\31\4\0\5\1\2\4\1\2\1\0");
    assert_null(value_of(&b, 5).data);
    assert_null(value_of(&b, 8).data);
    assert_null(value_of(&b, 9).data);
    buf_done(&b);
    struct ref added = made_recipe_ref(200, FORMAT_KIND_ROWS, 100);
    assert_done(recipe_add_projection(&r, 2, columns, 2, &p, &e), &e);
    assert_done(recipe_add_added(&r, &added, 8, &e), &e);
    b = written(&r);
    assert_value(&b, 8, "\2\2\0\1\1\0");
    /* Both directories have their packs in tag 3. */
    assert_int_equal(value_of(&b, 3).len, 2 * FORMAT_ID_LEN);
    assert_memory_equal(value_of(&b, 9).data, added.chunk_id, FORMAT_HASH_LEN);
    struct recipe back = {0};
    assert_done(recipe_read(buf_view(&b), &back, &e), &e);
    assert_true(made_recipe_same(&r, &back));
    recipe_done(&back);
    recipe_done(&r);
    buf_done(&b);
    buf_done(&base);
}

/* The same rows after reading back, and the same bytes when that is written again. */
static void check_there_and_back(const struct recipe *r)
{
    struct error e = {0};
    struct recipe back = {0};
    struct buf b = written(r);
    assert_done(recipe_read(buf_view(&b), &back, &e), &e);
    assert_true(made_recipe_sound(&back));
    struct buf again = written(&back);
    assert_true(bytes_equal(buf_view(&b), buf_view(&again)));
    buf_done(&b);
    buf_done(&again);
    assert_int_equal(back.rows, r->rows);
    if (r->has_base || r->kind == FORMAT_STREAM_BYTES) {
        assert_true(made_recipe_same(r, &back));
    } else {
        struct made_recipe_row *wanted = made_recipe_rows(r);
        struct made_recipe_row *found = made_recipe_rows(&back);
        assert_true(made_recipe_rows_equal(wanted, found, r->rows));
        made_recipe_rows_free(wanted, r->rows);
        made_recipe_rows_free(found, r->rows);
    }
    recipe_done(&back);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct error e = {0};
        struct made_recipe m = {.seed = seed, .width = 5};
        struct recipe base = {0};
        struct recipe ops = {0};
        struct recipe out = {0};
        made_recipe_full(&m, &base, 1 + 3 * (uint32_t)seed);
        check_there_and_back(&base);
        made_recipe_ops(&m, &ops, &base);
        check_there_and_back(&ops);
        assert_done(recipe_resolve(&base, &ops, &out, &e), &e);
        check_there_and_back(&out);
        recipe_done(&base);
        recipe_done(&ops);
        recipe_done(&out);
    }
}

static void a_recipe_of_nothing_comes_back(void **state)
{
    (void)state;
    struct recipe r = {.kind = FORMAT_STREAM_ROWS};
    check_there_and_back(&r);
    r.has_base = true;
    r.base = made_recipe_ref(9, FORMAT_KIND_RECIPE, 500);
    check_there_and_back(&r);
    r = (struct recipe){.kind = FORMAT_STREAM_BYTES};
    check_there_and_back(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_stand_in_the_order_of_first_use),
        cmocka_unit_test(a_directory_is_as_the_format_says),
        cmocka_unit_test(what_was_named_long_ago_is_named_by_number),
        cmocka_unit_test(projections_that_are_used_get_new_numbers),
        cmocka_unit_test(operations_are_as_the_format_says),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_recipe_of_nothing_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
