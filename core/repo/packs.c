/* SPDX-License-Identifier: Apache-2.0 */
/* A folder packs/<hh>/ that was listed is a sorted array. The name of the closure is tried
 * first while its folder is not listed: in the store where a backup was made it is right. */
#include "core/repo/packs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/digest.h"
#include "core/base/log.h"

#define FOLDERS 256

struct folder {
    struct ref_object *items; /* sorted */
    size_t count, cap;
    bool listed;
};

struct packs {
    struct store *store;
    pthread_mutex_t lock; /* of folders */
    struct folder folders[FOLDERS];
};

struct packs *packs_new(struct store *store, struct error *e)
{
    struct packs *p = calloc(1, sizeof *p);
    if (!p) {
        (void)error_memory(e, "names of packs");
        return NULL;
    }
    p->store = store;
    (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

void packs_free(struct packs *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < FOLDERS; i++)
        free(p->folders[i].items);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

static bool same_content(const struct ref_object *a, const struct ref_object *b)
{
    return a->size == b->size && memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
}

static bool same_name(const struct ref_object *a, const struct ref_object *b)
{
    return memcmp(a->suffix, b->suffix, sizeof a->suffix) == 0;
}

static int compare(const void *a, const void *b)
{
    const struct ref_object *x = a;
    const struct ref_object *y = b;
    int order = memcmp(x->sha256, y->sha256, sizeof x->sha256);
    return order ? order : memcmp(x->suffix, y->suffix, sizeof x->suffix);
}

static int note(void *arg, const struct store_item *item, struct error *e)
{
    struct packs *p = arg;
    struct ref_object object;
    if (item->size > FORMAT_MAX_PACK || !ref_pack_parse(item->name, &object))
        return 0;
    object.size = (uint32_t)item->size;
    struct folder *f = &p->folders[object.sha256[0]];
    if (f->count == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 64;
        struct ref_object *items = reallocarray(f->items, cap, sizeof *items);
        if (!items)
            return error_memory(e, "names of packs");
        f->items = items;
        f->cap = cap;
    }
    f->items[f->count++] = object;
    return 0;
}

static void finish_listing(struct folder *f, bool done)
{
    f->listed = done;
    if (f->count > 0)
        qsort(f->items, f->count, sizeof *f->items, compare);
}

static int list_folder(struct packs *p, uint8_t number, struct error *e)
{
    char prefix[16];
    (void)snprintf(prefix, sizeof prefix, "packs/%02x/", number);
    p->folders[number].count = 0;
    int rc = store_list(p->store, prefix, note, p, e);
    finish_listing(&p->folders[number], rc == 0);
    return rc < 0 ? -1 : 0;
}

int packs_list(struct packs *p, struct error *e)
{
    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < FOLDERS; i++)
        p->folders[i].count = 0;
    int rc = store_list(p->store, "packs/", note, p, e);
    for (size_t i = 0; i < FOLDERS; i++)
        finish_listing(&p->folders[i], rc == 0);
    (void)pthread_mutex_unlock(&p->lock);
    return rc < 0 ? -1 : 0;
}

/* The first item that is not before the content. */
static size_t lower_bound(const struct folder *f, const struct ref_object *object)
{
    size_t low = 0;
    size_t high = f->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(f->items[middle].sha256, object->sha256, sizeof object->sha256) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The search's next item of a listing; NULL when there is no more. */
static const struct ref_object *next_listed(const struct folder *f,
                                            const struct ref_object *object,
                                            struct packs_search *search)
{
    size_t first = lower_bound(f, object);
    while (first + search->next < f->count) {
        const struct ref_object *item = &f->items[first + search->next];
        if (memcmp(item->sha256, object->sha256, sizeof item->sha256) != 0)
            return NULL;
        search->next++;
        if (same_content(item, object) && !(search->own && same_name(item, object)))
            return item;
    }
    return NULL;
}

/* The lock is held. */
static int find_next(struct packs *p, const struct ref_object *object,
                     struct packs_search *search, const struct ref_object **found,
                     struct error *e)
{
    struct folder *f = &p->folders[object->sha256[0]];
    *found = f->listed ? next_listed(f, object, search) : NULL;
    if (*found) {
        search->own = search->own || same_name(*found, object);
        return 0;
    }
    if (!search->own) {
        search->own = true;
        *found = object;
        return 0;
    }
    if (search->listed)
        return STORE_ABSENT;
    /* Anew even when it was listed before: that may have been long ago. */
    search->listed = true;
    search->next = 0;
    if (list_folder(p, object->sha256[0], e) < 0)
        return -1;
    *found = next_listed(f, object, search);
    return *found ? 0 : STORE_ABSENT;
}

bool packs_next_listed(struct packs *p, const struct ref_object *object, size_t *next,
                       struct ref_object *found)
{
    struct packs_search search = {.next = *next};
    (void)pthread_mutex_lock(&p->lock);
    const struct ref_object *item =
        next_listed(&p->folders[object->sha256[0]], object, &search);
    if (item)
        *found = *item;
    (void)pthread_mutex_unlock(&p->lock);
    *next = search.next;
    return item != NULL;
}

bool packs_listed(struct packs *p, const struct ref_object *object)
{
    struct ref_object found;
    size_t next = 0;
    return packs_next_listed(p, object, &next, &found);
}

int packs_next(struct packs *p, const struct ref_object *object, struct packs_search *search,
               char name[FORMAT_NAME_MAX], struct error *e)
{
    const struct ref_object *found;
    (void)pthread_mutex_lock(&p->lock);
    int rc = find_next(p, object, search, &found, e);
    if (rc == 0)
        ref_pack_name(name, found);
    (void)pthread_mutex_unlock(&p->lock);
    return rc;
}

int packs_missing(struct packs *p, const struct ref_object *object, struct ref_object *found,
                  struct error *e)
{
    struct ref_object there = *object;
    char name[FORMAT_NAME_MAX];
    (void)pthread_mutex_lock(&p->lock);
    const struct folder *f = &p->folders[object->sha256[0]];
    size_t at = lower_bound(f, object);
    if (at < f->count &&
        memcmp(f->items[at].sha256, object->sha256, sizeof object->sha256) == 0)
        there = f->items[at];
    (void)pthread_mutex_unlock(&p->lock);
    ref_pack_name(name, &there);
    if (found)
        *found = there;
    if (there.size == object->size)
        return error_set(e, ERROR_CORRUPT, "pack %s is missing", name);
    return error_set(e, ERROR_CORRUPT, "pack %s has %u bytes, expected %u", name, there.size,
                     object->size);
}

/* Is what was read the pack that its name says? */
static int check(const char *name, const struct ref_object *object, struct bytes content,
                 struct error *e)
{
    uint8_t sha256[DIGEST_LEN];
    if (content.len > object->size)
        return error_set(e, ERROR_CORRUPT, "pack %s has more than %u bytes", name,
                         object->size);
    if (content.len != object->size)
        return error_set(e, ERROR_CORRUPT, "pack %s has %zu bytes, expected %u", name,
                         content.len, object->size);
    if (digest_sha256(content, sha256, e) < 0)
        return -1;
    return memcmp(sha256, object->sha256, sizeof sha256) == 0
               ? 0
               : error_set(e, ERROR_CORRUPT, "pack %s: its SHA-256 is not its name", name);
}

int packs_load(struct packs *p, const struct ref_object *object, struct buf *out,
               struct ref_object *found, struct error *e)
{
    struct packs_search search = {0};
    struct error first = {0};
    char name[FORMAT_NAME_MAX];
    int rc;
    *found = *object;
    while ((rc = packs_next(p, object, &search, name, e)) == 0) {
        /* One byte more than there should be, so that a longer one is seen. */
        rc = store_get(p->store, name, 0, (size_t)object->size + 1, out, e);
        if (rc == STORE_ABSENT)
            continue;
        if (rc == 0)
            rc = check(name, object, buf_view(out), e);
        if (rc < 0 && e->kind != ERROR_CORRUPT)
            return -1;
        if (rc == 0 && first.kind != ERROR_NONE)
            log_warning("%s; %s is read instead", first.text, name);
        if ((rc == 0 || first.kind == ERROR_NONE) && ref_pack_parse(name, found))
            found->size = object->size;
        if (rc == 0)
            return 0;
        if (first.kind == ERROR_NONE)
            first = *e;
    }
    if (rc < 0)
        return -1;
    if (first.kind != ERROR_NONE) {
        *e = first;
        return -1;
    }
    return packs_missing(p, object, found, e);
}
