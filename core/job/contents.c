/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/contents.h"

#include <stdlib.h>

#include "core/base/str.h"
#include "core/dump/toc_kind.h"
#include "core/dump/toc_walk.h"
#include "core/job/restore.h"

struct loading {
    struct contents *c;
    size_t object_cap, data_cap; /* of its arrays */
};

void contents_done(struct contents *c)
{
    free(c->objects);
    free(c->data);
    buf_done(&c->texts);
    *c = (struct contents){0};
}

/* A copy in texts, which does not move: it has room for the whole TOC. */
static int keep(struct contents *c, struct bytes text, struct bytes *out, struct error *e)
{
    *out = (struct bytes){0};
    if (!text.data)
        return 0;
    if (text.len > c->texts.cap - c->texts.len)
        return error_set(e, ERROR_CORRUPT, "the TOC has longer texts than it has bytes");
    *out = bytes_of(c->texts.data + c->texts.len, text.len);
    return buf_append(&c->texts, text.data, text.len, e);
}

static void *grown(void *items, size_t size, size_t count, size_t *cap, struct error *e)
{
    if (count < *cap)
        return items;
    size_t more = *cap ? *cap * 2 : 64;
    void *moved = reallocarray(items, more, size);
    if (!moved)
        (void)error_memory(e, "contents of a backup");
    else
        *cap = more;
    return moved;
}

/* ---- objects ----------------------------------------------------------------------- */

/* Neither data nor what says only how the dump is to be read. */
static bool is_object(const struct contents *c, const struct dump_entry *n)
{
    const struct toc_kind_facts *facts = toc_kind_of(n->desc);
    if (c->with_values && bytes_equal(n->desc, bytes_text("SEQUENCE SET")))
        return true;
    return facts->kind != TOC_KIND_SETTING && !(facts->flags & TOC_KIND_CONTENT);
}

static int add_object(struct loading *l, const struct dump_entry *n, struct error *e)
{
    struct contents *c = l->c;
    void *moved = grown(c->objects, sizeof *c->objects, c->object_count, &l->object_cap, e);
    if (!moved)
        return -1;
    c->objects = moved;
    struct contents_object *o = &c->objects[c->object_count++];
    *o = (struct contents_object){.ordinal = n->ordinal};
    if (keep(c, n->desc, &o->desc, e) < 0 || keep(c, n->schema, &o->schema, e) < 0 ||
        keep(c, n->tag, &o->name, e) < 0 || keep(c, n->owner, &o->owner, e) < 0)
        return -1;
    return keep(c, n->defn, &o->definition, e);
}

static int add_data(struct loading *l, const struct dump_entry *n, struct error *e)
{
    struct contents *c = l->c;
    void *moved = grown(c->data, sizeof *c->data, c->data_count, &l->data_cap, e);
    if (!moved)
        return -1;
    c->data = moved;
    struct contents_data *d = &c->data[c->data_count];
    *d = (struct contents_data){.ordinal = (uint32_t)c->data_count};
    c->data_count++;
    if (keep(c, n->desc, &d->desc, e) < 0 || keep(c, n->schema, &d->schema, e) < 0 ||
        keep(c, n->tag, &d->name, e) < 0)
        return -1;
    return keep(c, n->copy, &d->copy, e);
}

static int visit_event(void *arg, const struct dump_event *ev, struct error *e)
{
    struct loading *l = arg;
    if (ev->type != DUMP_ENTRY)
        return 0;
    if (is_object(l->c, ev->entry) && add_object(l, ev->entry, e) < 0)
        return -1;
    return ev->entry->has_data ? add_data(l, ev->entry, e) : 0;
}

int contents_take_toc(struct contents *c, struct bytes toc, struct error *e)
{
    struct loading l = {.c = c};
    if (buf_reserve(&c->texts, toc.len + 1, e) < 0)
        return -1;
    return toc_walk(toc, visit_event, &l, e);
}

/* ---- data -------------------------------------------------------------------------- */

struct filling {
    struct contents *c;
    uint32_t place; /* in the entry table */
    bool compressed;
};

static int fill_data(void *arg, const struct entry *n, struct error *e)
{
    struct filling *f = arg;
    uint32_t own = f->place++;
    uint32_t place = n->place == ENTRY_OWN_PLACE ? own : n->place;
    if (place >= f->c->data_count)
        return error_set(e, ERROR_CORRUPT, "no TOC entry for data block %u", own);
    struct contents_data *d = &f->c->data[place];
    d->rows = n->rows;
    d->bytes = stream_bytes(&n->payload);
    d->has_sum = n->payload.kind == FORMAT_STREAM_ROWS;
    d->counted = d->copy.len > 0 && (d->has_sum || f->compressed);
    memcpy(d->sum, n->sum, sizeof d->sum);
    d->has_digest = n->payload.part_count == 1 && !f->compressed;
    if (n->payload.part_count > 0)
        memcpy(d->digest, n->payload.parts[0].digest, sizeof d->digest);
    return 0;
}

