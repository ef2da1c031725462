/* SPDX-License-Identifier: Apache-2.0 */
/* Where a repository on S3 is, read from its URL:
 *   s3://BUCKET/PREFIX?region=R&endpoint=https://HOST:PORT&path-style=0|1&ca-file=F
 *                     &storage-class=C&object-lock=DAYS
 * Without an endpoint it is Amazon's of the region, with the bucket in the host's name; one
 * that is given gets the bucket in the path unless path-style=0. */
#ifndef BACKENDS_STORE_S3_PLACE_H
#define BACKENDS_STORE_S3_PLACE_H

#include "core/base/error.h"

struct store_s3_place {
    char *bucket;
    char *prefix;        /* "" or with its last slash: "backups/pgkeep/" */
    char *region;        /* of the environment, the profile, us-east-1 when the URL has none */
    char *endpoint;      /* "https://host:port" as given, lower case; NULL: Amazon's */
    char *base;          /* scheme and host that requests go to, without a path */
    const char *host;    /* in base: what the Host header says */
    char *ca_file;       /* NULL: the system's */
    char *storage_class; /* NULL: the bucket's own */
    uint64_t lock_days;  /* 0: no object lock */
    bool path_style;
};

/* ERROR_USAGE for what is no such URL, and for http:// to another host than this one: keys
 * are not sent, but content would be open to be changed. *out is then empty. Ended by
 * store_s3_place_done. */
MUST_CHECK int store_s3_place_parse(const char *url, struct store_s3_place *out,
                                    struct error *e);
void store_s3_place_done(struct store_s3_place *p);

/* The same place always gives the same text: bucket, prefix and endpoint, nothing else. The
 * caller frees it. */
MUST_CHECK char *store_s3_place_canonical(const struct store_s3_place *p, struct error *e);

/* The path of an object of ours ("" is the prefix itself, NULL the bucket), not encoded; the
 * caller frees it. */
MUST_CHECK char *store_s3_place_path(const struct store_s3_place *p, const char *name,
                                     struct error *e);

#endif
