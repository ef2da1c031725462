/* SPDX-License-Identifier: Apache-2.0 */
/* Tables are compared by the root of their partition tree. The newest backup of the history
 * says which there must be; the window from the newest one that was acked says how many rows
 * are usual, the whole window which tables are never the same anyway.
 *
 * What a root had may stand elsewhere tonight: a partition that was detached or attached, a
 * table with another name. So tonight's rows of a root are its own, and those of any table that
 * belonged to it the last time and belongs to something else now. */
#include "core/job/plausible.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

/* A table with all of its partitions. */
struct root {
    const char *schema, *name;
    uint64_t rows;
    bool counted;
    size_t first, count; /* its tables, in by_root */
};

/* A backup, put in order. */
struct view {
    const struct plausible_backup *backup;
    const struct plausible_table **by_root, **by_name, **by_oid;
    struct root *roots;
    size_t root_count;
};

struct checking {
    const struct plausible_question *q;
    struct view tonight;
    struct view *history; /* newest first, the first one not doubted */
    size_t count;
    size_t baseline; /* the first so many are not older than the newest ack */
    bool tiny;
    bool same_cluster; /* oids mean the same tonight and the last time */
    plausible_visit *visit;
    void *visit_arg;
};

/* What became of a root. */
struct fate {
    bool there;
    bool counted;
    uint64_t rows;
    const struct plausible_table *renamed; /* its only table has this name now; or NULL */
};

/* ---- order ------------------------------------------------------------------------- */

static const char *root_schema(const struct plausible_table *t)
{
    return *t->root_name ? t->root_schema : t->schema;
}

static const char *root_name(const struct plausible_table *t)
{
    return *t->root_name ? t->root_name : t->name;
}

static int compare_texts(const char *schema_a, const char *name_a, const char *schema_b,
                         const char *name_b)
{
    int order = strcmp(schema_a, schema_b);
    return order ? order : strcmp(name_a, name_b);
}

static int compare_names(const void *a, const void *b)
{
    const struct plausible_table *x = *(const struct plausible_table *const *)a;
    const struct plausible_table *y = *(const struct plausible_table *const *)b;
    return compare_texts(x->schema, x->name, y->schema, y->name);
}

static int compare_roots(const void *a, const void *b)
{
    const struct plausible_table *x = *(const struct plausible_table *const *)a;
    const struct plausible_table *y = *(const struct plausible_table *const *)b;
    int order = compare_texts(root_schema(x), root_name(x), root_schema(y), root_name(y));
    return order ? order : compare_names(a, b);
}

static int compare_oids(const void *a, const void *b)
{
    const struct plausible_table *x = *(const struct plausible_table *const *)a;
    const struct plausible_table *y = *(const struct plausible_table *const *)b;
    return strcmp(x->oid, y->oid);
}

static int compare_root_to_root(const void *a, const void *b)
{
    const struct root *x = a;
    const struct root *y = b;
    return compare_texts(x->schema, x->name, y->schema, y->name);
}

/* ---- views ------------------------------------------------------------------------- */

static void view_done(struct view *v)
{
    free(v->by_root);
    free(v->by_name);
    free(v->by_oid);
    free(v->roots);
}

static void roll_up(struct view *v)
{
    for (size_t i = 0; i < v->backup->count; i++) {
        const struct plausible_table *t = v->by_root[i];
        struct root *root = v->root_count > 0 ? &v->roots[v->root_count - 1] : NULL;
        if (!root ||
            compare_texts(root->schema, root->name, root_schema(t), root_name(t)) != 0) {
            root = &v->roots[v->root_count++];
            *root = (struct root){
                .schema = root_schema(t), .name = root_name(t), .counted = true, .first = i};
        }
        root->rows += t->rows;
        root->counted = root->counted && t->counted;
        root->count++;
    }
}

