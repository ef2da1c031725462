/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 in headers, as S3 wants it ("Authenticating Requests: Using the
 * Authorization Header",
 * docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html): paths are encoded
 * once and never normalised, the payload's real SHA-256 is always signed. */
#ifndef BACKENDS_S3_SIGN_H
#define BACKENDS_S3_SIGN_H

#include "core/base/buf.h"
#include "core/base/digest.h"

#define S3_SIGN_MOST_PAIRS 24 /* of a query, and of headers */

/* Who signs. The texts are the caller's. */
struct s3_sign_key {
    const char *id;
    const char *secret;
    const char *token; /* of temporary keys; NULL or "": none */
};

struct s3_sign_pair {
    const char *name;
    const char *value;
};

/* A request before it is encoded. */
struct s3_sign_request {
    const char *method;
    const char *host; /* of the Host header: with the port unless it is the scheme's own */
    const char *path; /* "/bucket/key", not encoded */
    const struct s3_sign_pair *query; /* not encoded, in any order */
    size_t query_count;
    /* Sent and signed beside the signer's own. Lower-case names; values without blanks at
     * their ends and without two in a row. */
    const struct s3_sign_pair *headers;
    size_t header_count;
    uint8_t body_sha256[DIGEST_LEN];
    int64_t now_us;
};

/* A request as it is sent; zeroed memory is a valid empty one. */
struct s3_sign_result {
    struct buf target;    /* "/path?query", encoded and terminated */
    struct buf text;      /* the header lines, each terminated */
    const char **headers; /* into text, ended by NULL: for http_request */
};

/* A signer for one region and service. It keeps the day's signing key. */
struct s3_sign;

/* ERROR_MEMORY. region and service are copied. */
MUST_CHECK struct s3_sign *s3_sign_new(const char *region, const char *service,
                                       struct error *e);
/* Wipes what it knows; NULL is fine. */
void s3_sign_free(struct s3_sign *s);

/* The target and all header lines of the request, Authorization and the token among them.
 * out is ended by s3_sign_result_done, which wipes it. ERROR_MEMORY; ERROR_USAGE for more than
 * S3_SIGN_MOST_PAIRS. Any thread. */
MUST_CHECK int s3_sign_make(struct s3_sign *s, const struct s3_sign_key *key,
                            const struct s3_sign_request *r, struct s3_sign_result *out,
                            struct error *e);
void s3_sign_result_done(struct s3_sign_result *r);

/* The canonical request, the text that is signed (for tests and for telling what was signed:
 * it holds the session token). Appended to out. */
MUST_CHECK int s3_sign_canonical(const struct s3_sign_key *key, const struct s3_sign_request *r,
                                 struct buf *out, struct error *e);

/* The signature of a canonical request, in hex. when: "20130524T000000Z". ERROR_MEMORY. Any
 * thread. */
MUST_CHECK int s3_sign_signature(struct s3_sign *s, const struct s3_sign_key *key,
                                 const char *when, struct bytes canonical,
                                 char out[2 * DIGEST_LEN + 1], struct error *e);

/* "20130524T000000Z" of a time. */
#define S3_SIGN_TIME 17
void s3_sign_time(char out[S3_SIGN_TIME], int64_t us);

/* The base64 form of a hash, for x-amz-checksum-sha256 (RFC 4648). */
#define S3_SIGN_BASE64 48
void s3_sign_base64(char out[S3_SIGN_BASE64], const uint8_t hash[DIGEST_LEN]);

#endif
