/* SPDX-License-Identifier: Apache-2.0 */
/* What core/repo/store.h promises, asked of every store. */
#include "tests/support/check.h"

#include <pthread.h>
#include <stdlib.h>

#include "backends/store_dir.h"
#include "tests/support/scratch.h"
#include "tests/support/store_memory.h"

#define THREADS 4
#define NAMES 60

struct world {
    struct store *store;
    char folder[SCRATCH_PATH]; /* empty for the store in memory */
};

static int setup_memory(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    *state = w;
    return 0;
}

static int setup_folder(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    scratch_make(w->folder);
    w->store = store_dir_open(w->folder, true, &e);
    assert_non_null(w->store);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    store_close(w->store);
    if (w->folder[0])
        scratch_remove(w->folder);
    free(w);
    return 0;
}

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
    static const size_t sizes[] = {0, 1, 2, 4095, 4096, 100001, 3 * MIB + 17};
    struct world *w = *state;
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

static void a_taken_name_keeps_its_content(void **state)
{
    struct world *w = *state;
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
        {9, 1, "9"},
        {9, 1000, "9"},
        {10, 1, ""},
        {10, STORE_ALL, ""},
        {11, 5, ""},
        {3, STORE_ALL, "3456789"},
        {UINT64_C(1) << 32, 5, ""},
        {INT64_MAX, 5, ""},
        {UINT64_MAX, 5, ""},
        {UINT64_MAX, STORE_ALL, ""},
        {0, STORE_ALL - 1, "0123456789"},
    };
    struct world *w = *state;
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

static void what_is_absent_is_an_answer(void **state)
{
    struct world *w = *state;
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
    struct world *w = *state;
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

/* ---- listings ---------------------------------------------------------------------- */

/* The names that a listing gave, joined in order of the alphabet. */
struct seen {
    char names[32][64];
    size_t count;
    uint64_t sizes;
};

static int note(void *arg, const struct store_item *item, struct error *e)
{
    struct seen *s = arg;
    (void)e;
    assert_true(s->count < ARRAY_SIZE(s->names));
    assert_true(item->modified_us > INT64_C(1000000000000000));
    (void)snprintf(s->names[s->count++], sizeof s->names[0], "%.63s", item->name);
    s->sizes += item->size;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void assert_listing(struct store *s, const char *prefix, const char *want)
{
    struct error e = {0};
    struct seen seen = {.count = 0};
    struct buf all = {0};
    assert_done(store_list(s, prefix, note, &seen, &e), &e);
    qsort(seen.names, seen.count, sizeof seen.names[0], by_name);
    for (size_t i = 0; i < seen.count; i++)
        assert_int_equal(buf_printf(&all, &e, "%s%s", i ? " " : "", seen.names[i]), 0);
    assert_int_equal(buf_byte(&all, 0, &e), 0);
    assert_string_equal(all.data, want);
    buf_done(&all);
}

static void listings_give_what_begins_with_the_prefix(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"config",      "hosts/aa-00", "hosts/ab-00",
                                        "packs/aa/aa", "packs/aa/ab", "packs/bb/bb"};
    assert_listing(w->store, "", "");
    assert_listing(w->store, "packs/", "");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        put_text(w->store, names[i], names[i]);
    assert_listing(w->store, "",
                   "config hosts/aa-00 hosts/ab-00 packs/aa/aa packs/aa/ab packs/bb/bb");
    assert_listing(w->store, "hosts/", "hosts/aa-00 hosts/ab-00");
    assert_listing(w->store, "packs/", "packs/aa/aa packs/aa/ab packs/bb/bb");
    assert_listing(w->store, "packs/aa/", "packs/aa/aa packs/aa/ab");
    assert_listing(w->store, "packs/aa/ab", "packs/aa/ab");
    assert_listing(w->store, "hosts/ab", "hosts/ab-00");
    assert_listing(w->store, "packs/cc/", "");
    assert_listing(w->store, "marks/", "");
    assert_listing(w->store, "conf", "config");
}

static void sizes_and_names_of_others_are_listed_too(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct seen seen = {.count = 0};
    put_text(w->store, "README.txt", "hello");
    put_text(w->store, "packs/aa/lost+found", "x");
    put_text(w->store, "packs/AA/UPPER CASE", "xy");
    put_text(w->store, "config", "");
    assert_listing(w->store, "", "README.txt config packs/AA/UPPER CASE packs/aa/lost+found");
    assert_done(store_list(w->store, "", note, &seen, &e), &e);
    assert_int_equal(seen.sizes, 8);
}

static int refuse(void *arg, const struct store_item *item, struct error *e)
{
    int *left = arg;
    (void)item;
    return --*left > 0 ? 0 : error_set(e, ERROR_UNSUPPORTED, "enough");
}

static void a_visitor_can_end_the_listing(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    int left = 2;
    put_text(w->store, "packs/aa/aa", "1");
    put_text(w->store, "packs/bb/aa", "2");
    put_text(w->store, "packs/cc/aa", "3");
    assert_refused(store_list(w->store, "packs/", refuse, &left, &e), &e, ERROR_UNSUPPORTED);
    assert_int_equal(left, 0);
}

static int take_away(void *arg, const struct store_item *item, struct error *e)
{
    struct store *s = arg;
    struct buf b = {0};
    assert_done(store_get(s, item->name, 0, STORE_ALL, &b, e), e);
    assert_int_equal(b.len, item->size);
    buf_done(&b);
    return store_remove(s, item->name, e);
}

static void a_visitor_may_use_the_store(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    for (int i = 0; i < NAMES; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "condemned/%02x", (unsigned)i);
        put_text(w->store, name, name);
    }
    assert_done(store_list(w->store, "condemned/", take_away, w->store, &e), &e);
    assert_listing(w->store, "", "");
    assert_non_null(store_describe(w->store));
}

