/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM (NIST SP 800-38D): bytes in, sealed or verified bytes out, in one call. There is
 * one tag length and no way to see plaintext before its tag was checked. */
#ifndef FLOW_SEAL_H
#define FLOW_SEAL_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/secret.h"

#define SEAL_TAG_LEN 16
#define SEAL_NONCE_LEN 12

/* One key, for many blocks; one thread at a time. */
struct seal;

/* The key is taken over into the cipher's own memory, which is wiped by seal_free. */
MUST_CHECK struct seal *seal_new(const struct secret *key, struct error *e);
void seal_free(struct seal *s);

/* Seal plain as block `index`; the nonce is four zero bytes and the index little-endian, so an
 * index may be used once under a key. out receives plain.len + SEAL_TAG_LEN bytes, ciphertext
 * then tag, and may be plain.data itself but not overlap it in part. ERROR_MEMORY. */
MUST_CHECK int seal_block(struct seal *s, uint64_t index, struct bytes aad, struct bytes plain,
                          uint8_t *out, struct error *e);
/* The inverse: sealed is ciphertext then tag; out receives sealed.len - SEAL_TAG_LEN bytes and
 * may be sealed.data itself. Anything that was not sealed with this key, index and aad is
 * ERROR_CORRUPT, and out is then zeros. */
MUST_CHECK int seal_open(struct seal *s, uint64_t index, struct bytes aad, struct bytes sealed,
                         uint8_t *out, struct error *e);

/* The same with a nonce of the caller's, for a key that seals one message. */
MUST_CHECK int seal_once(const struct secret *key, const uint8_t nonce[SEAL_NONCE_LEN],
                         struct bytes aad, struct bytes plain, uint8_t *out, struct error *e);
MUST_CHECK int seal_open_once(const struct secret *key, const uint8_t nonce[SEAL_NONCE_LEN],
                              struct bytes aad, struct bytes sealed, uint8_t *out,
                              struct error *e);

#endif
