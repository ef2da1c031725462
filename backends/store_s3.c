/* SPDX-License-Identifier: Apache-2.0 */
/* The store's operations; a PUT is a subject of its own (store_s3_put). */
#include "backends/store_s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/store_s3_call.h"
#include "backends/store_s3_fault.h"
#include "backends/store_s3_list.h"
#include "backends/store_s3_probe.h"
#include "backends/store_s3_put.h"
#include "core/base/str.h"

#define MOST_WHOLE (256 * MIB + KIB)
#define RANGE_TEXT 64
#define CUT_SHORT 2 /* fewer bytes than the server said: worth another attempt */

struct store_s3 {
    struct store base;
    struct store_s3_link link;
};

static struct store_s3 *self_of(struct store *s)
{
    return (struct store_s3 *)(void *)s;
}

static int put(struct store *s, const char *name, struct bytes content, struct error *e)
{
    return store_s3_put_object(&self_of(s)->link, name, content, e);
}

/* ---- get ------------------------------------------------------------------------------ */

struct range {
    uint64_t offset;
    size_t len; /* STORE_ALL: to the end */
    bool asked; /* there is a Range header */
    char text[RANGE_TEXT];
};

static void set_range(struct range *g)
{
    uint64_t last;
    g->asked = g->offset > 0 || g->len != STORE_ALL;
    if (g->len == STORE_ALL || attr_add_overflows(g->offset, g->len - 1, &last) ||
        last > INT64_MAX)
        (void)snprintf(g->text, sizeof g->text, "bytes=%" PRIu64 "-", g->offset);
    else
        (void)snprintf(g->text, sizeof g->text, "bytes=%" PRIu64 "-%" PRIu64, g->offset, last);
}

static int bad_range(struct error *e, const struct http_reply *r, const char *what)
{
    char field[RANGE_TEXT];
    const char *text = http_reply_field(r, "Content-Range");
    str_safe(field, sizeof field, bytes_text(text ? text : "no Content-Range"));
    return error_set(e, ERROR_IO, "GET answered %s (%s, %zu bytes)", what, field, r->body.len);
}

/* A number up to the character stop, which is passed. */
static bool take_number(const char **at, char stop, uint64_t *n)
{
    char digits[RANGE_TEXT];
    size_t len = strspn(*at, "0123456789");
    if (len >= sizeof digits || (*at)[len] != stop)
        return false;
    memcpy(digits, *at, len);
    digits[len] = '\0';
    *at += len + (stop ? 1 : 0);
    return str_u64(digits, INT64_MAX, n);
}

/* "bytes 5-9/100": what came must be what was asked for, up to the object's end. */
static int check_part(const struct range *g, const struct http_reply *r, struct error *e)
{
    uint64_t first = 0, last = 0, total = 0;
    const char *at = http_reply_field(r, "Content-Range");
    if (!at || !str_starts(at, "bytes "))
        return bad_range(e, r, "no range that can be read");
    at += strlen("bytes ");
    if (!take_number(&at, '-', &first) || !take_number(&at, '/', &last) ||
        !take_number(&at, '\0', &total))
        return bad_range(e, r, "no range that can be read");
    if (first != g->offset || last < first || last >= total)
        return bad_range(e, r, "another range than asked for");
    uint64_t rest = total - first;
    uint64_t wanted = g->len < rest ? g->len : rest;
    if (last - first + 1 != wanted || r->body.len > wanted)
        return bad_range(e, r, "another range than asked for");
    if (r->body.len == wanted)
        return 0;
    (void)bad_range(e, r, "less than it said");
    return CUT_SHORT;
}

/* A whole object where a part was asked for: a server that knows no ranges. */
static void cut_part(const struct range *g, struct buf *body)
{
    buf_consume(body, g->offset < body->len ? (size_t)g->offset : body->len);
    if (body->len > g->len)
        body->len = g->len;
}

static int check_whole(const struct range *g, struct http_reply *r, struct error *e)
{
    uint64_t length;
    const char *text = http_reply_field(r, "Content-Length");
    if (text && (!str_u64(text, INT64_MAX, &length) || length != r->body.len)) {
        (void)bad_range(e, r, "another length than it said");
        return CUT_SHORT;
    }
    if (g->asked)
        cut_part(g, &r->body);
    return 0;
}

static int check_get(const struct store_s3_link *l, const struct range *g, struct http_reply *r,
                     struct error *e)
{
    struct store_s3_fault f = {.place = &l->place, .method = "GET", .reply = r};
    int status = r->status;
    if (status != 200 && status != 206)
        r->body.len = 0; /* nothing of an error's words may pass for content */
    if (status == 404)
        return STORE_ABSENT;
    if (status == 416 && g->asked)
        return 0;
    if (status == 206 && g->asked)
        return check_part(g, r, e);
    return status == 200 ? check_whole(g, r, e) : store_s3_fault_odd(&f, e);
}

