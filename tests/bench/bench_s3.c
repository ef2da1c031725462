/* SPDX-License-Identifier: Apache-2.0 */
/* How fast objects go to a store and come back: bench_s3 URL [THREADS [COUNT [KIB]]] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/backends.h"
#include "core/base/clock.h"
#include "core/base/secret.h"

#define MOST_THREADS 32

struct job {
    struct store *store;
    struct bytes content;
    unsigned first, step, count;
    long run;
    bool reading, failed;
};

static void *work(void *arg)
{
    struct job *j = arg;
    struct buf b = {0};
    struct error e = {0};
    for (unsigned i = j->first; i < j->count && !j->failed; i += j->step) {
        char name[64];
        (void)snprintf(name, sizeof name, "packs/%02x/%ld-%u", i & 255, j->run, i);
        int rc = j->reading ? store_get(j->store, name, 0, STORE_ALL, &b, &e)
                            : store_put(j->store, name, j->content, &e);
        j->failed = rc != 0 || (j->reading && !bytes_equal(buf_view(&b), j->content));
    }
    if (j->failed)
        (void)fprintf(stderr, "failed: %s\n", e.text);
    buf_done(&b);
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static bool measure(const struct job *model, unsigned threads, const char *what)
{
    struct job jobs[MOST_THREADS];
    pthread_t ids[MOST_THREADS];
    bool failed = false;
    double cpu = cpu_seconds();
    int64_t began = clock_monotonic_ms();
    for (unsigned i = 0; i < threads; i++) {
        jobs[i] = *model;
        jobs[i].first = i;
        jobs[i].step = threads;
        if (pthread_create(&ids[i], NULL, work, &jobs[i]) != 0)
            return false;
    }
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(ids[i], NULL);
        failed = failed || jobs[i].failed;
    }
    double seconds = (double)(clock_monotonic_ms() - began) / 1000;
    double mib = (double)model->content.len * model->count / (double)MIB;
    (void)printf("%s: %u threads, %u objects: %.1f MiB/s, %.1f objects/s, CPU %.2f s\n", what,
                 threads, model->count, mib / seconds, model->count / seconds,
                 cpu_seconds() - cpu);
    return !failed;
}

static unsigned argument(int argc, char **argv, int at, unsigned most, unsigned otherwise)
{
    unsigned long n = at < argc ? strtoul(argv[at], NULL, 10) : otherwise;
    return n < 1 ? 1 : n > most ? most : (unsigned)n;
}

int main(int argc, char **argv)
{
    struct error e = {0};
    struct buf content = {0};
    if (argc < 2)
        return 2;
    unsigned threads = argument(argc, argv, 2, MOST_THREADS, 4);
    unsigned count = argument(argc, argv, 3, 100000, 16);
    size_t len = argument(argc, argv, 4, 65536, 16384) * KIB;
    struct store *s = backends_open(argv[1], true, &e);
    if (!s || buf_reserve(&content, len, &e) < 0 || secret_random(content.data, len, &e) < 0) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    content.len = len;
    struct job model = {
        .store = s, .content = buf_view(&content), .count = count, .run = (long)getpid()};
    bool worked = measure(&model, threads, "put");
    model.reading = true;
    worked = worked && measure(&model, threads, "get");
    buf_done(&content);
    store_close(s);
    return worked ? 0 : 1;
}
