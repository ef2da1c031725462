/* SPDX-License-Identifier: Apache-2.0 */
/* Every key of a repository comes from one recovery seed: HKDF-Expand (RFC 5869) of the seed
 * with a label, then the epoch or domain that the key is for. Signatures are Ed25519
 * (RFC 8032). Keys are written into memory of the caller, who wipes it; they are wiped here
 * when a function fails. The functions fail with ERROR_MEMORY unless they say more. */
#ifndef REPO_KEYRING_H
#define REPO_KEYRING_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/secret.h"

#define KEYRING_PUBLIC_LEN 32
#define KEYRING_SIGNATURE_LEN 64

/* The X25519 private key of the readers of an epoch. */
MUST_CHECK int keyring_reader_key(const struct secret *seed, uint32_t epoch,
                                  struct secret *private_key, struct error *e);
/* The pre-shared key of an epoch, which writers hold too. */
MUST_CHECK int keyring_psk(const struct secret *seed, uint32_t epoch, struct secret *psk,
                           struct error *e);
/* The Ed25519 seed of the admin, who signs config and enrolments. */
MUST_CHECK int keyring_admin_key(const struct secret *seed, struct secret *admin,
                                 struct error *e);

/* What a writer of a dedup domain holds. */
struct keyring_domain {
    uint8_t id[16];
    struct secret chunk_id; /* chunk id = HMAC-SHA-256(chunk_id, kind | plaintext) */
    struct secret gear;     /* seeds the chunker's table */
    uint8_t row_key[16];    /* of the row hashes */
};
MUST_CHECK int keyring_domain(const struct secret *seed, const uint8_t domain_id[16],
                              struct keyring_domain *out, struct error *e);
void keyring_domain_wipe(struct keyring_domain *d);

/* The key of pack indexes, for whoever holds a domain's chunk id key. */
MUST_CHECK int keyring_index_key(const struct secret *chunk_id, struct secret *out,
                                 struct error *e);

/* Ed25519 with a 32-byte seed of the signer's own: its public key, a signature. */
MUST_CHECK int keyring_sign_public(const struct secret *seed,
                                   uint8_t public_key[KEYRING_PUBLIC_LEN], struct error *e);
MUST_CHECK int keyring_sign(const struct secret *seed, struct bytes message,
                            uint8_t signature[KEYRING_SIGNATURE_LEN], struct error *e);
/* 0 when the signature is right, else ERROR_CORRUPT. */
MUST_CHECK int keyring_verify(const uint8_t public_key[KEYRING_PUBLIC_LEN],
                              struct bytes message,
                              const uint8_t signature[KEYRING_SIGNATURE_LEN], struct error *e);

#endif
