/* SPDX-License-Identifier: Apache-2.0 */
/* The two XML documents of S3 that matter here: an <Error> and a page of a listing
 * (docs.aws.amazon.com/AmazonS3/latest/API: ErrorResponses, ListObjectsV2). What comes is a
 * stranger's: no document type, no entities but XML's own, depth and texts bounded. */
#ifndef BACKENDS_S3_XML_H
#define BACKENDS_S3_XML_H

#include "core/base/buf.h"

#define S3_XML_NAME 1025  /* a key is at most 1024 bytes long */
#define S3_XML_TOKEN 4096 /* a continuation token, encoded as the server likes it */

/* The parts of an <Error>; "" where absent. Cut to fit; control characters are \xNN. */
struct s3_xml_error {
    char code[64];
    char message[256];
    char region[64];      /* the bucket's own, in redirects */
    char endpoint[128];   /* the same, as a host */
    char server_time[64]; /* of RequestTimeTooSkewed */
    char request_time[64];
};

/* False when this is no <Error> document; *out is empty then. */
MUST_CHECK bool s3_xml_read_error(struct bytes xml, struct s3_xml_error *out);

/* An object of a page; key is decoded and good during the visit. */
struct s3_xml_object {
    const char *key;
    uint64_t size;
    int64_t modified_us;
};

/* A negative answer (error filled) ends the reading with -1. */
typedef int s3_xml_visit(void *arg, const struct s3_xml_object *object, struct error *e);

/* What stands in a page beside its objects. */
struct s3_xml_page {
    bool truncated;          /* there are more */
    char next[S3_XML_TOKEN]; /* where they begin; "" when the server did not say */
    uint64_t objects;
};

/* Visit the objects of a ListBucketResult, which must be whole; nothing is visited of a
 * document that is not. ERROR_CORRUPT for anything else, for keys that no name can be (zero
 * bytes, above 1024 bytes) and for sizes or times that are none. */
MUST_CHECK int s3_xml_read_page(struct bytes xml, s3_xml_visit *visit, void *arg,
                                struct s3_xml_page *page, struct error *e);

#endif
