/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/base/str.h"
#include "core/repo/entry.h"
#include "core/repo/tlv.h"

static struct entry made(bool large_objects)
{
    struct error e = {0};
    struct entry n = {.place = ENTRY_OWN_PLACE, .rule = FORMAT_PIECES_FIXED, .rule_n = 65536};
    n.name = str_copy(large_objects ? "BLOBS" : "orders", &e);
    n.desc = str_copy(large_objects ? "BLOBS" : "TABLE DATA", &e);
    n.oid = str_copy("16384", &e);
    n.payload.kind = large_objects ? FORMAT_STREAM_BYTES : FORMAT_STREAM_ROWS;
    assert_non_null(stream_add_part(&n.payload, &e));
    n.payload.parts[0].rows = n.rows = 1234;
    memset(n.sum, 0xfe, sizeof n.sum);
    if (large_objects) {
        n.uncounted = true;
        n.rule = FORMAT_PIECES_LIST;
        n.rule_n = 0;
        n.place = 77;
        n.objects.kind = FORMAT_STREAM_BYTES;
        assert_non_null(stream_add_part(&n.objects, &e));
    } else {
        n.schema = str_copy("public", &e);
        n.root_schema = str_copy("app", &e);
        n.root_name = str_copy("all_orders", &e);
    }
    return n;
}

static struct buf written(bool large_objects)
{
    struct error e = {0};
    struct buf b = {0};
    struct entry n = made(large_objects);
    assert_done(entry_write(&n, &b, &e), &e);
    entry_done(&n);
    return b;
}

static int read(struct bytes raw, struct error *e)
{
    struct cursor c = cursor_of(raw);
    struct entry n = {0};
    int rc = entry_read(&c, &n, e);
    entry_done(&n);
    return rc;
}

/* An item of the given fields, its length in front. */
static struct buf item_of(struct bytes fields)
{
    struct buf b = {0};
    assert_int_equal(buf_varint(&b, fields.len, NULL), 0);
    assert_int_equal(buf_append(&b, fields.data, fields.len, NULL), 0);
    return b;
}

static void entries_come_back_one_after_another(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = written(false);
    struct buf second = written(true);
    struct entry n = {0};
    assert_int_equal(buf_append(&b, second.data, second.len, &e), 0);
    struct cursor c = cursor_of(buf_view(&b));
    assert_done(entry_read(&c, &n, &e), &e);
    assert_string_equal(n.schema, "public");
    assert_string_equal(n.name, "orders");
    assert_string_equal(n.desc, "TABLE DATA");
    assert_string_equal(n.oid, "16384");
    assert_int_equal(n.place, ENTRY_OWN_PLACE);
    assert_int_equal(n.rule, FORMAT_PIECES_FIXED);
    assert_int_equal(n.rule_n, 65536);
    assert_int_equal(n.rows, 1234);
    assert_int_equal(n.sum[15], 0xfe);
    assert_int_equal(n.payload.kind, FORMAT_STREAM_ROWS);
    assert_int_equal(n.pieces.kind, 0);
    assert_string_equal(n.root_schema, "app");
    assert_string_equal(n.root_name, "all_orders");
    assert_false(n.uncounted);
    entry_done(&n);
    assert_done(entry_read(&c, &n, &e), &e);
    assert_null(n.schema);
    assert_int_equal(n.place, 77);
    assert_true(n.uncounted && n.rows == 0);
    assert_null(n.root_name);
    assert_int_equal(n.objects.kind, FORMAT_STREAM_BYTES);
    assert_true(cursor_ended(&c));
    entry_done(&n);
    buf_done(&b);
    buf_done(&second);
}

static void an_unchanged_entry_gives_the_same_bytes(void **state)
{
    (void)state;
    struct buf a = written(true);
    struct buf b = written(true);
    assert_true(bytes_equal(buf_view(&a), buf_view(&b)));
    buf_done(&a);
    buf_done(&b);
}

static void every_cut_and_flip_is_read_without_harm(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct buf b = written(i);
        for (size_t len = 0; len < b.len; len++) {
            struct error e = {0};
            struct buf cut = {0};
            assert_int_equal(buf_append(&cut, b.data, len, &e), 0);
            assert_refused(read(buf_view(&cut), &e), &e, ERROR_CORRUPT);
            buf_done(&cut);
        }
        for (size_t bit = 0; bit < 8 * b.len; bit++) {
            struct error e = {0};
            b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            int rc = read(buf_view(&b), &e);
            assert_true(rc == 0 || e.kind == ERROR_CORRUPT);
            b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        buf_done(&b);
    }
}

