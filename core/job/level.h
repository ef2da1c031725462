/* SPDX-License-Identifier: Apache-2.0 */
/* How hard to compress, by what there is time for: a slow source leaves workers idle. */
#ifndef JOB_LEVEL_H
#define JOB_LEVEL_H

#include <stdatomic.h>
#include <stdbool.h>

struct level {
    int low, high;    /* zstd levels; high at or below low: always low */
    atomic_int now;   /* between the two */
    atomic_uint idle; /* chunks in a row with none waiting behind them */
};

void level_init(struct level *l, int low, int high);
/* The level of the next chunk; busy: others wait behind it. Any thread. */
int level_next(struct level *l, bool busy);

#endif
