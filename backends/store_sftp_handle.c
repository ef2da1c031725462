/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/store_sftp_handle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"

#define CONNECT_MS 30000
#define STALL_MS 60000
#define DOWN_BUFFER (512L * 1024)    /* what libssh2 asks for ahead: 2.7 -> 27 MB/s at 20 ms */
#define UP_BUFFER (2L * 1024 * 1024) /* 2.8 -> 25 MB/s at 20 ms */
#define FILE_MODE 0600L
#define FOLDER_MODE 0700L

/* ---- callbacks ----------------------------------------------------------------------- */

static size_t send_body(char *out, size_t size, size_t count, void *arg)
{
    struct store_sftp_handle *h = arg;
    struct bytes body = h->request->body;
    size_t n = size * count;
    if (n > body.len - h->sent)
        n = body.len - h->sent;
    if (n > 0)
        memcpy(out, body.data + h->sent, n);
    h->sent += n;
    return n;
}

/* Before the first byte: is it the right one, and are they not too many? */
static int begin_answer(struct store_sftp_handle *h)
{
    const struct store_sftp_request *r = h->request;
    curl_off_t size = -1;
    h->begun = true;
    if (r->method != STORE_SFTP_GET || r->path[strlen(r->path) - 1] == '/')
        return 0;
    (void)curl_easy_getinfo(h->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    if (size < 0) {
        h->unranged = r->offset > 0 || r->len != SIZE_MAX;
        return h->unranged ? -1 : 0;
    }
    h->failed = (uint64_t)size > r->most;
    if (h->failed)
        return error_set(h->e, ERROR_CORRUPT,
                         "is %" PRId64 " bytes long, at most %zu are "
                         "allowed",
                         (int64_t)size, r->most);
    h->failed = buf_reserve(r->out, (size_t)size, h->e) < 0;
    return h->failed ? -1 : 0;
}

static size_t take_answer(char *data, size_t size, size_t count, void *arg)
{
    struct store_sftp_handle *h = arg;
    const struct store_sftp_request *r = h->request;
    size_t n = size * count;
    if (!r->out || (!h->begun && begin_answer(h) < 0))
        return 0;
    if (n > r->most - r->out->len) {
        (void)error_set(h->e, ERROR_CORRUPT, "the server sends more than %zu bytes", r->most);
        h->failed = true;
        return 0;
    }
    h->failed = buf_append(r->out, data, n, h->e) < 0;
    return h->failed ? 0 : n;
}

/* Lines of quote commands (statvfs); anything else has no headers. */
static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
    struct store_sftp_handle *h = arg;
    const struct store_sftp_request *r = h->request;
    size_t n = size * count;
    if (!r->commands || !r->out || n > r->most - r->out->len)
        return n;
    h->failed = buf_append(r->out, data, n, h->e) < 0;
    return h->failed ? 0 : n;
}

static bool says(struct bytes line, const char *what)
{
    return memmem(line.data, line.len, what, strlen(what)) != NULL;
}

static int read_log(CURL *curl, curl_infotype type, char *text, size_t len, void *arg)
{
    struct store_sftp_handle *h = arg;
    struct bytes line = bytes_of(text, len);
    (void)curl;
    if (type != CURLINFO_TEXT || len == 0)
        return 0;
    if (says(line, "Failed to close libssh2 file"))
        h->close_failed = true;
    if (says(line, "key authentication failed:"))
        h->login_cut = says(line, "Waiting for") || says(line, "Unable to send");
    return 0;
}

void store_sftp_handle_free(struct store_sftp_handle *h)
{
    if (!h)
        return;
    curl_easy_cleanup(h->curl);
    free(h);
}

/* What stays the same for all requests. */
static bool prepare(struct store_sftp_handle *h)
{
    CURL *c = h->curl;
    int64_t stall_ms = h->transfer.stall_ms;
    return !curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "sftp") &&
           !curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) &&
           !curl_easy_setopt(c, CURLOPT_BUFFERSIZE, DOWN_BUFFER) &&
           !curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, UP_BUFFER) &&
           !curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L) &&
           !curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
                             (long)(stall_ms < CONNECT_MS ? stall_ms : CONNECT_MS)) &&
           !curl_easy_setopt(c, CURLOPT_FTP_CREATE_MISSING_DIRS, 1L) &&
           !curl_easy_setopt(c, CURLOPT_NEW_FILE_PERMS, FILE_MODE) &&
           !curl_easy_setopt(c, CURLOPT_NEW_DIRECTORY_PERMS, FOLDER_MODE) &&
           !curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error) &&
           !curl_easy_setopt(c, CURLOPT_READFUNCTION, send_body) &&
           !curl_easy_setopt(c, CURLOPT_READDATA, h) &&
           !curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_answer) &&
           !curl_easy_setopt(c, CURLOPT_WRITEDATA, h) &&
           !curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header) &&
           !curl_easy_setopt(c, CURLOPT_HEADERDATA, h) &&
           !curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) &&
           !curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, transfer_watch) &&
           !curl_easy_setopt(c, CURLOPT_XFERINFODATA, &h->transfer) &&
           !curl_easy_setopt(c, CURLOPT_DEBUGFUNCTION, read_log) &&
           !curl_easy_setopt(c, CURLOPT_DEBUGDATA, h) &&
           !curl_easy_setopt(c, CURLOPT_VERBOSE, 1L);
}

