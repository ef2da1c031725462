/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a bucket of S3 or of a server that speaks it. An object is durable and seen by
 * everybody when its PUT is acknowledged. Nothing of a repository's safety rests on
 * create-if-absent: names are unique by design. Transport failures are tried again for
 * PGKEEP_STORE_PATIENCE seconds (300), then ERROR_BUSY. */
#ifndef BACKENDS_STORE_S3_H
#define BACKENDS_STORE_S3_H

#include "core/repo/store.h"

/* URL: see store_s3_place.h; keys: see s3_credentials.h. create: look at once what the server
 * can do (store_s3_probe.h); otherwise no request is made. NULL on error. */
MUST_CHECK struct store *store_s3_open(const char *url, bool create, struct error *e);

/* The same place always gives the same text; the caller frees it. */
MUST_CHECK char *store_s3_canonical(const char *url, struct error *e);

#endif
