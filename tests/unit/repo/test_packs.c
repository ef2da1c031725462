/* SPDX-License-Identifier: Apache-2.0 */
/* Content is found under whichever name it lies. */
#include "tests/support/check.h"

#include "core/base/digest.h"
#include "core/repo/packs.h"
#include "tests/support/store_memory.h"
#include "tests/support/store_spy.h"

static struct store *store;
static struct store_spy spy;

static int setup(void **state)
{
    struct error e = {0};
    (void)state;
    store = store_memory_new(&e);
    store_spy_init(&spy, store);
    return store ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    store_spy_done(&spy);
    store_close(store);
    return 0;
}

/* An object that holds text, or says so. */
static struct ref_object object_of(const char *text, uint8_t suffix)
{
    struct error e = {0};
    struct ref_object o = {.size = (uint32_t)strlen(text)};
    assert_done(digest_sha256(bytes_text(text), o.sha256, &e), &e);
    memset(o.suffix, suffix, sizeof o.suffix);
    return o;
}

static void put_as(const struct ref_object *o, const char *text)
{
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    ref_pack_name(name, o);
    assert_done(store_put(store, name, bytes_text(text), &e), &e);
}

static size_t calls(const char *what)
{
    size_t n = 0;
    const char *at = (const char *)spy.log.data;
    while (at && (at = strstr(at, what))) {
        at++;
        n++;
    }
    return n;
}

static void the_name_of_the_closure_costs_no_listing(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    struct ref_object found;
    struct ref_object o = object_of("one", 1);
    put_as(&o, "one");
    struct packs *p = packs_new(&spy.proxy.base, &e);
    assert_done(packs_load(p, &o, &b, &found, &e), &e);
    assert_memory_equal(b.data, "one", 3);
    assert_int_equal(calls("list "), 0);
    assert_memory_equal(&found, &o, sizeof o);
    packs_free(p);
    buf_done(&b);
}

static void another_name_is_found_by_one_listing_for_all(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    struct ref_object found;
    struct ref_object wanted = object_of("one", 1);
    struct ref_object there = object_of("one", 2);
    put_as(&there, "one");
    struct packs *p = packs_new(&spy.proxy.base, &e);
    for (int i = 0; i < 3; i++) {
        assert_done(packs_load(p, &wanted, &b, &found, &e), &e);
        assert_memory_equal(&found, &there, sizeof there);
    }
    assert_int_equal(calls("list "), 1);
    assert_int_equal(calls("get "), 4); /* the name of the closure once, in vain */
    packs_free(p);
    buf_done(&b);
}

static void what_came_after_the_listing_is_found(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    struct ref_object found;
    struct ref_object wanted = object_of("one", 1);
    struct ref_object later = object_of("one", 3);
    struct packs *p = packs_new(&spy.proxy.base, &e);
    assert_done(packs_list(p, &e), &e);
    assert_false(packs_listed(p, &wanted));
    assert_refused(packs_load(p, &wanted, &b, &found, &e), &e, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "is missing"));
    put_as(&later, "one");
    assert_done(packs_load(p, &wanted, &b, &found, &e), &e);
    assert_true(packs_listed(p, &wanted));
    packs_free(p);
    buf_done(&b);
}

/* Longer, shorter, other bytes: told by the name that was looked at first, and passed over
 * where another one is right. */
static void what_is_damaged_is_passed_over(void **state)
{
    (void)state;
    static const char *const bad[] = {"one more", "on", "two", ""};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error e = {0};
        struct buf b = {0};
        struct ref_object found;
        struct ref_object o = object_of("one", 1);
        struct ref_object right = object_of("one", 9);
        char name[FORMAT_NAME_MAX];
        ref_pack_name(name, &o);
        put_as(&o, bad[i]);
        struct packs *p = packs_new(store, &e);
        assert_refused(packs_load(p, &o, &b, &found, &e), &e, ERROR_CORRUPT);
        assert_non_null(strstr(e.text, name));
        assert_memory_equal(found.suffix, o.suffix, sizeof o.suffix);
        put_as(&right, "one");
        assert_done(packs_load(p, &o, &b, &found, &e), &e);
        assert_memory_equal(b.data, "one", 3);
        assert_memory_equal(found.suffix, right.suffix, sizeof right.suffix);
        packs_free(p);
        buf_done(&b);
        assert_int_equal(teardown(NULL), 0);
        assert_int_equal(setup(NULL), 0);
    }
}

/* As in a replica: the name of the closure is not there at all. */
static void the_damaged_name_that_was_found_is_told(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    struct ref_object found;
    struct ref_object wanted = object_of("one", 1);
    struct ref_object there = object_of("one", 7);
    put_as(&there, "two");
    struct packs *p = packs_new(store, &e);
    assert_refused(packs_load(p, &wanted, &b, &found, &e), &e, ERROR_CORRUPT);
    assert_memory_equal(found.suffix, there.suffix, sizeof there.suffix);
    assert_int_equal(found.size, 3);
    packs_free(p);
    buf_done(&b);
}

static void a_name_of_another_size_is_told(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    struct ref_object found;
    char name[FORMAT_NAME_MAX];
    struct ref_object wanted = object_of("one", 1);
    struct ref_object there = object_of("one", 7);
    ref_pack_name(name, &there);
    put_as(&there, "on");
    struct packs *p = packs_new(store, &e);
    assert_refused(packs_load(p, &wanted, &b, &found, &e), &e, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, name));
    assert_non_null(strstr(e.text, "has 2 bytes, expected 3"));
    assert_memory_equal(found.suffix, there.suffix, sizeof there.suffix);
    packs_free(p);
    buf_done(&b);
}

static void only_this_content_is_taken_among_many(void **state)
{
    (void)state;
    struct error e = {0};
    char text[8];
    struct packs *p = packs_new(store, &e);
    for (int i = 0; i < 2000; i += 2) {
        (void)snprintf(text, sizeof text, "%d", i);
        struct ref_object o = object_of(text, (uint8_t)i);
        put_as(&o, text);
    }
    assert_done(packs_list(p, &e), &e);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        struct ref_object o = object_of(text, 1);
        assert_int_equal(packs_listed(p, &o), i % 2 == 0);
        o.size++;
        assert_false(packs_listed(p, &o));
    }
    packs_free(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_name_of_the_closure_costs_no_listing),
        TEST(another_name_is_found_by_one_listing_for_all),
        TEST(what_came_after_the_listing_is_found),
        TEST(what_is_damaged_is_passed_over),
        TEST(the_damaged_name_that_was_found_is_told),
        TEST(a_name_of_another_size_is_told),
        TEST(only_this_content_is_taken_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
