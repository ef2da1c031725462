/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/verify.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/job/pack_check.h"
#include "core/repo/packs.h"

struct verify_packs {
    struct verify_packs_options o;
    struct packs *packs;
    struct closure good; /* read, and right */
    struct buf content;
    struct verify_packs_item *items;
    size_t count;
    bool has_thread;
    pthread_t thread;
};

struct verify_packs *verify_packs_new(const struct verify_packs_options *o, struct error *e)
{
    struct verify_packs *v = calloc(1, sizeof *v);
    if (!v) {
        (void)error_memory(e, "check of packs");
        return NULL;
    }
    v->o = *o;
    v->packs = packs_new(repo_store(o->repo), e);
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

size_t verify_packs_good(const struct verify_packs *v)
{
    return v->good.count;
}

/* Every pack is in one part of all, the same one as long as it is there. */
static bool is_asked(const struct verify_packs *v, const struct closure_pack *pack)
{
    uint32_t place = 0;
    for (size_t i = 0; i < sizeof place; i++)
        place = place << 8 | pack->object.sha256[i];
    return v->o.parts == 0 || place % v->o.parts == v->o.part - 1;
}

static int check_content(struct verify_packs *v, const struct verify_packs_item *item,
                         struct error *e)
{
    char name[FORMAT_NAME_MAX];
    if (!item->chunk_id_key ||
        pack_check_content(v->o.repo, buf_view(&v->content), item->chunk_id_key, e) == 0)
        return 0;
    ref_pack_name(name, &item->bad);
    return error_wrap(e, "%s", name);
}

static int check_pack(struct verify_packs *v, const struct closure_pack *pack,
                      struct verify_packs_item *item, struct error *e)
{
    if (packs_load(v->packs, &pack->object, &v->content, &item->bad, e) < 0 ||
        check_content(v, item, e) < 0)
        return -1;
    return closure_add(&v->good, pack, e);
}

static int check_closure(struct verify_packs *v, struct verify_packs_item *item,
                         struct error *e)
{
    for (size_t i = 0; i < item->closure->count; i++) {
        int n = v->o.stop ? *v->o.stop : 0;
        if (n)
            return error_stopped(e, n);
        const struct closure_pack *pack = &item->closure->packs[i];
        const struct closure_pack *seen = closure_find(&v->good, pack->pack_id);
        if (is_asked(v, pack) &&
            (!seen || memcmp(&seen->object, &pack->object, sizeof seen->object) != 0) &&
            check_pack(v, pack, item, e) < 0) {
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
