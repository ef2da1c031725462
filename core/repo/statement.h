/* SPDX-License-Identifier: Apache-2.0 */
/* The signed container of all small objects and manifests (docs/FORMAT.md 1.2). */
#ifndef REPO_STATEMENT_H
#define REPO_STATEMENT_H

#include "core/base/buf.h"
#include "core/base/secret.h"
#include "core/repo/format.h"

/* Who signs. */
struct statement_signer {
    struct secret seed; /* Ed25519 */
    uint8_t public_key[32];
};

/* A parsed statement: views into the raw bytes. Not to be trusted before statement_check. */
struct statement {
    uint8_t type;
    uint8_t repository_id[FORMAT_ID_LEN];
    uint8_t signer[FORMAT_ID_LEN];
    struct bytes body;
    struct bytes signed_part;
    const uint8_t *signature;
};

MUST_CHECK int statement_signer_init(struct statement_signer *s, const struct secret *seed,
                                     struct error *e);

/* The first 16 bytes of SHA-256 of an Ed25519 public key. */
MUST_CHECK int statement_signer_id(const uint8_t public_key[32], uint8_t id[FORMAT_ID_LEN],
                                   struct error *e);

/* The whole object, appended to out. */
MUST_CHECK int statement_write(enum format_type type,
                               const uint8_t repository_id[FORMAT_ID_LEN],
                               const struct statement_signer *signer, struct bytes body,
                               struct buf *out, struct error *e);

/* Everything but the signature. repository_id NULL: any (the config, at first sight).
 * ERROR_CORRUPT; ERROR_UNSUPPORTED for another version or suite. */
MUST_CHECK int statement_parse(struct bytes raw, enum format_type type,
                               const uint8_t *repository_id, struct statement *out,
                               struct error *e);

/* ERROR_CORRUPT when the signature is not public_key's. */
MUST_CHECK int statement_check(const struct statement *s, const uint8_t public_key[32],
                               struct error *e);

#endif
