/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/table_rows.h"

#include <stdlib.h>

#include "core/base/str.h"
#include "core/dump/toc_name.h"
#include "core/dump/toc_walk.h"
#include "core/job/restore.h"

struct part {
    uint32_t ordinal; /* in the TOC */
    uint32_t place;   /* among the entries with data */
    bool is_there;    /* its item was found */
    uint64_t rows, bytes;
    struct column_names columns;
};

struct table_rows {
    struct table_rows_options o;
    struct restore *restore;
    const struct member *member;
    char *schema, *name; /* schema NULL: outside schemas */
    struct part *parts;
    size_t part_count;
    struct column_names key;
    uint8_t sum[16];
    const struct table_rows_visit *visit; /* while rows are read */
};

/* ---- which entries ----------------------------------------------------------------- */

static bool is_asked(const struct toc_select *s, uint32_t i)
{
    return s->marks[i].why == TOC_SELECT_ASKED;
}

/* Rows of the table itself or of a partition: not what a view would show. */
static bool is_part(const struct toc_list *l, const struct toc_select *s, uint32_t i)
{
    if (l->entries[i].facts->kind != TOC_KIND_TABLE_DATA || !l->entries[i].has_data)
        return false;
    for (uint32_t steps = 0; s->marks[i].why == TOC_SELECT_PART && steps < l->count; steps++)
        i = s->marks[i].by;
    return is_asked(s, i);
}

static int add_part(struct table_rows *t, uint32_t ordinal, struct error *e)
{
    struct part *parts = reallocarray(t->parts, t->part_count + 1, sizeof *parts);
    if (!parts)
        return error_memory(e, "rows of a table");
    t->parts = parts;
    memset(&parts[t->part_count], 0, sizeof *parts);
    parts[t->part_count++].ordinal = ordinal;
    return 0;
}

static int take_names(struct table_rows *t, const struct toc_list *l, uint32_t i,
                      struct error *e)
{
    if (l->entries[i].has_schema && !(t->schema = str_copy_bytes(toc_list_schema(l, i), e)))
        return -1;
    t->name = str_copy_bytes(toc_list_tag(l, i), e);
    return t->name ? 0 : -1;
}

static int take_entries(struct table_rows *t, const struct toc_list *l,
                        const struct toc_select *s, struct error *e)
{
    char text[TOC_LIST_TEXT];
    uint32_t asked = 0;
    if (s->answers[0].found > 1) {
        (void)error_set(e, ERROR_USAGE, "%s %s: %u tables have that name", t->o.option,
                        t->o.name, s->answers[0].found);
        return error_hint(e, "say which: SCHEMA.NAME");
    }
    while (asked < l->count && !is_asked(s, asked))
        asked++;
    if (asked == l->count)
        return error_set(e, ERROR_ABSENT, "%s %s: no such table", t->o.option, t->o.name);
    if (take_names(t, l, asked, e) < 0)
        return -1;
    for (uint32_t i = 0; i < l->count; i++)
        if (is_part(l, s, i) && add_part(t, i, e) < 0)
            return -1;
    if (t->part_count > 0)
        return 0;
    toc_list_text(l, asked, text);
    return error_set(e, ERROR_UNSUPPORTED, "%s: the backup holds no rows of it", text);
}

static int choose(struct table_rows *t, struct bytes toc, struct error *e)
{
    struct toc_list l = {0};
    struct toc_select s = {0};
    const struct toc_select_options options = {
        .tables = &t->o.name, .table_count = 1, .table_option = t->o.option};
    bool absent = false;
    int rc = toc_list_read(toc, &l, e);
    if (rc == 0) {
        rc = toc_select_run(&l, &options, &s, e);
        /* The name was looked at before, so that it must be this. */
        absent = rc < 0 && e->kind == ERROR_USAGE;
    }
    if (rc == 0)
        rc = take_entries(t, &l, &s, e);
    toc_select_done(&s);
    toc_list_done(&l);
    return absent ? TABLE_ROWS_ABSENT : rc;
}

/* ---- what the TOC says of them ----------------------------------------------------- */

struct walk {
    struct table_rows *t;
    size_t next;    /* of the parts, which are in the order of the TOC */
    uint32_t place; /* of the next entry with data */
};

static int no_copy(const struct dump_entry *n, struct error *e)
{
    char name[200];
    str_safe(name, sizeof name, n->tag);
    return error_set(e, ERROR_UNSUPPORTED,
                     "%s: its rows are not COPY text (INSERT commands, or bytes)", name);
}

static int take_key(struct table_rows *t, const struct dump_entry *n, struct error *e)
{
    struct bytes schema = t->schema ? bytes_text(t->schema) : (struct bytes){0};
    if (t->key.count > 0 || !bytes_equal(n->desc, bytes_text("CONSTRAINT")) ||
        !bytes_equal(n->schema, schema))
        return 0;
    int rc = column_names_of_key(n->defn, n->tag, bytes_text(t->name), &t->key, e);
    if (rc == COLUMN_NAMES_NONE)
        column_names_done(&t->key);
    return rc < 0 ? -1 : 0;
}

static int visit_entry(void *arg, const struct dump_event *ev, struct error *e)
{
    struct walk *w = arg;
    struct table_rows *t = w->t;
    if (ev->type != DUMP_ENTRY)
        return 0;
    uint32_t place = w->place;
    w->place += ev->entry->has_data;
    if (w->next == t->part_count || t->parts[w->next].ordinal != ev->entry->ordinal)
        return take_key(t, ev->entry, e);
    struct part *part = &t->parts[w->next++];
    part->place = place;
    int rc = column_names_of_copy(ev->entry->copy, &part->columns, e);
    return rc == COLUMN_NAMES_NONE ? no_copy(ev->entry, e) : rc;
}

