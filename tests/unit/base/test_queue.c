/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/queue.h"

enum { SLOTS = 8, MAX_WORKERS = 4, ROUNDS = 60 };

struct slot {
    uint64_t number; /* producer */
    uint64_t square; /* worker */
};

struct run {
    struct queue *q;
    uint64_t values;
    uint64_t taken;     /* consumer */
    uint64_t held_back; /* how many the consumer holds before it returns them */
    atomic_ullong worked;
    bool wrong; /* consumer */
};

static struct slot slots[SLOTS];
static struct error e;

static struct queue *queue_of(size_t count)
{
    void *list[SLOTS];
    for (size_t i = 0; i < count; i++)
        list[i] = &slots[i];
    struct queue *q = queue_new(list, count, &e);
    assert_non_null(q);
    return q;
}

static void *produce(void *arg)
{
    struct run *r = arg;
    for (uint64_t i = 0; i < r->values; i++) {
        struct slot *s = queue_claim(r->q);
        if (!s)
            return NULL;
        s->number = i;
        s->square = 0;
        queue_give(r->q);
    }
    queue_close(r->q);
    return NULL;
}

static void *work(void *arg)
{
    struct run *r = arg;
    for (struct slot *s; (s = queue_work(r->q));) {
        s->square = s->number * s->number;
        atomic_fetch_add(&r->worked, 1);
        queue_done(r->q, s);
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct run *r = arg;
    struct slot *held[SLOTS];
    uint64_t count = 0;
    for (struct slot *s; (s = queue_take(r->q));) {
        if (s->number != r->taken || s->square != s->number * s->number)
            r->wrong = true;
        r->taken++;
        held[count++] = s;
        while (count > r->held_back) /* the newest first: order of return is free */
            queue_return(r->q, held[--count]);
    }
    while (count > 0)
        queue_return(r->q, held[--count]);
    return NULL;
}

/* Runs all hands to their end; stop_after_us < 0: nobody stops them. */
static void run_all(struct run *r, size_t slot_count, size_t workers, long stop_after_us)
{
    pthread_t threads[MAX_WORKERS + 2];
    size_t n = 0;
    r->q = queue_of(slot_count);
    assert_int_equal(pthread_create(&threads[n++], NULL, produce, r), 0);
    assert_int_equal(pthread_create(&threads[n++], NULL, consume, r), 0);
    for (size_t i = 0; i < workers; i++)
        assert_int_equal(pthread_create(&threads[n++], NULL, work, r), 0);
    if (stop_after_us >= 0) {
        (void)usleep((useconds_t)stop_after_us);
        queue_stop(r->q);
    }
    while (n > 0)
        (void)pthread_join(threads[--n], NULL);
    assert_false(r->wrong);
}

static void values_come_out_worked_and_in_order(void **state)
{
    (void)state;
    for (size_t workers = 1; workers <= MAX_WORKERS; workers++) {
        struct run r = {.values = 100000};
        run_all(&r, SLOTS, workers, -1);
        assert_true(r.taken == r.values);
        assert_true(atomic_load(&r.worked) == r.values);
        assert_false(queue_stopped(r.q));
        queue_free(r.q);
    }
}

static void one_slot_is_enough(void **state)
{
    (void)state;
    struct run r = {.values = 2000};
    run_all(&r, 1, 2, -1);
    assert_true(r.taken == r.values);
    queue_free(r.q);
}

static void a_consumer_may_hold_several_slots(void **state)
{
    (void)state;
    struct run r = {.values = 20000, .held_back = SLOTS - 1};
    run_all(&r, SLOTS, 3, -1);
    assert_true(r.taken == r.values);
    queue_free(r.q);
}

static void no_values_at_all_end_at_once(void **state)
{
    (void)state;
    struct run r = {.values = 0};
    run_all(&r, SLOTS, 4, -1);
    assert_true(r.taken == 0);
    queue_free(r.q);
}

static void stop_ends_all_hands_at_any_moment(void **state)
{
    (void)state;
    unsigned short seed[3] = {1, 2, 3};
    for (size_t i = 0; i < ROUNDS; i++) {
        struct run r = {.values = UINT64_MAX, .held_back = i % SLOTS};
        run_all(&r, SLOTS, 1 + i % MAX_WORKERS, nrand48(seed) % 3000);
        assert_true(queue_stopped(r.q));
        assert_null(queue_claim(r.q));
        assert_null(queue_work(r.q));
        assert_null(queue_take(r.q));
        queue_free(r.q);
    }
}

static void stop_wakes_a_producer_without_a_free_slot(void **state)
{
    (void)state;
    struct run r = {.values = SLOTS + 1};
    run_all(&r, SLOTS, 0, 20000);
    assert_true(r.taken == 0);
    queue_free(r.q);
}

static void a_later_value_waits_for_an_earlier_one_still_in_work(void **state)
{
    (void)state;
    struct queue *q = queue_of(2);
    for (uint64_t i = 0; i < 2; i++) {
        struct slot *s = queue_claim(q);
        assert_non_null(s);
        s->number = i;
        queue_give(q);
    }
    assert_true(queue_has_work(q));
    struct slot *first = queue_work(q);
    assert_true(queue_has_work(q));
    struct slot *second = queue_work(q);
    assert_false(queue_has_work(q));
    assert_true(first->number == 0 && second->number == 1);
    queue_done(q, second);
    queue_done(q, first);
    assert_ptr_equal(queue_take(q), first);
    assert_ptr_equal(queue_take(q), second);
    queue_close(q);
    assert_null(queue_take(q));
    assert_null(queue_work(q));
    queue_free(q);
}

static void close_gives_back_a_claimed_slot(void **state)
{
    (void)state;
    struct queue *q = queue_of(1);
    assert_non_null(queue_claim(q));
    queue_close(q);
    assert_null(queue_work(q));
    assert_null(queue_take(q));
    queue_free(q);
    queue_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_worked_and_in_order),
        cmocka_unit_test(one_slot_is_enough),
        cmocka_unit_test(a_consumer_may_hold_several_slots),
        cmocka_unit_test(no_values_at_all_end_at_once),
        cmocka_unit_test(stop_ends_all_hands_at_any_moment),
        cmocka_unit_test(stop_wakes_a_producer_without_a_free_slot),
        cmocka_unit_test(a_later_value_waits_for_an_earlier_one_still_in_work),
        cmocka_unit_test(close_gives_back_a_claimed_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
