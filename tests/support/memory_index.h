/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk index of a catalog, in memory. */
#ifndef SUPPORT_MEMORY_INDEX_H
#define SUPPORT_MEMORY_INDEX_H

#include "core/job/writer.h"

struct memory_index;

/* Ends the program when memory is short. */
struct memory_index *memory_index_new(void);
void memory_index_free(struct memory_index *m);
/* The callbacks; good until memory_index_free. */
const struct chunk_index *memory_index_callbacks(const struct memory_index *m);
size_t memory_index_count(struct memory_index *m);
/* From the n-th call on (from 1), lookup or add fails with ERROR_IO; 0: never. */
void memory_index_fail_at(struct memory_index *m, unsigned n);

#endif
