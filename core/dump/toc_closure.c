/* SPDX-License-Identifier: Apache-2.0 */
/* Two ways lead on from an entry that is taken. Upwards: what it depends on, as a definition
 * alone (a type, a function, the parent of a partition). Downwards: what depends on it and
 * belongs to it (rows, indexes, constraints, grants); a table that is only needed has no such
 * followers but comments and grants. An entry is worked on once as a definition and, if it
 * turns out to be wanted whole, once more.
 *
 * Entries that join others (a foreign key, an ATTACH, a cast) pull nothing: they are taken when
 * all that they join is there, which is looked at whenever nothing else is left to do. */
#include "core/dump/toc_closure.h"

#include <stdlib.h>

struct closing {
    const struct toc_list *l;
    struct toc_select *s;
    uint32_t *waiting; /* ordinals; each at most twice */
    uint32_t count;
    uint32_t *schemas; /* SCHEMA entries */
    uint32_t schema_count;
};

/* ---- looking at entries ------------------------------------------------------------ */

static const struct toc_kind_facts *facts_of(const struct closing *c, uint32_t i)
{
    return c->l->entries[i].facts;
}

static bool has(const struct closing *c, uint32_t i, unsigned flag)
{
    return (facts_of(c, i)->flags & flag) != 0;
}

static bool is_view(const struct closing *c, uint32_t i)
{
    enum toc_kind kind = facts_of(c, i)->kind;
    return kind == TOC_KIND_VIEW || kind == TOC_KIND_MATERIALIZED_VIEW;
}

static bool begins(struct bytes text, struct bytes with)
{
    return text.len >= with.len && bytes_equal(bytes_of(text.data, with.len), with);
}

static bool is_return_rule(const struct closing *c, uint32_t i)
{
    static const char name[] = "_RETURN";
    struct bytes tag = toc_list_tag(c->l, i);
    size_t len = strlen(name);
    return facts_of(c, i)->kind == TOC_KIND_RULE && tag.len >= len &&
           memcmp(tag.data + tag.len - len, name, len) == 0;
}

/* The tag of a rule, trigger or constraint begins with its relation's name; it may depend on
 * others as well (a view's late rule does on what the view reads). Names hold blanks, so the
 * longest one wins. pg_dump before 9.6 wrote no name: then the first relation it is, and a
 * view for a view's rule. */
static uint32_t owner_of(const struct closing *c, uint32_t part)
{
    const struct toc_list_edges *needs = &c->l->needs;
    struct bytes tag = toc_list_tag(c->l, part);
    uint32_t best = TOC_SELECT_NOBODY;
    uint32_t first = TOC_SELECT_NOBODY;
    size_t best_len = 0;
    for (uint32_t k = needs->start[part]; k < needs->start[part + 1]; k++) {
        uint32_t on = needs->items[k];
        struct bytes name = toc_list_tag(c->l, on);
        bool sequence = facts_of(c, on)->kind == TOC_KIND_SEQUENCE;
        if (sequence ||
            (!has(c, on, TOC_KIND_RELATION) && facts_of(c, on)->kind != TOC_KIND_DOMAIN) ||
            !bytes_equal(toc_list_schema(c->l, on), toc_list_schema(c->l, part)))
            continue;
        if (first == TOC_SELECT_NOBODY || (is_return_rule(c, part) && is_view(c, on)))
            first = on;
        if (name.len > best_len && tag.len > name.len && tag.data[name.len] == ' ' &&
            begins(tag, name)) {
            best = on;
            best_len = name.len;
        }
    }
    return best != TOC_SELECT_NOBODY ? best : first;
}

/* Of two entries that a TABLE ATTACH joins: is it the parent? The child has the same name. */
static bool is_attach_parent(const struct closing *c, uint32_t attach, uint32_t table)
{
    return !bytes_equal(toc_list_tag(c->l, attach), toc_list_tag(c->l, table)) ||
           !bytes_equal(toc_list_schema(c->l, attach), toc_list_schema(c->l, table));
}

/* ---- taking ------------------------------------------------------------------------ */

