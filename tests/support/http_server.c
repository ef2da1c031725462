/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_HEAD (64 * KIB)
#define TICK_MS 10

struct http_server {
    const struct http_server_step *steps;
    size_t step_count;
    int listener;
    unsigned port;
    pthread_t thread;
    atomic_bool ended;
    pthread_mutex_t lock; /* of what follows */
    struct buf requests[HTTP_SERVER_MOST];
    size_t count;
};

static void must(bool worked, const char *what)
{
    if (worked)
        return;
    perror(what);
    abort();
}

/* Waits for bytes or the end; false at the end. */
static bool readable(struct http_server *s, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!atomic_load(&s->ended))
        if (poll(&p, 1, TICK_MS) > 0)
            return true;
    return false;
}

static void nap(struct http_server *s, unsigned ms)
{
    for (unsigned at = 0; at < ms && !atomic_load(&s->ended); at++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static bool read_some(struct http_server *s, int fd, struct buf *b, size_t most)
{
    must(buf_reserve(b, most + 1, NULL) == 0, "memory");
    if (!readable(s, fd))
        return false;
    ssize_t n = recv(fd, b->data + b->len, most, 0);
    if (n <= 0)
        return false;
    b->len += (size_t)n;
    b->data[b->len] = '\0';
    return true;
}

static size_t number_of(const char *head, const char *field)
{
    const char *at = strcasestr(head, field);
    return at ? (size_t)strtoull(at + strlen(field), NULL, 10) : 0;
}

/* The head, byte by byte so that nothing behind it is taken, and the body as far as wanted. */
static bool read_request(struct http_server *s, int fd, const struct http_server_step *step,
                         struct buf *b)
{
    b->len = 0;
    while (b->len < 4 || memcmp(b->data + b->len - 4, "\r\n\r\n", 4) != 0)
        if (b->len > MOST_HEAD || !read_some(s, fd, b, 1))
            return false;
    size_t head = b->len;
    size_t body = number_of((const char *)b->data, "\r\nContent-Length:");
    if (step->read > 0 && step->read < body)
        body = step->read;
    if (strcasestr((const char *)b->data, "\r\nExpect: 100-continue") &&
        send(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL) != 25)
        return false;
    while (b->len < head + body)
        if (!read_some(s, fd, b, head + body - b->len))
            break;
    return true;
}

static void send_reply(struct http_server *s, int fd, const struct http_server_step *step)
{
    size_t len = !step->reply ? 0 : step->len ? step->len : strlen(step->reply);
    nap(s, step->wait_ms);
    for (size_t at = 0; at < len && !atomic_load(&s->ended);) {
        size_t part = step->slow_ms ? 1 : len - at;
        ssize_t n = send(fd, step->reply + at, part, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += (size_t)n;
        nap(s, step->slow_ms);
    }
}

static void remember(struct http_server *s, struct buf *b)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->count < HTTP_SERVER_MOST) {
        s->requests[s->count++] = *b;
        *b = (struct buf){0};
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static const struct http_server_step *step_of(struct http_server *s)
{
    size_t n = http_server_count(s);
    return &s->steps[n < s->step_count ? n : s->step_count - 1];
}

static void serve(struct http_server *s, int fd)
{
    struct buf b = {0};
    const struct http_server_step *step;
    do {
        step = step_of(s);
        if (!read_request(s, fd, step, &b))
            break;
        remember(s, &b);
        send_reply(s, fd, step);
    } while (step->keep);
    if (step->reset)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
                         sizeof(struct linger));
    buf_done(&b);
}

static void *run(void *arg)
{
    struct http_server *s = arg;
    while (readable(s, s->listener)) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            continue;
        serve(s, fd);
        (void)close(fd);
    }
    return NULL;
}

struct http_server *http_server_start(const struct http_server_step *steps, size_t count)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    struct http_server *s = calloc(1, sizeof *s);
    must(s != NULL, "memory");
    s->steps = steps;
    s->step_count = count;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(s->listener >= 0, "socket");
    must(bind(s->listener, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    must(listen(s->listener, 64) == 0, "listen");
    must(getsockname(s->listener, (struct sockaddr *)&at, &len) == 0, "getsockname");
    s->port = ntohs(at.sin_port);
    (void)pthread_mutex_init(&s->lock, NULL);
    must(pthread_create(&s->thread, NULL, run, s) == 0, "thread");
    return s;
}

unsigned http_server_port(const struct http_server *s)
{
    return s->port;
}

size_t http_server_count(struct http_server *s)
{
    (void)pthread_mutex_lock(&s->lock);
    size_t n = s->count;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

const char *http_server_request(struct http_server *s, size_t n, size_t *len)
{
    (void)pthread_mutex_lock(&s->lock);
    const struct buf *b = n < s->count ? &s->requests[n] : NULL;
    const char *text = b ? (const char *)b->data : "";
    if (len)
        *len = b ? b->len : 0;
    (void)pthread_mutex_unlock(&s->lock);
    return text;
}

void http_server_stop(struct http_server *s)
{
    atomic_store(&s->ended, true);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->listener);
    for (size_t i = 0; i < s->count; i++)
        buf_done(&s->requests[i]);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
