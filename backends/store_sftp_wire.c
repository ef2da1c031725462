/* SPDX-License-Identifier: Apache-2.0 */
/* Three things that libcurl and libssh2 do not tell, and that would lose objects:
 * - libssh2 keeps the last error of the server until the next one. A connection that breaks
 *   after a "no such file" reports "no such file" again. So an answer is believed only when
 *   the same connection then still answers another question (still_whole).
 * - A stat that fails is no failure to libcurl: it goes on without size, and without the range
 *   that was asked for.
 * - A close that fails (a disk full or a quota on the server's own NFS) is a line of its log
 * and nothing else; so we read its log. */
#include "backends/store_sftp_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/store_sftp_handle.h"
#include "core/base/str.h"

#define KEEP_IDLE 16 /* handles, connections */

struct store_sftp_wire {
    struct transfer_limits limits;
    struct backoff_patience patience;
    struct store_sftp_login login;
    char *base;           /* sftp://host:port */
    pthread_mutex_t lock; /* of idle */
    struct store_sftp_handle *idle;
    size_t idle_count;
    char shown[160]; /* a host key that was not the right one, while connecting */
    /* Of the agent's keys libcurl does not tell why they failed: asked once more while
     * connecting, and not believed once they were taken. */
    int agent_doubts;
};

struct store_sftp_handle *store_sftp_wire_handle(struct store_sftp_wire *w, struct error *e)
{
    return store_sftp_handle_new(&w->login, &w->limits, w->patience.ms, e);
}

void store_sftp_wire_configure(struct store_sftp_wire *w, const struct store_options *o)
{
    w->limits.o = *o;
    w->patience.stop = o->stop;
}

const char *store_sftp_wire_base(const struct store_sftp_wire *w)
{
    return w->base;
}