static int view_init(struct view *v, const struct plausible_backup *b, struct error *e)
{
    *v = (struct view){.backup = b};
    v->by_root = calloc(b->count + 1, sizeof(const struct plausible_table *));
    v->by_name = calloc(b->count + 1, sizeof(const struct plausible_table *));
    v->by_oid = calloc(b->count + 1, sizeof(const struct plausible_table *));
    v->roots = calloc(b->count + 1, sizeof *v->roots);
    if (!v->by_root || !v->by_name || !v->by_oid || !v->roots)
        return error_memory(e, "counts of rows");
    for (size_t i = 0; i < b->count; i++)
        v->by_root[i] = v->by_name[i] = v->by_oid[i] = &b->tables[i];
    qsort(v->by_root, b->count, sizeof(const struct plausible_table *), compare_roots);
    qsort(v->by_name, b->count, sizeof(const struct plausible_table *), compare_names);
    qsort(v->by_oid, b->count, sizeof(const struct plausible_table *), compare_oids);
    roll_up(v);
    return 0;
}

static const struct root *find_root(const struct view *v, const struct root *like)
{
    return bsearch(like, v->roots, v->root_count, sizeof *like, compare_root_to_root);
}

static const struct plausible_table *find_name(const struct view *v,
                                               const struct plausible_table *like)
{
    const struct plausible_table **found = (const struct plausible_table **)bsearch(
        (const void *)&like, v->by_name, v->backup->count,
        sizeof(const struct plausible_table *), compare_names);
    return found ? *found : NULL;
}

/* Where a file or a pipe does not say which cluster it comes from, its tables do: most of those
 * that have kept their names have kept their oids. */
static bool is_same_cluster(const struct checking *c)
{
    const struct plausible_backup *last = c->history[0].backup;
    const struct plausible_backup *tonight = c->tonight.backup;
    size_t same = 0;
    size_t other = 0;
    if (last->system_id && tonight->system_id)
        return last->system_id == tonight->system_id;
    for (size_t i = 0; i < last->count; i++) {
        const struct plausible_table *was = &last->tables[i];
        const struct plausible_table *is = find_name(&c->tonight, was);
        same += is && *is->oid && strcmp(is->oid, was->oid) == 0;
        other += is && strcmp(is->oid, was->oid) != 0;
    }
    return same > other;
}

/* A table of tonight that was another table's name the last time. */
static const struct plausible_table *find_renamed(const struct checking *c,
                                                  const struct plausible_table *like)
{
    if (!c->same_cluster || !*like->oid || strcmp(like->oid, "0") == 0)
        return NULL;
    const struct plausible_table **found = (const struct plausible_table **)bsearch(
        (const void *)&like, c->tonight.by_oid, c->tonight.backup->count,
        sizeof(const struct plausible_table *), compare_oids);
    return found && !find_name(&c->history[0], *found) ? *found : NULL;
}

/* ---- what there is tonight --------------------------------------------------------- */

static struct fate fate_of(const struct checking *c, const struct root *was)
{
    const struct root *is = find_root(&c->tonight, was);
    struct fate f = {.counted = true};
    if (is)
        f = (struct fate){.there = true, .counted = is->counted, .rows = is->rows};
    for (size_t i = was->first; i < was->first + was->count; i++) {
        const struct plausible_table *table = c->history[0].by_root[i];
        const struct plausible_table *now = find_name(&c->tonight, table);
        bool by_oid = !now;
        if (!now)
            now = find_renamed(c, table);
        if (!now || (is && compare_texts(root_schema(now), root_name(now), was->schema,
                                         was->name) == 0))
            continue;
        f.there = true;
        f.counted = f.counted && now->counted;
        f.rows += now->rows;
        if (!is && by_oid && was->count == 1)
            f.renamed = now;
    }
    return f;
}

/* ---- what there was ---------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* Of the baseline's backups that have the root; of an even number the lower one in the middle:
 * what grows is not measured by what it grew to. */
