/* SPDX-License-Identifier: Apache-2.0 */
/* What a PostgreSQL program prints about the database of a connection. */
#ifndef TOOLS_PG_OUTPUT_H
#define TOOLS_PG_OUTPUT_H

#include "core/base/buf.h"
#include "core/dump/source.h"
#include "tools/server.h"

/* Start the program ("pg_dump") of the server's major version or the next newer one with these
 * arguments (ended by NULL), `--no-password -d CONNECTION` behind them. *major (may be NULL):
 * which one it is. stop as in source_obey. NULL with ERROR_CHILD. */
MUST_CHECK struct source *pg_output_start(struct server *s, const char *name,
                                          const char *const *arguments,
                                          const volatile sig_atomic_t *stop, int *major,
                                          struct error *e);
/* All that it prints, at most max bytes, appended to out, and its end. ERROR_CHILD with its
 * words when it fails. */
MUST_CHECK int pg_output_read(struct server *s, const char *name, const char *const *arguments,
                              const volatile sig_atomic_t *stop, struct buf *out,
                              struct error *e);
#define PG_OUTPUT_MAX (2 * GIB)

#endif
