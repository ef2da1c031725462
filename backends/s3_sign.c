/* SPDX-License-Identifier: Apache-2.0 */
/* Everything is encoded first and sorted then, in one table of headers; the target that is sent
 * and the one that is signed are made by the same code. The signing key of a day is derived
 * from the secret by four HMACs and kept, for it is the same for every request of the day. */
#include "backends/s3_sign.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "backends/store_url.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define DAY 8 /* "20130524" */
#define HEX (2 * DIGEST_LEN + 1)
#define OWN_HEADERS 4
#define MOST_HEADERS (S3_SIGN_MOST_PAIRS + OWN_HEADERS)
#define ALGORITHM "AWS4-HMAC-SHA256"

struct s3_sign {
    char *region;
    char *service;
    pthread_mutex_t lock; /* of what follows */
    char day[DAY];
    uint8_t secret_hash[DIGEST_LEN]; /* whose day key it is */
    uint8_t day_key[DIGEST_LEN];
    bool has_key;
};

/* The headers of one request, sorted by name. */
struct headers {
    struct s3_sign_pair of[MOST_HEADERS];
    size_t count;
    char when[S3_SIGN_TIME];
    char hash[HEX];
};

struct s3_sign *s3_sign_new(const char *region, const char *service, struct error *e)
{
    struct s3_sign *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "signer");
        return NULL;
    }
    (void)pthread_mutex_init(&s->lock, NULL);
    s->region = str_copy(region, e);
    s->service = s->region ? str_copy(service, e) : NULL;
    if (s->service)
        return s;
    s3_sign_free(s);
    return NULL;
}

void s3_sign_free(struct s3_sign *s)
{
    if (!s)
        return;
    (void)pthread_mutex_destroy(&s->lock);
    free(s->region);
    free(s->service);
    explicit_bzero(s, sizeof *s);
    free(s);
}

void s3_sign_time(char out[S3_SIGN_TIME], int64_t us)
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(out, S3_SIGN_TIME, "%Y%m%dT%H%M%SZ", &tm) == 0)
        memcpy(out, "00000000T000000Z", S3_SIGN_TIME);
}

void s3_sign_base64(char out[S3_SIGN_BASE64], const uint8_t hash[DIGEST_LEN])
{
    (void)EVP_EncodeBlock((unsigned char *)out, hash, DIGEST_LEN);
}

/* ---- the canonical request ---------------------------------------------------------- */

static int append_text(struct buf *out, const char *text, struct error *e)
{
    return buf_append(out, text, strlen(text), e);
}

/* An encoded pair of a query. */
struct pair {
    size_t at, name_len, len; /* of "name=value" in the buf */
};

static int compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* By name, then by value: "a=1" stands before "a-b=1" though "-" sorts before "=". */
static int compare_pairs(const uint8_t *base, const struct pair *a, const struct pair *b)
{
    int order = compare_bytes(base + a->at, a->name_len, base + b->at, b->name_len);
    return order != 0 ? order
                      : compare_bytes(base + a->at + a->name_len, a->len - a->name_len,
                                      base + b->at + b->name_len, b->len - b->name_len);
}

static void sort_pairs(const uint8_t *base, struct pair *pairs, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && compare_pairs(base, &pairs[j - 1], &pairs[j]) > 0; j--) {
            struct pair swap = pairs[j];
            pairs[j] = pairs[j - 1];
            pairs[j - 1] = swap;
        }
}

static int encode_pair(struct buf *text, const struct s3_sign_pair *from, struct pair *to,
                       struct error *e)
{
    to->at = text->len;
    if (store_url_encode_to(text, from->name, "", e) < 0)
        return -1;
    to->name_len = text->len - to->at;
    if (buf_byte(text, '=', e) < 0 || store_url_encode_to(text, from->value, "", e) < 0)
        return -1;
    to->len = text->len - to->at;
    return 0;
}

/* The query with its pairs sorted after they were encoded, without "?". */
static int append_query(const struct s3_sign_request *r, struct buf *out, struct error *e)
{
    struct pair pairs[S3_SIGN_MOST_PAIRS];
    struct buf text = {0};
    int rc = 0;
    if (r->query_count > S3_SIGN_MOST_PAIRS)
        return error_set(e, ERROR_USAGE, "query of %zu pairs is too long", r->query_count);
    for (size_t i = 0; rc == 0 && i < r->query_count; i++)
        rc = encode_pair(&text, &r->query[i], &pairs[i], e);
    if (rc == 0)
        sort_pairs(text.data, pairs, r->query_count);
    for (size_t i = 0; rc == 0 && i < r->query_count; i++) {
        if (i > 0)
            rc = buf_byte(out, '&', e);
        if (rc == 0)
            rc = buf_append(out, text.data + pairs[i].at, pairs[i].len, e);
    }
    buf_done(&text);
    return rc;
}

