/* SPDX-License-Identifier: Apache-2.0 */
/* A row stream read back: does it hold the rows that the manifest says? Recomputes what
 * job/rows_out computed when the rows were stored, and the SHA-256 of the COPY text for who
 * wants it. */
#ifndef JOB_ROWS_CHECK_H
#define JOB_ROWS_CHECK_H

#include "core/base/digest.h"
#include "core/job/stream_in.h"
#include "core/repo/entry.h"
#include "core/rows/row_digest.h"

struct rows_check;

/* copy_sha256: it is wanted. */
MUST_CHECK struct rows_check *rows_check_new(const uint8_t row_key[ROW_HASH_KEY_LEN],
                                             bool copy_sha256, struct error *e);
void rows_check_free(struct rows_check *c);
/* Also gives up what was not ended. ERROR_MEMORY. */
MUST_CHECK int rows_check_begin(struct rows_check *c, struct error *e);
/* ERROR_MEMORY. */
MUST_CHECK int rows_check_add(struct rows_check *c, const struct stream_in_item *item,
                              struct error *e);
/* Compare with the entry: rows, bytes, digest, content. ERROR_CORRUPT. copy_sha256: of the
 * whole COPY text; left alone when it was not wanted. */
MUST_CHECK int rows_check_end(struct rows_check *c, const struct entry *entry,
                              uint8_t copy_sha256[DIGEST_LEN], struct error *e);

#endif
