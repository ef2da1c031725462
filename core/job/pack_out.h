/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks into packs, packs into the store: one pack is filled while those before it are being
 * stored by threads of this object's own, or wait for that in a spool. */
#ifndef JOB_PACK_OUT_H
#define JOB_PACK_OUT_H

#include "core/job/chunk_index.h"
#include "core/job/spool.h"
#include "core/repo/pack.h"
#include "core/repo/repo.h"

struct pack_out_options {
    struct repo *repo;
    const struct pack_keys *keys;
    const struct chunk_index *index; /* NULL: none */
    struct spool_options spool;
    /* Called now and then while pack_out_join waits, from its thread; -1 ends it. May be NULL.
     */
    int (*beat)(void *arg, struct error *e);
    void *beat_arg;
    /* Storing failed: nothing more will be stored. From an uploading thread. */
    void (*failed)(void *arg, const struct error *e);
    void *failed_arg;
};

struct pack_out_totals {
    uint64_t chunks; /* placed in packs of this object's */
    uint64_t packs;
    uint64_t bytes; /* of these packs */
};

struct pack_out;

/* Everything in o is borrowed. Starts the threads: as many as the store wants. Memory is a pack
 * of 16 MiB for each, and one more; and 130 bytes for each chunk of a pack on its way, of which
 * the spool takes half a million at most (and 512 GiB). */
MUST_CHECK struct pack_out *pack_out_new(const struct pack_out_options *o, struct error *e);
/* Stops what still runs. */
void pack_out_free(struct pack_out *p);
/* Bytes of full packs that are not in the store. Any thread. */
uint64_t pack_out_unstored(struct pack_out *p);
/* End all calls but a put that is under way; any thread. */
void pack_out_stop(struct pack_out *p);

/* The three below: one thread. Give a chunk its place: in a pack of this object's that has it
 * already, or as the next record of the current one; pack id, record and offset of ref are
 * filled in. Waits while a full pack finds no free thread and no room in the spool.
 * ERROR_INTERRUPTED when stopped. */
MUST_CHECK int pack_out_place(struct pack_out *p, struct ref *ref, struct bytes stored,
                              struct error *e);
/* Nothing follows: the last pack is on its way. */
MUST_CHECK int pack_out_close(struct pack_out *p, struct error *e);
/* Wait until all is in the store (not synced yet); the packs are added to *closure. To be
 * asked after pack_out_close, when nothing failed. */
MUST_CHECK int pack_out_join(struct pack_out *p, struct closure *closure,
                             struct pack_out_totals *totals, struct error *e);

#endif