static int get_range(struct store_s3_link *l, const char *name, struct range *g,
                     struct http_reply *r, struct error *e)
{
    struct s3_sign_pair header = {"range", g->text};
    struct store_s3_call c = {
        .method = "GET",
        .name = name,
        .headers = &header,
        .header_count = g->asked ? 1 : 0,
        .most_reply = g->len < MOST_WHOLE ? g->len : MOST_WHOLE,
    };
    struct store_s3_until u = store_s3_call_until(l);
    for (;;) {
        int rc = store_s3_call_send(l, &c, &u, r, e);
        if (rc == 0)
            rc = check_get(l, g, r, e);
        if (rc != CUT_SHORT)
            return rc;
        if (store_s3_call_wait(&u, r, e) < 0)
            return -1;
    }
}

static int get(struct store *s, const char *name, uint64_t offset, size_t len, struct buf *out,
               struct error *e)
{
    struct store_s3_link *l = &self_of(s)->link;
    struct range g = {.offset = offset, .len = len};
    struct store_s3_until u = store_s3_call_until(l);
    uint64_t size;
    out->len = 0;
    if (len == 0 || offset > INT64_MAX) /* no range says this: only whether it is there */
        return store_s3_put_head(l, name, &u, &size, NULL, e);
    set_range(&g);
    struct http_reply r = {.body = *out};
    int rc = get_range(l, name, &g, &r, e);
    *out = r.body;
    if (rc != 0)
        out->len = 0;
    r.body = (struct buf){0};
    http_reply_done(&r);
    return rc;
}

/* ---- the others ------------------------------------------------------------------------ */

static int list(struct store *s, const char *prefix, store_visit *visit, void *arg,
                struct error *e)
{
    return store_s3_list_all(&self_of(s)->link, prefix, visit, arg, e);
}

static int remove_object(struct store *s, const char *name, struct error *e)
{
    struct store_s3_link *l = &self_of(s)->link;
    struct http_reply r = {0};
    struct store_s3_until u = store_s3_call_until(l);
    struct store_s3_fault f = {.place = &l->place, .method = "DELETE", .reply = &r};
    struct store_s3_call c = {.method = "DELETE", .name = name, .most_reply = HTTP_ERROR_BODY};
    int rc = store_s3_call_send(l, &c, &u, &r, e);
    if (rc == 0 && r.status >= 300 && r.status != 404)
        rc = store_s3_fault_odd(&f, e);
    http_reply_done(&r);
    return rc;
}

static int sync_store(struct store *s, struct error *e)
{
    (void)s;
    (void)e;
    return 0;
}

static const char *describe(struct store *s)
{
    switch (atomic_load(&self_of(s)->link.conditional)) {
    case STORE_S3_HONOURED:
        return "S3; create-if-absent: yes; durable: when acknowledged";
    case STORE_S3_IGNORED:
        return "S3; create-if-absent: no (looks before); durable: when acknowledged";
    default:
        return "S3; create-if-absent: not known yet; durable: when acknowledged";
    }
}

static int probe(struct store *s, struct error *e)
{
    return store_s3_probe_run(&self_of(s)->link, e);
}

static void configure(struct store *s, const struct store_options *o)
{
    struct store_s3_link *l = &self_of(s)->link;
    http_configure(l->http, o);
    l->patience.stop = o->stop;
    s3_credentials_stop_by(l->credentials, o->stop);
}

static void close_store(struct store *s)
{
    struct store_s3 *self = self_of(s);
    store_s3_call_close(&self->link);
    free(self);
}

static const struct store_ops ops = {
    .put = put,
    .get = get,
    .list = list,
    .remove = remove_object,
    .sync = sync_store,
    .probe = probe,
    .describe = describe,
    .close = close_store,
    .configure = configure,
    .uploads = 2,
};

struct store *store_s3_open(const char *url, bool create, struct error *e)
{
    struct store_s3 *self = calloc(1, sizeof *self);
    if (!self) {
        (void)error_memory(e, "store");
        return NULL;
    }
    self->base.ops = &ops;
    if (store_s3_call_open(&self->link, url, e) == 0 &&
        (!create || store_s3_probe_run(&self->link, e) == 0))
        return &self->base;
    close_store(&self->base);
    return NULL;
}

char *store_s3_canonical(const char *url, struct error *e)
{
    struct store_s3_place place;
    if (store_s3_place_parse(url, &place, e) < 0)
        return NULL;
    char *text = store_s3_place_canonical(&place, e);
    store_s3_place_done(&place);
    return text;
}
