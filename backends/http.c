/* SPDX-License-Identifier: Apache-2.0 */
/* A call takes an idle handle of the pool (the one used last: its connection is the warmest) or
 * makes one, so there are as many as there were calls at once. */
#include "backends/http.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "backends/transfer.h"
#include "core/base/str.h"

#define CONNECT_MS 15000
#define STALL_MS 30000
#define MOST_HEAD (32 * KIB)
#define IO_BUFFER ((long)(512 * KIB))
#define REASON_TEXT 200

struct idle {
    CURL *curl;
    curl_socket_t socket; /* the one opened last; libcurl closes it when it likes */
    struct idle *next;
};

struct http {
    struct http_options o;
    char *ca_file;
    pthread_mutex_t lock; /* of idle */
    struct idle *idle;
    struct transfer_limits limits;
};

/* One call while it runs. */
struct call {
    struct http *http;
    const struct http_request *request;
    struct http_reply *reply;
    struct idle *handle;
    struct curl_slist *headers;
    struct error *e;
    bool refused; /* a callback ended the call; *e is filled */
    struct transfer transfer;
    size_t sent; /* bytes of the body handed out */
    char reason[CURL_ERROR_SIZE];
};

/* ---- the pool ---------------------------------------------------------------------- */

struct http *http_new(const struct http_options *o, struct error *e)
{
    transfer_prepare();
    struct http *h = calloc(1, sizeof *h);
    if (!h) {
        (void)error_memory(e, "HTTP client");
        return NULL;
    }
    h->o = *o;
    h->o.connect_ms = o->connect_ms ? o->connect_ms : CONNECT_MS;
    h->o.stall_ms = o->stall_ms ? o->stall_ms : STALL_MS;
    h->o.ca_file = NULL;
    h->limits.o = o->limits;
    (void)pthread_mutex_init(&h->lock, NULL);
    if (o->ca_file) {
        h->ca_file = str_copy(o->ca_file, e);
        if (!h->ca_file) {
            http_free(h);
            return NULL;
        }
    }
    return h;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    while (h->idle) {
        struct idle *first = h->idle;
        h->idle = first->next;
        curl_easy_cleanup(first->curl);
        free(first);
    }
    (void)pthread_mutex_destroy(&h->lock);
    free(h->ca_file);
    free(h);
}

void http_configure(struct http *h, const struct store_options *limits)
{
    h->limits.o = *limits;
}

static struct idle *borrow(struct http *h, struct error *e)
{
    (void)pthread_mutex_lock(&h->lock);
    struct idle *first = h->idle;
    if (first)
        h->idle = first->next;
    (void)pthread_mutex_unlock(&h->lock);
    if (first)
        return first;
    first = calloc(1, sizeof *first);
    if (first) {
        first->socket = CURL_SOCKET_BAD;
        first->curl = curl_easy_init();
    }
    if (first && first->curl)
        return first;
    free(first);
    (void)error_memory(e, "HTTP handle");
    return NULL;
}

/* After a failure it goes: libcurl may take it for busy still (7.88 does after a name that did
 * not resolve, and then refuses CURLOPT_BUFFERSIZE). */
static void give_back(struct http *h, struct idle *handle, bool failed)
{
    if (failed) {
        curl_easy_cleanup(handle->curl);
        free(handle);
        return;
    }
    /* The handle remembers pointers to the call, which ends. */
    curl_easy_reset(handle->curl);
    (void)pthread_mutex_lock(&h->lock);
    handle->next = h->idle;
    h->idle = handle;
    (void)pthread_mutex_unlock(&h->lock);
}

/* ---- callbacks --------------------------------------------------------------------- */

static size_t send_body(char *out, size_t size, size_t count, void *arg)
{
    struct call *c = arg;
    size_t n = size * count;
    size_t left = c->request->body.len - c->sent;
    if (n > left)
        n = left;
    if (n > 0)
        memcpy(out, c->request->body.data + c->sent, n);
    c->sent += n;
    return n;
}

static int seek_body(void *arg, curl_off_t offset, int origin)
{
    struct call *c = arg;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > c->request->body.len)
        return CURL_SEEKFUNC_FAIL;
    c->sent = (size_t)offset;
    c->reply->resent = true;
    return CURL_SEEKFUNC_OK;
}