static void take(struct closing *c, uint32_t i, enum toc_select_why why, uint32_t by,
                 bool whole)
{
    struct toc_select_mark *m = &c->s->marks[i];
    bool fresh = !toc_select_keeps(c->s, i);
    if (!fresh && (m->whole || !whole))
        return;
    if (fresh || m->why != TOC_SELECT_ASKED)
        *m = (struct toc_select_mark){.why = why, .by = by};
    m->whole = whole;
    c->waiting[c->count++] = i;
}

/* A table is wanted with its rows by a view that is: it would show none. */
static void take_needs(struct closing *c, uint32_t i)
{
    const struct toc_list_edges *needs = &c->l->needs;
    bool shows = c->s->marks[i].whole && (is_view(c, i) || is_return_rule(c, i));
    for (uint32_t k = needs->start[i]; k < needs->start[i + 1]; k++) {
        uint32_t on = needs->items[k];
        bool rows_after_rows = facts_of(c, i)->kind == TOC_KIND_TABLE_DATA &&
                               facts_of(c, on)->kind == TOC_KIND_TABLE_DATA;
        /* A dump of data only has its tables in the order of their foreign keys that way. */
        if (!rows_after_rows)
            take(c, on, TOC_SELECT_NEEDED, i, shows && has(c, on, TOC_KIND_RELATION));
    }
}

static void take_schema(struct closing *c, uint32_t i)
{
    if (!c->l->entries[i].has_schema)
        return;
    for (uint32_t k = 0; k < c->schema_count; k++)
        if (bytes_equal(toc_list_tag(c->l, c->schemas[k]), toc_list_schema(c->l, i)))
            take(c, c->schemas[k], TOC_SELECT_NEEDED, i, false);
}

static void take_part(struct closing *c, uint32_t part, uint32_t of)
{
    bool whole = c->s->marks[of].whole;
    bool mine =
        has(c, part, TOC_KIND_NAMED) ? owner_of(c, part) == of : has(c, of, TOC_KIND_RELATION);
    if (facts_of(c, part)->kind == TOC_KIND_STATISTICS_DATA)
        mine = true; /* of an index or constraint, too */
    if (!mine || facts_of(c, of)->kind == TOC_KIND_SEQUENCE)
        return;
    bool always =
        facts_of(c, of)->kind == TOC_KIND_DOMAIN || (is_view(c, of) && is_return_rule(c, part));
    if (whole || always)
        take(c, part, TOC_SELECT_PART, of, whole);
}

/* The partitions of a table that is wanted whole. */
static void take_partition(struct closing *c, uint32_t attach, uint32_t parent)
{
    const struct toc_list_edges *needs = &c->l->needs;
    if (!c->s->marks[parent].whole || facts_of(c, parent)->kind != TOC_KIND_TABLE ||
        !is_attach_parent(c, attach, parent))
        return;
    for (uint32_t k = needs->start[attach]; k < needs->start[attach + 1]; k++)
        if (needs->items[k] != parent && facts_of(c, needs->items[k])->kind == TOC_KIND_TABLE)
            take(c, needs->items[k], TOC_SELECT_PART, parent, true);
}

static void take_followers(struct closing *c, uint32_t i)
{
    const struct toc_list_edges *by = &c->l->needed_by;
    for (uint32_t k = by->start[i]; k < by->start[i + 1]; k++) {
        uint32_t n = by->items[k];
        if (has(c, n, TOC_KIND_NOTE))
            take(c, n, TOC_SELECT_PART, i, false);
        else if (has(c, n, TOC_KIND_PART))
            take_part(c, n, i);
        else if (facts_of(c, n)->kind == TOC_KIND_TABLE_ATTACH)
            take_partition(c, n, i);
        else if (c->l->entries[n].partition_of && c->s->marks[i].whole &&
                 facts_of(c, i)->kind == TOC_KIND_TABLE)
            take(c, n, TOC_SELECT_PART, i, true);
    }
}

static void work(struct closing *c)
{
    while (c->count > 0) {
        uint32_t i = c->waiting[--c->count];
        take_schema(c, i);
        take_needs(c, i);
        take_followers(c, i);
    }
}

/* ---- what joins things ------------------------------------------------------------- */

/* A foreign key would be violated by a table without its rows. */
static bool is_there(const struct closing *c, uint32_t joint, uint32_t i)
{
    bool needs_rows =
        facts_of(c, joint)->kind == TOC_KIND_FOREIGN_KEY && has(c, i, TOC_KIND_RELATION);
    return toc_select_keeps(c->s, i) && (c->s->marks[i].whole || !needs_rows);
}

