/* SPDX-License-Identifier: Apache-2.0 */
/* What a reply of an S3 server means, and how to say it to people. */
#ifndef BACKENDS_STORE_S3_FAULT_H
#define BACKENDS_STORE_S3_FAULT_H

#include "backends/http.h"
#include "backends/store_s3_place.h"

#define STORE_S3_FAULT_AGAIN 1   /* as STORE_S3_CALL_AGAIN */
#define STORE_S3_FAULT_EXPIRED 2 /* with keys that are valid still it may work */

struct store_s3_fault {
    const struct store_s3_place *place;
    const char *method;
    const struct http_reply *reply;
    bool xml; /* a body of 2xx is the server's words, not an object's content */
};

/* 0: a status for the caller to judge (2xx, 404, 412, 416, 501). Positive: see above, with e
 * filled, ERROR_BUSY or ERROR_KEY. -1: ERROR_KEY for keys that the server does not take,
 * ERROR_NO_REPOSITORY for a bucket that is not there, ERROR_USAGE for the wrong region, else
 * ERROR_IO. The server's own words are printable and bounded. */
MUST_CHECK int store_s3_fault_of(const struct store_s3_fault *f, struct error *e);

/* A status that store_s3_fault_of left to a caller who cannot use it. Returns -1. */
int store_s3_fault_odd(const struct store_s3_fault *f, struct error *e);

#endif
