/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/toc_listing.h"

#include <stdlib.h>

#include "core/dump/toc_list.h"
#include "core/dump/toc_walk.h"

struct expected {
    uint32_t dump_id;
    uint32_t ordinal;
    bool must; /* be listed */
    bool seen;
};

struct reading {
    struct expected *items; /* by dump id, once all are there */
    uint32_t count, cap;
};

int toc_listing_reader(unsigned minor)
{
    if (minor >= 16)
        return 17;
    return minor == 15 ? 16 : 12;
}

/* ---- what must be listed ----------------------------------------------------------- */

static bool is_hidden(struct bytes desc)
{
    static const char *const hidden[] = {"ENCODING", "STDSTRINGS",          "SEARCHPATH",
                                         "DATABASE", "DATABASE PROPERTIES", "STATISTICS DATA"};
    for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
        if (bytes_equal(desc, bytes_text(hidden[i])))
            return true;
    return false;
}

/* A comment or grant of the database itself: listed with --create only. */
static bool is_of_database(const struct dump_entry *n)
{
    static const char words[] = "DATABASE ";
    return (toc_kind_of(n->desc)->flags & TOC_KIND_NOTE) && n->tag.len >= strlen(words) &&
           memcmp(n->tag.data, words, strlen(words)) == 0;
}

static int note_entry(void *arg, const struct dump_event *ev, struct error *e)
{
    struct reading *r = arg;
    if (ev->type != DUMP_ENTRY)
        return 0;
    if (r->count == r->cap) {
        uint32_t cap = r->cap ? r->cap * 2 : 256;
        struct expected *items = reallocarray(r->items, cap, sizeof *items);
        if (!items)
            return error_memory(e, "list of entries");
        r->items = items;
        r->cap = cap;
    }
    r->items[r->count++] =
        (struct expected){.dump_id = ev->entry->dump_id,
                          .ordinal = ev->entry->ordinal,
                          .must = !is_hidden(ev->entry->desc) && !is_of_database(ev->entry) &&
                                  (ev->entry->has_data || ev->entry->defn.len > 0)};
    return 0;
}

static int by_id(const void *x, const void *y)
{
    const struct expected *a = x, *b = y;
    return (a->dump_id > b->dump_id) - (a->dump_id < b->dump_id);
}

/* ---- what is listed ---------------------------------------------------------------- */

/* The number that line begins with, a semicolon behind it; false for another line. */
static bool read_id(struct bytes line, uint32_t *id)
{
    uint64_t value = 0;
    size_t at = 0;
    for (; at < line.len && at < 10 && line.data[at] >= '0' && line.data[at] <= '9'; at++)
        value = value * 10 + (uint64_t)(line.data[at] - '0');
    *id = (uint32_t)value;
    return at > 0 && at < line.len && line.data[at] == ';' && value <= UINT32_MAX;
}

static int mark(struct reading *r, uint32_t id, struct error *e)
{
    const struct expected wanted = {.dump_id = id};
    struct expected *found =
        r->count ? bsearch(&wanted, r->items, r->count, sizeof *r->items, by_id) : NULL;
    if (!found)
        return error_set(e, ERROR_DIFFERENT, "entry %u is listed, but not in the archive", id);
    if (found->seen)
        return error_set(e, ERROR_DIFFERENT, "entry %u is listed twice", id);
    found->seen = true;
    return 0;
}

static int read_lines(struct reading *r, struct bytes listing, uint32_t *listed,
                      struct error *e)
{
    uint32_t id;
    while (listing.len > 0) {
        const uint8_t *lf = memchr(listing.data, '\n', listing.len);
        struct bytes line =
            bytes_take(&listing, lf ? (size_t)(lf - listing.data) + 1 : listing.len);
        if (!read_id(line, &id))
            continue;
        if (mark(r, id, e) < 0)
            return -1;
        ++*listed;
    }
    return 0;
}

/* In words, for which the TOC is read once more. */
static int missing(struct bytes toc, const struct expected *item, struct error *e)
{
    struct toc_list l = {0};
    char text[TOC_LIST_TEXT] = "";
    if (toc_list_read(toc, &l, e) == 0)
        toc_list_text(&l, item->ordinal, text);
    toc_list_done(&l);
    return *text ? error_set(e, ERROR_DIFFERENT, "entry %u is not listed: %s", item->dump_id,
                             text)
                 : -1;
}

int toc_listing_check(struct bytes toc, struct bytes listing, uint32_t *listed, struct error *e)
{
    struct reading r = {0};
    *listed = 0;
    int rc = toc_walk(toc, note_entry, &r, e);
    if (rc == 0 && r.count > 1)
        qsort(r.items, r.count, sizeof *r.items, by_id);
    if (rc == 0)
        rc = read_lines(&r, listing, listed, e);
    for (uint32_t i = 0; rc == 0 && i < r.count; i++)
        if (r.items[i].must && !r.items[i].seen)
            rc = missing(toc, &r.items[i], e);
    free(r.items);
    return rc;
}
