/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue with three hands: one producer fills slots, N workers work on them in any
 * order, one consumer takes them in the order in which they were given. The slots are made by
 * the caller and only pointers move: whoever took a slot owns what is in it until he passes it
 * on. The number of slots bounds memory and how far the hands can drift apart.
 *
 *   producer  queue_claim  fill   queue_give      … queue_close at the end
 *   worker    queue_work   work   queue_done
 *   consumer  queue_take   use    queue_return
 *
 * After queue_stop every call that gives a slot gives NULL at once and for ever: the first
 * error or a signal ends all hands without asking them. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include "core/base/error.h"

struct queue;

/* count slots (at least 1), no two the same; the array is copied, what the slots point at
 * stays the caller's and outlives the queue. NULL with ERROR_MEMORY. */
MUST_CHECK struct queue *queue_new(void *const *slots, size_t count, struct error *e);
/* No thread may be inside or come in any more. */
void queue_free(struct queue *q);

/* Producer: a free slot, waits for one; NULL when stopped. One at a time. */
MUST_CHECK void *queue_claim(struct queue *q);
/* Producer: the slot claimed last is filled. */
void queue_give(struct queue *q);
/* Producer: nothing follows. A slot claimed but not given goes back. */
void queue_close(struct queue *q);

/* Worker, any number of threads: the next filled slot, waits for one; NULL when the queue is
 * closed and all given slots are with workers, or stopped. */
MUST_CHECK void *queue_work(struct queue *q);
/* Any thread: does a filled slot wait for a worker? */
bool queue_has_work(struct queue *q);
/* Worker: the work on slot is done. */
void queue_done(struct queue *q, void *slot);

/* Consumer: the next slot in the order of giving, waits until its work is done; NULL when the
 * queue is closed and all are taken, or stopped. Several may be held at once. */
MUST_CHECK void *queue_take(struct queue *q);
/* Consumer: slot is free again. Slots may come back in any order. */
void queue_return(struct queue *q, void *slot);

/* Anybody, at any time, more than once. */
void queue_stop(struct queue *q);
bool queue_stopped(struct queue *q);

#endif
