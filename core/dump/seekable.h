/* SPDX-License-Identifier: Apache-2.0 */
/* The positions of data filled into the TOC of an archive that was written to a pipe, as
 * pg_dump does it at its end where it can seek: pg_restore then goes straight to a table and
 * can use several jobs without reading all before it. */
#ifndef DUMP_SEEKABLE_H
#define DUMP_SEEKABLE_H

#include "core/base/bytes.h"
#include "core/base/error.h"

struct seekable;

/* NULL with ERROR_MEMORY or ERROR_IO. */
MUST_CHECK struct seekable *seekable_new(struct error *e);
void seekable_free(struct seekable *s);

/* The archive's bytes as they are written, from the first to the last. ERROR_INCOMPLETE as
 * dump_reader_step, also for a version that is not known. */
MUST_CHECK int seekable_take(struct seekable *s, struct bytes in, struct error *e);
/* That was all: set the positions in fd, a file that holds what was taken; its place in the
 * file is moved. No other byte changes. ERROR_INCOMPLETE when it was not a whole archive, then
 * nothing is written; ERROR_IO. */
MUST_CHECK int seekable_write(struct seekable *s, int fd, struct error *e);

#endif