static int keep_field(struct buf *head, struct bytes line, struct error *e)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);
    if (!colon)
        return 0;
    struct bytes name = bytes_take(&line, (size_t)(colon - line.data));
    (void)bytes_take(&line, 1);
    while (line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
        (void)bytes_take(&line, 1);
    while (line.len > 0 && line.data[line.len - 1] <= ' ')
        line.len--;
    if (memchr(name.data, '\0', name.len) || memchr(line.data, '\0', line.len))
        return error_set(e, ERROR_IO, "reply: a header field holds a zero byte");
    if (name.len + line.len + 2 > MOST_HEAD - head->len)
        return error_set(e, ERROR_IO, "reply: its header is longer than %zu bytes", MOST_HEAD);
    if (buf_append(head, name.data, name.len, e) < 0 || buf_byte(head, 0, e) < 0 ||
        buf_append(head, line.data, line.len, e) < 0 || buf_byte(head, 0, e) < 0)
        return -1;
    return 0;
}

/* Servers that write head and body apart, with Nagle's algorithm on (radosgw does), hold the
 * body back until the head is acknowledged, which Linux does after 40 ms. */
static void acknowledge(const struct call *c)
{
    int on = 1;
    if (c->handle->socket != CURL_SOCKET_BAD)
        (void)setsockopt(c->handle->socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

static int remember_socket(void *arg, curl_socket_t socket, curlsocktype purpose)
{
    struct idle *handle = arg;
    (void)purpose;
    handle->socket = socket;
    return CURL_SOCKOPT_OK;
}

static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
    struct call *c = arg;
    struct bytes line = bytes_of(data, size * count);
    transfer_moved(&c->transfer); /* libcurl counts only bytes of bodies */
    /* A status line begins a reply anew: there may have been a 100 before, or a resent try. */
    if (line.len >= 5 && memcmp(line.data, "HTTP/", 5) == 0) {
        c->reply->head.len = 0;
        c->reply->body.len = 0;
        return line.len;
    }
    if (line.len <= 2)
        acknowledge(c);
    c->refused = keep_field(&c->reply->head, line, c->e) < 0;
    return c->refused ? 0 : line.len;
}

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
    struct call *c = arg;
    struct buf *body = &c->reply->body;
    size_t n = size * count;
    size_t most = c->request->most_reply;
    long status = 0;
    (void)curl_easy_getinfo(c->handle->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300 && most < HTTP_ERROR_BODY)
        most = HTTP_ERROR_BODY;
    if (n > most - body->len) {
        (void)error_set(c->e, ERROR_IO, "reply of status %ld: longer than %zu bytes", status,
                        most);
        c->refused = true;
        return 0;
    }
    c->refused = buf_append(body, data, n, c->e) < 0;
    return c->refused ? 0 : n;
}

/* ---- one call ---------------------------------------------------------------------- */

/* curl_easy_setopt answers with a code of its own; one that fails makes the call fail. */
#define SET(option, value)                                                                     \
    do {                                                                                       \
        if (rc == CURLE_OK)                                                                    \
            rc = curl_easy_setopt(c->handle->curl, option, value);                             \
    } while (0)

static CURLcode set_transport(struct call *c)
{
    const struct http *h = c->http;
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_BUFFERSIZE, IO_BUFFER);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, IO_BUFFER);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (h->ca_file) {
        SET(CURLOPT_CAINFO, h->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (h->o.no_proxy)
        SET(CURLOPT_PROXY, "");
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)h->o.connect_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)c->request->deadline_ms);
    return rc;
}

static CURLcode set_callbacks(struct call *c)
{
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_ERRORBUFFER, c->reason);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, transfer_watch);
    SET(CURLOPT_XFERINFODATA, &c->transfer);
    SET(CURLOPT_SOCKOPTFUNCTION, remember_socket);
    SET(CURLOPT_SOCKOPTDATA, c->handle);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, c);
    return rc;
}

static CURLcode set_request(struct call *c)
{
    const struct http_request *r = c->request;
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HTTPHEADER, c->headers);
    if (strcmp(r->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    else if (strcmp(r->method, "PUT") == 0 || strcmp(r->method, "POST") == 0) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_READFUNCTION, send_body);
        SET(CURLOPT_READDATA, c);
        SET(CURLOPT_SEEKFUNCTION, seek_body);
        SET(CURLOPT_SEEKDATA, c);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body.len);
        SET(CURLOPT_CUSTOMREQUEST, r->method);
    } else
        SET(CURLOPT_CUSTOMREQUEST, r->method);
    return rc;
}

static int copy_headers(struct call *c, struct error *e)
{
    const char *const *line = c->request->headers;
    for (; line && *line; line++) {
        struct curl_slist *longer = curl_slist_append(c->headers, *line);
        if (!longer)
            return error_memory(e, "HTTP headers");
        c->headers = longer;
    }
    return 0;
}

