/* SPDX-License-Identifier: Apache-2.0 */
/* Several requests at a time in one thread, each over a connection of its own: folders of a
 * listing, of which each costs four round trips. Haste, not truth: what does not come whole at
 * once is left to store_sftp_wire_send. One thread. */
#ifndef BACKENDS_STORE_SFTP_MANY_H
#define BACKENDS_STORE_SFTP_MANY_H

#include "backends/store_sftp_wire.h"

#define STORE_SFTP_MANY 8 /* connections; sshd's MaxStartups is 10 as it comes */

struct store_sftp_many;

/* w is kept. Connections are made when they are needed. NULL with ERROR_MEMORY. */
MUST_CHECK struct store_sftp_many *store_sftp_many_new(struct store_sftp_wire *w,
                                                       struct error *e);
void store_sftp_many_free(struct store_sftp_many *m);

/* Do count requests (GET, NAMES); got[i] is set for those whose answer came, the others are
 * cleared. After the first that fails no more are begun. ERROR_MEMORY. */
MUST_CHECK int store_sftp_many_get(struct store_sftp_many *m,
                                   const struct store_sftp_request *r, size_t count, bool *got,
                                   struct error *e);

#endif
