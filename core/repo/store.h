/* SPDX-License-Identifier: Apache-2.0 */
/* A store: a place for named objects that are written once and never changed. The one
 * interface of the program; backends implement it. All calls block, and may be made from
 * several threads at once on one handle.
 *
 * What every store guarantees: an object is there whole or not at all; a put that was
 * answered with 0 is seen by the next get and list from anywhere; what stood before a sync
 * that was answered with 0 survives a power loss. Transport errors are ERROR_BUSY (trying
 * again later may help), refusals of the operating system ERROR_IO. */
#ifndef REPO_STORE_H
#define REPO_STORE_H

#include <signal.h>

#include "core/base/buf.h"

#define STORE_ABSENT 1 /* no object of that name */
#define STORE_EXISTS 2 /* put: the name is taken; nothing was written */

#define STORE_ALL SIZE_MAX /* get: to the end of the object */

struct store;
struct store_options;

struct store_item {
    const char *name; /* good during the visit */
    uint64_t size;
    int64_t modified_us; /* by the store's own clock */
};

/* Called once for every object; a negative answer (error filled) ends the listing with -1. */
typedef int store_visit(void *arg, const struct store_item *item, struct error *e);

struct store_ops {
    /* Make the object `name` of content. 0 or STORE_EXISTS. Names are those of
     * docs/FORMAT.md 1.1; folders are made as needed. */
    int (*put)(struct store *s, const char *name, struct bytes content, struct error *e);

    /* Read len bytes from offset into out (cleared first); less where the object ends
     * before. 0 or STORE_ABSENT. With STORE_ALL objects above 256 MiB are refused. */
    int (*get)(struct store *s, const char *name, uint64_t offset, size_t len, struct buf *out,
               struct error *e);

    /* Visit all objects whose name begins with prefix ("" or "folder/", "packs/"), in no
     * order. Objects made or removed meanwhile may be missed or seen; all others are seen
     * exactly once. Things that are no object of ours are visited too: names are checked by
     * the caller (repo_name_known). */
    int (*list)(struct store *s, const char *prefix, store_visit *visit, void *arg,
                struct error *e);

    /* 0 when the object is gone, also when it never was there. */
    int (*remove)(struct store *s, const char *name, struct error *e);

    /* Everything that was put through this handle, and everything that its listings have
     * shown (a writer that died may not have synced it), survives a power loss from here on. */
    int (*sync)(struct store *s, struct error *e);

    /* Find out what this store can do, by an object of its own that is removed again; describe
     * tells. NULL where there is nothing to find out. */
    int (*probe)(struct store *s, struct error *e);

    /* What was found out about this store, for people: "create-if-absent: yes" and so on. */
    const char *(*describe)(struct store *s);

    void (*close)(struct store *s);

    /* NULL where there is no network to limit. */
    void (*configure)(struct store *s, const struct store_options *o);

    /* Puts at once that are faster than one; 0: one is enough. */
    unsigned uploads;
};

/* What a store is told by who opened it. */
struct store_options {
    uint64_t up_per_second, down_per_second; /* bytes across the network; 0: no limit */
    const volatile sig_atomic_t *stop;       /* not 0: calls end with error_stopped; or NULL */
};

struct store {
    const struct store_ops *ops;
};

/* While no call is under way; o is copied, the flag must outlive the store. */
static inline void store_configure(struct store *s, const struct store_options *o)
{
    if (s->ops->configure)
        s->ops->configure(s, o);
}

static inline int store_put(struct store *s, const char *name, struct bytes content,
                            struct error *e)
{
    return s->ops->put(s, name, content, e);
}

/* Put an object that must not be there yet: ERROR_EXISTS. */
static inline int store_put_new(struct store *s, const char *name, struct bytes content,
                                struct error *e)
{
    int rc = store_put(s, name, content, e);
    return rc == STORE_EXISTS ? error_set(e, ERROR_EXISTS, "%s is there already", name) : rc;
}

static inline int store_get(struct store *s, const char *name, uint64_t offset, size_t len,
                            struct buf *out, struct error *e)
{
    return s->ops->get(s, name, offset, len, out, e);
}

static inline int store_list(struct store *s, const char *prefix, store_visit *visit, void *arg,
                             struct error *e)
{
    return s->ops->list(s, prefix, visit, arg, e);
}

static inline int store_remove(struct store *s, const char *name, struct error *e)
{
    return s->ops->remove(s, name, e);
}

static inline int store_sync(struct store *s, struct error *e)
{
    return s->ops->sync(s, e);
}

static inline int store_probe(struct store *s, struct error *e)
{
    return s->ops->probe ? s->ops->probe(s, e) : 0;
}

static inline const char *store_describe(struct store *s)
{
    return s->ops->describe(s);
}

static inline void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}

#endif