/* Headers carry signatures and tokens. */
static void wipe_headers(struct call *c)
{
    for (struct curl_slist *line = c->headers; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(c->headers);
}

/* Codes for which nothing of the request has left this host. */
static bool never_left(CURLcode rc)
{
    return rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_COULDNT_RESOLVE_PROXY ||
           rc == CURLE_COULDNT_CONNECT || rc == CURLE_SSL_CONNECT_ERROR ||
           rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_URL_MALFORMAT ||
           rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_BAD_FUNCTION_ARGUMENT ||
           rc == CURLE_SSL_CACERT_BADFILE;
}

static int certificate_refused(const struct call *c, const char *reason)
{
    (void)error_set(c->e, ERROR_IO, "TLS certificate is not trusted: %s", reason);
    if (c->http->ca_file)
        return error_hint(c->e, "the file of CAs given must hold the one that signed it");
    return error_hint(c->e, "a private CA is named with ca-file=FILE");
}

static int call_failed(const struct call *c, CURLcode rc)
{
    char reason[REASON_TEXT];
    /* libcurl quotes a proxy setting that it cannot read, password and all. */
    bool quotes = rc == CURLE_COULDNT_RESOLVE_PROXY || rc == CURLE_URL_MALFORMAT ||
                  strstr(c->reason, "proxy");
    const char *text = c->reason[0] && !quotes ? c->reason : curl_easy_strerror(rc);
    str_safe(reason, sizeof reason, bytes_text(text));
    if (c->transfer.stopped)
        return error_stopped(c->e, *c->http->limits.o.stop);
    if (c->transfer.stalled)
        return error_set(c->e, ERROR_BUSY, "no byte for %llu ms, both ways",
                         (unsigned long long)c->http->o.stall_ms);
    if (c->refused)
        return -1;
    if (rc == CURLE_OUT_OF_MEMORY)
        return error_memory(c->e, "HTTP call");
    if (rc == CURLE_PEER_FAILED_VERIFICATION)
        return certificate_refused(c, reason);
    if (rc == CURLE_SSL_CACERT_BADFILE)
        return error_set(c->e, ERROR_USAGE, "file of CAs: %s", reason);
    if (rc == CURLE_URL_MALFORMAT || rc == CURLE_UNSUPPORTED_PROTOCOL ||
        rc == CURLE_BAD_FUNCTION_ARGUMENT)
        return error_set(c->e, ERROR_USAGE, "URL: %s", reason);
    return error_set(c->e, ERROR_BUSY, "%s", reason);
}

static int perform(struct call *c)
{
    long status = 0;
    CURLcode rc = set_transport(c);
    if (rc == CURLE_OK)
        rc = set_callbacks(c);
    if (rc == CURLE_OK)
        rc = set_request(c);
    transfer_begin(&c->transfer);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(c->handle->curl);
    transfer_end(&c->transfer);
    c->reply->reached = !never_left(rc);
    if (rc != CURLE_OK)
        return call_failed(c, rc);
    (void)curl_easy_getinfo(c->handle->curl, CURLINFO_RESPONSE_CODE, &status);
    c->reply->status = (int)status;
    return 0;
}

int http_send(struct http *h, const struct http_request *r, struct http_reply *out,
              struct error *e)
{
    struct error local;
    struct call c = {.http = h, .request = r, .reply = out, .e = e ? e : &local};
    const volatile sig_atomic_t *stop = h->limits.o.stop;
    out->status = 0;
    out->reached = out->resent = false;
    out->head.len = out->body.len = 0;
    if (stop && *stop != 0)
        return error_stopped(e, *stop);
    c.handle = borrow(h, c.e);
    if (!c.handle)
        return -1;
    c.transfer = (struct transfer){
        .of = &h->limits, .curl = c.handle->curl, .stall_ms = (int64_t)h->o.stall_ms};
    int rc = copy_headers(&c, c.e);
    if (rc == 0)
        rc = perform(&c);
    give_back(h, c.handle, rc < 0);
    wipe_headers(&c);
    return rc;
}

/* ---- replies ----------------------------------------------------------------------- */

const char *http_reply_field(const struct http_reply *r, const char *name)
{
    const char *at = (const char *)r->head.data;
    const char *end = at ? at + r->head.len : NULL;
    const char *found = NULL;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            found = value;
        at = value + strlen(value) + 1;
    }
    return found;
}

void http_reply_done(struct http_reply *r)
{
    buf_done(&r->head);
    buf_done(&r->body);
}

uint64_t http_reply_retry_after(const struct http_reply *r, uint64_t most)
{
    uint64_t seconds;
    const char *text = http_reply_field(r, "Retry-After");
    const char *date = http_reply_field(r, "Date");
    if (!text)
        return 0;
    if (str_u64(text, most, &seconds))
        return seconds;
    time_t then = curl_getdate(text, NULL);
    time_t now = date ? curl_getdate(date, NULL) : time(NULL);
    return then > now && now >= 0 && (uint64_t)(then - now) <= most ? (uint64_t)(then - now)
                                                                    : 0;
}
