/* SPDX-License-Identifier: Apache-2.0 */
/* The files that AWS's tools share between them: ~/.aws/credentials and ~/.aws/config
 * ("Configuration and credential file settings",
 * docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html). */
#ifndef BACKENDS_S3_PROFILE_H
#define BACKENDS_S3_PROFILE_H

#include <signal.h>

#include "backends/s3_key.h"

#define S3_PROFILE_ABSENT 1  /* neither file has the profile */
#define S3_PROFILE_KEYLESS 2 /* it is there, but says nothing of a key */

struct s3_profile_options {
    const char *name;                  /* NULL: "default" */
    const char *credentials;           /* file; may be NULL */
    const char *config;                /* file; may be NULL */
    uint64_t process_ms;               /* time that credential_process has; 0: 60 s */
    const volatile sig_atomic_t *stop; /* not 0: the process is stopped; may be NULL */
    bool *warned;                      /* others may read it: told once; NULL: each time */
};

/* The key of a profile: in either file, or what its credential_process prints. 0, ABSENT or
 * KEYLESS. ERROR_USAGE for half a key and for ways that are not known here (role_arn, sso),
 * ERROR_CHILD and ERROR_BUSY (late) of the process, ERROR_KEY. *out is zeroed. Any thread. */
MUST_CHECK int s3_profile_key(const struct s3_profile_options *o, struct s3_key *out,
                              struct error *e);
/* Its region; the caller frees it. ABSENT, or KEYLESS when it names none. */
MUST_CHECK int s3_profile_region(const struct s3_profile_options *o, char **region,
                                 struct error *e);

#endif
