/* SPDX-License-Identifier: Apache-2.0 */
/* A server that ignores If-None-Match answers as if it had honoured it, so the only proof is a
 * second PUT that is refused. The same goes for a lock: it counts when the server shows it. */
#include "backends/store_s3_probe.h"

#include <stdio.h>

#include "backends/s3_xml.h"
#include "backends/store_s3_list.h"
#include "backends/store_s3_put.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "core/repo/store.h"

#define PROBE_NAME 40 /* "probe-" and 32 hex digits */
#define MOST_SECOND 5 /* tries to see a second PUT answered */
#define PROBE_LOCK_SECONDS 3600

static const char content[] = "pgkeep looks what this server can do; this may be removed\n";

static int no_lock(struct error *e, const char *why)
{
    (void)error_set(e, ERROR_UNSUPPORTED, "object-lock: %s", why);
    return error_hint(e, "object lock needs a bucket that was made with it; without one leave "
                         "out object-lock=");
}

static int put_probe(struct store_s3_link *l, const char *name, struct store_s3_put_how *how,
                     struct error *e)
{
    if (l->place.lock_days > 0)
        how->lock_seconds = PROBE_LOCK_SECONDS;
    return store_s3_put_once(l, name, bytes_text(content), how, e);
}

/* Twice under one name: only a server that refuses the second knows the condition. */
static int try_conditional(struct store_s3_link *l, const char *name, struct error *e)
{
    struct store_s3_put_how how = {.only_new = true};
    int rc = put_probe(l, name, &how, e);
    if (rc == STORE_EXISTS)
        return error_set(e, ERROR_UNSUPPORTED, "an object of a fresh random name is there");
    if (rc == STORE_S3_PUT_UNSUPPORTED) {
        atomic_store(&l->conditional, STORE_S3_IGNORED);
        how.only_new = false;
        return put_probe(l, name, &how, e);
    }
    /* One whose reply was lost shows nothing. */
    for (int i = 0; rc == 0 && i < MOST_SECOND; i++) {
        rc = put_probe(l, name, &how, e);
        store_s3_put_learnt(l, &how);
        if (how.answered != 0)
            break;
    }
    return rc < 0 ? -1 : 0;
}

static int try_lock(struct store_s3_link *l, const char *name, struct error *e)
{
    struct store_s3_until u = store_s3_call_until(l);
    uint64_t size;
    bool locked = false;
    int rc = store_s3_put_head(l, name, &u, &size, &locked, e);
    if (rc < 0)
        return -1;
    if (!locked)
        return no_lock(e, "the server took the lock of a probe but does not show it (the keys "
                          "may lack s3:GetObjectRetention)");
    return 0;
}

static int try_get(struct store_s3_link *l, const char *name, struct error *e)
{
    struct http_reply r = {0};
    struct store_s3_until u = store_s3_call_until(l);
    struct store_s3_call c = {.method = "GET", .name = name, .most_reply = KIB};
    int rc = store_s3_call_send(l, &c, &u, &r, e);
    if (rc == 0 && (r.status != 200 || !bytes_equal(buf_view(&r.body), bytes_text(content))))
        rc = error_set(e, ERROR_UNSUPPORTED,
                       "an object that was just put is not what a get answers (status %d)",
                       r.status);
    http_reply_done(&r);
    return rc;
}

struct sought {
    const char *name;
    bool seen;
};

static int seek_one(void *arg, const struct store_item *item, struct error *e)
{
    struct sought *s = arg;
    (void)e;
    s->seen = s->seen || strcmp(item->name, s->name) == 0;
    return 0;
}

static int try_list(struct store_s3_link *l, const char *name, struct error *e)
{
    struct sought s = {.name = name};
    if (store_s3_list_all(l, name, seek_one, &s, e) < 0)
        return -1;
    return s.seen ? 0
                  : error_set(e, ERROR_UNSUPPORTED,
                              "an object that was just put is not in the listing");
}

static int remove_probe(struct store_s3_link *l, const char *name, struct error *e)
{
    struct http_reply r = {0};
    struct store_s3_until u = store_s3_call_until(l);
    struct store_s3_call c = {.method = "DELETE", .name = name, .most_reply = HTTP_ERROR_BODY};
    int rc = store_s3_call_send(l, &c, &u, &r, e);
    bool forbidden = rc < 0 && r.status == 403;
    http_reply_done(&r);
    return forbidden ? 0 : rc;
}

int store_s3_probe_run(struct store_s3_link *l, struct error *e)
{
    char name[PROBE_NAME];
    char dice[33];
    uint8_t raw[16];
    struct error local = {0};
    if (secret_random(raw, sizeof raw, e) < 0)
        return -1;
    str_hex(dice, raw, sizeof raw);
    (void)snprintf(name, sizeof name, "probe-%s", dice);
    int rc = try_conditional(l, name, &local);
    if (rc == 0)
        rc = try_get(l, name, &local);
    if (rc == 0)
        rc = try_list(l, name, &local);
    if (rc == 0 && l->place.lock_days > 0)
        rc = try_lock(l, name, &local);
    /* Also after a failure, whose words are the ones that count. */
    if (remove_probe(l, name, rc == 0 ? &local : NULL) < 0 && rc == 0)
        rc = -1;
    if (rc != 0 && e) {
        *e = local;
        return error_wrap(e, "looking what bucket %s can do", l->place.bucket);
    }
    return rc;
}
