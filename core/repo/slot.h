/* SPDX-License-Identifier: Apache-2.0 */
/* A passphrase slot: the recovery seed, sealed with a key that scrypt makes of a passphrase.
 *
 *   0 "PGKSLOT0" | 8 kdf u8 = 1 (scrypt) | 9 log2N u8 | 10 r u8 = 8 | 11 p u8 | 12 zero u32
 *  16 repository id 16 | 32 salt 32
 *  64 ciphertext 32 | 96 tag 16
 *
 * AES-256-GCM, aad = bytes 0 to 63, nonce of zeros: the salt is fresh for each slot, so the key
 * seals this one message. */
#ifndef REPO_SLOT_H
#define REPO_SLOT_H

#include "core/base/buf.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/secret.h"

#define SLOT_LEN 112
#define SLOT_LOG2N 17 /* 128 MiB for a moment */
#define SLOT_LOG2N_MIN 15
#define SLOT_LOG2N_MAX 20

/* Append a slot of SLOT_LEN bytes to out. ERROR_USAGE for an empty passphrase or a log2n
 * outside SLOT_LOG2N_MIN to SLOT_LOG2N_MAX; ERROR_IO, ERROR_MEMORY. */
MUST_CHECK int slot_make(struct bytes passphrase, const uint8_t repository_id[16],
                         unsigned log2n, const struct secret *seed, struct buf *out,
                         struct error *e);
/* The seed; wiped on failure. ERROR_KEY: wrong passphrase (or a slot damaged where only the tag
 * tells). ERROR_CORRUPT: no slot, one of another repository, or parameters that would cost more
 * than 1 GiB or four passes; ERROR_UNSUPPORTED: another version or function. */
MUST_CHECK int slot_open(struct bytes raw, struct bytes passphrase,
                         const uint8_t repository_id[16], struct secret *seed, struct error *e);

#endif
