/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the role that a machine, a container or a token has: asked for over HTTP.
 * instance: IMDSv2 ("Use IMDS", docs.aws.amazon.com/AWSEC2/latest/UserGuide); container: ECS
 * and EKS pod identity ("Container credential provider", docs.aws.amazon.com/sdkref); web
 * identity: AssumeRoleWithWebIdentity (docs.aws.amazon.com/STS/latest/APIReference). */
#ifndef BACKENDS_S3_ROLE_H
#define BACKENDS_S3_ROLE_H

#include <signal.h>

#include "backends/s3_key.h"

#define S3_ROLE_ABSENT 1

/* Reads the environment: a value, or NULL when it is absent or empty. */
typedef const char *s3_role_getenv(void *arg, const char *name);

struct s3_role_options {
    s3_role_getenv *get;
    void *get_arg;
    const char *region;                /* of STS, unless AWS_REGION says; NULL: unknown */
    const char *container;             /* base of relative URIs; NULL: http://169.254.170.2 */
    const volatile sig_atomic_t *stop; /* not 0: error_stopped; may be NULL */
    char *why;                         /* S3_KEY_WHY bytes: the reason of S3_ROLE_ABSENT */
};

/* Each: 0 with the key in *out (zeroed before); S3_ROLE_ABSENT when the environment does not
 * ask for it, or (instance) nobody answers there or the machine has no role. ERROR_KEY when it
 * is refused, ERROR_USAGE for an address that a key must not come from, ERROR_BUSY when it is
 * out of reach or has trouble, at the second try too. Any thread. */
MUST_CHECK int s3_role_web_identity(const struct s3_role_options *o, struct s3_key *out,
                                    struct error *e);
MUST_CHECK int s3_role_container(const struct s3_role_options *o, struct s3_key *out,
                                 struct error *e);
MUST_CHECK int s3_role_instance(const struct s3_role_options *o, struct s3_key *out,
                                struct error *e);

#endif
