/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/copy_packs.h"

#include <pthread.h>
#include <time.h>

#include "core/base/log.h"
#include "core/base/secret.h"

#define TICK_NS (200 * 1000 * 1000)
#define NAME_TRIES 4

struct sending {
    const struct copy_packs_options *o;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t ended;
    size_t next;
    unsigned running;
    bool stop;
    bool failed;
    struct error why;
    struct copy_packs_totals totals;
};

/* A collector of the target may still be about to delete the name under which this content was
 * there before, so it never comes back under that one. */
static int put_new_name(struct store *to, const struct ref_object *object, struct bytes content,
                        struct error *e)
{
    struct ref_object named = *object;
    char name[FORMAT_NAME_MAX];
    int rc = STORE_EXISTS;
    for (int i = 0; rc == STORE_EXISTS && i < NAME_TRIES; i++) {
        if (secret_random(named.suffix, sizeof named.suffix, e) < 0)
            return -1;
        ref_pack_name(name, &named);
        rc = store_put(to, name, content, e);
    }
    if (rc == STORE_EXISTS)
        return error_set(e, ERROR_EXISTS, "%s is there already, as is every other name tried",
                         name);
    if (rc == 0)
        log_debug("copied %s, %zu bytes", name, content.len);
    return rc;
}

/* The place of the next pack; false when there is none, or all is over. */
static bool claim(struct sending *s, uint32_t *place)
{
    (void)pthread_mutex_lock(&s->lock);
    bool more = !s->stop && !s->failed && s->next < s->o->count;
    if (more)
        *place = s->o->places[s->next++];
    (void)pthread_mutex_unlock(&s->lock);
    return more;
}

static void *worker_main(void *arg)
{
    struct sending *s = arg;
    struct buf content = {0};
    uint32_t place;
    while (claim(s, &place)) {
        const struct ref_object *object = &s->o->closure->packs[place].object;
        struct ref_object found;
        struct error e = {0};
        int rc = packs_load(s->o->from, object, &content, &found, &e);
        bool of_source = rc < 0;
        if (rc == 0)
            rc = put_new_name(s->o->to, object, buf_view(&content), &e);
        (void)pthread_mutex_lock(&s->lock);
        if (rc == 0) {
            s->totals.packs++;
            s->totals.bytes += content.len;
        } else if (!s->failed) {
            s->failed = true;
            s->why = e;
            s->totals.of_source = of_source;
        }
        (void)pthread_mutex_unlock(&s->lock);
    }
    buf_done(&content);
    (void)pthread_mutex_lock(&s->lock);
    s->running--;
    (void)pthread_cond_signal(&s->ended);
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Until all workers have ended. */
static int watch(struct sending *s, struct error *e)
{
    int rc = 0;
    (void)pthread_mutex_lock(&s->lock);
    while (s->running > 0) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&s->ended, &s->lock, &until);
        uint64_t bytes = s->totals.bytes;
        if (rc < 0)
            continue;
        (void)pthread_mutex_unlock(&s->lock);
        rc = s->o->tick ? s->o->tick(s->o->tick_arg, bytes, e) : 0;
        (void)pthread_mutex_lock(&s->lock);
        s->stop = rc < 0;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

static int run(struct sending *s, struct error *e)
{
    pthread_t threads[COPY_PACKS_WORKERS];
    unsigned started = 0;
    size_t wanted = s->o->count < COPY_PACKS_WORKERS ? s->o->count : COPY_PACKS_WORKERS;
    (void)pthread_mutex_lock(&s->lock);
    while (started < wanted && pthread_create(&threads[started], NULL, worker_main, s) == 0)
        started++;
    s->running = started;
    (void)pthread_mutex_unlock(&s->lock);
    if (started == 0)
        return error_memory(e, "thread");
    int rc = watch(s, e);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    return rc;
}

int copy_packs_send(const struct copy_packs_options *o, struct copy_packs_totals *out,
                    struct error *e)
{
    struct sending s = {.o = o};
    pthread_condattr_t attributes;
    *out = (struct copy_packs_totals){0};
    if (o->count == 0)
        return 0;
    (void)pthread_mutex_init(&s.lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s.ended, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    int rc = run(&s, e);
    (void)pthread_cond_destroy(&s.ended);
    (void)pthread_mutex_destroy(&s.lock);
    *out = s.totals;
    if (rc < 0) {
        out->of_source = false;
        return -1;
    }
    if (s.failed)
        *e = s.why;
    return s.failed ? -1 : 0;
}
