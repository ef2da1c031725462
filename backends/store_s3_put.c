/* SPDX-License-Identifier: Apache-2.0 */
/* A PUT that was cut, timed out or answered with 5xx may have been done all the same. Before
 * it is repeated it is looked for; and a 412 after it ("there is one already") may mean the
 * attempt before: then the bytes decide. Names are unique by design, so a race with another
 * writer of the same name is no danger, only an answer that has to be right. */
#include "backends/store_s3_put.h"

#include <stdlib.h>

#include "backends/store_s3_fault.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/str.h"
#include "core/repo/store.h"

#define DAY_SECONDS 86400
#define MOST_PUT_HEADERS 8
#define SMALL (64 * KIB) /* what is worth to be sent twice to find out what the server does */

/* ---- looking ------------------------------------------------------------------------- */

/* The reply to a HEAD has no body, so a refused one does not tell whether the keys are wrong,
 * have run out, or may not do this. A GET of one byte is refused in words, and with keys that
 * have run out it is tried again with new ones; then so is the HEAD. */
static int ask_in_words(struct store_s3_link *l, const char *name, struct store_s3_until *u,
                        struct error *e)
{
    static const struct s3_sign_pair first_byte = {"range", "bytes=0-0"};
    struct http_reply r = {0};
    struct store_s3_call c = {
        .method = "GET",
        .name = name,
        .headers = &first_byte,
        .header_count = 1,
        .most_reply = HTTP_ERROR_BODY,
    };
    int rc = store_s3_call_send(l, &c, u, &r, e);
    http_reply_done(&r);
    return rc;
}

static int send_head(struct store_s3_link *l, const struct store_s3_call *c,
                     struct store_s3_until *u, struct http_reply *r, struct error *e)
{
    int rc = store_s3_call_send(l, c, u, r, e);
    if (rc == 0 || (r->status != 400 && r->status != 403))
        return rc;
    if (ask_in_words(l, c->name, u, e) < 0)
        return -1;
    return store_s3_call_send(l, c, u, r, e);
}

int store_s3_put_head(struct store_s3_link *l, const char *name, struct store_s3_until *u,
                      uint64_t *size, bool *locked, struct error *e)
{
    struct http_reply r = {0};
    struct store_s3_call c = {.method = "HEAD", .name = name};
    int rc = send_head(l, &c, u, &r, e);
    if (rc == 0 && r.status == 404)
        rc = STORE_ABSENT;
    else if (rc == 0) {
        const char *length = http_reply_field(&r, "Content-Length");
        struct store_s3_fault f = {.place = &l->place, .method = "HEAD", .reply = &r};
        if (r.status != 200)
            rc = store_s3_fault_odd(&f, e);
        else if (!length || !str_u64(length, INT64_MAX, size))
            rc = error_set(e, ERROR_IO, "%s: HEAD answered without a length", name);
        if (locked)
            *locked = http_reply_field(&r, "x-amz-object-lock-mode") != NULL;
    }
    http_reply_done(&r);
    return rc;
}

/* Is the object there with these bytes? */
enum found { FOUND_NONE = 10, FOUND_SAME, FOUND_OTHER };

static int look(struct store_s3_link *l, const char *name, struct bytes content,
                struct store_s3_until *u, struct error *e)
{
    struct http_reply r = {0};
    struct store_s3_call c = {.method = "GET", .name = name, .most_reply = content.len};
    uint64_t size = 0;
    int rc = store_s3_put_head(l, name, u, &size, NULL, e);
    if (rc != 0)
        return rc < 0 ? -1 : FOUND_NONE;
    if (size != content.len)
        return FOUND_OTHER;
    rc = store_s3_call_send(l, &c, u, &r, e);
    if (rc == 0 && r.status == 404)
        rc = FOUND_NONE;
    else if (rc == 0)
        rc = bytes_equal(buf_view(&r.body), content) ? FOUND_SAME : FOUND_OTHER;
    http_reply_done(&r);
    return rc;
}

/* ---- one PUT ------------------------------------------------------------------------- */

/* The headers of a PUT and the texts that they point to. */
struct put_headers {
    struct s3_sign_pair of[MOST_PUT_HEADERS];
    size_t count;
    char until[CLOCK_TEXT];
    char checksum[S3_SIGN_BASE64];
};

static void add(struct put_headers *h, const char *name, const char *value)
{
    h->of[h->count++] = (struct s3_sign_pair){.name = name, .value = value};
}

/* Amazon wants a checksum of its own beside a retention. */
static void make_headers(struct put_headers *h, const struct store_s3_link *l,
                         const struct store_s3_put_how *how, const uint8_t *sha256)
{
    h->count = 0;
    add(h, "content-type", "application/octet-stream");
    if (how->only_new)
        add(h, "if-none-match", "*");
    if (l->place.storage_class)
        add(h, "x-amz-storage-class", l->place.storage_class);
    if (how->lock_seconds == 0)
        return;
    clock_rfc3339(h->until, clock_now_us() + (int64_t)how->lock_seconds * 1000000);
    s3_sign_base64(h->checksum, sha256);
    add(h, "x-amz-object-lock-mode", "COMPLIANCE");
    add(h, "x-amz-object-lock-retain-until-date", h->until);
    add(h, "x-amz-sdk-checksum-algorithm", "SHA256");
    add(h, "x-amz-checksum-sha256", h->checksum);
}

