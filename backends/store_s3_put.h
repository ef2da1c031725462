/* SPDX-License-Identifier: Apache-2.0 */
/* One object to S3, once. */
#ifndef BACKENDS_STORE_S3_PUT_H
#define BACKENDS_STORE_S3_PUT_H

#include "backends/store_s3_call.h"

#define STORE_S3_MOST_PUT (64 * MIB)

/* 0 or STORE_EXISTS, as store_put. Whether the server honours If-None-Match is found out with
 * the first small object, when store_s3_probe has not done so. */
MUST_CHECK int store_s3_put_object(struct store_s3_link *l, const char *name,
                                   struct bytes content, struct error *e);

/* How the headers of one PUT are chosen. */
struct store_s3_put_how {
    bool only_new;         /* If-None-Match: * */
    uint64_t lock_seconds; /* 0: no retention */
    int answered;          /* set: the status; 0 when the object was looked for instead */
};

#define STORE_S3_PUT_UNSUPPORTED 3 /* 501: the server knows no If-None-Match */

/* What a PUT with only_new, of a name that was taken, shows of the server. */
void store_s3_put_learnt(struct store_s3_link *l, const struct store_s3_put_how *how);

/* One PUT, and attempts until its fate is known: 0 stored, STORE_EXISTS (412),
 * STORE_S3_PUT_UNSUPPORTED. */
MUST_CHECK int store_s3_put_once(struct store_s3_link *l, const char *name,
                                 struct bytes content, struct store_s3_put_how *how,
                                 struct error *e);

/* What a HEAD says: 0 with its size and, when lock is not NULL, whether the object is locked;
 * STORE_ABSENT. */
MUST_CHECK int store_s3_put_head(struct store_s3_link *l, const char *name,
                                 struct store_s3_until *u, uint64_t *size, bool *locked,
                                 struct error *e);

#endif