static void add_header(struct headers *h, const char *name, const char *value)
{
    size_t at = h->count++;
    for (; at > 0 && strcmp(h->of[at - 1].name, name) > 0; at--)
        h->of[at] = h->of[at - 1];
    h->of[at] = (struct s3_sign_pair){.name = name, .value = value};
}

/* h points into itself: it must not be copied. */
static int collect_headers(struct headers *h, const struct s3_sign_key *key,
                           const struct s3_sign_request *r, struct error *e)
{
    if (r->header_count > S3_SIGN_MOST_PAIRS)
        return error_set(e, ERROR_USAGE, "%zu headers are too many", r->header_count);
    h->count = 0;
    s3_sign_time(h->when, r->now_us);
    str_hex(h->hash, r->body_sha256, DIGEST_LEN);
    add_header(h, "host", r->host);
    add_header(h, "x-amz-content-sha256", h->hash);
    add_header(h, "x-amz-date", h->when);
    if (key->token && *key->token)
        add_header(h, "x-amz-security-token", key->token);
    for (size_t i = 0; i < r->header_count; i++)
        add_header(h, r->headers[i].name, r->headers[i].value);
    return 0;
}

static int append_names(const struct headers *h, struct buf *out, struct error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < h->count; i++)
        rc = buf_printf(out, e, "%s%s", i > 0 ? ";" : "", h->of[i].name);
    return rc;
}

static int append_canonical(const struct headers *h, const struct s3_sign_request *r,
                            struct buf *out, struct error *e)
{
    int rc = buf_printf(out, e, "%s\n", r->method);
    if (rc == 0)
        rc = store_url_encode_to(out, r->path, "/", e);
    if (rc == 0)
        rc = buf_byte(out, '\n', e);
    if (rc == 0)
        rc = append_query(r, out, e);
    if (rc == 0)
        rc = buf_byte(out, '\n', e);
    for (size_t i = 0; rc == 0 && i < h->count; i++)
        rc = buf_printf(out, e, "%s:%s\n", h->of[i].name, h->of[i].value);
    if (rc == 0)
        rc = buf_byte(out, '\n', e);
    if (rc == 0)
        rc = append_names(h, out, e);
    return rc == 0 ? buf_printf(out, e, "\n%s", h->hash) : rc;
}

int s3_sign_canonical(const struct s3_sign_key *key, const struct s3_sign_request *r,
                      struct buf *out, struct error *e)
{
    struct headers h = {.count = 0};
    if (collect_headers(&h, key, r, e) < 0)
        return -1;
    return append_canonical(&h, r, out, e);
}

/* ---- the signature ------------------------------------------------------------------ */

static int hmac(const void *key, size_t key_len, struct bytes text, uint8_t out[DIGEST_LEN],
                struct error *e)
{
    unsigned len = DIGEST_LEN;
    if (key_len > INT32_MAX ||
        !HMAC(EVP_sha256(), key, (int)key_len, text.data, text.len, out, &len))
        return error_set(e, ERROR_MEMORY, "OpenSSL refused HMAC-SHA-256");
    return 0;
}

static int derive(const struct s3_sign *s, const char *secret, const char *day,
                  uint8_t out[DIGEST_LEN], struct error *e)
{
    struct buf first = {0};
    int rc = append_text(&first, "AWS4", e);
    if (rc == 0)
        rc = append_text(&first, secret, e);
    if (rc == 0)
        rc = hmac(first.data, first.len, bytes_of(day, DAY), out, e);
    if (rc == 0)
        rc = hmac(out, DIGEST_LEN, bytes_text(s->region), out, e);
    if (rc == 0)
        rc = hmac(out, DIGEST_LEN, bytes_text(s->service), out, e);
    if (rc == 0)
        rc = hmac(out, DIGEST_LEN, bytes_text("aws4_request"), out, e);
    secret_free_buf(&first);
    return rc;
}

static int day_key(struct s3_sign *s, const char *secret, const char *day,
                   uint8_t out[DIGEST_LEN], struct error *e)
{
    uint8_t hash[DIGEST_LEN];
    int rc = digest_sha256(bytes_text(secret), hash, e);
    (void)pthread_mutex_lock(&s->lock);
    bool known = rc == 0 && s->has_key && memcmp(s->day, day, DAY) == 0 &&
                 digest_equal(s->secret_hash, hash, DIGEST_LEN);
    if (rc == 0 && !known) {
        rc = derive(s, secret, day, s->day_key, e);
        s->has_key = rc == 0;
        memcpy(s->day, day, DAY);
        memcpy(s->secret_hash, hash, DIGEST_LEN);
    }
    memcpy(out, s->day_key, DIGEST_LEN);
    (void)pthread_mutex_unlock(&s->lock);
    explicit_bzero(hash, sizeof hash);
    return rc;
}

