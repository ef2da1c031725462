/* SPDX-License-Identifier: Apache-2.0 */
/* Which key S3 requests are signed with: looked for where AWS's own tools look, in their order
 * ("Standardized credential providers", docs.aws.amazon.com/sdkref/latest/guide), kept, and
 * renewed before it expires. */
#ifndef BACKENDS_S3_CREDENTIALS_H
#define BACKENDS_S3_CREDENTIALS_H

#include "backends/s3_key.h"
#include "backends/s3_role.h"

#define S3_CREDENTIALS_EARLY_US (5 * 60 * INT64_C(1000000)) /* renewed so long before */
#define S3_CREDENTIALS_NO_REGION 1

struct s3_credentials;

struct s3_credentials_options {
    const char *region;  /* NULL: not known */
    const char *profile; /* NULL: AWS_PROFILE, or "default" */
    s3_role_getenv *get; /* NULL: the environment of the process */
    void *get_arg;
    int64_t (*now_us)(void *arg); /* NULL: clock_now_us */
    void *now_arg;
    const volatile sig_atomic_t *stop; /* as s3_credentials_stop_by; may be NULL */
};

/* Nothing is asked yet. Texts are copied, the rest is borrowed. ERROR_MEMORY. */
MUST_CHECK struct s3_credentials *s3_credentials_new(const struct s3_credentials_options *o,
                                                     struct error *e);
void s3_credentials_free(struct s3_credentials *c);
/* From the next get on, one that asks ends with error_stopped once this flag is not 0; may be
 * NULL. Not while gets are under way. */
void s3_credentials_stop_by(struct s3_credentials *c, const volatile sig_atomic_t *stop);

/* A key that holds now, for s3_key_done; *out is zeroed memory. One thread renews while others
 * go on with the key that they have, or wait for it when they have none. ERROR_KEY names every
 * place that was looked at, and why it has none; ERROR_USAGE for half a key; ERROR_BUSY when
 * trying again may help. Any thread. */
MUST_CHECK int s3_credentials_get(struct s3_credentials *c, struct s3_key *out,
                                  struct error *e);
/* The server says that the key has expired: the next get asks for a new one. Any thread. */
void s3_credentials_refused(struct s3_credentials *c);

/* The region that the environment (AWS_REGION, AWS_DEFAULT_REGION) or else the profile names;
 * the caller frees it. Answers S3_CREDENTIALS_NO_REGION. Any thread. */
MUST_CHECK int s3_credentials_region(const struct s3_credentials_options *o, char **region,
                                     struct error *e);

#endif
