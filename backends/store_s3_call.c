/* SPDX-License-Identifier: Apache-2.0 */
/* An attempt that moves bytes is not cut by the end of patience: a slow line is no dead one,
 * and stalls end by themselves. */
#include "backends/store_s3_call.h"

#include <stdlib.h>

#include "backends/store_s3_fault.h"
#include "core/base/clock.h"
#include "core/base/str.h"

#define MOST_ASKED_S (7 * 24 * 3600)
#define STALL_MS 30000
#define CONNECT_MS 15000
#define LEAST_MS 500 /* of both */
#define SLOWEST_BYTES_PER_MS 32
#define LEAST_DEADLINE_MS 5000 /* also of the last attempt, or where there is no patience */
#define MOST_RENEWALS 2

/* ---- the link ------------------------------------------------------------------------ */

int store_s3_call_open(struct store_s3_link *l, const char *url, struct error *e)
{
    if (store_s3_place_parse(url, &l->place, e) < 0 ||
        backoff_read_patience(&l->patience, e) < 0)
        return -1;
    /* One that stalls must leave time for another attempt. */
    uint64_t quarter = (uint64_t)l->patience.ms / 4;
    if (quarter < LEAST_MS)
        quarter = LEAST_MS;
    struct http_options o = {
        .ca_file = l->place.ca_file,
        .connect_ms = quarter < CONNECT_MS ? quarter : CONNECT_MS,
        .stall_ms = quarter < STALL_MS ? quarter : STALL_MS,
        /* Plain HTTP is for this host alone: a proxy would carry it elsewhere. */
        .no_proxy = str_starts(l->place.base, "http://"),
    };
    l->http = http_new(&o, e);
    l->sign = l->http ? s3_sign_new(l->place.region, "s3", e) : NULL;
    if (!l->sign)
        return -1;
    struct s3_credentials_options from = {.region = l->place.region};
    l->credentials = s3_credentials_new(&from, e);
    return l->credentials ? 0 : -1;
}

void store_s3_call_close(struct store_s3_link *l)
{
    s3_credentials_free(l->credentials);
    s3_sign_free(l->sign);
    http_free(l->http);
    store_s3_place_done(&l->place);
}

/* ---- one attempt --------------------------------------------------------------------- */

static int sign(struct store_s3_link *l, const struct store_s3_call *c,
                struct s3_sign_result *out, struct error *e)
{
    struct s3_key key = {0};
    struct s3_sign_request r = {
        .method = c->method,
        .host = l->place.host,
        .query = c->query,
        .query_count = c->query_count,
        .headers = c->headers,
        .header_count = c->header_count,
        .now_us = clock_now_us(),
    };
    if (c->body_sha256)
        memcpy(r.body_sha256, c->body_sha256, DIGEST_LEN);
    else if (digest_sha256(bytes_of("", 0), r.body_sha256, e) < 0)
        return -1;
    char *path = store_s3_place_path(&l->place, c->name, e);
    r.path = path;
    int rc = path ? s3_credentials_get(l->credentials, &key, e) : -1;
    if (rc == 0) {
        struct s3_sign_key by = {.id = key.id, .secret = key.secret, .token = key.token};
        rc = s3_sign_make(l->sign, &by, &r, out, e);
    }
    s3_key_done(&key);
    free(path);
    return rc;
}

static int send_signed(struct store_s3_link *l, const struct store_s3_call *c,
                       const struct s3_sign_result *s, const struct store_s3_until *u,
                       struct http_reply *r, struct error *e)
{
    char *url = str_format(e, "%s%s", l->place.base, (const char *)s->target.data);
    if (!url)
        return -1;
    uint64_t moved = c->body.len > c->most_reply ? c->body.len : c->most_reply;
    uint64_t left = (uint64_t)backoff_left_ms(&u->backoff);
    struct http_request request = {
        .method = c->method,
        .url = url,
        .headers = s->headers,
        .body = c->body,
        .most_reply = c->most_reply,
        .deadline_ms = (left > LEAST_DEADLINE_MS ? left : LEAST_DEADLINE_MS) +
                       moved / SLOWEST_BYTES_PER_MS,
    };
    int rc = http_send(l->http, &request, r, e);
    free(url);
    return rc;
}

/* Temporary keys that have run out are got anew; more than twice in a row helps nobody. */
static int renewed(struct store_s3_link *l, struct store_s3_until *u, int rc)
{
    if (rc != STORE_S3_FAULT_EXPIRED)
        return rc;
    s3_credentials_refused(l->credentials);
    return u->renewals++ < MOST_RENEWALS ? STORE_S3_CALL_AGAIN : -1;
}

int store_s3_call_try(struct store_s3_link *l, const struct store_s3_call *c,
                      struct store_s3_until *u, struct http_reply *r, struct error *e)
{
    struct s3_sign_result s = {0};
    struct error cause = {0};
    r->status = 0;
    r->reached = r->resent = false;
    r->head.len = r->body.len = 0;
    int rc = sign(l, c, &s, &cause);
    if (rc == 0)
        rc = send_signed(l, c, &s, u, r, &cause);
    s3_sign_result_done(&s);
    if (rc == 0) {
        struct store_s3_fault f = {.place = &l->place, .method = c->method, .reply = r};
        f.xml = strcmp(c->method, "GET") != 0 || c->query_count > 0;
        rc = renewed(l, u, store_s3_fault_of(&f, &cause));
    } else if (cause.kind == ERROR_BUSY)
        rc = STORE_S3_CALL_AGAIN;
    if (rc == 0)
        backoff_answered(&l->patience);
    else {
        (void)error_wrap(&cause, "s3://%s%s%s%s", l->place.bucket, c->name ? "/" : "",
                         c->name ? l->place.prefix : "", c->name ? c->name : "");
        if (e)
            *e = cause;
    }
    return rc;
}

/* ---- patience ------------------------------------------------------------------------ */

struct store_s3_until store_s3_call_until(struct store_s3_link *l)
{
    struct store_s3_until u = {0};
    backoff_begin(&u.backoff, &l->patience);
    return u;
}

int store_s3_call_wait(struct store_s3_until *u, const struct http_reply *r, struct error *e)
{
    return backoff_wait(&u->backoff, (int64_t)http_reply_retry_after(r, MOST_ASKED_S) * 1000,
                        e);
}

int store_s3_call_send(struct store_s3_link *l, const struct store_s3_call *c,
                       struct store_s3_until *u, struct http_reply *r, struct error *e)
{
    for (;;) {
        int rc = store_s3_call_try(l, c, u, r, e);
        if (rc != STORE_S3_CALL_AGAIN)
            return rc;
        if (store_s3_call_wait(u, r, e) < 0)
            return -1;
    }
}
