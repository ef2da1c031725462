/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/ssh_relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LINKS 32
#define PIECE (32 * KIB)

static void die(const char *what)
{
    (void)fprintf(stderr, "ssh_relay: %s: %s\n", what, strerror(errno));
    abort();
}

static int listener(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)(const void *)&a, sizeof a) < 0 ||
        listen(fd, 16) < 0 || getsockname(fd, (struct sockaddr *)(void *)&a, &len) < 0)
        die("listen");
    *port = ntohs(a.sin_port);
    return fd;
}

uint16_t ssh_relay_free_port(void)
{
    uint16_t port;
    (void)close(listener(&port));
    return port;
}

struct link {
    int client;
    int server;
};

struct ssh_relay {
    pthread_t thread;
    int listener;
    int wake[2];
    uint16_t port;
    uint16_t target;
    struct link links[MAX_LINKS];
    pthread_mutex_t lock; /* of what follows */
    unsigned pieces;
    unsigned lose;
    bool cut_next;
    bool stalled;
    bool happened;
    bool ending;
};

static void close_link(struct link *l)
{
    (void)close(l->client);
    (void)close(l->server);
    *l = (struct link){-1, -1};
}

static void take_client(struct ssh_relay *r)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(r->target),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return;
    for (size_t i = 0; i < MAX_LINKS; i++) {
        if (r->links[i].client >= 0)
            continue;
        int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (server < 0 ||
            connect(server, (const struct sockaddr *)(const void *)&a, sizeof a) < 0)
            die("relay: connect");
        r->links[i] = (struct link){client, server};
        return;
    }
    (void)close(client);
}

/* What is to be done with a piece: false when the connection ends here. */
static bool passes(struct ssh_relay *r, bool from_server)
{
    (void)pthread_mutex_lock(&r->lock);
    bool pass = true;
    if (from_server) {
        r->pieces++;
        pass = r->lose == 0 || r->pieces != r->lose;
    } else if (r->cut_next) {
        r->cut_next = false;
        pass = false;
    }
    if (!pass)
        r->happened = true;
    (void)pthread_mutex_unlock(&r->lock);
    return pass;
}

static void pass_on(struct ssh_relay *r, struct link *l, bool from_server)
{
    static _Thread_local char piece[PIECE];
    int from = from_server ? l->server : l->client;
    int to = from_server ? l->client : l->server;
    ssize_t n = recv(from, piece, sizeof piece, 0);
    if (n <= 0 || !passes(r, from_server)) {
        close_link(l);
        return;
    }
    for (ssize_t sent = 0; sent < n;) {
        ssize_t m = send(to, piece + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        if (m <= 0) {
            close_link(l);
            return;
        }
        sent += m;
    }
}

static bool read_flags(struct ssh_relay *r, bool *stalled)
{
    (void)pthread_mutex_lock(&r->lock);
    *stalled = r->stalled;
    bool go = !r->ending;
    (void)pthread_mutex_unlock(&r->lock);
    return go;
}

static void *run(void *arg)
{
    struct ssh_relay *r = arg;
    bool stalled;
    while (read_flags(r, &stalled)) {
        struct pollfd p[2 + 2 * MAX_LINKS] = {{.fd = r->listener, .events = POLLIN},
                                              {.fd = r->wake[0], .events = POLLIN}};
        for (size_t i = 0; i < MAX_LINKS; i++) {
            p[2 + 2 * i] =
                (struct pollfd){.fd = stalled ? -1 : r->links[i].client, .events = POLLIN};
            p[3 + 2 * i] =
                (struct pollfd){.fd = stalled ? -1 : r->links[i].server, .events = POLLIN};
        }
        if (poll(p, ARRAY_SIZE(p), 1000) <= 0)
            continue;
        char byte;
        if (p[1].revents && read(r->wake[0], &byte, 1) < 0)
            die("relay: read");
        for (size_t i = 0; i < MAX_LINKS; i++) {
            if (p[2 + 2 * i].revents)
                pass_on(r, &r->links[i], false);
            if (p[3 + 2 * i].revents && r->links[i].server >= 0)
                pass_on(r, &r->links[i], true);
        }
        if (p[0].revents)
            take_client(r);
    }
    return NULL;
}

struct ssh_relay *ssh_relay_start(uint16_t target)
{
    struct ssh_relay *r = calloc(1, sizeof *r);
    if (!r || pipe2(r->wake, O_CLOEXEC) < 0)
        die("relay");
    for (size_t i = 0; i < MAX_LINKS; i++)
        r->links[i] = (struct link){-1, -1};
    r->target = target;
    r->listener = listener(&r->port);
    (void)pthread_mutex_init(&r->lock, NULL);
    if (pthread_create(&r->thread, NULL, run, r) != 0)
        die("relay: thread");
    return r;
}

uint16_t ssh_relay_port(const struct ssh_relay *r)
{
    return r->port;
}

static void wake(struct ssh_relay *r)
{
    if (write(r->wake[1], "x", 1) != 1)
        die("relay: write");
}

void ssh_relay_lose(struct ssh_relay *r, unsigned count)
{
    (void)pthread_mutex_lock(&r->lock);
    r->pieces = 0;
    r->lose = count;
    r->happened = false;
    (void)pthread_mutex_unlock(&r->lock);
}

void ssh_relay_cut_next(struct ssh_relay *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->cut_next = true;
    r->happened = false;
    (void)pthread_mutex_unlock(&r->lock);
}

unsigned ssh_relay_pieces(struct ssh_relay *r)
{
    (void)pthread_mutex_lock(&r->lock);
    unsigned n = r->pieces;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

bool ssh_relay_happened(struct ssh_relay *r)
{
    (void)pthread_mutex_lock(&r->lock);
    bool yes = r->happened;
    (void)pthread_mutex_unlock(&r->lock);
    return yes;
}

void ssh_relay_stall(struct ssh_relay *r, bool stalled)
{
    (void)pthread_mutex_lock(&r->lock);
    r->stalled = stalled;
    (void)pthread_mutex_unlock(&r->lock);
    wake(r);
}

void ssh_relay_stop(struct ssh_relay *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->ending = true;
    (void)pthread_mutex_unlock(&r->lock);
    wake(r);
    (void)pthread_join(r->thread, NULL);
    for (size_t i = 0; i < MAX_LINKS; i++)
        if (r->links[i].client >= 0)
            close_link(&r->links[i]);
    (void)close(r->listener);
    (void)close(r->wake[0]);
    (void)close(r->wake[1]);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}
