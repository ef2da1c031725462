/* SPDX-License-Identifier: Apache-2.0 */
/* Find things by ids that are random already (chunk ids, pack ids): the first 4 bytes are the
 * hash. The table holds places in an array of the owner, who compares the whole ids. */
#ifndef REPO_ID_TABLE_H
#define REPO_ID_TABLE_H

#include "core/base/attr.h"
#include "core/base/error.h"

/* Zeroed memory is an empty table. */
struct id_table {
    struct id_table_slot *slots;
    size_t size; /* 0 or a power of two */
    size_t count;
};

void id_table_done(struct id_table *t);
/* Forget all, keep the memory. */
void id_table_clear(struct id_table *t);
/* place must be below UINT32_MAX. ERROR_MEMORY. */
MUST_CHECK int id_table_add(struct id_table *t, const uint8_t *id, uint32_t place,
                            struct error *e);

/* Candidates of an id: `at = id_table_start(t, id); while (id_table_next(t, &at, &place))`. */
size_t id_table_start(const struct id_table *t, const uint8_t *id);
bool id_table_next(const struct id_table *t, size_t *at, uint32_t *place);

#endif
