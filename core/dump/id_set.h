/* SPDX-License-Identifier: Apache-2.0 */
/* A set of numbers 1 to 2^32-1: dump ids, large object oids. Open addressing under a random
 * multiplier, so that no archive can be made to fall into one long run. */
#ifndef DUMP_ID_SET_H
#define DUMP_ID_SET_H

#include "core/base/error.h"

struct id_set {
    uint32_t *slots; /* 0: free */
    unsigned bits;   /* 2^bits slots; at most half of them in use */
    uint32_t used;
    uint64_t multiplier; /* odd */
};

#define ID_SET_THERE 1

/* ERROR_IO when the kernel gives no random bytes. */
MUST_CHECK int id_set_init(struct id_set *s, struct error *e);
void id_set_done(struct id_set *s);

/* 0: id is new and now in the set; ID_SET_THERE: it was there. ERROR_MEMORY. */
MUST_CHECK int id_set_add(struct id_set *s, uint32_t id, struct error *e);

#endif
