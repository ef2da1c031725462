/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/verify.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/repo/packs.h"

struct verify_packs {
    struct packs *packs;
    const volatile sig_atomic_t *stop;
    struct closure good; /* read, and right */
    struct buf content;
    struct verify_packs_item *items;
    size_t count;
    bool has_thread;
    pthread_t thread;
};

struct verify_packs *verify_packs_new(struct repo *repo, const volatile sig_atomic_t *stop,
                                      struct error *e)
{
    struct verify_packs *v = calloc(1, sizeof *v);
    if (!v) {
        (void)error_memory(e, "check of packs");
        return NULL;
    }
    v->stop = stop;
    v->packs = packs_new(repo_store(repo), e);
    if (v->packs)
        return v;
    verify_packs_free(v);
    return NULL;
}

void verify_packs_free(struct verify_packs *v)
{
    if (!v)
        return;
    verify_packs_end(v);
    packs_free(v->packs);
    closure_done(&v->good);
    buf_done(&v->content);
    free(v);
}

static int check_pack(struct verify_packs *v, const struct closure_pack *pack,
                      struct ref_object *found, struct error *e)
{
    return packs_load(v->packs, &pack->object, &v->content, found, e) < 0
               ? -1
               : closure_add(&v->good, pack, e);
}

static int check_closure(struct verify_packs *v, struct verify_packs_item *item,
                         struct error *e)
{
    for (size_t i = 0; i < item->closure->count; i++) {
        int n = v->stop ? *v->stop : 0;
        if (n)
            return error_stopped(e, n);
        const struct closure_pack *pack = &item->closure->packs[i];
        const struct closure_pack *seen = closure_find(&v->good, pack->pack_id);
        if ((!seen || memcmp(&seen->object, &pack->object, sizeof seen->object) != 0) &&
            check_pack(v, pack, &item->bad, e) < 0) {
            item->has_bad = e->kind == ERROR_CORRUPT;
            return -1;
        }
    }
    return 0;
}

static void *check_items(void *arg)
{
    struct verify_packs *v = arg;
    for (size_t i = 0; i < v->count; i++) {
        v->items[i].has_bad = false;
        v->items[i].failed = check_closure(v, &v->items[i], &v->items[i].why) < 0;
    }
    return NULL;
}

void verify_packs_begin(struct verify_packs *v, struct verify_packs_item *items, size_t count)
{
    v->items = items;
    v->count = count;
    v->has_thread = pthread_create(&v->thread, NULL, check_items, v) == 0;
    if (!v->has_thread)
        (void)check_items(v);
}

void verify_packs_end(struct verify_packs *v)
{
    if (v->has_thread)
        (void)pthread_join(v->thread, NULL);
    v->has_thread = false;
}