static uint64_t median(const struct checking *c, const struct root *of)
{
    uint64_t rows[PLAUSIBLE_WINDOW];
    size_t n = 0;
    for (size_t i = 0; i < c->baseline; i++) {
        const struct view *v = &c->history[i];
        const struct root *root = v->backup->doubted ? NULL : find_root(v, of);
        if (root && root->counted)
            rows[n++] = root->rows;
    }
    if (n == 0)
        return 0;
    qsort(rows, n, sizeof *rows, compare_numbers);
    return rows[(n - 1) / 2];
}

/* A loss excuses none that is much larger: a table that once went from three rows to one may
 * not lose a million. */
static bool excuses(uint64_t earlier, uint64_t lost)
{
    return lost <= PLAUSIBLE_FEW_ROWS || earlier >= lost / 10;
}

/* Did it vanish, empty or lose more than half from one backup of the window to the next? The
 * newest one is not doubted: what a doubted one lacked was there again, without anybody's word.
 */
static bool is_unsteady(const struct checking *c, const struct root *of, uint64_t lost)
{
    const struct root *older = NULL;
    for (size_t i = c->count; i-- > 0;) {
        const struct root *newer = find_root(&c->history[i], of);
        if (older && !newer && (!older->counted || excuses(older->rows, lost)))
            return true;
        if (older && newer && newer->counted && older->counted && newer->rows < older->rows &&
            older->rows - newer->rows > older->rows / 2 &&
            excuses(older->rows - newer->rows, lost))
            return true;
        older = newer;
    }
    return false;
}

/* Had the last two backups that count more than a few rows of it? A queue that is full for a
 * night is no loss when it is empty again. */
static bool is_settled(const struct checking *c, const struct root *of)
{
    size_t seen = 0;
    for (size_t i = 0; i < c->baseline && seen < 2; i++) {
        const struct view *v = &c->history[i];
        if (v->backup->doubted)
            continue;
        const struct root *root = find_root(v, of);
        if (!root || !root->counted || root->rows <= PLAUSIBLE_FEW_ROWS)
            return false;
        seen++;
    }
    return seen == 2;
}

/* No backup of the baseline had more than a few rows. */
static bool is_tiny(const struct checking *c)
{
    for (size_t i = 0; i < c->baseline; i++) {
        const struct view *v = &c->history[i];
        uint64_t rows = 0;
        if (!v->backup || v->backup->doubted)
            continue;
        for (size_t k = 0; k < v->root_count; k++) {
            rows += v->roots[k].rows;
            if (!v->roots[k].counted || rows > PLAUSIBLE_FEW_ROWS)
                return false;
        }
    }
    return true;
}

/* ---- findings ---------------------------------------------------------------------- */

static enum plausible_excuse excuse_of(const struct checking *c, const struct root *root,
                                       uint64_t lost)
{
    if (c->q->is_volatile && c->q->is_volatile(c->q->is_volatile_arg, root->schema, root->name))
        return PLAUSIBLE_VOLATILE;
    if (is_unsteady(c, root, lost))
        return PLAUSIBLE_UNSTEADY;
    return c->tiny ? PLAUSIBLE_TINY : PLAUSIBLE_ALARM;
}

static int judge(const struct checking *c, const struct root *root, struct error *e)
{
    struct fate fate = fate_of(c, root);
    struct plausible_finding f = {.schema = root->schema,
                                  .name = root->name,
                                  .before = median(c, root),
                                  .now = fate.rows,
                                  .counted = root->counted && fate.counted};
    if (fate.renamed) {
        f.kind = PLAUSIBLE_RENAMED;
        f.excuse = PLAUSIBLE_HARMLESS;
        f.now_schema = fate.renamed->schema;
        f.now_name = fate.renamed->name;
        if (c->visit(c->visit_arg, &f, e) < 0)
            return -1;
    }
    if (!fate.there)
        f.kind = PLAUSIBLE_VANISHED;
    else if (!f.counted || f.now >= root->rows)
        return 0; /* nothing was lost since the last time */
    else if (f.now == 0 && (f.before > 0 || is_settled(c, root)))
        f.kind = PLAUSIBLE_EMPTIED; /* also of what came the night before last */
    else if (f.now >= f.before)
        return 0; /* it is as usual */
    else if (f.before - f.now > PLAUSIBLE_FEW_ROWS && f.before - f.now > f.now)
        f.kind = PLAUSIBLE_SHRUNK;
    else
        return 0;
    f.before = f.kind == PLAUSIBLE_EMPTIED && f.before == 0 ? root->rows : f.before;
    f.excuse = excuse_of(c, root, root->rows > f.now ? root->rows - f.now : 0);
    return c->visit(c->visit_arg, &f, e);
}

