/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/verify.h"

#include <stdlib.h>

#include "core/base/digest.h"

struct verify_packs {
    struct repo *repo;
    const volatile sig_atomic_t *stop;
    struct closure good; /* read, and right */
    struct buf content;
    struct ref_object bad;
    bool has_bad;
};

struct verify_packs *verify_packs_new(struct repo *repo, const volatile sig_atomic_t *stop,
                                      struct error *e)
{
    struct verify_packs *v = calloc(1, sizeof *v);
    if (!v) {
        (void)error_memory(e, "check of packs");
        return NULL;
    }
    v->repo = repo;
    v->stop = stop;
    return v;
}

void verify_packs_free(struct verify_packs *v)
{
    if (!v)
        return;
    closure_done(&v->good);
    buf_done(&v->content);
    free(v);
}

static int check_pack(struct verify_packs *v, const struct closure_pack *pack, struct error *e)
{
    char name[FORMAT_NAME_MAX];
    uint8_t sha256[DIGEST_LEN];
    ref_pack_name(name, &pack->object);
    int rc = store_get(repo_store(v->repo), name, 0, STORE_ALL, &v->content, e);
    if (rc < 0)
        return -1;
    if (rc == STORE_ABSENT)
        return error_set(e, ERROR_CORRUPT, "pack %s is missing", name);
    if (v->content.len != pack->object.size)
        return error_set(e, ERROR_CORRUPT, "pack %s has %zu bytes, expected %u", name,
                         v->content.len, pack->object.size);
    if (digest_sha256(buf_view(&v->content), sha256, e) < 0)
        return -1;
    if (memcmp(sha256, pack->object.sha256, sizeof sha256) != 0)
        return error_set(e, ERROR_CORRUPT, "pack %s: its SHA-256 is not its name", name);
    return closure_add(&v->good, pack, e);
}

const struct ref_object *verify_packs_bad(const struct verify_packs *v)
{
    return v->has_bad ? &v->bad : NULL;
}

int verify_packs_check(struct verify_packs *v, const struct closure *closure, struct error *e)
{
    v->has_bad = false;
    for (size_t i = 0; i < closure->count; i++) {
        int n = v->stop ? *v->stop : 0;
        if (n)
            return error_stopped(e, n);
        const struct closure_pack *pack = &closure->packs[i];
        const struct closure_pack *seen = closure_find(&v->good, pack->pack_id);
        if ((!seen || memcmp(&seen->object, &pack->object, sizeof seen->object) != 0) &&
            check_pack(v, pack, e) < 0) {
            v->bad = pack->object;
            v->has_bad = e->kind == ERROR_CORRUPT;
            return -1;
        }
    }
    return 0;
}
