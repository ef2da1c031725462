/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/repo/stream.h"
#include "core/repo/tlv.h"

static struct ref recipe_ref(uint8_t i)
{
    struct ref r = {
        .record = i, .stored = 5, .plain = 9, .codec = 1, .kind = FORMAT_KIND_RECIPE};
    memset(r.chunk_id, i, sizeof r.chunk_id);
    return r;
}

/* Parts with 0, 1, 2, … recipes. */
static struct stream made(uint8_t parts)
{
    struct error e = {0};
    struct stream s = {.kind = FORMAT_STREAM_ROWS};
    for (uint8_t i = 0; i < parts; i++) {
        struct stream_part *p = stream_add_part(&s, &e);
        assert_non_null(p);
        p->rows = 100U * i;
        p->bytes = UINT64_C(1) << (i * 8);
        memset(p->digest, i, sizeof p->digest);
        for (uint8_t k = 0; k < i; k++) {
            struct ref ref = recipe_ref(k);
            assert_done(stream_add_recipe(p, &ref, &e), &e);
        }
    }
    return s;
}

static struct buf written(uint8_t parts)
{
    struct error e = {0};
    struct buf b = {0};
    struct stream s = made(parts);
    assert_done(stream_write(&s, &b, &e), &e);
    stream_done(&s);
    return b;
}

static int read(struct bytes raw, struct error *e)
{
    struct stream s = {0};
    int rc = stream_read(raw, &s, e);
    stream_done(&s);
    return rc;
}

/* By what is written of them: the struct has padding. */
static void assert_same_ref(const struct ref *a, const struct ref *b)
{
    struct error e = {0};
    struct buf both = {0};
    assert_done(ref_write(&both, a, &e), &e);
    assert_done(ref_write(&both, b, &e), &e);
    assert_memory_equal(both.data, both.data + REF_LEN, REF_LEN);
    buf_done(&both);
}

static void streams_come_back(void **state)
{
    (void)state;
    for (uint8_t parts = 0; parts < 6; parts++) {
        struct error e = {0};
        struct stream s = {0};
        struct stream wanted = made(parts);
        struct buf b = written(parts);
        assert_done(stream_read(buf_view(&b), &s, &e), &e);
        assert_int_equal(s.kind, FORMAT_STREAM_ROWS);
        assert_int_equal(s.part_count, parts);
        assert_true(stream_rows(&s) == stream_rows(&wanted));
        assert_true(stream_bytes(&s) == stream_bytes(&wanted));
        for (uint8_t i = 0; i < parts; i++) {
            assert_int_equal(s.parts[i].rows, 100U * i);
            assert_memory_equal(s.parts[i].digest, wanted.parts[i].digest, FORMAT_HASH_LEN);
            assert_int_equal(s.parts[i].recipe_count, i);
            for (uint8_t k = 0; k < i; k++)
                assert_same_ref(&s.parts[i].recipes[k], &wanted.parts[i].recipes[k]);
        }
        stream_done(&wanted);
        stream_done(&s);
        buf_done(&b);
    }
}

static void cuts_are_refused_or_lose_whole_parts(void **state)
{
    (void)state;
    struct buf b = written(4);
    size_t accepted = 0;
    for (size_t len = 0; len < b.len; len++) {
        struct error e = {0};
        struct buf cut = {0};
        assert_int_equal(buf_append(&cut, b.data, len, &e), 0);
        int rc = read(buf_view(&cut), &e);
        assert_true(rc == 0 || e.kind == ERROR_CORRUPT);
        accepted += rc == 0;
        buf_done(&cut);
    }
    assert_int_equal(accepted, 4); /* behind the kind and behind each part but the last */
    buf_done(&b);
}

static void flips_are_read_without_harm(void **state)
{
    (void)state;
    struct buf b = written(3);
    size_t refused = 0;
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        struct error e = {0};
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused += read(buf_view(&b), &e) < 0;
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(refused > 100);
    buf_done(&b);
}

static void what_is_no_stream_is_refused(void **state)
{
    static const struct {
        const char *raw;
        size_t len;
    } cases[] = {
        {"", 0},                        /* no kind */
        {"\1\1\0", 3},                  /* kind 0 */
        {"\1\1\3", 3},                  /* kind 3 */
        {"\1\1\1\1\1\1", 6},            /* two kinds */
        {"\1\1\1\2\3\1\2\0", 8},        /* rows in two bytes of which one is too many */
        {"\1\1\1\2\6\1\1\0\1\1\0", 11}, /* rows twice */
        {"\1\1\1\2\2\4\0", 7},          /* a recipe of no bytes */
        {"\1\1\1\2\3\3\1\0", 8},        /* a digest of one byte */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error e = {0};
        assert_refused(read(bytes_of(cases[i].raw, cases[i].len), &e), &e, ERROR_CORRUPT);
    }
}

static void only_recipes_are_recipes(void **state)
{
    (void)state;
    for (uint8_t kind = 0; kind < 6; kind++) {
        struct error e = {0};
        struct stream s = made(1);
        struct buf b = {0};
        struct ref ref = recipe_ref(1);
        ref.kind = kind;
        assert_done(stream_add_recipe(&s.parts[0], &ref, &e), &e);
        assert_done(stream_write(&s, &b, &e), &e);
        assert_int_equal(read(buf_view(&b), &e), kind == FORMAT_KIND_RECIPE ? 0 : -1);
        stream_done(&s);
        buf_done(&b);
    }
}

static void unknown_tags_are_skipped(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = written(2);
    assert_done(tlv_text(&b, 9, "new", &e), &e);
    assert_done(tlv_text(&b, 9, "new", &e), &e);
    assert_done(tlv_put(&b, 2, bytes_of("\77\0\1\1\7", 5), &e), &e);
    struct stream s = {0};
    assert_done(stream_read(buf_view(&b), &s, &e), &e);
    assert_int_equal(s.part_count, 3);
    assert_int_equal(s.parts[2].rows, 7);
    stream_done(&s);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_come_back),
        cmocka_unit_test(cuts_are_refused_or_lose_whole_parts),
        cmocka_unit_test(flips_are_read_without_harm),
        cmocka_unit_test(what_is_no_stream_is_refused),
        cmocka_unit_test(only_recipes_are_recipes),
        cmocka_unit_test(unknown_tags_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
