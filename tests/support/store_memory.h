/* SPDX-License-Identifier: Apache-2.0 */
/* A store in memory: keeps what core/repo/store.h promises, forgets all when it is closed. */
#ifndef SUPPORT_STORE_MEMORY_H
#define SUPPORT_STORE_MEMORY_H

#include "core/repo/store.h"

/* NULL with ERROR_MEMORY. store_close ends it. */
MUST_CHECK struct store *store_memory_new(struct error *e);

/* What no store does: other content under a name that is there; ends the program when it is
 * not. For damage. */
void store_memory_change(struct store *s, const char *name, struct bytes content);
/* Number of objects whose name begins with prefix. */
size_t store_memory_count(struct store *s, const char *prefix);

#endif
