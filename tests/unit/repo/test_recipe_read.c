/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes that nobody should believe. */
#include "tests/support/check.h"

#include "core/repo/recipe.h"
#include "core/repo/tlv.h"
#include "tests/support/made_recipe.h"

static int read_kind(struct bytes raw, enum error_kind *kind)
{
    struct error e = {0};
    struct recipe r = {0};
    int rc = recipe_read(raw, &r, &e);
    if (rc == 0)
        assert_true(made_recipe_sound(&r));
    *kind = e.kind;
    recipe_done(&r);
    return rc;
}

/* One of each: of bytes, full, resolved from a chain, with a base and added columns. */
#define FORMS 4
static struct buf form(uint64_t seed, int which)
{
    struct error e = {0};
    struct made_recipe m = {.seed = seed, .width = 5};
    struct recipe base = {0};
    struct recipe r = {0};
    struct recipe out = {0};
    struct buf b = {0};
    made_recipe_full(&m, &base, 8);
    do
        made_recipe_ops(&m, &r, &base);
    while (r.projection_count == 0 || r.projections[0].sources == 1 || r.count == r.added);
    assert_done(recipe_resolve(&base, &r, &out, &e), &e);
    if (which == 0) {
        recipe_clear(&base, FORMAT_STREAM_BYTES);
        for (uint32_t i = 0; i < 5; i++) {
            struct ref ref =
                made_recipe_ref(i, i % 2 ? FORMAT_KIND_BYTES : FORMAT_KIND_META, 9);
            assert_done(recipe_add_chunk(&base, &ref, 0, &e), &e);
        }
    }
    assert_done(recipe_write(which < 2 ? &base : which == 2 ? &out : &r, &b, &e), &e);
    recipe_done(&base);
    recipe_done(&r);
    recipe_done(&out);
    return b;
}

static void a_cut_is_refused_or_another_sound_recipe(void **state)
{
    (void)state;
    size_t sound = 0;
    for (uint64_t seed = 1; seed <= 5; seed++)
        for (int which = 0; which < FORMS; which++) {
            struct buf b = form(seed, which);
            for (size_t len = 0; len < b.len; len++) {
                struct error e = {0};
                enum error_kind kind;
                /* Exactly as long as it is, so that a read beyond it is found. */
                struct buf cut = {0};
                assert_done(buf_append(&cut, b.data, len, &e), &e);
                if (read_kind(buf_view(&cut), &kind) == 0)
                    sound++;
                else
                    assert_int_equal(kind, ERROR_CORRUPT);
                buf_done(&cut);
            }
            buf_done(&b);
        }
    /* Only whole tags may be missed: the projection and its added directory, together. */
    assert_true(sound <= 5);
}

/* No authentication here: a flip may give another sound recipe, but never a wild one. */
static void flipped_bits_never_lead_outside(void **state)
{
    (void)state;
    size_t sound = 0;
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (int which = 0; which < FORMS; which++) {
            struct buf b = form(seed, which);
            for (size_t bit = 0; bit < 8 * b.len; bit++) {
                enum error_kind kind;
                b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                if (read_kind(buf_view(&b), &kind) == 0)
                    sound++;
                else
                    assert_true(kind == ERROR_CORRUPT || kind == ERROR_UNSUPPORTED);
                b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            }
            buf_done(&b);
        }
    assert_true(sound > 1000); /* flips within ids */
}

/* A recipe's tags, as texts of \ escapes with their lengths. */
struct text {
    const char *data;
    size_t len;
};
#define T(s)                                                                                   \
    {                                                                                          \
        s, sizeof(s) - 1                                                                       \
    }
#define NONE                                                                                   \
    {                                                                                          \
        NULL, 0                                                                                \
    }

/* Directory entries without ids: kind and rows. */
struct entry {
    uint8_t kind;
    uint8_t rows;
};

static void put_directory(struct buf *b, uint64_t tag, const struct entry *entries)
{
    struct error e = {0};
    struct buf directory = {0};
    static const uint8_t id[FORMAT_HASH_LEN] = {1};
    for (; entries->kind > 0; entries++) {
        assert_done(buf_append(&directory, id, sizeof id, &e), &e);
        assert_done(buf_append(&directory, "\0\0\0\144\144\0", 6, &e), &e);
        assert_done(buf_byte(&directory, entries->kind, &e), &e);
        assert_done(buf_byte(&directory, entries->rows, &e), &e);
    }
    assert_done(tlv_put(b, tag, buf_view(&directory), &e), &e);
    buf_done(&directory);
}