/* Something of it that is not taken, a table rather than its key; TOC_SELECT_NOBODY when all
 * is there. */
static uint32_t missing(const struct closing *c, uint32_t joint)
{
    const struct toc_list_edges *needs = &c->l->needs;
    uint32_t found = TOC_SELECT_NOBODY;
    for (uint32_t k = needs->start[joint]; k < needs->start[joint + 1]; k++)
        if (!is_there(c, joint, needs->items[k]) &&
            (found == TOC_SELECT_NOBODY || has(c, needs->items[k], TOC_KIND_RELATION)))
            found = needs->items[k];
    return found;
}

static void take_joints(struct closing *c)
{
    const struct toc_list_edges *needs = &c->l->needs;
    for (uint32_t i = 0; i < c->l->count; i++) {
        bool joins = has(c, i, TOC_KIND_JOINT) && needs->start[i] < needs->start[i + 1];
        if (!joins || toc_select_keeps(c->s, i) || missing(c, i) != TOC_SELECT_NOBODY)
            continue;
        uint32_t owner = has(c, i, TOC_KIND_NAMED) ? owner_of(c, i) : TOC_SELECT_NOBODY;
        take(c, i, TOC_SELECT_PART,
             owner != TOC_SELECT_NOBODY ? owner : needs->items[needs->start[i]], false);
    }
}

static void note_left_out(struct closing *c)
{
    for (uint32_t i = 0; i < c->l->count; i++) {
        if (facts_of(c, i)->kind != TOC_KIND_FOREIGN_KEY || toc_select_keeps(c->s, i))
            continue;
        uint32_t owner = owner_of(c, i);
        if (owner != TOC_SELECT_NOBODY && toc_select_keeps(c->s, owner) &&
            c->s->marks[owner].whole)
            c->s->marks[i] =
                (struct toc_select_mark){.why = TOC_SELECT_LEFT_OUT, .by = missing(c, i)};
    }
}

/* pg_dump names the schema public in comments and grants without an entry of its own. */
static void take_public(struct closing *c)
{
    bool used = false;
    for (uint32_t i = 0; !used && i < c->l->count; i++)
        used = toc_select_keeps(c->s, i) &&
               bytes_equal(toc_list_schema(c->l, i), bytes_text("public"));
    for (uint32_t i = 0; used && i < c->l->count; i++)
        if (has(c, i, TOC_KIND_NOTE) &&
            bytes_equal(toc_list_tag(c->l, i), bytes_text("SCHEMA public")))
            take(c, i, TOC_SELECT_PART, TOC_SELECT_NOBODY, false);
}

/* ---- the whole --------------------------------------------------------------------- */

static int begin(struct closing *c, struct error *e)
{
    uint32_t count = c->l->count;
    c->waiting = calloc((size_t)count * 2 + 1, sizeof *c->waiting);
    c->schemas = calloc((size_t)count + 1, sizeof *c->schemas);
    if (!c->waiting || !c->schemas)
        return error_memory(e, "choice of TOC entries");
    for (uint32_t i = 0; i < count; i++) {
        if (facts_of(c, i)->kind == TOC_KIND_SCHEMA)
            c->schemas[c->schema_count++] = i;
        if (facts_of(c, i)->kind == TOC_KIND_SETTING)
            c->s->marks[i] =
                (struct toc_select_mark){.why = TOC_SELECT_ALWAYS, .by = TOC_SELECT_NOBODY};
        else if (toc_select_keeps(c->s, i))
            c->waiting[c->count++] = i;
    }
    return 0;
}

int toc_closure_complete(const struct toc_list *l, struct toc_select *s, struct error *e)
{
    struct closing c = {.l = l, .s = s};
    int rc = begin(&c, e);
    if (rc == 0) {
        work(&c);
        /* A joint that is taken brings its comment, and maybe makes another one complete. */
        for (take_joints(&c); c.count > 0; take_joints(&c))
            work(&c);
        take_public(&c);
        work(&c);
        note_left_out(&c);
    }
    free(c.waiting);
    free(c.schemas);
    return rc;
}