/* ---- order ------------------------------------------------------------------------- */

static int object_order(const struct contents_object *a, const struct contents_object *b)
{
    int order = bytes_order(a->desc, b->desc);
    if (order == 0)
        order = bytes_order(a->schema, b->schema);
    return order != 0 ? order : bytes_order(a->name, b->name);
}

int contents_order_data(const struct contents_data *a, const struct contents_data *b)
{
    int order = bytes_order(a->schema, b->schema);
    if (order == 0)
        order = bytes_order(a->name, b->name);
    return order != 0 ? order : bytes_order(a->desc, b->desc);
}

static int sort_objects(const void *x, const void *y)
{
    const struct contents_object *a = x, *b = y;
    int order = object_order(a, b);
    return order != 0 ? order : (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

static int sort_data(const void *x, const void *y)
{
    const struct contents_data *a = x, *b = y;
    int order = contents_order_data(a, b);
    return order != 0 ? order : (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

void contents_sort(struct contents *c)
{
    if (c->object_count > 0)
        qsort(c->objects, c->object_count, sizeof *c->objects, sort_objects);
    if (c->data_count > 0)
        qsort(c->data, c->data_count, sizeof *c->data, sort_data);
}

int contents_load(struct repo *repo, const struct manifest *m, struct contents *out,
                  struct error *e)
{
    struct buf toc = {0};
    const struct member_private *p = &m->private_part;
    if (p->member_count == 0 || p->members[0].kind != FORMAT_MEMBER_DUMP)
        return error_set(e, ERROR_UNSUPPORTED, "the backup holds no dump that can be compared");
    struct filling filling = {.c = out, .compressed = p->members[0].codec != 0};
    const struct restore_options options = {.repo = repo, .manifest = m, .workers = 1};
    struct restore *r = restore_new(&options, e);
    int rc = r ? restore_toc(r, &p->members[0], &toc, e) : -1;
    if (rc == 0)
        rc = contents_take_toc(out, buf_view(&toc), e);
    if (rc == 0)
        rc = restore_entries(r, &p->members[0], fill_data, &filling, e);
    restore_free(r);
    buf_done(&toc);
    if (rc == 0)
        contents_sort(out);
    return rc;
}

static int by_name(const void *x, const void *y)
{
    const struct contents_data *a = x;
    const struct contents_data *b = y;
    return contents_order_data(a, b);
}

const struct contents_data *contents_find_data(const struct contents *c,
                                               const struct contents_data *name)
{
    return c->data_count > 0 ? bsearch(name, c->data, c->data_count, sizeof *c->data, by_name)
                             : NULL;
}

/* ---- comparing --------------------------------------------------------------------- */

bool contents_same_object(const struct contents_object *a, const struct contents_object *b)
{
    return bytes_equal(a->definition, b->definition) && bytes_equal(a->owner, b->owner);
}

/* Rows by their sum where both have one, so that their order does not count. */
bool contents_same_data(const struct contents_data *a, const struct contents_data *b)
{
    if (a->rows != b->rows || a->bytes != b->bytes)
        return false;
    if (a->has_sum && b->has_sum)
        return memcmp(a->sum, b->sum, sizeof a->sum) == 0;
    return !a->has_sum && !b->has_sum && memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

static enum contents_change change_of(int order, bool same)
{
    if (order != 0)
        return order < 0 ? CONTENTS_REMOVED : CONTENTS_ADDED;
    return same ? CONTENTS_SAME : CONTENTS_CHANGED;
}

static void compare_objects(const struct contents *a, const struct contents *b,
                            const struct contents_visit *visit)
{
    for (size_t i = 0, k = 0; i < a->object_count || k < b->object_count;) {
        const struct contents_object *x = i < a->object_count ? &a->objects[i] : NULL;
        const struct contents_object *y = k < b->object_count ? &b->objects[k] : NULL;
        int order = x && y ? object_order(x, y) : x ? -1 : 1;
        visit->object(visit->arg, change_of(order, order == 0 && contents_same_object(x, y)),
                      order <= 0 ? x : NULL, order >= 0 ? y : NULL);
        i += order <= 0;
        k += order >= 0;
    }
}

static void compare_data(const struct contents *a, const struct contents *b,
                         const struct contents_visit *visit)
{
    for (size_t i = 0, k = 0; i < a->data_count || k < b->data_count;) {
        const struct contents_data *x = i < a->data_count ? &a->data[i] : NULL;
        const struct contents_data *y = k < b->data_count ? &b->data[k] : NULL;
        int order = x && y ? contents_order_data(x, y) : x ? -1 : 1;
        visit->data(visit->arg, change_of(order, order == 0 && contents_same_data(x, y)),
                    order <= 0 ? x : NULL, order >= 0 ? y : NULL);
        i += order <= 0;
        k += order >= 0;
    }
}

void contents_compare(const struct contents *a, const struct contents *b,
                      const struct contents_visit *visit)
{
    compare_objects(a, b, visit);
    compare_data(a, b, visit);
}
