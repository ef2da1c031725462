/* SPDX-License-Identifier: Apache-2.0 */
/* An envelope: one 32-byte key of one backup, sealed for one reader (HPKE, mode_psk).
 *
 *   0 "PGKENVL0" | 8 suite u8 = 1 | 9 scope u8 | 10 zero u16 | 12 epoch u32
 *  16 repository id 16 | 32 backup id 16 | 48 recipient id 16
 *  64 encapsulated key 32 | 96 ciphertext 32 | 128 tag 16
 *
 * info = bytes 0 to 63, aad = "pgkeep/v1/env", psk_id = "pgkeep/v1/psk" | le32 epoch. */
#ifndef REPO_ENVELOPE_H
#define REPO_ENVELOPE_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/secret.h"

#define ENVELOPE_LEN 144

struct envelope_head {
    uint8_t scope;  /* enum format_scope */
    uint32_t epoch; /* of the pre-shared key */
    uint8_t repository_id[16];
    uint8_t backup_id[16];
    uint8_t recipient_id[16];
};

/* The first 16 bytes of SHA-256 of a reader's public key. ERROR_MEMORY. */
MUST_CHECK int envelope_recipient_id(const uint8_t public_key[32], uint8_t id[16],
                                     struct error *e);
/* The X25519 public key of a reader's private key. ERROR_MEMORY. */
MUST_CHECK int envelope_public_key(const struct secret *private_key, uint8_t public_key[32],
                                   struct error *e);

/* Seal key for the owner of public_key. head's recipient id is computed here, whatever it
 * holds; psk is that of head's epoch. ERROR_KEY when public_key is no usable key. */
MUST_CHECK int envelope_wrap(const struct envelope_head *head, const uint8_t public_key[32],
                             const struct secret *psk, const struct secret *key,
                             uint8_t out[ENVELOPE_LEN], struct error *e);
/* Read the clear part, which nothing vouches for until envelope_open. ERROR_UNSUPPORTED for
 * another version, suite or scope, ERROR_CORRUPT for what is no envelope. */
MUST_CHECK int envelope_parse(struct bytes raw, struct envelope_head *head, struct error *e);
/* The key, with the reader's private key and the psk of the envelope's epoch. ERROR_KEY: it is
 * for another reader; ERROR_CORRUPT: it does not open, or as envelope_parse. The key is wiped
 * then. */
MUST_CHECK int envelope_open(struct bytes raw, const struct secret *private_key,
                             const struct secret *psk, struct secret *key, struct error *e);

#endif
