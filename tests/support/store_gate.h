/* SPDX-License-Identifier: Apache-2.0 */
/* A store that passes every call on to another one, whose puts of packs wait while a gate is
 * shut: as slow as a test wants it. */
#ifndef SUPPORT_STORE_GATE_H
#define SUPPORT_STORE_GATE_H

#include "core/repo/store.h"

/* inner is borrowed. uploads: as in store_ops. The gate is open. NULL with ERROR_MEMORY. */
MUST_CHECK struct store *store_gate_new(struct store *inner, unsigned uploads, struct error *e);
void store_gate_set(struct store *s, bool is_open);
/* Puts of packs that were done; the most that were inside at once. */
size_t store_gate_done(struct store *s);
size_t store_gate_most(struct store *s);

#endif
