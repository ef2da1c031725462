/* SPDX-License-Identifier: Apache-2.0 */
/* What core/repo/store.h promises of objects, asked of every store. */
#include "tests/support/store_world.h"

static void put_text(struct store *s, const char *name, const char *text)
{
    struct error e = {0};
    assert_done(store_put(s, name, bytes_text(text), &e), &e);
}

static void assert_holds(struct store *s, const char *name, struct bytes content)
{
    struct error e = {0};
    struct buf b = {0};
    assert_done(store_get(s, name, 0, STORE_ALL, &b, &e), &e);
    assert_true(bytes_equal(buf_view(&b), content));
    buf_done(&b);
}

static void assert_absent(struct store *s, const char *name)
{
    struct error e = {0};
    struct buf b = {0};
    assert_int_equal(buf_append(&b, "old", 3, &e), 0);
    assert_int_equal(store_get(s, name, 0, STORE_ALL, &b, &e), STORE_ABSENT);
    assert_int_equal(b.len, 0);
    buf_done(&b);
}

static void what_was_put_is_there_whole(void **state)
{
    static const size_t sizes[] = {
        0,     1,      2,           4095,    4096,        32767,        32768,
        32769, 100001, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 3 * MIB + 17,
    };
    struct store_world *w = *state;
    struct error e = {0};
    struct buf b = {0};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char name[FILENAME_MAX];
        (void)snprintf(name, sizeof name, "packs/0%zu/abc-%zu", i, i);
        b.len = 0;
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(buf_byte(&b, (uint8_t)(at * 7 + at / 251), &e), 0);
        assert_done(store_put(w->store, name, buf_view(&b), &e), &e);
        assert_holds(w->store, name, buf_view(&b));
    }
    buf_done(&b);
}

static void any_bytes_come_back(void **state)
{
    static const char *const words[] = {
        "<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "0\r\n\r\n",
        "\r\n.\r\n",
        "\n",
        "\x1a",
        "\xef\xbb\xbf\xff\xfe",
    };
    struct store_world *w = *state;
    struct error e = {0};
    uint8_t all[3 * 256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)(i < 256 ? 0 : i);
    assert_done(store_put(w->store, "packs/00/all", bytes_of(all, sizeof all), &e), &e);
    assert_holds(w->store, "packs/00/all", bytes_of(all, sizeof all));
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        char name[FILENAME_MAX];
        (void)snprintf(name, sizeof name, "packs/01/%zu", i);
        put_text(w->store, name, words[i]);
        assert_holds(w->store, name, bytes_text(words[i]));
    }
}

static void a_taken_name_keeps_its_content(void **state)
{
    struct store_world *w = *state;
    struct error e = {0};
    static const char *const names[] = {"config", "hosts/ab", "packs/ab/cd"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        put_text(w->store, names[i], "first");
        assert_int_equal(store_put(w->store, names[i], bytes_text("second"), &e), STORE_EXISTS);
        assert_int_equal(store_put(w->store, names[i], (struct bytes){0}, &e), STORE_EXISTS);
        assert_holds(w->store, names[i], bytes_text("first"));
    }
    assert_done(store_put(w->store, "replica", (struct bytes){0}, &e), &e);
    assert_int_equal(store_put(w->store, "replica", bytes_text("x"), &e), STORE_EXISTS);
    assert_holds(w->store, "replica", (struct bytes){0});
}

static void ranges_end_where_the_object_ends(void **state)
{
    static const struct {
        uint64_t offset;
        size_t len;
        const char *want;
    } cases[] = {
        {0, 3, "012"},
        {0, 10, "0123456789"},
        {0, 11, "0123456789"},
        {4, 2, "45"},
        {4, 0, ""},
        {12, 0, ""},
        {9, 1, "9"},
        {9, 1000, "9"},
        {10, 1, ""},
        {10, STORE_ALL, ""},
        {11, 5, ""},
        {3, STORE_ALL, "3456789"},
        {UINT64_C(1) << 32, 5, ""},
        {INT64_MAX, 5, ""},
        {INT64_MAX, STORE_ALL, ""},
        {UINT64_MAX, 1, ""},
        {UINT64_MAX, 5, ""},
        {UINT64_MAX, STORE_ALL, ""},
        {0, STORE_ALL - 1, "0123456789"},
        {5, STORE_ALL - 1, "56789"},
    };
    struct store_world *w = *state;
    struct buf b = {0};
    put_text(w->store, "packs/aa/bb", "0123456789");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error e = {0};
        assert_done(store_get(w->store, "packs/aa/bb", cases[i].offset, cases[i].len, &b, &e),
                    &e);
        assert_true(bytes_equal(buf_view(&b), bytes_text(cases[i].want)));
    }
    buf_done(&b);
}

static struct bytes slice(struct bytes all, uint64_t offset, size_t len)
{
    size_t from = offset < all.len ? (size_t)offset : all.len;
    size_t rest = all.len - from;
    return bytes_of(all.data + from, len < rest ? len : rest);
}