static void what_an_item_needs_is_asked_for(void **state)
{
    /* name, desc, payload, rule, each left out in turn */
    static const struct {
        uint64_t tag;
        const char *value;
        size_t len;
    } fields[] = {{2, "t", 1}, {3, "TABLE DATA", 10}, {6, "\1\1\1", 3}, {7, "\1\0", 2}};
    (void)state;
    for (size_t without = 0; without <= ARRAY_SIZE(fields); without++) {
        struct error e = {0};
        struct buf f = {0};
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
            if (i != without)
                assert_done(
                    tlv_put(&f, fields[i].tag, bytes_of(fields[i].value, fields[i].len), &e),
                    &e);
        struct buf b = item_of(buf_view(&f));
        assert_int_equal(read(buf_view(&b), &e), without == ARRAY_SIZE(fields) ? 0 : -1);
        buf_done(&b);
        buf_done(&f);
    }
}

static void rules_and_texts_are_checked(void **state)
{
    static const struct {
        uint64_t tag;
        const char *value;
        size_t len;
        bool good;
    } fields[] = {
        {7, "\1\0", 2, true},
        {7, "\1\1", 2, false},
        {7, "\2\0", 2, false},
        {7, "\2\1", 2, true},
        {7, "\0\0", 2, false},
        {7, "\4\0", 2, false},
        {7, "\3\0", 2, false}, /* a list that is not there */
        {7, "\1", 1, false},
        {7, "\1\0\0", 3, false},
        {7, "\2\377\377\377\377\7", 6, true},   /* 2^31 - 1 */
        {7, "\2\200\200\200\200\10", 6, false}, /* 2^31 */
        {7, "\201\2\0", 3, false},              /* rule 257 */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        struct error e = {0};
        struct buf f = {0};
        assert_done(tlv_text(&f, 2, "t", &e), &e);
        assert_done(tlv_text(&f, 3, "d", &e), &e);
        assert_done(tlv_put(&f, 6, bytes_of("\1\1\2", 3), &e), &e);
        assert_done(tlv_put(&f, fields[i].tag, bytes_of(fields[i].value, fields[i].len), &e),
                    &e);
        struct buf b = item_of(buf_view(&f));
        if (read(buf_view(&b), &e) != (fields[i].good ? 0 : -1))
            fail_msg("case %zu: %s", i, e.text);
        buf_done(&b);
        /* A text with a NUL inside is none. */
        assert_done(tlv_put(&f, 1, bytes_of("a\0b", 3), &e), &e);
        b = item_of(buf_view(&f));
        assert_refused(read(buf_view(&b), &e), &e, ERROR_CORRUPT);
        buf_done(&b);
        buf_done(&f);
    }
}

static size_t doubled_tags(bool large_objects)
{
    struct buf once = written(large_objects);
    struct cursor c = cursor_of(buf_view(&once));
    struct error e = {0};
    uint64_t len = cursor_varint(&c);
    struct tlv_reader r = tlv_reader_of(cursor_bytes(&c, (size_t)len));
    struct bytes body = bytes_of(once.data + once.len - len, (size_t)len);
    struct tlv t;
    size_t tags = 0;
    while (tlv_next(&r, &t)) {
        struct buf f = {0};
        assert_int_equal(buf_append(&f, body.data, body.len, &e), 0);
        assert_done(tlv_put(&f, t.tag, t.value, &e), &e);
        struct buf b = item_of(buf_view(&f));
        assert_refused(read(buf_view(&b), &e), &e, ERROR_CORRUPT);
        buf_done(&b);
        f.len = body.len;
        assert_done(tlv_put(&f, t.tag + 20, t.value, &e), &e); /* unknown: skipped */
        b = item_of(buf_view(&f));
        assert_done(read(buf_view(&b), &e), &e);
        buf_done(&b);
        buf_done(&f);
        tags++;
    }
    buf_done(&once);
    return tags;
}

static void every_doubled_tag_is_refused(void **state)
{
    (void)state;
    assert_int_equal(doubled_tags(false), 9);
    assert_int_equal(doubled_tags(true), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back_one_after_another),
        cmocka_unit_test(an_unchanged_entry_gives_the_same_bytes),
        cmocka_unit_test(every_cut_and_flip_is_read_without_harm),
        cmocka_unit_test(what_an_item_needs_is_asked_for),
        cmocka_unit_test(rules_and_texts_are_checked),
        cmocka_unit_test(every_doubled_tag_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