int s3_sign_signature(struct s3_sign *s, const struct s3_sign_key *key, const char *when,
                      struct bytes canonical, char out[2 * DIGEST_LEN + 1], struct error *e)
{
    uint8_t hash[DIGEST_LEN];
    uint8_t signing[DIGEST_LEN] = {0};
    char hex[HEX];
    struct buf text = {0};
    if (digest_sha256(canonical, hash, e) < 0)
        return -1;
    str_hex(hex, hash, sizeof hash);
    int rc = buf_printf(&text, e, ALGORITHM "\n%s\n%.*s/%s/%s/aws4_request\n%s", when, DAY,
                        when, s->region, s->service, hex);
    if (rc == 0)
        rc = day_key(s, key->secret, when, signing, e);
    if (rc == 0)
        rc = hmac(signing, sizeof signing, buf_view(&text), hash, e);
    str_hex(out, hash, sizeof hash);
    explicit_bzero(signing, sizeof signing);
    buf_done(&text);
    return rc;
}

/* ---- the request as it is sent ------------------------------------------------------ */

static int make_target(const struct s3_sign_request *r, struct buf *out, struct error *e)
{
    out->len = 0;
    int rc = store_url_encode_to(out, r->path, "/", e);
    if (rc == 0 && r->query_count > 0)
        rc = buf_byte(out, '?', e);
    if (rc == 0)
        rc = append_query(r, out, e);
    return rc == 0 ? buf_byte(out, 0, e) : rc;
}

static int append_authorization(const struct s3_sign *s, const struct s3_sign_key *key,
                                const struct headers *h, const char *signature, struct buf *out,
                                struct error *e)
{
    int rc = buf_printf(out, e,
                        "Authorization: " ALGORITHM
                        " Credential=%s/%.*s/%s/%s/aws4_request, SignedHeaders=",
                        key->id, DAY, h->when, s->region, s->service);
    if (rc == 0)
        rc = append_names(h, out, e);
    if (rc == 0)
        rc = buf_printf(out, e, ", Signature=%s", signature);
    return rc == 0 ? buf_byte(out, 0, e) : rc;
}

static int point_lines(struct s3_sign_result *out, size_t count, struct error *e)
{
    const char **lines = reallocarray(out->headers, count + 1, sizeof *lines);
    if (!lines)
        return error_memory(e, "header lines");
    out->headers = lines;
    const char *at = (const char *)out->text.data;
    for (size_t i = 0; i < count; i++) {
        lines[i] = at;
        at += strlen(at) + 1;
    }
    lines[count] = NULL;
    return 0;
}

/* Room for all that is written about the headers: a buf that grows later would leave copies of
 * the token behind. */
static int reserve_all(const struct headers *h, const struct s3_sign_request *r,
                       struct buf *out, struct error *e)
{
    size_t most = KIB + 3 * strlen(r->path);
    for (size_t i = 0; i < h->count; i++)
        most += 2 * strlen(h->of[i].name) + strlen(h->of[i].value) + 8;
    for (size_t i = 0; i < r->query_count; i++)
        most += 3 * (strlen(r->query[i].name) + strlen(r->query[i].value)) + 2;
    return buf_reserve(out, most, e);
}

int s3_sign_make(struct s3_sign *s, const struct s3_sign_key *key,
                 const struct s3_sign_request *r, struct s3_sign_result *out, struct error *e)
{
    struct headers h = {.count = 0};
    struct buf canonical = {0};
    char signature[HEX];
    int rc = collect_headers(&h, key, r, e);
    if (rc == 0)
        rc = reserve_all(&h, r, &canonical, e);
    if (rc == 0)
        rc = reserve_all(&h, r, &out->text, e);
    if (rc == 0)
        rc = append_canonical(&h, r, &canonical, e);
    if (rc == 0)
        rc = s3_sign_signature(s, key, h.when, buf_view(&canonical), signature, e);
    if (rc == 0)
        rc = make_target(r, &out->target, e);
    out->text.len = 0;
    for (size_t i = 0; rc == 0 && i < h.count; i++) {
        rc = buf_printf(&out->text, e, "%s: %s", h.of[i].name, h.of[i].value);
        if (rc == 0)
            rc = buf_byte(&out->text, 0, e);
    }
    if (rc == 0)
        rc = append_authorization(s, key, &h, signature, &out->text, e);
    if (rc == 0)
        rc = point_lines(out, h.count + 1, e);
    secret_free_buf(&canonical);
    explicit_bzero(signature, sizeof signature);
    return rc;
}

void s3_sign_result_done(struct s3_sign_result *r)
{
    secret_free_buf(&r->text);
    buf_done(&r->target);
    free(r->headers);
    r->headers = NULL;
}