static void put_text(struct buf *b, uint64_t tag, struct text text)
{
    struct error e = {0};
    if (text.data)
        assert_done(tlv_put(b, tag, bytes_of(text.data, text.len), &e), &e);
}

static void check(size_t i, const struct buf *b, enum error_kind wanted)
{
    enum error_kind kind;
    int rc = read_kind(buf_view(b), &kind);
    if (kind != wanted || rc != (wanted == ERROR_NONE ? 0 : -1))
        fail_msg("case %zu: %d, kind %d, not %d", i, rc, (int)kind, (int)wanted);
}

static struct buf begun(uint64_t kind, struct text counts)
{
    struct error e = {0};
    struct buf b = {0};
    static const uint8_t pack[FORMAT_ID_LEN] = {0};
    assert_done(tlv_uint(&b, 1, kind, &e), &e);
    put_text(&b, 2, counts);
    assert_done(tlv_put(&b, 3, bytes_of(pack, sizeof pack), &e), &e);
    return b;
}

static void chunks_must_be_what_their_recipe_is_of(void **state)
{
    static const struct {
        uint64_t kind;
        struct text counts;
        struct entry entries[4];
        enum error_kind wanted;
    } cases[] = {
        {2, T("\0\310\1"), {{2, 0}, {4, 0}}, ERROR_NONE},
        {2, T("\0\310\1"), {{2, 0}, {1, 0}}, ERROR_CORRUPT},
        {2, T("\0\310\1"), {{2, 0}, {3, 0}}, ERROR_CORRUPT},
        {2, T("\0\310\1"), {{2, 0}, {4, 1}}, ERROR_CORRUPT},
        {2, T("\0\311\1"), {{2, 0}, {4, 0}}, ERROR_CORRUPT},
        {2, T("\1\310\1"), {{2, 0}, {4, 0}}, ERROR_CORRUPT},
        {1, T("\0\0"), {{1, 10}}, ERROR_NONE},
        {1, T("\0\0"), {{1, 100}}, ERROR_NONE},
        {1, T("\0\0"), {{1, 101}}, ERROR_CORRUPT},
        {1, T("\0\0"), {{1, 0}}, ERROR_CORRUPT},
        {1, T("\0\0"), {{2, 1}, {2, 0}, {2, 0}}, ERROR_NONE},
        {1, T("\0\0"), {{2, 1}, {2, 1}, {2, 0}}, ERROR_NONE},
        {1, T("\0\0"), {{2, 2}}, ERROR_CORRUPT},
        {1, T("\0\0"), {{2, 0}}, ERROR_CORRUPT},
        {1, T("\0\0"), {{1, 1}, {2, 0}}, ERROR_CORRUPT},
        {1, T("\0\0"), {{4, 1}}, ERROR_CORRUPT},
        {1, T("\0\0\0"), {{1, 10}}, ERROR_CORRUPT},
        {1, T("\0"), {{1, 10}}, ERROR_CORRUPT},
        {3, T("\0\0"), {{1, 10}}, ERROR_CORRUPT},
        {0, T("\0\0"), {{1, 10}}, ERROR_CORRUPT},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf b = begun(cases[i].kind, cases[i].counts);
        put_directory(&b, 4, cases[i].entries);
        if (cases[i].kind != 2)
            put_text(&b, 5, (struct text)T("\0\0\0\0\0"));
        check(i, &b, cases[i].wanted);
        buf_done(&b);
    }
}

