/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL cluster for one run: made, started, and gone with all that is in it. It listens
 * on a socket that only its user may reach. When pgkeep is killed the server ends at once, and
 * the next scratch cluster that is made here removes the folder. */
#ifndef TOOLS_SCRATCH_CLUSTER_H
#define TOOLS_SCRATCH_CLUSTER_H

#include "tools/context.h"
#include "tools/server.h"

#define SCRATCH_CLUSTER_PORT "5432"
#define SCRATCH_CLUSTER_USER "postgres" /* a superuser */

struct scratch_cluster;

/* Of least_major, else the next newer one that is here; under $TMPDIR, else /var/tmp, where
 * there must be room for so many bytes. Root runs it as the user pgkeep, else postgres, else
 * nobody: what the dump has in functions runs there with a superuser's rights. ERROR_CHILD when
 * no PostgreSQL server is installed or it does not start; ERROR_USAGE for a path that is no
 * good for a socket. */
MUST_CHECK struct scratch_cluster *scratch_cluster_start(struct context *c, int least_major,
                                                         uint64_t bytes, struct error *e);
/* Stopped and removed; what is left is told in the log. NULL is fine. */
void scratch_cluster_free(struct scratch_cluster *s);
/* Instead of scratch_cluster_free: it goes on without us, for a person to look at; *folder, the
 * caller's to free, is where its socket is, its data in it. ERROR_CHILD; freed in every case.
 */
MUST_CHECK int scratch_cluster_keep(struct scratch_cluster *s, char **folder, struct error *e);

/* How to reach it; good until it is freed. */
const char *scratch_cluster_host(const struct scratch_cluster *s);
int scratch_cluster_major(const struct scratch_cluster *s);

#endif
