/* SPDX-License-Identifier: Apache-2.0 */
/* Given slots stand in a ring in their order; three ever-growing counts (given, worked, taken)
 * cut it into "to be worked", "with a worker or done" and "gone". Each hand sleeps on its own
 * condition and is woken only when it sleeps and its own condition came true. */
#include "core/base/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct place {
    void *slot;
    bool done;
};

struct hand {
    pthread_cond_t wake;
    size_t sleepers;
};

struct queue {
    pthread_mutex_t lock;
    struct hand producer, worker, consumer;
    size_t count;
    uint64_t given, worked, taken; /* taken <= worked <= given <= taken + count */
    bool closed, stopped;
    void *claimed;
    void **free; /* a stack of free_count slots */
    size_t free_count;
    struct place *ring; /* place n is ring[n % count] */
};

static void lock(struct queue *q)
{
    int refused = pthread_mutex_lock(&q->lock);
    assert(refused == 0);
    (void)refused;
}

static void unlock(struct queue *q)
{
    (void)pthread_mutex_unlock(&q->lock);
}

static void sleep_on(struct queue *q, struct hand *h)
{
    h->sleepers++;
    (void)pthread_cond_wait(&h->wake, &q->lock);
    h->sleepers--;
}

static void wake_one(struct hand *h)
{
    if (h->sleepers > 0)
        (void)pthread_cond_signal(&h->wake);
}

static void wake_all(struct hand *h)
{
    if (h->sleepers > 0)
        (void)pthread_cond_broadcast(&h->wake);
}

struct queue *queue_new(void *const *slots, size_t count, struct error *e)
{
    assert(count > 0);
    struct queue *q = calloc(1, sizeof *q);
    if (!q)
        goto failed;
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->producer.wake, NULL);
    (void)pthread_cond_init(&q->worker.wake, NULL);
    (void)pthread_cond_init(&q->consumer.wake, NULL);
    q->free = calloc(count, sizeof *q->free);
    q->ring = calloc(count, sizeof *q->ring);
    if (!q->free || !q->ring)
        goto failed;
    q->count = count;
    while (q->free_count < count) {
        q->free[q->free_count] = slots[q->free_count];
        q->free_count++;
    }
    return q;
failed:
    queue_free(q);
    (void)error_memory(e, "queue");
    return NULL;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    (void)pthread_cond_destroy(&q->producer.wake);
    (void)pthread_cond_destroy(&q->worker.wake);
    (void)pthread_cond_destroy(&q->consumer.wake);
    (void)pthread_mutex_destroy(&q->lock);
    free(q->free);
    free(q->ring);
    free(q);
}

void *queue_claim(struct queue *q)
{
    void *slot = NULL;
    lock(q);
    assert(!q->claimed && !q->closed);
    while (!q->stopped && q->free_count == 0)
        sleep_on(q, &q->producer);
    if (!q->stopped)
        slot = q->claimed = q->free[--q->free_count];
    unlock(q);
    return slot;
}

void queue_give(struct queue *q)
{
    lock(q);
    assert(q->claimed && q->given - q->taken < q->count);
    q->ring[q->given++ % q->count] = (struct place){.slot = q->claimed};
    q->claimed = NULL;
    wake_one(&q->worker);
    unlock(q);
}

void queue_close(struct queue *q)
{
    lock(q);
    if (q->claimed)
        q->free[q->free_count++] = q->claimed;
    q->claimed = NULL;
    q->closed = true;
    wake_all(&q->worker);
    wake_all(&q->consumer);
    unlock(q);
}

void *queue_work(struct queue *q)
{
    void *slot = NULL;
    lock(q);
    while (!q->stopped && !q->closed && q->worked == q->given)
        sleep_on(q, &q->worker);
    if (!q->stopped && q->worked < q->given)
        slot = q->ring[q->worked++ % q->count].slot;
    unlock(q);
    return slot;
}

bool queue_has_work(struct queue *q)
{
    lock(q);
    bool has = q->worked < q->given;
    unlock(q);
    return has;
}

void queue_done(struct queue *q, void *slot)
{
    lock(q);
    uint64_t n = q->taken;
    while (n < q->worked && q->ring[n % q->count].slot != slot)
        n++;
    assert(n < q->worked && !q->ring[n % q->count].done);
    q->ring[n % q->count].done = true;
    if (n == q->taken)
        wake_one(&q->consumer);
    unlock(q);
}

void *queue_take(struct queue *q)
{
    void *slot = NULL;
    lock(q);
    struct place *next = &q->ring[q->taken % q->count];
    while (!q->stopped && !(q->taken < q->given && next->done) &&
           !(q->closed && q->taken == q->given))
        sleep_on(q, &q->consumer);
    if (!q->stopped && q->taken < q->given) {
        slot = next->slot;
        *next = (struct place){0};
        q->taken++;
    }
    unlock(q);
    return slot;
}

void queue_return(struct queue *q, void *slot)
{
    lock(q);
    assert(slot && q->free_count < q->count);
    q->free[q->free_count++] = slot;
    wake_one(&q->producer);
    unlock(q);
}

void queue_stop(struct queue *q)
{
    lock(q);
    q->stopped = true;
    wake_all(&q->producer);
    wake_all(&q->worker);
    wake_all(&q->consumer);
    unlock(q);
}

bool queue_stopped(struct queue *q)
{
    lock(q);
    bool stopped = q->stopped;
    unlock(q);
    return stopped;
}
