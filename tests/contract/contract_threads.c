/* SPDX-License-Identifier: Apache-2.0 */
/* What core/repo/store.h promises to several threads and machines, asked of every store. */
#include "tests/support/store_world.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS 4
#define NAMES 60

static void assert_holds(struct store *s, const char *name, struct bytes content)
{
    struct error e = {0};
    struct buf b = {0};
    assert_done(store_get(s, name, 0, STORE_ALL, &b, &e), &e);
    assert_true(bytes_equal(buf_view(&b), content));
    buf_done(&b);
}

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

/* others: a handle for each, or NULL where they share s. */
static void run_hands(struct hand hands[THREADS], struct store *s, struct store **others,
                      void *(*run)(void *))
{
    pthread_barrier_t start;
    pthread_t threads[THREADS];
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (uint8_t i = 0; i < THREADS; i++) {
        hands[i] = (struct hand){.store = others ? others[i] : s, .start = &start, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &hands[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&start);
}

static void threads_put_without_losing_anything(void **state)
{
    struct store_world *w = *state;
    struct hand hands[THREADS];
    run_hands(hands, w->store, NULL, put_many);
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

/* Each object is whole and that of one who was told so; who that is goes into held. */
static void assert_winners(struct store *s, int held[THREADS])
{
    struct error e = {0};
    struct buf b = {0};
    for (unsigned i = 0; i < NAMES; i++) {
        char name[64];
        name_of(name, i);
        assert_done(store_get(s, name, 0, STORE_ALL, &b, &e), &e);
        assert_int_equal(b.len, 1000);
        assert_true(b.data[0] < THREADS);
        held[b.data[0]]++;
        for (size_t at = 1; at < b.len; at++)
            assert_int_equal(b.data[at], b.data[0]);
    }
    buf_done(&b);
}

static void race(const struct store_world *w, struct store **others)
{
    struct hand hands[THREADS];
    int done = 0;
    int taken = 0;
    int held[THREADS] = {0};
    run_hands(hands, w->store, others, put_same);
    for (size_t t = 0; t < THREADS; t++) {
        done += hands[t].done;
        taken += hands[t].taken;
    }
    assert_int_equal(done + taken, THREADS * NAMES);
    assert_true(done >= NAMES);
    assert_winners(w->store, held);
    for (size_t t = 0; t < THREADS; t++)
        assert_true(held[t] <= hands[t].done);
    if (store_world_exclusive(w))
        assert_int_equal(done, NAMES);
}

static void one_of_many_puts_of_a_name_wins(void **state)
{
    race(*state, NULL);
}

static void one_of_many_machines_wins(void **state)
{
    const struct store_world *w = *state;
    struct store *others[THREADS];
    if (!w->url)
        return;
    for (size_t i = 0; i < THREADS; i++)
        others[i] = store_world_again(w, "");
    race(w, others);
    for (size_t i = 0; i < THREADS; i++)
        store_close(others[i]);
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
    struct store_world *w = *state;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_put_without_losing_anything),
        cmocka_unit_test(one_of_many_puts_of_a_name_wins),
        cmocka_unit_test(one_of_many_machines_wins),
        cmocka_unit_test(objects_appear_whole),
    };
    return store_world_run(tests, ARRAY_SIZE(tests));
}
