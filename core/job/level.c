/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/level.h"

/* Up a step when so many chunks in a row had none behind them, down as soon as one has: time
 * that is lost is not won back. */
#define IDLE_CHUNKS 32

void level_init(struct level *l, int low, int high)
{
    l->low = low;
    l->high = high;
    atomic_init(&l->now, low);
    atomic_init(&l->idle, 0);
}

int level_next(struct level *l, bool busy)
{
    int level = atomic_load(&l->now);
    if (busy) {
        atomic_store(&l->idle, 0);
        if (level > l->low)
            level--;
    } else if (level < l->high &&
               atomic_fetch_add(&l->idle, 1) % IDLE_CHUNKS == IDLE_CHUNKS - 1) {
        level++;
    }
    atomic_store(&l->now, level);
    return level;
}