struct store_sftp_handle *store_sftp_handle_new(const struct store_sftp_login *l,
                                                struct transfer_limits *limits,
                                                int64_t patience_ms, struct error *e)
{
    struct store_sftp_handle *h = calloc(1, sizeof *h);
    if (!h) {
        (void)error_memory(e, "SFTP handle");
        return NULL;
    }
    h->curl = curl_easy_init();
    h->transfer = (struct transfer){
        .of = limits,
        .curl = h->curl,
        .stall_ms = patience_ms < STALL_MS ? patience_ms + 1000 : STALL_MS,
    };
    if (!h->curl || !prepare(h)) {
        (void)error_memory(e, "SFTP handle");
    } else if (store_sftp_login_apply(l, h->curl, &h->seen, e) == 0) {
        return h;
    }
    store_sftp_handle_free(h);
    return NULL;
}

/* ---- a request -------------------------------------------------------------------------- */

static int set_url(struct store_sftp_handle *h, const char *base, const char *path,
                   struct error *e)
{
    char *encoded = store_url_encode(path, "/", e);
    char *url = encoded ? str_format(e, "%s%s", base, encoded) : NULL;
    free(encoded);
    if (!url)
        return -1;
    CURLcode rc = curl_easy_setopt(h->curl, CURLOPT_URL, url);
    free(url);
    return rc ? error_memory(e, "URL") : 0;
}

static int set_commands(struct store_sftp_handle *h, struct error *e)
{
    for (const char *const *c = h->request->commands; c && *c; c++) {
        struct curl_slist *longer = curl_slist_append(h->commands, *c);
        if (!longer)
            return error_memory(e, "SFTP commands");
        h->commands = longer;
    }
    return curl_easy_setopt(h->curl, CURLOPT_QUOTE, h->commands) ? error_memory(e, "commands")
                                                                 : 0;
}

static int set_range(struct store_sftp_handle *h, struct error *e)
{
    char range[64];
    const struct store_sftp_request *r = h->request;
    uint64_t last;
    bool all = r->method != STORE_SFTP_GET || (r->offset == 0 && r->len == SIZE_MAX);
    if (r->len == SIZE_MAX || attr_add_overflows(r->offset, r->len - 1, &last) ||
        last > INT64_MAX)
        last = INT64_MAX;
    (void)snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, r->offset, last);
    return curl_easy_setopt(h->curl, CURLOPT_RANGE, all ? NULL : range)
               ? error_memory(e, "range")
               : 0;
}

static int set_method(struct store_sftp_handle *h, struct error *e)
{
    const struct store_sftp_request *r = h->request;
    CURL *c = h->curl;
    bool put = r->method == STORE_SFTP_PUT;
    bool look = r->method == STORE_SFTP_LOOK;
    if (curl_easy_setopt(c, CURLOPT_UPLOAD, put ? 1L : 0L) ||
        curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, put ? (curl_off_t)r->body.len : -1) ||
        curl_easy_setopt(c, CURLOPT_NOBODY, look ? 1L : 0L) ||
        curl_easy_setopt(c, CURLOPT_FILETIME, look && r->time ? 1L : 0L) ||
        curl_easy_setopt(c, CURLOPT_DIRLISTONLY, r->method == STORE_SFTP_NAMES ? 1L : 0L))
        return error_memory(e, "SFTP request");
    return set_range(h, e);
}

int store_sftp_handle_begin(struct store_sftp_handle *h, const char *base,
                            const struct store_sftp_request *r, struct error *e)
{
    h->request = r;
    h->e = e;
    h->failed = h->close_failed = h->login_cut = h->unranged = h->begun = false;
    h->sent = 0;
    h->error[0] = '\0';
    transfer_begin(&h->transfer);
    if (r->out)
        r->out->len = 0;
    return set_url(h, base, r->path, e) < 0 || set_method(h, e) < 0 || set_commands(h, e) < 0
               ? -1
               : 0;
}

void store_sftp_handle_end(struct store_sftp_handle *h)
{
    transfer_end(&h->transfer);
    (void)curl_easy_setopt(h->curl, CURLOPT_QUOTE, NULL);
    curl_slist_free_all(h->commands);
    h->commands = NULL;
    h->request = NULL;
    h->e = NULL;
}

int store_sftp_handle_perform(struct store_sftp_handle *h, const char *base,
                              const struct store_sftp_request *r, CURLcode *code,
                              struct error *e)
{
    int rc = store_sftp_handle_begin(h, base, r, e);
    if (rc == 0)
        *code = curl_easy_perform(h->curl);
    store_sftp_handle_end(h);
    return rc;
}
