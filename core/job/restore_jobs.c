/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/restore_jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define TICK_NS 200000000L

struct jobs {
    const struct restore_jobs_options *o;
    const struct member *member;
    volatile sig_atomic_t halt; /* what the restores obey: a signal, or that another failed */
    pthread_mutex_t lock;       /* all below */
    pthread_cond_t ended;
    unsigned running;
    uint64_t bytes;
    bool failed;
    struct error why; /* of the first */
};

struct worker {
    struct jobs *jobs;
    const struct restore_jobs_part *part;
    pthread_t thread;
};

static int write_part(void *arg, struct bytes b, struct error *e)
{
    const struct worker *w = arg;
    if (w->part->write(w->part->arg, b, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&w->jobs->lock);
    w->jobs->bytes += b.len;
    (void)pthread_mutex_unlock(&w->jobs->lock);
    return 0;
}

static int deliver(struct worker *w, struct error *e)
{
    const struct restore_jobs_options *o = w->jobs->o;
    struct restore_options options = *o->restore;
    options.selection = w->part->selection;
    options.write = write_part;
    options.write_arg = w;
    options.stop = &w->jobs->halt;
    options.workers = o->restore->workers / o->count;
    if (options.workers == 0)
        options.workers = 1;
    struct restore *r = restore_new(&options, e);
    int rc = r ? restore_member(r, w->jobs->member, e) : -1;
    restore_free(r);
    return rc;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct jobs *j = w->jobs;
    struct error e = {0};
    int rc = deliver(w, &e);
    if (w->part->finish)
        rc = w->part->finish(w->part->arg, rc < 0, &e);
    (void)pthread_mutex_lock(&j->lock);
    if (rc < 0 && !j->failed) {
        j->failed = true;
        j->why = e;
    }
    j->running--;
    (void)pthread_cond_signal(&j->ended);
    (void)pthread_mutex_unlock(&j->lock);
    return NULL;
}

static void wait_a_tick(struct jobs *j)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&j->ended, &j->lock, &until);
}

/* The lock is held. Those that wait for their end are woken, the others look at halt. */
static void halt(struct jobs *j, int signal_number)
{
    const struct restore_jobs_options *o = j->o;
    __atomic_store_n(&j->halt, signal_number ? signal_number : SIGTERM, __ATOMIC_RELAXED);
    (void)pthread_mutex_unlock(&j->lock);
    for (unsigned i = 0; i < o->count; i++)
        if (o->parts[i].cancel)
            o->parts[i].cancel(o->parts[i].arg);
    (void)pthread_mutex_lock(&j->lock);
}

/* Until all threads have ended. */
static void watch(struct jobs *j)
{
    const struct restore_jobs_options *o = j->o;
    (void)pthread_mutex_lock(&j->lock);
    while (j->running > 0) {
        int n = o->restore->stop ? *o->restore->stop : 0;
        if (!j->halt && n && !j->failed) {
            j->failed = true;
            (void)error_stopped(&j->why, n);
        }
        if (!j->halt && j->failed)
            halt(j, n);
        else
            wait_a_tick(j);
        uint64_t bytes = j->bytes;
        if (!o->tick)
            continue;
        (void)pthread_mutex_unlock(&j->lock);
        o->tick(o->tick_arg, bytes);
        (void)pthread_mutex_lock(&j->lock);
    }
    (void)pthread_mutex_unlock(&j->lock);
}

static int run(struct jobs *j, struct error *e)
{
    unsigned started = 0;
    struct worker *workers = calloc(j->o->count, sizeof *workers);
    if (!workers)
        return error_memory(e, "threads of a restore");
    (void)pthread_mutex_lock(&j->lock);
    for (bool ok = true; ok && started < j->o->count; started += ok) {
        workers[started] = (struct worker){.jobs = j, .part = &j->o->parts[started]};
        ok =
            pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]) == 0;
    }
    j->running = started;
    if (started < j->o->count) {
        j->failed = true;
        (void)error_memory(&j->why, "threads of a restore");
    }
    (void)pthread_mutex_unlock(&j->lock);
    watch(j);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(workers[i].thread, NULL);
    free(workers);
    if (j->failed)
        *e = j->why;
    return j->failed ? -1 : 0;
}

int restore_jobs_run(const struct restore_jobs_options *o, const struct member *m,
                     struct error *e)
{
    struct jobs j = {.o = o, .member = m};
    pthread_condattr_t attributes;
    if (o->count == 0)
        return 0;
    (void)pthread_mutex_init(&j.lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&j.ended, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    int rc = run(&j, e);
    (void)pthread_cond_destroy(&j.ended);
    (void)pthread_mutex_destroy(&j.lock);
    return rc;
}
