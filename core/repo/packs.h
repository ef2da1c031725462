/* SPDX-License-Identifier: Apache-2.0 */
/* Where the packs of a store lie. A closure names an object, and stands for its content: that
 * may lie under another suffix, as it does in every replica (docs/FORMAT.md 3.7, 5.2). Folders
 * are listed when they are needed, once; a listing takes 40 bytes a pack. Any thread. */
#ifndef REPO_PACKS_H
#define REPO_PACKS_H

#include "core/repo/ref.h"
#include "core/repo/store.h"

struct packs;

/* The store is borrowed. NULL with ERROR_MEMORY. */
MUST_CHECK struct packs *packs_new(struct store *store, struct error *e);
void packs_free(struct packs *p);

/* How far the search for one pack has come; zeroed memory begins it. */
struct packs_search {
    bool own; /* the name of the closure was given */
    bool listed;
    size_t next;
};
/* The next name under which the content may be: what object says, else what a listing shows
 * with its SHA-256 and size. To be asked again when there is nothing under it, or damage; a
 * name may come twice. 0, or STORE_ABSENT when there is no other. */
MUST_CHECK int packs_next(struct packs *p, const struct ref_object *object,
                          struct packs_search *search, char name[FORMAT_NAME_MAX],
                          struct error *e);

/* List all folders at once. */
MUST_CHECK int packs_list(struct packs *p, struct error *e);
/* The names under which the listings made so far have shown this content, with this size:
 * *next counts them, from 0. False when there is no more. */
bool packs_next_listed(struct packs *p, const struct ref_object *object, size_t *next,
                       struct ref_object *found);
/* Is there one? */
bool packs_listed(struct packs *p, const struct ref_object *object);

/* ERROR_CORRUPT for content that lies under no name: a listing has shown it with another size,
 * as *found (may be NULL), or it is missing. Always -1. */
int packs_missing(struct packs *p, const struct ref_object *object, struct ref_object *found,
                  struct error *e);

/* The whole pack in place of what *out held, under whichever name it is right; *found is that
 * object, or the first one that is damaged. ERROR_CORRUPT when all are, or there is none. */
MUST_CHECK int packs_load(struct packs *p, const struct ref_object *object, struct buf *out,
                          struct ref_object *found, struct error *e);

#endif