/* A reply that leaves no doubt about what became of the object. */
static int settle(const struct store_s3_link *l, const struct http_reply *r,
                  const struct store_s3_put_how *how, struct error *e)
{
    struct store_s3_fault f = {.place = &l->place, .method = "PUT", .reply = r};
    if (r->status >= 200 && r->status < 300)
        return 0;
    if (r->status == 412 && how->only_new)
        return STORE_EXISTS;
    if (r->status == 501 && how->only_new)
        return STORE_S3_PUT_UNSUPPORTED;
    return store_s3_fault_odd(&f, e);
}

/* The name is taken, perhaps by an attempt of ours. */
static int whose(struct store_s3_link *l, const char *name, struct bytes content,
                 struct store_s3_until *u, struct error *e)
{
    int found = look(l, name, content, u, e);
    return found == FOUND_NONE ? STORE_EXISTS : found;
}

/* rc is what the attempt came to. An <Error> under status 200 tells no more than a 500. */
static bool is_doubtful(const struct http_reply *r, int rc)
{
    bool hidden = rc != 0 && r->status >= 200 && r->status < 300;
    return r->reached && (r->status == 0 || r->status >= 500 || r->resent || hidden);
}

/* Attempts until one is answered, or the object is found to be there: enum found. */
static int deliver(struct store_s3_link *l, const struct store_s3_call *c,
                   struct store_s3_until *u, struct http_reply *r, bool *doubt, struct error *e)
{
    for (;;) {
        int rc = store_s3_call_try(l, c, u, r, e);
        *doubt = *doubt || is_doubtful(r, rc);
        if (rc != STORE_S3_CALL_AGAIN)
            return rc;
        if (store_s3_call_wait(u, r, e) < 0)
            return -1;
        rc = *doubt ? look(l, c->name, c->body, u, e) : FOUND_NONE;
        if (rc != FOUND_NONE)
            return rc;
    }
}

int store_s3_put_once(struct store_s3_link *l, const char *name, struct bytes content,
                      struct store_s3_put_how *how, struct error *e)
{
    uint8_t sha256[DIGEST_LEN];
    struct put_headers h;
    struct http_reply r = {0};
    struct store_s3_until u = store_s3_call_until(l);
    bool doubt = false;
    if (digest_sha256(content, sha256, e) < 0)
        return -1;
    make_headers(&h, l, how, sha256);
    struct store_s3_call c = {
        .method = "PUT",
        .name = name,
        .headers = h.of,
        .header_count = h.count,
        .body = content,
        .body_sha256 = sha256,
        .most_reply = HTTP_ERROR_BODY,
    };
    int rc = deliver(l, &c, &u, &r, &doubt, e);
    how->answered = rc == 0 ? r.status : 0;
    if (rc == 0)
        rc = settle(l, &r, how, e);
    http_reply_done(&r);
    if (rc == STORE_EXISTS && doubt)
        rc = whose(l, name, content, &u, e);
    if (rc == FOUND_SAME)
        return 0;
    return rc == FOUND_OTHER ? STORE_EXISTS : rc;
}

void store_s3_put_learnt(struct store_s3_link *l, const struct store_s3_put_how *how)
{
    if (how->answered == 412)
        atomic_store(&l->conditional, STORE_S3_HONOURED);
    else if (how->answered >= 200 && how->answered < 300)
        atomic_store(&l->conditional, STORE_S3_IGNORED);
}

/* ---- a new object -------------------------------------------------------------------- */

/* The same object once more, only if there is none: a server that answers 412 knows the
 * condition, and one that does not has written the same bytes again. The object is stored
 * whatever comes of this; what could not be learnt now is learnt with another. */
static void learn(struct store_s3_link *l, const char *name, struct bytes content,
                  struct store_s3_put_how *how)
{
    if (store_s3_put_once(l, name, content, how, NULL) >= 0)
        store_s3_put_learnt(l, how);
}

/* With a look before: two writers of one name at the same moment would both win. */
static int put_looking(struct store_s3_link *l, const char *name, struct bytes content,
                       struct store_s3_put_how *how, struct error *e)
{
    struct store_s3_until u = store_s3_call_until(l);
    uint64_t size;
    int rc = store_s3_put_head(l, name, &u, &size, NULL, e);
    if (rc != STORE_ABSENT)
        return rc < 0 ? -1 : STORE_EXISTS;
    how->only_new = atomic_load(&l->conditional) == STORE_S3_NOT_KNOWN;
    rc = store_s3_put_once(l, name, content, how, e);
    if (rc == STORE_S3_PUT_UNSUPPORTED) {
        atomic_store(&l->conditional, STORE_S3_IGNORED);
        how->only_new = false;
        return store_s3_put_once(l, name, content, how, e);
    }
    if (how->answered == 412)
        atomic_store(&l->conditional, STORE_S3_HONOURED);
    else if (rc == 0 && how->only_new && content.len <= SMALL)
        learn(l, name, content, how);
    return rc;
}

int store_s3_put_object(struct store_s3_link *l, const char *name, struct bytes content,
                        struct error *e)
{
    struct store_s3_put_how how = {.lock_seconds = l->place.lock_days * DAY_SECONDS};
    if (content.len > STORE_S3_MOST_PUT)
        return error_set(e, ERROR_USAGE,
                         "%s: %zu bytes are too many for one object, at most %zu", name,
                         content.len, STORE_S3_MOST_PUT);
    if (atomic_load(&l->conditional) != STORE_S3_HONOURED)
        return put_looking(l, name, content, &how, e);
    how.only_new = true;
    int rc = store_s3_put_once(l, name, content, &how, e);
    return rc == STORE_S3_PUT_UNSUPPORTED
               ? error_set(e, ERROR_UNSUPPORTED,
                           "%s: the server took If-None-Match before and "
                           "refuses it now",
                           name)
               : rc;
}
