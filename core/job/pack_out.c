/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/pack_out.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/queue.h"

#define PACKS 2 /* one is filled while the other is stored */

struct pack_out {
    struct pack_out_options o;
    struct queue *full;
    struct pack *packs[PACKS];
    struct pack *current;
    struct pack *previous; /* the one before: perhaps not in the index yet */
    uint64_t placed;
    pthread_t uploader;
    bool running;
    /* The uploader's, until it has ended. */
    struct closure stored;
    uint64_t stored_packs, stored_bytes;
};

/* ---- uploader ---------------------------------------------------------------------- */

static int store_pack(struct pack_out *p, struct pack *pack, struct error *e)
{
    struct closure_pack name;
    struct bytes content;
    char text[FORMAT_NAME_MAX];
    if (pack_seal(pack, &name, &content, e) < 0)
        return -1;
    ref_pack_name(text, &name.object);
    if (store_put_new(repo_store(p->o.repo), text, content, e) < 0)
        return -1;
    log_debug("stored %s, %zu bytes, %u chunks", text, content.len, pack_count(pack));
    const struct chunk_index *index = p->o.index;
    if (index && index->add(index->arg, &name, pack_ref(pack, 0), pack_count(pack), e) < 0)
        return -1;
    p->stored_packs++;
    p->stored_bytes += content.len;
    pack_drop(pack); /* one is being filled meanwhile */
    return closure_add(&p->stored, &name, e);
}

static void *uploader_main(void *arg)
{
    struct pack_out *p = arg;
    struct error e = {0};
    for (struct pack *pack; (pack = queue_work(p->full)) != NULL;) {
        if (store_pack(p, pack, &e) < 0) {
            p->o.failed(p->o.failed_arg, &e);
            break;
        }
        queue_done(p->full, pack);
        queue_return(p->full, queue_take(p->full));
    }
    return NULL;
}

/* ---- places ------------------------------------------------------------------------ */

static int begin_pack(struct pack_out *p, struct error *e)
{
    p->current = queue_claim(p->full);
    if (!p->current)
        return error_set(e, ERROR_INTERRUPTED, "storing was stopped");
    return pack_begin(p->current, e);
}

/* Is the chunk in a pack that the index may not know yet? The uploader reads these tables too,
 * but only this thread writes them. */
static bool find_pending(const struct pack_out *p, struct ref *ref)
{
    const struct ref *found = pack_find(p->current, ref->chunk_id);
    if (!found && p->previous)
        found = pack_find(p->previous, ref->chunk_id);
    if (found)
        *ref = *found;
    return found;
}

int pack_out_place(struct pack_out *p, struct ref *ref, struct bytes stored, struct error *e)
{
    if (!p->current && begin_pack(p, e) < 0)
        return -1;
    if (find_pending(p, ref))
        return 0;
    if (pack_count(p->current) > 0 &&
        (pack_size(p->current) + stored.len > FORMAT_PACK_TARGET ||
         pack_count(p->current) == FORMAT_MAX_RECORDS)) {
        /* The one before it is in the index by the time that this one is claimed anew: there
         * are but two. */
        p->previous = p->current;
        queue_give(p->full);
        if (begin_pack(p, e) < 0)
            return -1;
    }
    p->placed++;
    return pack_add(p->current, ref, stored, e);
}

void pack_out_close(struct pack_out *p)
{
    if (p->current && pack_count(p->current) > 0)
        queue_give(p->full);
    queue_close(p->full);
}

static void join(struct pack_out *p)
{
    if (p->running)
        (void)pthread_join(p->uploader, NULL);
    p->running = false;
}

int pack_out_join(struct pack_out *p, struct closure *closure, struct pack_out_totals *totals,
                  struct error *e)
{
    join(p);
    for (size_t i = 0; i < p->stored.count; i++)
        if (closure_add(closure, &p->stored.packs[i], e) < 0)
            return -1;
    *totals = (struct pack_out_totals){
        .chunks = p->placed, .packs = p->stored_packs, .bytes = p->stored_bytes};
    return 0;
}

/* ---- the handle -------------------------------------------------------------------- */

void pack_out_stop(struct pack_out *p)
{
    queue_stop(p->full);
}

static int make(struct pack_out *p, struct error *e)
{
    void *packs[PACKS];
    for (size_t i = 0; i < PACKS; i++) {
        p->packs[i] = pack_new(p->o.keys, e);
        if (!p->packs[i])
            return -1;
        packs[i] = p->packs[i];
    }
    p->full = queue_new(packs, PACKS, e);
    if (!p->full)
        return -1;
    if (pthread_create(&p->uploader, NULL, uploader_main, p) != 0)
        return error_set(e, ERROR_MEMORY, "the uploading thread cannot be started");
    p->running = true;
    return 0;
}

struct pack_out *pack_out_new(const struct pack_out_options *o, struct error *e)
{
    struct pack_out *p = calloc(1, sizeof *p);
    if (!p) {
        (void)error_memory(e, "packs");
        return NULL;
    }
    p->o = *o;
    if (make(p, e) == 0)
        return p;
    pack_out_free(p);
    return NULL;
}

void pack_out_free(struct pack_out *p)
{
    if (!p)
        return;
    if (p->full)
        queue_stop(p->full);
    join(p);
    queue_free(p->full);
    for (size_t i = 0; i < PACKS; i++)
        pack_free(p->packs[i]);
    closure_done(&p->stored);
    free(p);
}
