/* SPDX-License-Identifier: Apache-2.0 */
/* Trouble on demand: a store that passes every call on to another one, but the n-th. Calls
 * are put, get, list, remove and sync, counted from 1 over all threads. */
#ifndef SUPPORT_STORE_FAULT_H
#define SUPPORT_STORE_FAULT_H

#include "core/repo/store.h"

enum store_fault {
    STORE_FAULT_NONE,
    STORE_FAULT_BEFORE, /* ERROR_BUSY, and nothing was done */
    STORE_FAULT_AFTER,  /* ERROR_BUSY although it was done: nobody can know */
    STORE_FAULT_CRASH,  /* a put leaves half of its bytes under a name that is none of ours;
                         * this call and all later ones are ERROR_IO */
    STORE_FAULT_DELAY,  /* 20 ms late, else right */
};

/* inner is borrowed and stays open. NULL with ERROR_MEMORY. */
MUST_CHECK struct store *store_fault_new(struct store *inner, enum store_fault fault,
                                         unsigned at, struct error *e);
/* Was the n-th call reached? */
bool store_fault_met(struct store *s);

#endif
