/* SPDX-License-Identifier: Apache-2.0 */
/* The key of an S3 account, as one place gave it. */
#ifndef BACKENDS_S3_KEY_H
#define BACKENDS_S3_KEY_H

#include "core/base/bytes.h"
#include "core/base/error.h"

/* Bytes of each text: session tokens have no bound of their own. */
#define S3_KEY_MAX (64 * KIB)

/* Zeroed memory holds nothing. All texts are secret but id. */
struct s3_key {
    char *id;
    char *secret;
    char *token;        /* NULL: none */
    int64_t expires_us; /* 0: never */
};

/* Wipes and frees; *k holds nothing then. */
void s3_key_done(struct s3_key *k);
/* Copies the texts; token may be NULL or "". ERROR_MEMORY; ERROR_KEY for what cannot stand in a
 * header. *out is zeroed memory. */
MUST_CHECK int s3_key_set(struct s3_key *out, const char *id, const char *secret,
                          const char *token, struct error *e);
/* The same out of the JSON that roles and credential programs answer with: AccessKeyId,
 * SecretAccessKey, token_name, Expiration (RFC 3339; absent: never). what is for messages,
 * which show nothing of text. */
MUST_CHECK int s3_key_read(struct s3_key *out, struct bytes text, const char *token_name,
                           const char *what, struct error *e);

#endif
