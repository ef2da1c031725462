/* SPDX-License-Identifier: Apache-2.0 */
/* The positions of data filled into the TOC of an archive that was written to a pipe, as
 * pg_dump does it at its end where it can seek: pg_restore then goes straight to a table and
 * can use several jobs without reading all before it. */
#ifndef DUMP_SEEKABLE_H
#define DUMP_SEEKABLE_H

#include <signal.h>

#include "core/base/error.h"

/* fd: a file, open for reading and writing, that holds a whole archive; its place in the file
 * is moved. stop: not 0 ends it (may be NULL). No byte changes but those of the positions.
 * ERROR_INCOMPLETE as dump_reader_step, also for a version that is not known; ERROR_IO;
 * error_stopped. After an error some positions may be set; they are right. */
MUST_CHECK int seekable_fill(int fd, const volatile sig_atomic_t *stop, struct error *e);

#endif
