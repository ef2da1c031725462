/* SPDX-License-Identifier: Apache-2.0 */
/* Codes are those of "Error responses" in the S3 API reference; the ones of the table have a
 * meaning of their own, all others are told by their status. */
#include "backends/store_s3_fault.h"

#include <stdio.h>

#include "backends/s3_xml.h"
#include "core/base/str.h"

#define SAYS_SIZE 400

enum meaning { AGAIN, EXPIRED, KEY, DENIED, CLOCK, REGION, NO_BUCKET, UNSUPPORTED };

static const struct {
    const char *code;
    enum meaning meaning;
} codes[] = {
    {"RequestTimeout", AGAIN},
    {"SlowDown", AGAIN},
    {"ServiceUnavailable", AGAIN},
    {"InternalError", AGAIN},
    {"OperationAborted", AGAIN},
    {"ConditionalRequestConflict", AGAIN},
    {"IncompleteBody", AGAIN},
    /* Bytes that changed on the way: they were right when they were hashed. */
    {"BadDigest", AGAIN},
    {"XAmzContentSHA256Mismatch", AGAIN},
    {"ExpiredToken", EXPIRED},
    {"TokenRefreshRequired", EXPIRED},
    {"InvalidToken", KEY},
    {"InvalidAccessKeyId", KEY},
    {"SignatureDoesNotMatch", KEY},
    {"AccessDenied", DENIED},
    {"RequestTimeTooSkewed", CLOCK},
    {"PermanentRedirect", REGION},
    {"AuthorizationHeaderMalformed", REGION},
    {"IllegalLocationConstraintException", REGION},
    {"NoSuchBucket", NO_BUCKET},
    {"InvalidStorageClass", UNSUPPORTED},
    {"InvalidArgument", UNSUPPORTED},
    {"InvalidRequest", UNSUPPORTED},
    {"NotImplemented", UNSUPPORTED},
};

static bool is_again(int status)
{
    return status == 408 || status == 409 || status == 429 || status == 500 || status == 502 ||
           status == 503 || status == 504;
}

static enum meaning meaning_of(int status, const char *code)
{
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (strcmp(codes[i].code, code) == 0)
            return codes[i].meaning;
    if (is_again(status))
        return AGAIN;
    if (status == 301 || status == 307 || status == 308)
        return REGION;
    return DENIED;
}

/* "PUT answered 403 AccessDenied: words of the server" */
static void say(char out[SAYS_SIZE], const struct store_s3_fault *f,
                const struct s3_xml_error *x)
{
    int n = snprintf(out, SAYS_SIZE, "%s answered %d%s%s%s%s", f->method, f->reply->status,
                     x->code[0] ? " " : "", x->code, x->message[0] ? ": " : "", x->message);
    if (n < 0)
        out[0] = '\0';
}

static int wrong_region(const struct store_s3_fault *f, const struct s3_xml_error *x,
                        const char *says, struct error *e)
{
    char right[64];
    const char *region = http_reply_field(f->reply, "x-amz-bucket-region");
    str_safe(right, sizeof right, bytes_text(region ? region : x->region));
    (void)error_set(e, ERROR_USAGE, "%s (asked in region %s)", says, f->place->region);
    if (right[0])
        return error_hint(e, "the bucket is in region %s: give region=%s", right, right);
    if (x->endpoint[0])
        return error_hint(e, "the server names another endpoint: %s", x->endpoint);
    return error_hint(e, "check region= and endpoint=");
}

static int clocks_differ(const struct s3_xml_error *x, const char *says, struct error *e)
{
    (void)error_set(e, ERROR_IO, "%s (here %s, there %s)", says,
                    x->request_time[0] ? x->request_time : "?",
                    x->server_time[0] ? x->server_time : "?");
    return error_hint(e, "set the clock of this host: requests are signed with the time, and "
                         "must not be off by 15 minutes");
}

static int keys_refused(const char *code, const char *says, struct error *e)
{
    (void)error_set(e, ERROR_KEY, "%s", says);
    if (strcmp(code, "InvalidAccessKeyId") == 0)
        return error_hint(e,
                          "the server does not know this access key: is it the right one for "
                          "this endpoint?");
    if (strcmp(code, "InvalidToken") == 0)
        return error_hint(e, "the session token does not belong to the access key");
    return error_hint(e, "the secret key does not belong to the access key, or region= is not "
                         "the server's");
}

