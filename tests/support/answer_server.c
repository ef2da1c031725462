/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/answer_server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/file.h"

#define MAX_REQUEST (64 * KIB)

struct answer_server {
    int listener;
    char url[64];
    answer_server_answer *answer;
    void *arg;
    pthread_t thread;
};

/* Is the request whole: its head, and as much body as that says? */
static bool is_whole(const char *text, size_t len)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *field = strcasestr(text, "\r\ncontent-length:");
    unsigned long body = field && end && field < end ? strtoul(field + 17, NULL, 10) : 0;
    return end && len >= (size_t)(end - text) + 4 + body;
}

static void serve(const struct answer_server *s, int fd)
{
    char text[MAX_REQUEST + 1];
    size_t len = 0;
    struct error e;
    struct buf body = {0};
    struct buf reply = {0};
    text[0] = '\0';
    while (len < MAX_REQUEST && !is_whole(text, len)) {
        ssize_t n = read(fd, text + len, MAX_REQUEST - len);
        if (n <= 0)
            return;
        len += (size_t)n;
        text[len] = '\0';
    }
    int status = s->answer(s->arg, text, &body);
    if (status > 0 &&
        buf_printf(&reply, &e,
                   "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
                   body.len) == 0 &&
        buf_append(&reply, body.data, body.len, &e) == 0 &&
        file_write_full(fd, buf_view(&reply), &e) < 0)
        (void)fprintf(stderr, "http server: %s\n", e.text); /* a client that went away */
    buf_done(&body);
    buf_done(&reply);
}

static void *run(void *arg)
{
    struct answer_server *s = arg;
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve(s, fd);
        (void)close(fd);
    }
}

struct answer_server *answer_server_start(answer_server_answer *answer, void *arg)
{
    struct answer_server *s = calloc(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *address = (struct sockaddr *)(void *)&at;
    socklen_t len = sizeof at;
    if (!s)
        abort();
    s->answer = answer;
    s->arg = arg;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, address, sizeof at) < 0 ||
        listen(s->listener, 16) < 0 || getsockname(s->listener, address, &len) < 0)
        abort();
    (void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", ntohs(at.sin_port));
    if (pthread_create(&s->thread, NULL, run, s) != 0)
        abort();
    return s;
}

void answer_server_stop(struct answer_server *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->listener);
    free(s);
}

const char *answer_server_url(const struct answer_server *s)
{
    return s->url;
}
