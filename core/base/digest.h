/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), HKDF-Expand (RFC 5869), by OpenSSL. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/secret.h"

#define DIGEST_LEN 32

struct digest; /* a running SHA-256 */

MUST_CHECK struct digest *digest_new(struct error *e);
void digest_free(struct digest *d);
/* The functions below fail only when OpenSSL runs out of memory (ERROR_MEMORY). */
MUST_CHECK int digest_add(struct digest *d, struct bytes b, struct error *e);
/* The value of all that was added; d starts anew. */
MUST_CHECK int digest_take(struct digest *d, uint8_t out[DIGEST_LEN], struct error *e);
/* The value so far; d goes on. */
MUST_CHECK int digest_peek(const struct digest *d, uint8_t out[DIGEST_LEN], struct error *e);
MUST_CHECK int digest_sha256(struct bytes b, uint8_t out[DIGEST_LEN], struct error *e);

/* A keyed HMAC-SHA-256 that can be used for many messages; one thread at a time. */
struct digest_hmac;
MUST_CHECK struct digest_hmac *digest_hmac_new(const struct secret *key, struct error *e);
void digest_hmac_free(struct digest_hmac *h);
/* HMAC over a, then b. */
MUST_CHECK int digest_hmac_of(struct digest_hmac *h, struct bytes a, struct bytes b,
                              uint8_t out[DIGEST_LEN], struct error *e);

/* HMAC-SHA-1 (RFC 2104), for what others made with it: host names in known_hosts files. */
#define DIGEST_SHA1_LEN 20
MUST_CHECK int digest_hmac_sha1(struct bytes key, struct bytes message,
                                uint8_t out[DIGEST_SHA1_LEN], struct error *e);

/* HKDF-Expand with SHA-256, len <= 8160: the key is used as PRK; info = label (without its
 * terminator) followed by context. */
MUST_CHECK int digest_expand(const struct secret *key, const char *label, struct bytes context,
                             void *out, size_t len, struct error *e);

/* What scrypt costs (RFC 7914): N = 2^log2n, block size r, passes p. */
struct digest_scrypt_cost {
    unsigned log2n, r, p;
};

/* scrypt (RFC 7914): 32 bytes of key into out, wiped on failure. Takes about
 * 128 * r * N bytes of memory. ERROR_USAGE when r or p is not 1 to 16, N is not below
 * 2^(16 * r), or the memory were above 1 GiB; ERROR_MEMORY when OpenSSL fails. */
MUST_CHECK int digest_scrypt(struct bytes passphrase, struct bytes salt,
                             const struct digest_scrypt_cost *cost, struct secret *out,
                             struct error *e);

/* Constant-time comparison. */
bool digest_equal(const void *a, const void *b, size_t len);

#endif
