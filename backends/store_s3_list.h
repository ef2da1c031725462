/* SPDX-License-Identifier: Apache-2.0 */
/* Listing a bucket, page by page (ListObjectsV2). */
#ifndef BACKENDS_STORE_S3_LIST_H
#define BACKENDS_STORE_S3_LIST_H

#include "backends/store_s3_call.h"
#include "core/repo/store.h"

/* As store_list. Every page has the whole patience of the link. ERROR_CORRUPT for pages that
 * are none and for a server whose listing does not end. */
MUST_CHECK int store_s3_list_all(struct store_s3_link *l, const char *prefix,
                                 store_visit *visit, void *arg, struct error *e);

#endif