/* Directory: 10 rows, a long row of two chunks, 5 rows. */
static void extents_must_fit_their_chunks(void **state)
{
#define MANY "\200\200\200\200\20" /* 2^32 */
    static const struct {
        struct text counts, segments, projections;
        enum error_kind wanted;
    } cases[] = {
        {T("\12\0"), T("\1\1\0\1\0\1\12\0"), NONE, ERROR_NONE},
        {T("\0\0"), T("\0\0\0\0\0"), NONE, ERROR_NONE},
        {T("\3\0"), T("\1\1\0\1\16\1\3\0"), NONE, ERROR_NONE},    /* rows 7 to 9 */
        {T("\4\0"), T("\1\1\0\1\16\1\4\0"), NONE, ERROR_CORRUPT}, /* row 10 of 10 */
        {T("\1\0"), T("\1\1\0\1\1\1\1\0"), NONE, ERROR_CORRUPT},  /* row -1 */
        {T("\1\0"), T("\1\1\0\5" MANY "\1\1\0"), NONE, ERROR_CORRUPT},
        {T("\0\0"), T("\1\1\0\1\0\1\0\0"), NONE, ERROR_CORRUPT}, /* no row */
        {T("\13\0"), T("\1\1\0\1\0\1\12\0"), NONE, ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\101\1\0\1\12\0"), NONE, ERROR_NONE},    /* chunk 0 by number */
        {T("\5\0"), T("\1\1\104\1\0\1\5\0"), NONE, ERROR_NONE},      /* chunk 3 */
        {T("\5\0"), T("\1\1\105\1\0\1\5\0"), NONE, ERROR_CORRUPT},   /* chunk 4 of 4 */
        {T("\1\0"), T("\1\1\102\1\0\1\1\0"), NONE, ERROR_NONE},      /* the long row */
        {T("\1\0"), T("\1\1\103\1\0\1\1\0"), NONE, ERROR_CORRUPT},   /* what goes on with it */
        {T("\2\0"), T("\1\1\102\1\0\1\2\0"), NONE, ERROR_CORRUPT},   /* two rows of one */
        {T("\1\0"), T("\1\1\102\1\2\1\1\0"), NONE, ERROR_CORRUPT},   /* from row 1 */
        {T("\12\0"), T("\1\1\1\1\0\1\12\0"), NONE, ERROR_CORRUPT},   /* none was named yet */
        {T("\12\0"), T("\1\1\100\1\0\1\12\0"), NONE, ERROR_CORRUPT}, /* nor 64 */
        {T("\12\0"), T("\1\5" MANY "\1\0\1\12\0"), NONE, ERROR_CORRUPT},
        {T("\14\0"), T("\3\3\0\0\0\3\0\0\0\3\12\1\1\0"), NONE, ERROR_NONE},
        {T("\15\0"), T("\4\4\0\0\0\0\4\0\0\0\0\4\12\1\1\1\0"), NONE, ERROR_CORRUPT},
        /* chunk 0 by number: the next one is the long row then */
        {T("\13\0"), T("\2\2\101\0\2\0\0\2\12\1\0"), NONE, ERROR_NONE},
        {T("\14\0"), T("\2\2\101\0\2\0\0\2\12\2\0"), NONE, ERROR_CORRUPT},
        /* columns that are too long, or too short */
        {T("\12\0"), T("\1\2\0\0\1\0\1\12\0"), NONE, ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\0\2\0\0\1\12\0"), NONE, ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\0\1\0\2\12\0\0"), NONE, ERROR_CORRUPT},
        {T("\12\0"), T("\2\1\0\1\0\1\12\0"), NONE, ERROR_CORRUPT},
        {T("\12\0"), T("\2\1\0\1\0\2\5\5\0"), NONE, ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\0\1\0\1\12\0\0"), NONE, ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\0\1\0\1\12"), NONE, ERROR_CORRUPT},
        {T("\12\0"), NONE, NONE, ERROR_CORRUPT},
        /* projections */
        {T("\5\0"), T("\1\2\101\104\2\0\0\1\5\2\1\1"), T("\2\1\1\0"), ERROR_NONE},
        {T("\6\0"), T("\1\2\101\104\2\0\0\1\6\2\1\1"), T("\2\1\1\0"), ERROR_CORRUPT},
        {T("\5\0"), T("\1\1\101\1\0\1\5\2\1\1"), T("\2\1\1\0"), ERROR_CORRUPT},
        {T("\5\0"), T("\1\2\101\104\2\0\0\1\5\2\1\2"), T("\2\1\1\0"), ERROR_CORRUPT},
        {T("\5\0"), T("\1\2\101\104\2\0\0\1\5\2\2\1"), T("\2\1\1\0"), ERROR_CORRUPT},
        {T("\5\0"), T("\1\2\101\104\2\0\0\1\5\2\0\1"), T("\2\1\1\0"), ERROR_CORRUPT},
        {T("\5\0"), T("\1\2\101\104\2\0\0\1\5\4\0\1\1\1"), T("\2\1\1\0"), ERROR_CORRUPT},
        {T("\5\0"), T("\1\2\101\104\2\0\0\1\5\4\1\1\1\1"), T("\2\1\1\0"), ERROR_CORRUPT},
        {T("\5\0"), T("\1\1\0\1\0\1\5\2\1\0"), NONE, ERROR_NONE},
        {T("\12\0"), T("\1\1\0\1\0\1\12\0"), T("\1\1\0\0"), ERROR_NONE},
        {T("\12\0"), T("\1\1\0\1\0\1\12\0"), T("\1\1\1\0"), ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\0\1\0\1\12\0"), T("\0\1\0\0"), ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\0\1\0\1\12\0"), T("\1\0"), ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\0\1\0\1\12\0"), T("\101\1\0\0"), ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\0\1\0\1\12\0"), T("\1\1\0\177"), ERROR_NONE},
        {T("\12\0"), T("\1\1\0\1\0\1\12\0"), T("\1\1\0\200\15"), ERROR_CORRUPT}, /* 1664 */
        {T("\12\0"), T("\1\1\0\1\0\1\12\0"), T("\1\1\0\0\1\1\0\0"), ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\0\1\0\1\12\0"), T("\1\1\0\0\1"), ERROR_CORRUPT},
    };
    static const struct entry entries[] = {{1, 10}, {2, 1}, {2, 0}, {1, 5}, {0, 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf b = begun(1, cases[i].counts);
        put_directory(&b, 4, entries);
        put_text(&b, 5, cases[i].segments);
        put_text(&b, 8, cases[i].projections);
        check(i, &b, cases[i].wanted);
        buf_done(&b);
    }
}