/* ---- what the entry table says of them --------------------------------------------- */

static void add_sum(uint8_t into[16], const uint8_t more[16])
{
    unsigned carry = 0;
    for (size_t i = 0; i < 16; i++) {
        carry += (unsigned)into[i] + more[i];
        into[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

struct items {
    struct table_rows *t;
    uint32_t place;
};

static struct part *part_of(const struct table_rows *t, const struct entry *entry,
                            uint32_t place)
{
    uint32_t in_toc = entry->place == ENTRY_OWN_PLACE ? place : entry->place;
    for (size_t i = 0; i < t->part_count; i++)
        if (t->parts[i].place == in_toc)
            return &t->parts[i];
    return NULL;
}

static int visit_item(void *arg, const struct entry *entry, struct error *e)
{
    struct items *items = arg;
    char name[ENTRY_TEXT];
    struct part *part = part_of(items->t, entry, items->place++);
    if (!part)
        return 0;
    if (entry->payload.kind != FORMAT_STREAM_ROWS) {
        entry_text(entry, name);
        (void)error_set(e, ERROR_UNSUPPORTED, "%s: stored as bytes, not row by row", name);
        return error_hint(e, "a dump that is compressed inside may be stored so");
    }
    part->is_there = true;
    part->rows = entry->rows;
    part->bytes = stream_bytes(&entry->payload);
    add_sum(items->t->sum, entry->sum);
    return 0;
}

static int find_items(struct table_rows *t, struct error *e)
{
    struct items items = {.t = t};
    if (restore_entries(t->restore, t->member, visit_item, &items, e) < 0)
        return -1;
    for (size_t i = 0; i < t->part_count; i++)
        if (!t->parts[i].is_there)
            return error_set(e, ERROR_CORRUPT, "no rows are stored for TOC entry %u",
                             t->parts[i].ordinal);
    return 0;
}

/* ---- the table --------------------------------------------------------------------- */

static int pass_text(void *arg, struct bytes text, struct error *e)
{
    const struct table_rows *t = arg;
    return t->visit->text(t->visit->arg, text, e);
}

static int load(struct table_rows *t, struct error *e)
{
    struct buf toc = {0};
    struct toc_name name = {0};
    struct walk walk = {.t = t};
    const struct restore_options options = {.repo = t->o.repo,
                                            .manifest = t->o.manifest,
                                            .workers = t->o.workers,
                                            .write = pass_text,
                                            .write_arg = t,
                                            .stop = t->o.stop};
    const struct member_private *p = &t->o.manifest->private_part;
    if (toc_name_parse(t->o.name, true, &name, e) < 0) {
        toc_name_done(&name);
        return error_wrap(e, "%s", t->o.option);
    }
    toc_name_done(&name);
    for (size_t i = 0; !t->member && i < p->member_count; i++)
        if (p->members[i].kind == FORMAT_MEMBER_DUMP)
            t->member = &p->members[i];
    if (!t->member)
        return error_set(e, ERROR_UNSUPPORTED, "the backup holds no dump that is known");
    t->restore = restore_new(&options, e);
    int rc = t->restore ? restore_toc(t->restore, t->member, &toc, e) : -1;
    if (rc == 0)
        rc = choose(t, buf_view(&toc), e);
    if (rc == 0)
        rc = toc_walk(buf_view(&toc), visit_entry, &walk, e);
    buf_done(&toc);
    return rc == 0 ? find_items(t, e) : rc;
}

int table_rows_open(const struct table_rows_options *o, struct table_rows **out,
                    struct error *e)
{
    struct table_rows *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t)
        return error_memory(e, "rows of a table");
    t->o = *o;
    int rc = load(t, e);
    if (rc == 0)
        *out = t;
    else
        table_rows_close(t);
    return rc;
}

void table_rows_close(struct table_rows *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->part_count; i++)
        column_names_done(&t->parts[i].columns);
    restore_free(t->restore);
    column_names_done(&t->key);
    free(t->parts);
    free(t->schema);
    free(t->name);
    free(t);
}

struct table_rows_facts table_rows_facts(const struct table_rows *t)
{
    struct table_rows_facts f = {.schema =
                                     t->schema ? bytes_text(t->schema) : (struct bytes){0},
                                 .name = bytes_text(t->name),
                                 .part_count = t->part_count,
                                 .key = t->key.count > 0 ? &t->key : NULL};
    for (size_t i = 0; i < t->part_count; i++) {
        f.rows += t->parts[i].rows;
        f.bytes += t->parts[i].bytes;
    }
    memcpy(f.sum, t->sum, sizeof f.sum);
    return f;
}

const struct column_names *table_rows_columns(const struct table_rows *t, size_t part)
{
    return &t->parts[part].columns;
}

static int read_item(void *arg, const struct entry *entry, struct error *e)
{
    struct items *items = arg;
    struct table_rows *t = items->t;
    const struct part *part = part_of(t, entry, items->place++);
    if (!part)
        return 0;
    if (t->visit->begin(t->visit->arg, (size_t)(part - t->parts), e) < 0 ||
        restore_rows(t->restore, entry, e) < 0)
        return -1;
    return t->visit->end(t->visit->arg, e);
}

int table_rows_read(struct table_rows *t, const struct table_rows_visit *visit, struct error *e)
{
    struct items items = {.t = t};
    t->visit = visit;
    int rc = restore_entries(t->restore, t->member, read_item, &items, e);
    t->visit = NULL;
    return rc;
}
