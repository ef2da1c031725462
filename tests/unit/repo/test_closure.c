/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/repo/closure.h"

static struct closure_pack pack_of(unsigned i, unsigned owner)
{
    struct closure_pack p = {.object = {.size = 1000 + i}};
    buf_store_u32(p.pack_id, i * 2654435761U);
    buf_store_u32(p.object.sha256, i);
    memset(p.object.suffix, (int)i, sizeof p.object.suffix);
    memset(p.owner, (int)owner, sizeof p.owner);
    return p;
}

static struct buf written(unsigned count, unsigned owners)
{
    struct error e = {0};
    struct closure c = {0};
    struct buf b = {0};
    for (unsigned i = 0; i < count; i++) {
        struct closure_pack p = pack_of(i, i % owners);
        assert_done(closure_add(&c, &p, &e), &e);
    }
    assert_done(closure_write(&c, &b, &e), &e);
    closure_done(&c);
    return b;
}

static int read(struct bytes raw, struct error *e)
{
    struct closure c = {0};
    int rc = closure_read(raw, &c, e);
    closure_done(&c);
    return rc;
}

static void a_closure_comes_back(void **state)
{
    static const unsigned counts[] = {0, 1, 2, 31, 32, 33, 1000};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        struct error e = {0};
        struct closure back = {0};
        unsigned owners = counts[i] < 7 ? counts[i] : 7;
        struct buf b = written(counts[i], 7);
        assert_int_equal(b.len, 8 + 16 * owners + 60 * counts[i]);
        assert_done(closure_read(buf_view(&b), &back, &e), &e);
        assert_int_equal(back.count, counts[i]);
        for (unsigned k = 0; k < counts[i]; k++) {
            struct closure_pack p = pack_of(k, k % 7);
            const struct closure_pack *found = closure_find(&back, p.pack_id);
            assert_non_null(found);
            assert_memory_equal(found, &p, sizeof p);
        }
        struct closure_pack other = pack_of(counts[i], 0);
        assert_null(closure_find(&back, other.pack_id));
        closure_done(&back);
        buf_done(&b);
    }
}

static void the_encoding_is_the_documented_one(void **state)
{
    (void)state;
    struct buf b = written(1, 1);
    assert_memory_equal(b.data, "\1\0\0\0", 4);        /* owners */
    assert_memory_equal(b.data + 20, "\1\0\0\0", 4);   /* packs */
    assert_memory_equal(b.data + 76, "\350\3\0\0", 4); /* size */
    assert_memory_equal(b.data + 80, "\0\0\0\0", 4);   /* owner */
    assert_int_equal(b.len, 84);
    buf_done(&b);
}

static void a_pack_is_listed_once(void **state)
{
    (void)state;
    struct error e = {0};
    struct closure c = {0};
    struct closure_pack p = pack_of(5, 1);
    assert_done(closure_add(&c, &p, &e), &e);
    p.object.size = 9;
    assert_done(closure_add(&c, &p, &e), &e);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.packs[0].object.size, 1005);
    closure_done(&c);
    /* Two rows of one pack id are no closure. */
    struct buf b = written(2, 1);
    memcpy(b.data + 8 + 16 + 60 + 36, b.data + 8 + 16 + 36, 16);
    assert_refused(read(buf_view(&b), &e), &e, ERROR_CORRUPT);
    buf_done(&b);
}

static void any_other_length_is_refused(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = written(5, 2);
    for (size_t len = 0; len < b.len; len++)
        assert_refused(read(bytes_of(b.data, len), &e), &e, ERROR_CORRUPT);
    assert_int_equal(buf_byte(&b, 0, &e), 0);
    assert_refused(read(buf_view(&b), &e), &e, ERROR_CORRUPT);
    buf_done(&b);
}

static void counts_that_are_not_there_take_no_memory(void **state)
{
    static const uint32_t counts[] = {1, 0x7fffffff, 0x80000000U, 0x10000000, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        struct error e = {0};
        uint8_t raw[8] = {0};
        buf_store_u32(raw, counts[i]);
        assert_refused(read(bytes_of(raw, sizeof raw), &e), &e, ERROR_CORRUPT);
        buf_store_u32(raw, 0);
        buf_store_u32(raw + 4, counts[i]);
        assert_refused(read(bytes_of(raw, sizeof raw), &e), &e, ERROR_CORRUPT);
    }
}

static void owners_and_sizes_are_checked(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = written(1, 1);
    b.data[80] = 1; /* owner 1 of 1 */
    assert_refused(read(buf_view(&b), &e), &e, ERROR_CORRUPT);
    b.data[80] = 0;
    buf_store_u32(b.data + 76, FORMAT_MAX_PACK + 1);
    assert_refused(read(buf_view(&b), &e), &e, ERROR_CORRUPT);
    buf_store_u32(b.data + 76, FORMAT_MAX_PACK);
    assert_done(read(buf_view(&b), &e), &e);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closure_comes_back),
        cmocka_unit_test(the_encoding_is_the_documented_one),
        cmocka_unit_test(a_pack_is_listed_once),
        cmocka_unit_test(any_other_length_is_refused),
        cmocka_unit_test(counts_that_are_not_there_take_no_memory),
        cmocka_unit_test(owners_and_sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