static int denied(const struct store_s3_fault *f, const char *says, struct error *e)
{
    (void)error_set(e, ERROR_IO, "%s", says);
    if (f->reply->status != 403)
        return -1;
    return error_hint(e, "the keys are known but may not do this: pgkeep needs s3:GetObject, "
                         "s3:PutObject and s3:ListBucket, to prune also s3:DeleteObject");
}

/* Of the choices that a URL can make, the ones that a server may lack. */
static int not_to_be_had(const struct store_s3_fault *f, const char *says, struct error *e)
{
    (void)error_set(e, ERROR_UNSUPPORTED, "%s", says);
    if (strcmp(f->method, "PUT") == 0 && f->place->lock_days > 0)
        return error_hint(e,
                          "object-lock= needs a bucket that was made with object lock: leave "
                          "it out without one");
    if (strcmp(f->method, "PUT") == 0 && f->place->storage_class)
        return error_hint(e, "storage-class= must name a class that this server has: leave it "
                             "out if unsure");
    return -1;
}

static int tell(const struct store_s3_fault *f, const struct s3_xml_error *x, struct error *e)
{
    char says[SAYS_SIZE];
    say(says, f, x);
    switch (meaning_of(f->reply->status, x->code)) {
    case AGAIN:
        (void)error_set(e, ERROR_BUSY, "%s", says);
        return STORE_S3_FAULT_AGAIN;
    case EXPIRED:
        (void)error_set(e, ERROR_KEY, "%s", says);
        (void)error_hint(e, "the session token has run out: get new keys");
        return STORE_S3_FAULT_EXPIRED;
    case KEY:
        return keys_refused(x->code, says, e);
    case CLOCK:
        return clocks_differ(x, says, e);
    case REGION:
        return wrong_region(f, x, says, e);
    case NO_BUCKET:
        (void)error_set(e, ERROR_NO_REPOSITORY, "bucket %s: %s", f->place->bucket, says);
        return error_hint(e, "pgkeep makes no buckets: make it with the provider's tools");
    case UNSUPPORTED:
        return not_to_be_had(f, says, e);
    case DENIED:
        break;
    }
    return denied(f, says, e);
}

/* Some servers find out after they have begun to answer 200 that it goes wrong. */
static bool hides_error(const struct store_s3_fault *f, struct s3_xml_error *x)
{
    return f->xml && f->reply->body.len > 0 && s3_xml_read_error(buf_view(&f->reply->body), x);
}

/* 404 of an object that is not there; one without words is taken for that (HEAD has none). */
static bool is_absent(const struct store_s3_fault *f, const struct s3_xml_error *x)
{
    return f->reply->status == 404 &&
           (f->reply->body.len == 0 || strcmp(x->code, "NoSuchKey") == 0 ||
            strcmp(x->code, "NoSuchVersion") == 0 ||
            strcmp(x->code, "ObjectLockConfigurationNotFoundError") == 0);
}

int store_s3_fault_of(const struct store_s3_fault *f, struct error *e)
{
    struct s3_xml_error x = {0};
    int status = f->reply->status;
    if (status >= 200 && status < 300)
        return hides_error(f, &x) ? tell(f, &x, e) : 0;
    bool known = s3_xml_read_error(buf_view(&f->reply->body), &x);
    if (is_absent(f, &x) || status == 412 || status == 416 || status == 501)
        return 0;
    if (status == 404 && !known) {
        (void)error_set(e, ERROR_IO, "%s answered 404, but not in the words of S3", f->method);
        return error_hint(e, "is endpoint= the address of an S3 server?");
    }
    return tell(f, &x, e);
}

int store_s3_fault_odd(const struct store_s3_fault *f, struct error *e)
{
    char says[SAYS_SIZE];
    struct s3_xml_error x = {0};
    if (!s3_xml_read_error(buf_view(&f->reply->body), &x))
        x = (struct s3_xml_error){0};
    say(says, f, &x);
    return error_set(e, f->reply->status == 501 ? ERROR_UNSUPPORTED : ERROR_IO, "%s", says);
}
