/* SPDX-License-Identifier: Apache-2.0 */
/* HPKE (RFC 9180), single shot, mode_psk, in one suite: DHKEM(X25519, HKDF-SHA256) 0x0020,
 * HKDF-SHA256 0x0001, AES-256-GCM 0x0002. OpenSSL has it from 3.2 only. */
#ifndef REPO_HPKE_H
#define REPO_HPKE_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/secret.h"

#define HPKE_KEY_LEN 32  /* a public key, and the encapsulated key */
#define HPKE_OVERHEAD 48 /* encapsulated key and tag */

/* What sender and recipient must agree on. */
struct hpke_terms {
    struct bytes info;
    struct bytes aad;
    const struct secret *psk;
    struct bytes psk_id; /* never empty */
};

/* The X25519 public key of a private one (RFC 7748). ERROR_MEMORY. */
MUST_CHECK int hpke_public_key(const struct secret *private_key,
                               uint8_t public_key[HPKE_KEY_LEN], struct error *e);

#define HPKE_LOW_ORDER 1 /* the result would be all zeros: the point is of low order */

/* X25519 (RFC 7748 section 5); shared is wiped unless the answer is 0. Else HPKE_LOW_ORDER or
 * ERROR_MEMORY. */
MUST_CHECK int hpke_exchange(const struct secret *private_key,
                             const uint8_t public_key[HPKE_KEY_LEN], struct secret *shared,
                             struct error *e);

/* Seal plain for the recipient; out receives plain.len + HPKE_OVERHEAD bytes: encapsulated key,
 * ciphertext, tag. ERROR_KEY when public_key is of low order; ERROR_IO, ERROR_MEMORY. */
MUST_CHECK int hpke_seal_psk(const struct hpke_terms *terms,
                             const uint8_t public_key[HPKE_KEY_LEN], struct bytes plain,
                             uint8_t *out, struct error *e);
/* As hpke_seal_psk with the ephemeral key given: for known-answer tests, as a second message
 * under the same ephemeral key would betray both. */
MUST_CHECK int hpke_seal_psk_with(const struct hpke_terms *terms,
                                  const struct secret *ephemeral,
                                  const uint8_t public_key[HPKE_KEY_LEN], struct bytes plain,
                                  uint8_t *out, struct error *e);
/* The inverse: out receives sealed.len - HPKE_OVERHEAD bytes, zeros when it fails. Anything
 * that was not sealed on these terms for this key is ERROR_CORRUPT. */
MUST_CHECK int hpke_open_psk(const struct hpke_terms *terms, const struct secret *private_key,
                             struct bytes sealed, uint8_t *out, struct error *e);

#endif
