/* SPDX-License-Identifier: Apache-2.0 */
/* The key of an S3 account, as one place gave it. */
#ifndef BACKENDS_S3_KEY_H
#define BACKENDS_S3_KEY_H

#include "core/base/bytes.h"
#include "core/base/error.h"

/* Bytes of each text: session tokens have no bound of their own. */
#define S3_KEY_MAX (64 * KIB)
/* Bytes of an answer that holds one, at most. */
#define S3_KEY_ANSWER (4 * S3_KEY_MAX)
/* Room for the reason why a place has no key. */
#define S3_KEY_WHY 320

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

/* What an answer in JSON looks like beside AccessKeyId, SecretAccessKey and Expiration
 * (RFC 3339; absent: never). */
struct s3_key_form {
    const char *what;       /* for messages */
    const char *token_name; /* Token or SessionToken */
    bool has_version;       /* "Version": 1 must be there */
};

/* A key out of such an answer. ERROR_KEY, whose text shows nothing of the answer but its
 * Code. *out is zeroed memory. */
MUST_CHECK int s3_key_read(struct s3_key *out, struct bytes text,
                           const struct s3_key_form *form, struct error *e);

/* Codes of errors are letters, digits and dots: anything else becomes "", so that nothing
 * foreign is shown. */
#define S3_KEY_CODE 64
void s3_key_code(char out[S3_KEY_CODE], struct bytes text);

#endif
