/* SPDX-License-Identifier: Apache-2.0 */
/* The files that AWS's tools share between them: ~/.aws/credentials and ~/.aws/config
 * ("Configuration and credential file settings",
 * docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html). */
#ifndef BACKENDS_S3_PROFILE_H
#define BACKENDS_S3_PROFILE_H

#include "backends/s3_key.h"

#define S3_PROFILE_ABSENT 1

struct s3_profile_options {
    const char *name;        /* NULL: "default" */
    const char *credentials; /* file; may be NULL */
    const char *config;      /* file; may be NULL */
};

/* The key of a profile: in either file, or what its credential_process prints. 0, or
 * S3_PROFILE_ABSENT when neither file has the profile, or no key in it. ERROR_USAGE for half a
 * key and for ways that are not known here (role_arn, sso); ERROR_KEY. *out is zeroed. */
MUST_CHECK int s3_profile_key(const struct s3_profile_options *o, struct s3_key *out,
                              struct error *e);
/* Its region; the caller frees it. Answers S3_PROFILE_ABSENT. */
MUST_CHECK int s3_profile_region(const struct s3_profile_options *o, char **region,
                                 struct error *e);

#endif