static void ranges_hold_at_every_border(void **state)
{
    static const uint64_t offsets[] = {0,     1,     16383, 16384, 32767, 32768,
                                       65535, 70000, 70001, 70002, 70003, 1 << 20};
    static const size_t lens[] = {0, 1, 2, 4096, 16384, 32768, 32769, 70002, 70003, STORE_ALL};
    struct store_world *w = *state;
    struct buf all = {0};
    struct buf part = {0};
    struct error e = {0};
    for (size_t at = 0; at < 70002; at++)
        assert_int_equal(buf_byte(&all, (uint8_t)(at * 13 + at / 256), &e), 0);
    assert_done(store_put(w->store, "packs/ab/cd", buf_view(&all), &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
        for (size_t k = 0; k < ARRAY_SIZE(lens); k++) {
            struct bytes want = slice(buf_view(&all), offsets[i], lens[k]);
            assert_done(store_get(w->store, "packs/ab/cd", offsets[i], lens[k], &part, &e), &e);
            if (!bytes_equal(buf_view(&part), want))
                fail_msg("offset %llu, %zu bytes: expected %zu, found %zu or others",
                         (unsigned long long)offsets[i], lens[k], want.len, part.len);
        }
    buf_done(&all);
    buf_done(&part);
}

static void ranges_of_nothing_are_empty(void **state)
{
    static const uint64_t offsets[] = {0, 1, 1 << 20, UINT64_MAX};
    static const size_t lens[] = {0, 1, 1000, STORE_ALL};
    struct store_world *w = *state;
    struct error e = {0};
    struct buf b = {0};
    put_text(w->store, "replica", "");
    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
        for (size_t k = 0; k < ARRAY_SIZE(lens); k++) {
            assert_int_equal(buf_append(&b, "old", 3, &e), 0);
            assert_done(store_get(w->store, "replica", offsets[i], lens[k], &b, &e), &e);
            assert_int_equal(b.len, 0);
            assert_int_equal(store_get(w->store, "config", offsets[i], lens[k], &b, &e),
                             STORE_ABSENT);
        }
    buf_done(&b);
}

static void what_is_absent_is_an_answer(void **state)
{
    struct store_world *w = *state;
    struct error e = {0};
    assert_absent(w->store, "config");
    assert_absent(w->store, "packs/ab/cdef");
    assert_done(store_remove(w->store, "config", &e), &e);
    assert_done(store_remove(w->store, "packs/ab/cdef", &e), &e);
    put_text(w->store, "packs/ab/cd", "x");
    assert_absent(w->store, "packs/ab/c");
    assert_absent(w->store, "packs/ab/cd/e");
    assert_absent(w->store, "packs/ab/cde");
    assert_done(store_remove(w->store, "packs/ab/cd/e", &e), &e);
    assert_holds(w->store, "packs/ab/cd", bytes_text("x"));
}

static void what_was_removed_is_gone_and_its_name_free(void **state)
{
    struct store_world *w = *state;
    struct error e = {0};
    put_text(w->store, "sessions/ab-cd", "one");
    put_text(w->store, "sessions/ab-ce", "two");
    assert_done(store_remove(w->store, "sessions/ab-cd", &e), &e);
    assert_absent(w->store, "sessions/ab-cd");
    assert_done(store_remove(w->store, "sessions/ab-cd", &e), &e);
    assert_holds(w->store, "sessions/ab-ce", bytes_text("two"));
    put_text(w->store, "sessions/ab-cd", "three");
    assert_holds(w->store, "sessions/ab-cd", bytes_text("three"));
    assert_done(store_sync(w->store, &e), &e);
}

static void what_was_put_is_seen_from_elsewhere(void **state)
{
    struct store_world *w = *state;
    struct error e = {0};
    struct store *other = store_world_again(w, "");
    if (!other)
        return;
    assert_absent(other, "packs/ab/cd");
    put_text(w->store, "packs/ab/cd", "here");
    assert_holds(other, "packs/ab/cd", bytes_text("here"));
    assert_int_equal(store_put(other, "packs/ab/cd", bytes_text("x"), &e), STORE_EXISTS);
    assert_done(store_remove(other, "packs/ab/cd", &e), &e);
    assert_absent(w->store, "packs/ab/cd");
    put_text(w->store, "packs/ab/cd", "again");
    assert_holds(other, "packs/ab/cd", bytes_text("again"));
    store_close(other);
}

static void what_it_says_of_itself_is_true(void **state)
{
    struct store_world *w = *state;
    assert_non_null(store_describe(w->store));
    store_world_check_caps(w);
    /* Also when the store was there before. */
    struct store *other = store_world_again(w, "");
    if (!other)
        return;
    put_text(other, "config", "x");
    assert_non_null(store_describe(other));
    store_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_there_whole),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(a_taken_name_keeps_its_content),
        cmocka_unit_test(ranges_end_where_the_object_ends),
        cmocka_unit_test(ranges_hold_at_every_border),
        cmocka_unit_test(ranges_of_nothing_are_empty),
        cmocka_unit_test(what_is_absent_is_an_answer),
        cmocka_unit_test(what_was_removed_is_gone_and_its_name_free),
        cmocka_unit_test(what_was_put_is_seen_from_elsewhere),
        cmocka_unit_test(what_it_says_of_itself_is_true),
    };
    return store_world_run(tests, ARRAY_SIZE(tests));
}
