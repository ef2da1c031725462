/* SPDX-License-Identifier: Apache-2.0 */
/* Listing an SFTP folder and what is below it, and removing the temporary files of runs that
 * died. Any number of threads. */
#ifndef BACKENDS_STORE_SFTP_LIST_H
#define BACKENDS_STORE_SFTP_LIST_H

#include "backends/store_sftp_wire.h"
#include "core/repo/store.h"

/* A temporary name is STORE_SFTP_LIST_TEMPORARY and 32 hex digits: no name of an object. */
#define STORE_SFTP_LIST_TEMPORARY ".tmp-"
#define STORE_SFTP_LIST_DIGITS 32

struct store_sftp_list;

/* Both are kept, not owned. NULL with ERROR_MEMORY. */
MUST_CHECK struct store_sftp_list *store_sftp_list_new(struct store_sftp_wire *w,
                                                       const char *root, struct error *e);
void store_sftp_list_free(struct store_sftp_list *l);

/* store_ops.list. Times are as exact as the server's long listing: to the minute, and to the
 * day above half a year. Temporary files that are more than 24 hours older than the newest
 * object seen (both by the server's clock) are removed; where that fails they stay. */
MUST_CHECK int store_sftp_list_run(struct store_sftp_list *l, const char *prefix,
                                   store_visit *visit, void *arg, struct error *e);

#endif