/* ---- threads ----------------------------------------------------------------------- */

/* cmocka's checks are for the main thread: the others count what is wrong. */
struct hand {
    struct store *store;
    pthread_barrier_t *start;
    uint8_t number;
    int done, taken, wrong;
};

static void name_of(char out[64], unsigned i)
{
    (void)snprintf(out, 64, "packs/%02x/%08x", i % 8, i);
}

/* Each puts objects of its own. */
static void *put_many(void *arg)
{
    struct hand *h = arg;
    struct error e = {0};
    (void)pthread_barrier_wait(h->start);
    for (unsigned i = 0; i < NAMES; i++) {
        char name[64];
        name_of(name, h->number * 1000U + i);
        h->done += store_put(h->store, name, bytes_text(name), &e) == 0;
        h->wrong += i % 16 == 0 && store_sync(h->store, &e) != 0;
    }
    return NULL;
}

/* All put the same names, each its own number 1000 times. */
static void *put_same(void *arg)
{
    struct hand *h = arg;
    uint8_t content[1000];
    struct error e = {0};
    memset(content, h->number, sizeof content);
    for (unsigned i = 0; i < NAMES; i++) {
        char name[64];
        name_of(name, i);
        (void)pthread_barrier_wait(h->start);
        int rc = store_put(h->store, name, bytes_of(content, sizeof content), &e);
        h->done += rc == 0;
        h->taken += rc == STORE_EXISTS;
    }
    return NULL;
}