static void put_base(struct buf *b)
{
    struct error e = {0};
    struct buf base = {0};
    struct ref ref = made_recipe_ref(1, FORMAT_KIND_RECIPE, 100);
    assert_done(ref_write(&base, &ref, &e), &e);
    assert_done(tlv_put(b, 6, buf_view(&base), &e), &e);
    buf_done(&base);
}

/* Directory: 3 rows and a long row; added: 5 rows. */
static void operations_must_fit_their_directories(void **state)
{
#define MOST "\377\377\377\377\17" /* 2^32 - 1 */
    static const struct {
        struct text counts, ops, projections;
        uint8_t added; /* rows; 0: no tag */
        enum error_kind wanted;
    } cases[] = {
        {T("\11\0"), T("\1\1\0\1\5\1\4"), NONE, 0, ERROR_NONE},
        {T("\11\0"), T("\1\1\0\1\5\1\4"), T("\1\1\0\3"), 0, ERROR_NONE},
        {T("\11\0"), T("\1\1\0\1\5\1\4"), T("\2\1\0\3"), 5, ERROR_NONE},
        {T("\4\0"), T("\1\1\0\1\0\1\4"), T("\2\1\0\3"), 0, ERROR_NONE},
        {T("\11\0"), T("\1\1\0\1\5\1\4"), T("\2\1\0\3"), 0, ERROR_CORRUPT},
        {T("\11\0"), T("\1\1\0\1\5\1\4"), T("\2\1\0\3"), 4, ERROR_CORRUPT},
        {T("\11\0"), T("\1\1\0\1\5\1\4"), T("\2\1\0\3"), 6, ERROR_CORRUPT},
        {T("\11\0"), T("\1\1\0\1\5\1\4"), T("\1\1\0\3"), 5, ERROR_CORRUPT},
        {T("\11\0"), T("\1\1\0\1\5\1\4"), NONE, 5, ERROR_CORRUPT},
        {T("\11\0"), T("\1\1\0\1\5\1\4"), T("\3\1\0\3"), 5, ERROR_CORRUPT},
        {T("\11\0"), T("\1\1\0\1\5\1\4"), T(""), 0, ERROR_CORRUPT},
        {T("\11\0"), T("\1\1\0\1\5\1\4"), T("\1\1\0\3\1\1\0\4"), 0, ERROR_CORRUPT},
        {T("\10\0"), T("\1\1\0\1\5\1\4"), NONE, 0, ERROR_CORRUPT},
        {T("\10\0"), T("\1\1\0\1\5\1\3"), NONE, 0, ERROR_CORRUPT},
        {T("\12\0"), T("\1\1\0\1\5\1\5"), NONE, 0, ERROR_CORRUPT},
        {T("\4\0"), T("\2\2\0\0\2\0\0\2\4\0"), NONE, 0, ERROR_CORRUPT}, /* does nothing */
        {T("\4\0"), T("\1\1\2\1\0\1\4"), NONE, 0, ERROR_CORRUPT},       /* from without copy */
        {T("\11\0"), T("\1\1\1\1\5\1\4"), NONE, 0, ERROR_CORRUPT},      /* row -1 */
        {T("\12\0"), T("\2\2\0\13\2\5\1\2\4\0"), NONE, 0, ERROR_CORRUPT},       /* 5, then -1 */
        {T("\12\0"), T("\2\2\0\11\2\5\1\2\4\0"), NONE, 0, ERROR_NONE},          /* 5, then 0 */
        {T("\5\0"), T("\1\5\374\377\377\377\37\1\1\1\4"), NONE, 0, ERROR_NONE}, /* 2^32 - 2 */
        {T("\5\0"), T("\1\5\376\377\377\377\37\1\1\1\4"), NONE, 0, ERROR_CORRUPT},
        {T("\4\0"), T("\1\1\0\5" MOST "\1\4"), NONE, 0, ERROR_UNSUPPORTED},
        {T("\4\0"), T("\1\1\0\5" MANY "\1\4"), NONE, 0, ERROR_CORRUPT},
        {T("\11\0"), T("\1\1\0\1\5\1\4\0"), NONE, 0, ERROR_CORRUPT},
        {T("\11\0"), T("\1\2\0\0\1\5\1\4"), NONE, 0, ERROR_CORRUPT},
        {T("\11\0"), T("\1\1\0\2\5\0\1\4"), NONE, 0, ERROR_CORRUPT},
        {T("\11\0"), T("\1\1\0\1\5\2\4\0"), NONE, 0, ERROR_CORRUPT},
        {T("\11\0"), T("\2\1\0\1\5\1\4"), NONE, 0, ERROR_CORRUPT},
        {T("\4\0"), T("\0\0\0\0"), NONE, 0, ERROR_CORRUPT},
        {T("\11\0"), NONE, NONE, 0, ERROR_CORRUPT},
    };
    static const struct entry entries[] = {{1, 3}, {2, 1}, {2, 0}, {0, 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct entry added[] = {{1, cases[i].added}, {0, 0}};
        struct buf b = begun(1, cases[i].counts);
        put_directory(&b, 4, entries);
        put_base(&b);
        put_text(&b, 7, cases[i].ops);
        put_text(&b, 8, cases[i].projections);
        if (cases[i].added > 0)
            put_directory(&b, 9, added);
        check(i, &b, cases[i].wanted);
        buf_done(&b);
    }
}

static void the_added_directory_has_chunks_of_rows_only(void **state)
{
    static const struct entry own[] = {{2, 1}, {0, 0}};
    static const struct entry added[][3] = {{{1, 5}}, {{1, 4}, {2, 1}}, {{2, 0}, {1, 5}}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(added); i++) {
        struct buf b = begun(1, (struct text)T("\6\0"));
        put_directory(&b, 4, own);
        put_base(&b);
        put_text(&b, 7, (struct text)T("\1\1\0\1\5\1\1"));
        put_text(&b, 8, (struct text)T("\2\1\0\3"));
        put_directory(&b, 9, added[i]);
        check(i, &b, i == 0 ? ERROR_NONE : ERROR_CORRUPT);
        buf_done(&b);
    }
}

static void forms_are_not_mixed(void **state)
{
    static const struct entry none[] = {{0, 0}};
    /* Bits: tag 5, 6, 7, 8, 9. */
    static const bool sound[3][32] = {
        [2][0] = true,           /* bytes: none of them */
        [1][0x01] = true,        /* full */
        [1][0x02 | 0x04] = true, /* with a base */
    };
    (void)state;
    for (uint64_t kind = 1; kind <= 2; kind++)
        for (unsigned tags = 0; tags < 32; tags++) {
            struct buf b = begun(kind, (struct text)T("\0\0"));
            put_directory(&b, 4, none);
            if (tags & 1)
                put_text(&b, 5, (struct text)T("\0\0\0\0\0"));
            if (tags & 2)
                put_base(&b);
            if (tags & 4)
                put_text(&b, 7, (struct text)T("\0\0\0\0"));
            if (tags & 8)
                put_text(&b, 8, (struct text)T("\2\1\0\0"));
            if (tags & 16)
                put_directory(&b, 9, none);
            bool projected = kind == 1 && (tags == 9 || (tags & 15) == 14);
            check(tags, &b, sound[kind][tags] || projected ? ERROR_NONE : ERROR_CORRUPT);
            buf_done(&b);
        }
}

static void a_base_is_a_recipe(void **state)
{
    (void)state;
    for (int kind = FORMAT_KIND_ROWS; kind <= FORMAT_KIND_META; kind++) {
        struct error e = {0};
        struct buf base = {0};
        struct buf b = begun(1, (struct text)T("\0\0"));
        struct ref ref = made_recipe_ref(1, (enum format_kind)kind, 100);
        assert_done(ref_write(&base, &ref, &e), &e);
        assert_done(tlv_put(&b, 6, buf_view(&base), &e), &e);
        put_text(&b, 7, (struct text)T("\0\0\0\0"));
        check((size_t)kind, &b, kind == FORMAT_KIND_RECIPE ? ERROR_NONE : ERROR_CORRUPT);
        buf_done(&base);
        buf_done(&b);
    }
}

static void unknown_tags_are_skipped_and_doubled_ones_refused(void **state)
{
    (void)state;
    for (int which = 0; which < FORMS; which++) {
        struct error e = {0};
        enum error_kind kind;
        struct buf b = form(1, which);
        size_t len = b.len;
        assert_done(tlv_text(&b, 63, "new", &e), &e);
        assert_done(tlv_text(&b, 63, "new", &e), &e);
        assert_done(tlv_text(&b, 6000, "new", &e), &e);
        assert_int_equal(read_kind(buf_view(&b), &kind), 0);
        for (uint64_t tag = 1; tag <= 9; tag++) {
            b.len = len;
            assert_done(tlv_put(&b, tag, (struct bytes){0}, &e), &e);
            /* With a projection tag 8 is there; a full recipe without one may have it empty. */
            if (read_kind(buf_view(&b), &kind) == 0)
                assert_true(tag == 8 && which == 1);
            else
                assert_int_equal(kind, ERROR_CORRUPT);
        }
        buf_done(&b);
    }
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct error e = {0};
    struct recipe r = {.kind = FORMAT_STREAM_ROWS};
    struct buf b = {0};
    struct buf columns = {0};
    enum error_kind kind;
    struct ref ref = made_recipe_ref(1, FORMAT_KIND_ROWS, 10);
    const struct recipe_source s = {0, 3};
    assert_done(recipe_add_chunk(&r, &ref, 10, &e), &e);
    for (size_t i = 0; i < RECIPE_MAX_EXTENTS; i++)
        assert_done(recipe_add_extent(&r, 1, 0, &s, &e), &e);
    assert_done(recipe_write(&r, &b, &e), &e);
    assert_int_equal(read_kind(buf_view(&b), &kind), 0);
    buf_done(&b);
    recipe_done(&r);
    /* One more than that, and none of them in the directory. */
    b = begun(1, (struct text)T("\0\0"));
    assert_done(buf_varint(&columns, RECIPE_MAX_EXTENTS + 1, &e), &e);
    for (int i = 0; i < 3; i++) {
        assert_done(buf_varint(&columns, RECIPE_MAX_EXTENTS + 1, &e), &e);
        for (size_t k = 0; k <= RECIPE_MAX_EXTENTS; k++)
            assert_done(buf_byte(&columns, 1, &e), &e);
    }
    assert_done(buf_byte(&columns, 0, &e), &e);
    assert_done(tlv_put(&b, 5, buf_view(&columns), &e), &e);
    assert_int_equal(read_kind(buf_view(&b), &kind), -1);
    assert_int_equal(kind, ERROR_UNSUPPORTED);
    buf_done(&b);
    buf_done(&columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_is_refused_or_another_sound_recipe),
        cmocka_unit_test(flipped_bits_never_lead_outside),
        cmocka_unit_test(chunks_must_be_what_their_recipe_is_of),
        cmocka_unit_test(extents_must_fit_their_chunks),
        cmocka_unit_test(operations_must_fit_their_directories),
        cmocka_unit_test(the_added_directory_has_chunks_of_rows_only),
        cmocka_unit_test(forms_are_not_mixed),
        cmocka_unit_test(a_base_is_a_recipe),
        cmocka_unit_test(unknown_tags_are_skipped_and_doubled_ones_refused),
        cmocka_unit_test(limits_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
