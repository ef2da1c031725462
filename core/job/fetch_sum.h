/* SPDX-License-Identifier: Apache-2.0 */
/* What reading some streams is going to fetch, known from their recipes alone. */
#ifndef JOB_FETCH_SUM_H
#define JOB_FETCH_SUM_H

#include "core/job/fetch.h"
#include "core/repo/stream.h"

struct fetch_sum;

/* fetch is borrowed; what it reads meanwhile is part of the sum. One thread. */
MUST_CHECK struct fetch_sum *fetch_sum_new(struct fetch *f, struct error *e);
void fetch_sum_free(struct fetch_sum *s);
/* Count the stream's chunks, each chunk of all streams once; recipes are read. A stream that is
 * not there counts nothing. ERROR_CORRUPT. */
MUST_CHECK int fetch_sum_add(struct fetch_sum *s, const struct stream *stream, struct error *e);
/* All that fetch has read, and the chunks still to be read with the heads of their packs. */
struct fetch_counts fetch_sum_total(const struct fetch_sum *s);

#endif