static void run_hands(struct hand hands[THREADS], struct store *s, void *(*run)(void *))
{
    pthread_barrier_t start;
    pthread_t threads[THREADS];
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (uint8_t i = 0; i < THREADS; i++) {
        hands[i] = (struct hand){.store = s, .start = &start, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &hands[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&start);
}

static void threads_put_without_losing_anything(void **state)
{
    struct world *w = *state;
    struct hand hands[THREADS];
    run_hands(hands, w->store, put_many);
    for (unsigned t = 0; t < THREADS; t++) {
        assert_int_equal(hands[t].done, NAMES);
        assert_int_equal(hands[t].wrong, 0);
        for (unsigned i = 0; i < NAMES; i++) {
            char name[64];
            name_of(name, t * 1000U + i);
            assert_holds(w->store, name, bytes_text(name));
        }
    }
}

static void one_of_many_puts_of_a_name_wins(void **state)
{
    struct world *w = *state;
    struct hand hands[THREADS];
    struct error e = {0};
    struct buf b = {0};
    int done = 0;
    int taken = 0;
    int held[THREADS] = {0};
    run_hands(hands, w->store, put_same);
    for (size_t t = 0; t < THREADS; t++) {
        done += hands[t].done;
        taken += hands[t].taken;
    }
    assert_int_equal(done, NAMES);
    assert_int_equal(taken, (THREADS - 1) * NAMES);
    for (unsigned i = 0; i < NAMES; i++) {
        char name[64];
        name_of(name, i);
        assert_done(store_get(w->store, name, 0, STORE_ALL, &b, &e), &e);
        assert_int_equal(b.len, 1000);
        assert_true(b.data[0] < THREADS);
        held[b.data[0]]++;
        for (size_t at = 1; at < b.len; at++)
            assert_int_equal(b.data[at], b.data[0]);
    }
    for (size_t t = 0; t < THREADS; t++)
        assert_int_equal(held[t], hands[t].done);
    buf_done(&b);
}

#define LARGE (MIB + 5)
#define LARGE_COUNT 24U

static void *put_large(void *arg)
{
    struct hand *h = arg;
    struct error e = {0};
    uint8_t *content = malloc(LARGE);
    for (unsigned i = 0; content && i < LARGE_COUNT; i++) {
        char name[64];
        name_of(name, i);
        memset(content, (int)i + 1, LARGE);
        h->done += store_put(h->store, name, bytes_of(content, LARGE), &e) == 0;
    }
    free(content);
    return NULL;
}

static int note_size(void *arg, const struct store_item *item, struct error *e)
{
    int *wrong = arg;
    (void)e;
    *wrong += item->size != LARGE;
    return 0;
}

static void objects_appear_whole(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct hand writer = {.store = w->store};
    struct buf b = {0};
    pthread_t thread;
    int wrong_sizes = 0;
    assert_int_equal(pthread_create(&thread, NULL, put_large, &writer), 0);
    for (unsigned i = 0; i < LARGE_COUNT; i++) {
        char name[64];
        int rc;
        name_of(name, i);
        while ((rc = store_get(w->store, name, 0, STORE_ALL, &b, &e)) == STORE_ABSENT)
            assert_int_equal(store_list(w->store, "", note_size, &wrong_sizes, &e), 0);
        assert_int_equal(rc, 0);
        assert_int_equal(b.len, LARGE);
        assert_int_equal(b.data[0], i + 1);
        assert_memory_equal(b.data, b.data + 1, LARGE - 1);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(writer.done, LARGE_COUNT);
    assert_int_equal(wrong_sizes, 0);
    buf_done(&b);
}

#define BOTH(test)                                                                             \
    {"memory: " #test, test, setup_memory, teardown, NULL},                                    \
    {                                                                                          \
        "directory: " #test, test, setup_folder, teardown, NULL                                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(what_was_put_is_there_whole),
        BOTH(a_taken_name_keeps_its_content),
        BOTH(ranges_end_where_the_object_ends),
        BOTH(what_is_absent_is_an_answer),
        BOTH(what_was_removed_is_gone_and_its_name_free),
        BOTH(listings_give_what_begins_with_the_prefix),
        BOTH(sizes_and_names_of_others_are_listed_too),
        BOTH(a_visitor_can_end_the_listing),
        BOTH(a_visitor_may_use_the_store),
        BOTH(threads_put_without_losing_anything),
        BOTH(one_of_many_puts_of_a_name_wins),
        BOTH(objects_appear_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