static struct store_sftp_handle *borrow(struct store_sftp_wire *w, struct error *e)
{
    (void)pthread_mutex_lock(&w->lock);
    struct store_sftp_handle *h = w->idle;
    if (h) {
        w->idle = h->next;
        w->idle_count--;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return h ? h : store_sftp_wire_handle(w, e);
}

static void give_back(struct store_sftp_wire *w, struct store_sftp_handle *h)
{
    (void)pthread_mutex_lock(&w->lock);
    bool keep = w->idle_count < KEEP_IDLE && !h->spent;
    if (keep) {
        h->next = w->idle;
        w->idle = h;
        w->idle_count++;
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (!keep)
        store_sftp_handle_free(h);
}

/* ---- one request --------------------------------------------------------------------- */

/* True when the handle's connection is the one that gave the last answer, and still works:
 * "/" is known there, over a connection that was not made anew. */
static bool still_whole(struct store_sftp_wire *w, struct store_sftp_handle *h)
{
    const struct store_sftp_request look = {
        .method = STORE_SFTP_LOOK, .path = "/", .time = true};
    CURLcode code = CURLE_OK;
    long made = 1;
    curl_off_t time = -1;
    char kept[CURL_ERROR_SIZE];
    memcpy(kept, h->error, sizeof kept);
    int rc = store_sftp_handle_perform(h, w->base, &look, &code, NULL);
    if (rc == 0 && code == CURLE_OK) {
        (void)curl_easy_getinfo(h->curl, CURLINFO_NUM_CONNECTS, &made);
        (void)curl_easy_getinfo(h->curl, CURLINFO_FILETIME_T, &time);
    }
    memcpy(h->error, kept, sizeof kept);
    return made == 0 && time >= 0;
}

/* What libcurl said, or its general words, made printable; with the server's name where it may
 * be tried again, for that is told at once. */
static int tell(struct store_sftp_wire *w, struct store_sftp_handle *h, CURLcode code,
                enum error_kind kind, struct error *e)
{
    char text[CURL_ERROR_SIZE];
    const char *said = h->error[0] ? h->error : curl_easy_strerror(code);
    if (h->transfer.stalled)
        said = "no byte has moved for too long";
    str_safe(text, sizeof text, bytes_text(said));
    (void)error_set(e, kind, "%s", text);
    return kind == ERROR_BUSY ? error_wrap(e, "%s", w->base) : -1;
}

/* What looks like an answer of the server: is it one? */
static int said_no(struct store_sftp_wire *w, struct store_sftp_handle *h, CURLcode code,
                   struct error *e)
{
    bool whole = still_whole(w, h);
    (void)tell(w, h, code, whole ? ERROR_IO : ERROR_BUSY, e);
    if (!whole)
        return STORE_SFTP_CUT;
    if (code == CURLE_REMOTE_FILE_NOT_FOUND)
        return STORE_SFTP_ABSENT;
    if (code != CURLE_REMOTE_ACCESS_DENIED && code != CURLE_REMOTE_DISK_FULL)
        return STORE_SFTP_REFUSED;
    if (e)
        e->sys = code == CURLE_REMOTE_DISK_FULL ? ENOSPC : EACCES;
    return -1;
}

static int no_login(struct store_sftp_wire *w, struct store_sftp_handle *h, CURLcode code,
                    struct error *e)
{
    if (code == CURLE_LOGIN_DENIED)
        return store_sftp_login_refused(&w->login, e);
    char shown[sizeof w->shown] = "";
    if (h->seen.shown)
        (void)snprintf(shown, sizeof shown, "%s (%s)", h->seen.fingerprint, h->seen.type);
    bool revoked = h->seen.shown && h->seen.verdict == KNOWN_HOSTS_REVOKED;
    return store_sftp_login_wrong_host(&w->login, revoked, shown, e);
}

/* No method in common: not the way that a connection breaks (servers.md, libssh2's -5). */
static bool no_common_type(const struct store_sftp_handle *h)
{
    return strstr(h->error, "session: -5,") != NULL;
}

static int answer_of(struct store_sftp_wire *w, struct store_sftp_handle *h, CURLcode code,
                     struct error *e)
{
    const volatile sig_atomic_t *stop = w->limits.o.stop;
    if (h->transfer.stopped && stop && *stop)
        return error_stopped(e, *stop);
    switch ((int)code) {
    case CURLE_OK:
        if (!h->close_failed)
            return 0;
        (void)error_set(e, ERROR_BUSY, "the server could not close the file");
        return STORE_SFTP_CUT;
    case CURLE_BAD_DOWNLOAD_RESUME: /* the range begins behind the end */
        h->spent = true;
        return 0;
    case CURLE_REMOTE_FILE_NOT_FOUND:
    case CURLE_REMOTE_FILE_EXISTS:
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_REMOTE_DISK_FULL:
    case CURLE_QUOTE_ERROR:
        return said_no(w, h, code, e);
    case CURLE_OUT_OF_MEMORY:
        return error_memory(e, "SFTP request");
    case CURLE_LOGIN_DENIED:
        if (h->login_cut || (w->login.way == 0 && w->agent_doubts != 0))
            break;
        return no_login(w, h, code, e);
    case CURLE_PEER_FAILED_VERIFICATION:
        return no_login(w, h, code, e);
    case CURLE_FAILED_INIT:
        if (no_common_type(h))
            return no_login(w, h, code, e);
        break;
    case CURLE_SSH:
        /* libssh2's -31 is an answer of the server: not the way a connection breaks. */
        if (strstr(h->error, "/-31)")) {
            (void)tell(w, h, code, ERROR_IO, e);
            return STORE_SFTP_REFUSED;
        }
        if (h->error[0]) /* of opening or listing: an answer, or the end of the connection */
            return said_no(w, h, code, e);
        break;
    case CURLE_WRITE_ERROR:
        if (h->failed)
            return -1;
        break;
    default:
        break;
    }
    (void)tell(w, h, code, ERROR_BUSY, e);
    return STORE_SFTP_CUT;
}

static void fill_reply(struct store_sftp_handle *h, struct store_sftp_reply *reply)
{
    curl_off_t size = 0;
    curl_off_t time = -1;
    (void)curl_easy_getinfo(h->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    (void)curl_easy_getinfo(h->curl, CURLINFO_FILETIME_T, &time);
    *reply = (struct store_sftp_reply){.size = size > 0 ? (uint64_t)size : 0, .time_s = time};
}

static int attempt(struct store_sftp_wire *w, struct store_sftp_handle *h,
                   const struct store_sftp_request *r, struct store_sftp_reply *reply,
                   struct error *e)
{
    CURLcode code = CURLE_OK;
    *reply = (struct store_sftp_reply){.time_s = -1};
    if (store_sftp_handle_perform(h, w->base, r, &code, e) < 0)
        return -1;
    if (code == CURLE_OK)
        fill_reply(h, reply);
    int rc = answer_of(w, h, code, e);
    bool folder = r->method == STORE_SFTP_LOOK && r->path[strlen(r->path) - 1] == '/';
    if (rc == 0 && folder && r->time && reply->time_s < 0) {
        (void)error_set(e, ERROR_BUSY, "the connection was lost");
        rc = still_whole(w, h) ? STORE_SFTP_ABSENT : STORE_SFTP_CUT;
    }
    if (rc != 0 && r->out)
        r->out->len = 0;
    return rc;
}

int store_sftp_wire_once(struct store_sftp_wire *w, const struct store_sftp_request *r,
                         struct store_sftp_reply *reply, struct error *e)
{
    struct store_sftp_reply ignored;
    struct store_sftp_handle *h = borrow(w, e);
    if (!h)
        return -1;
    int rc = attempt(w, h, r, reply ? reply : &ignored, e);
    if (rc >= 0 && rc != STORE_SFTP_CUT)
        backoff_answered(&w->patience);
    give_back(w, h);
    return rc;
}

void store_sftp_wire_begin(struct store_sftp_wire *w, struct backoff *b)
{
    backoff_begin(b, &w->patience);
}

int store_sftp_wire_send(struct store_sftp_wire *w, const struct store_sftp_request *r,
                         struct store_sftp_reply *reply, struct error *e)
{
    struct backoff b;
    store_sftp_wire_begin(w, &b);
    for (;;) {
        int rc = store_sftp_wire_once(w, r, reply, e);
        if (rc != STORE_SFTP_CUT)
            return rc;
        if (backoff_wait(&b, 0, e) < 0)
            return -1;
    }
}

/* ---- the first connection ------------------------------------------------------------- */

/* The server has no key of this type, or another one than ours. 1: there is another type that
 * may be right; else -1: a key that it showed says more than one that it lacks. */
static int try_next_type(struct store_sftp_wire *w, const struct store_sftp_handle *h,
                         struct error *e)
{
    if (h->seen.shown && !w->shown[0])
        (void)snprintf(w->shown, sizeof w->shown, "%s (%s)", h->seen.fingerprint, h->seen.type);
    if (store_sftp_login_next_type(&w->login))
        return 1;
    return store_sftp_login_wrong_host(&w->login, false, w->shown, e);
}

/* Asks for nothing: the connection is all. 0: it stands; 1: another way may work; else as
 * store_sftp_wire_once. */
static int try_way(struct store_sftp_wire *w, char **home, struct error *e)
{
    const struct store_sftp_request nothing = {.method = STORE_SFTP_LOOK, .path = "/"};
    char *entry = NULL;
    CURLcode code = CURLE_OK;
    struct store_sftp_handle *h = store_sftp_wire_handle(w, e);
    if (!h)
        return -1;
    int rc = store_sftp_handle_perform(h, w->base, &nothing, &code, e);
    if (rc == 0)
        rc = answer_of(w, h, code, e);
    if (code == CURLE_LOGIN_DENIED && rc == STORE_SFTP_CUT && !h->login_cut)
        w->agent_doubts = 0;
    bool other_host = code == CURLE_PEER_FAILED_VERIFICATION ||
                      (code == CURLE_FAILED_INIT && no_common_type(h));
    if (rc == 0) {
        (void)curl_easy_getinfo(h->curl, CURLINFO_FTP_ENTRY_PATH, &entry);
        *home = str_copy(entry ? entry : "/", e);
        rc = *home ? 0 : -1;
        w->agent_doubts = 1;
    } else if (code == CURLE_LOGIN_DENIED && rc != STORE_SFTP_CUT) {
        rc = store_sftp_login_next_way(&w->login) ? 1 : -1;
    } else if (other_host && h->seen.verdict != KNOWN_HOSTS_REVOKED) {
        rc = try_next_type(w, h, e);
    }
    if (rc == 0)
        give_back(w, h);
    else
        store_sftp_handle_free(h);
    return rc;
}

int store_sftp_wire_connect(struct store_sftp_wire *w, char **home, struct error *e)
{
    struct backoff b;
    int rc = 1;
    store_sftp_wire_begin(w, &b);
    while (rc == 1) {
        rc = try_way(w, home, e);
        if (rc == STORE_SFTP_CUT)
            rc = backoff_wait(&b, 0, e) < 0 ? -1 : 1;
    }
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------ */

struct store_sftp_wire *store_sftp_wire_new(const struct store_url *u, struct error *e)
{
    transfer_prepare();
    struct store_sftp_wire *w = calloc(1, sizeof *w);
    if (!w) {
        (void)error_memory(e, "SFTP");
        return NULL;
    }
    (void)pthread_mutex_init(&w->lock, NULL);
    w->agent_doubts = 1;
    if (backoff_read_patience(&w->patience, e) < 0 ||
        store_sftp_login_init(&w->login, u, e) < 0)
        goto fail;
    bool address = strchr(w->login.host, ':');
    w->base = str_format(e, "sftp://%s%s%s:%u", address ? "[" : "", w->login.host,
                         address ? "]" : "", (unsigned)w->login.port);
    if (w->base)
        return w;
fail:
    store_sftp_wire_free(w);
    return NULL;
}

void store_sftp_wire_free(struct store_sftp_wire *w)
{
    if (!w)
        return;
    while (w->idle) {
        struct store_sftp_handle *h = w->idle;
        w->idle = h->next;
        store_sftp_handle_free(h);
    }
    store_sftp_login_done(&w->login);
    (void)pthread_mutex_destroy(&w->lock);
    free(w->base);
    free(w);
}
