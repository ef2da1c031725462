/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/store_sftp_many.h"

#include <stdlib.h>

#include <curl/curl.h>

#include "backends/store_sftp_handle.h"

#define POLL_MS 10 /* short: libcurl does not always watch the right side of an SSH socket */

struct slot {
    struct store_sftp_handle *handle;
    size_t doing; /* number of the request; SIZE_MAX: none */
};

struct store_sftp_many {
    struct store_sftp_wire *wire;
    CURLM *multi;
    struct slot slots[STORE_SFTP_MANY];
};

struct store_sftp_many *store_sftp_many_new(struct store_sftp_wire *w, struct error *e)
{
    struct store_sftp_many *m = calloc(1, sizeof *m);
    if (m) {
        m->wire = w;
        m->multi = curl_multi_init();
    }
    /* Left to itself libcurl closes connections when few requests are under way. */
    if (m && m->multi &&
        !curl_multi_setopt(m->multi, CURLMOPT_MAXCONNECTS, (long)STORE_SFTP_MANY))
        return m;
    if (m && m->multi)
        (void)curl_multi_cleanup(m->multi);
    free(m);
    (void)error_memory(e, "SFTP");
    return NULL;
}

void store_sftp_many_free(struct store_sftp_many *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < STORE_SFTP_MANY; i++)
        store_sftp_handle_free(m->slots[i].handle);
    /* The connections are the multi's. */
    (void)curl_multi_cleanup(m->multi);
    free(m);
}

static int begin(struct store_sftp_many *m, struct slot *s, const struct store_sftp_request *r,
                 size_t number, struct error *e)
{
    if (!s->handle)
        s->handle = store_sftp_wire_handle(m->wire, e);
    if (!s->handle)
        return -1;
    if (store_sftp_handle_begin(s->handle, store_sftp_wire_base(m->wire), r, NULL) < 0 ||
        curl_multi_add_handle(m->multi, s->handle->curl)) {
        store_sftp_handle_end(s->handle);
        return error_memory(e, "SFTP request");
    }
    s->doing = number;
    return 0;
}

static void end(struct store_sftp_many *m, struct slot *s)
{
    (void)curl_multi_remove_handle(m->multi, s->handle->curl);
    store_sftp_handle_end(s->handle);
    s->doing = SIZE_MAX;
}

/* What has come to an end: *left counts down, *well is cleared by a failure. */
static void collect(struct store_sftp_many *m, bool *got, size_t *left, bool *well)
{
    int more;
    for (CURLMsg *msg; (msg = curl_multi_info_read(m->multi, &more));) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURL *done = msg->easy_handle;
        CURLcode code = msg->data.result; /* gone with the handle */
        for (size_t i = 0; i < STORE_SFTP_MANY; i++) {
            struct slot *s = &m->slots[i];
            if (!s->handle || s->handle->curl != done)
                continue;
            got[s->doing] = code == CURLE_OK && !s->handle->close_failed;
            *well = *well && got[s->doing];
            end(m, s);
            --*left;
        }
    }
}

int store_sftp_many_get(struct store_sftp_many *m, const struct store_sftp_request *r,
                        size_t count, bool *got, struct error *e)
{
    size_t next = 0;
    size_t left = 0;
    bool well = true;
    int rc = 0;
    for (size_t i = 0; i < count; i++)
        got[i] = false;
    for (size_t i = 0; i < STORE_SFTP_MANY; i++)
        m->slots[i].doing = SIZE_MAX;
    do {
        size_t before = left;
        int running;
        for (size_t i = 0; i < STORE_SFTP_MANY && rc == 0 && well && next < count; i++) {
            if (m->slots[i].doing != SIZE_MAX)
                continue;
            rc = begin(m, &m->slots[i], &r[next], next, e);
            if (rc == 0) {
                next++;
                left++;
            }
        }
        if (rc == 0 && curl_multi_perform(m->multi, &running))
            rc = error_memory(e, "SFTP requests");
        size_t begun = left;
        collect(m, got, &left, &well);
        /* With a free slot there may be another one to begin. */
        if (rc == 0 && left > 0 && left == begun && left == before &&
            curl_multi_poll(m->multi, NULL, 0, POLL_MS, NULL))
            rc = error_memory(e, "SFTP requests");
    } while (rc == 0 && left > 0);
    for (size_t i = 0; i < STORE_SFTP_MANY; i++)
        if (m->slots[i].doing != SIZE_MAX)
            end(m, &m->slots[i]);
    return rc;
}
