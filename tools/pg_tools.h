/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's own programs: the right one of several, run with an environment of our making
 * and with the password in a file that exists only in memory. */
#ifndef TOOLS_PG_TOOLS_H
#define TOOLS_PG_TOOLS_H

#include "core/base/error.h"

#define PG_TOOLS_PASSFILE 32 /* bytes of pg_tools_passfile_path's answer */

/* Find the program ("pg_dump", "initdb") of exactly this major version, else of the next newer
 * one; never an older. Looked for in the folder $PGKEEP_PG_BIN and only there when it is set,
 * else where Debian, RPM and a build from source put it, then in PATH. Of one version the first
 * found is taken; Debian's pg_wrapper only when nothing else is there. *path is the caller's to
 * free; major may be NULL. ERROR_CHILD, which names what was found and what to install. */
MUST_CHECK int pg_tools_find(const char *name, int least_major, char **path, int *major,
                             struct error *e);

/* 15 of "15.18 (Debian 15.18-0+deb12u1)"; 0 for NULL and for what begins with no number. */
int pg_tools_major(const char *version);

/* Ask the program at path for its version: *text ("15.18 (Debian 15.18-0+deb12u1)") is the
 * caller's to free, *major is 15; betas and release candidates count as the major that they
 * will be. Either may be NULL. ERROR_CHILD when it is no such program or says nothing within
 * 20 seconds. */
MUST_CHECK int pg_tools_version(const char *path, char **text, int *major, struct error *e);

/* The environment of such a child: a fixed PATH, LC_ALL=C.UTF-8, PGTZ=UTC, HOME and TMPDIR as
 * they are here, PGPASSFILE when passfile is not NULL; nothing else of ours reaches it. A list
 * that ends with NULL, for pg_tools_environment_free. ERROR_MEMORY. */
MUST_CHECK int pg_tools_environment(const char *passfile, char ***environment, struct error *e);
void pg_tools_environment_free(char **environment);

/* A password file in memory that gives password for every server, database and user: the
 * caller's descriptor, or -1. It is not close-on-exec: close it before anything else is run, or
 * run that through base/child with the descriptor in keep_fds. ERROR_USAGE for a password with
 * a line break, which no password file can hold. */
MUST_CHECK int pg_tools_passfile(const char *password, struct error *e);
/* What PGPASSFILE must be in a child that keeps fd open. */
void pg_tools_passfile_path(char out[PG_TOOLS_PASSFILE], int fd);

#endif