static int look_back(struct checking *c, struct error *e)
{
    const struct plausible_question *q = c->q;
    size_t good = 0;
    bool acked = false;
    c->history = calloc(q->history_count + 1, sizeof *c->history);
    if (!c->history)
        return error_memory(e, "counts of rows");
    for (size_t i = 0; i < q->history_count && good < PLAUSIBLE_WINDOW; i++) {
        const struct plausible_backup *b = &q->history[i];
        if (b->doubted && good == 0)
            continue;
        good += !b->doubted;
        if (view_init(&c->history[c->count++], b, e) < 0)
            return -1;
        if (!acked)
            c->baseline = c->count;
        acked = acked || (b->acked && !b->doubted);
    }
    return 0;
}

int plausible_check(const struct plausible_question *q, plausible_visit *visit, void *arg,
                    struct error *e)
{
    struct checking c = {.q = q, .visit = visit, .visit_arg = arg};
    int rc = view_init(&c.tonight, q->tonight, e);
    if (rc == 0)
        rc = look_back(&c, e);
    if (rc == 0 && c.count > 0) {
        c.tiny = is_tiny(&c);
        c.same_cluster = is_same_cluster(&c);
        for (size_t i = 0; rc == 0 && i < c.history[0].root_count; i++)
            rc = judge(&c, &c.history[0].roots[i], e);
    }
    view_done(&c.tonight);
    for (size_t i = 0; i < c.count; i++)
        view_done(&c.history[i]);
    free(c.history);
    return rc;
}

/* ---- words ------------------------------------------------------------------------- */

static void table_text(const char *schema, const char *name, char out[200])
{
    char s[90];
    char n[100];
    str_safe(s, sizeof s, bytes_text(schema));
    str_safe(n, sizeof n, bytes_text(name));
    (void)snprintf(out, 200, "%s%s%s", s, *s ? "." : "", n);
}

void plausible_text(const struct plausible_finding *f, char out[PLAUSIBLE_TEXT])
{
    static const char *const excuses[] = {
        [PLAUSIBLE_ALARM] = "",
        [PLAUSIBLE_HARMLESS] = "",
        [PLAUSIBLE_VOLATILE] = "; it is volatile",
        [PLAUSIBLE_UNSTEADY] = "; it has vanished, emptied or halved before",
        [PLAUSIBLE_TINY] = "; the database is tiny",
    };
    char table[200];
    char what[400] = "";
    unsigned long long before = f->before;
    unsigned long long now = f->now;
    table_text(f->schema, f->name, table);
    switch (f->kind) {
    case PLAUSIBLE_VANISHED:
        if (f->counted)
            (void)snprintf(what, sizeof what, "is gone: rows usually: %llu", before);
        else
            (void)snprintf(what, sizeof what, "is gone");
        break;
    case PLAUSIBLE_EMPTIED:
        (void)snprintf(what, sizeof what, "is empty: rows usually: %llu", before);
        break;
    case PLAUSIBLE_SHRUNK:
        (void)snprintf(what, sizeof what, "lost %llu %% of its rows: %llu, usually %llu",
                       (unsigned long long)(100.0 * (double)(before - now) / (double)before),
                       now, before);
        break;
    case PLAUSIBLE_RENAMED: {
        char renamed[200];
        table_text(f->now_schema, f->now_name, renamed);
        (void)snprintf(what, sizeof what, "is called %s now", renamed);
        break;
    }
    }
    (void)snprintf(out, PLAUSIBLE_TEXT, "table %s %s%s", table, what, excuses[f->excuse]);
}
