/* SPDX-License-Identifier: Apache-2.0 */
/* The table of backends: from a repository URL to a store. */
#ifndef BACKENDS_BACKENDS_H
#define BACKENDS_BACKENDS_H

#include "core/repo/store.h"

/* `/path`, `file:///path`, `s3://…` (docs/S3.md) or `sftp://…` (docs/SFTP.md). create: make the
 * folder when it is absent, and find out what the store can do. NULL on error:
 * ERROR_USAGE for a URL that means nothing here, ERROR_NO_REPOSITORY when the folder is
 * absent and not to be made. store_close ends it. */
MUST_CHECK struct store *backends_open(const char *url, bool create, struct error *e);

/* The same place always gives the same text, absolute; the caller frees it. For state that
 * is kept per repository URL. */
MUST_CHECK char *backends_canonical(const char *url, struct error *e);

#endif
