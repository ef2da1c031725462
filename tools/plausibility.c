/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/plausibility.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/backups.h"
#include "catalog/evidence.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/dump/toc_name.h"
#include "tools/select.h"

/* The tables of a backup of the past; their texts are owned. */
struct past {
    struct plausible_table *tables;
    size_t count, cap;
};

/* Doubted ones in between may be many: the newest tell enough. */
#define MOST_PAST (3 * PLAUSIBLE_WINDOW)

struct judging {
    struct plausibility *result;
    struct manifest *manifest;
    struct context *c;
    const struct options_list *patterns;
    struct past past[MOST_PAST];
    struct plausible_backup history[MOST_PAST];
    size_t history_count;
    size_t doubted;                  /* of these */
    struct plausible_table *tonight; /* borrows from the entries */
    size_t tonight_count;
};

static void free_text(const char *text)
{
    /* Owned here, const for those who look. */
    free((void *)(uintptr_t)text);
}

void plausibility_done(struct plausibility *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free_text(p->items[i].finding.schema);
        free_text(p->items[i].finding.name);
        free_text(p->items[i].finding.now_schema);
        free_text(p->items[i].finding.now_name);
    }
    free(p->items);
    *p = (struct plausibility){0};
}

/* ---- volatile tables --------------------------------------------------------------- */

int plausibility_patterns(const struct options_list *patterns, struct error *e)
{
    for (size_t i = 0; i < patterns->count; i++) {
        struct toc_name name = {0};
        int rc = toc_name_parse(patterns->items[i], true, &name, e);
        toc_name_done(&name);
        if (rc < 0)
            return error_wrap(e, "--volatile");
    }
    return 0;
}

static bool is_volatile(void *arg, const char *schema, const char *table)
{
    const struct judging *j = arg;
    bool matches = false;
    for (size_t i = 0; i < j->patterns->count && !matches; i++) {
        struct toc_name name = {0};
        struct error ignored;
        if (toc_name_parse(j->patterns->items[i], true, &name, &ignored) == 0)
            matches = toc_name_is(&name, bytes_text(schema), bytes_text(table)) ||
                      toc_name_matches(&name, bytes_text(schema), bytes_text(table));
        toc_name_done(&name);
    }
    return matches;
}

/* ---- the past ---------------------------------------------------------------------- */

static int take_table(void *arg, const struct backups_table *t, struct error *e)
{
    struct past *past = arg;
    if (strcmp(t->desc, "TABLE DATA") != 0)
        return 0;
    if (past->count == past->cap) {
        size_t cap = past->cap ? past->cap * 2 : 64;
        struct plausible_table *tables = reallocarray(past->tables, cap, sizeof *tables);
        if (!tables)
            return error_memory(e, "tables of the past");
        past->tables = tables;
        past->cap = cap;
    }
    struct plausible_table *to = &past->tables[past->count++];
    *to = (struct plausible_table){.schema = str_copy(t->schema, e),
                                   .name = str_copy(t->name, e),
                                   .oid = str_copy(t->oid, e),
                                   .root_schema = str_copy(t->root_schema, e),
                                   .root_name = str_copy(t->root_name, e),
                                   .rows = t->rows,
                                   .counted = t->counted};
    return to->schema && to->name && to->oid && to->root_schema && to->root_name ? 0 : -1;
}

static int take_backup(void *arg, const struct evidence_backup *b, struct error *e)
{
    struct judging *j = arg;
    struct past *past = &j->past[j->history_count];
    if (b->doubted) {
        if (j->doubted == MOST_PAST - PLAUSIBLE_WINDOW)
            return 0;
        j->doubted++;
    }
    if (backups_tables(j->c->catalog, b->backup_id, take_table, past, e) < 0)
        return -1;
    j->history[j->history_count++] = (struct plausible_backup){.tables = past->tables,
                                                               .count = past->count,
                                                               .system_id = b->system_id,
                                                               .doubted = b->doubted,
                                                               .acked = b->acked};
    return 0;
}

static int load_history(struct judging *j, struct error *e)
{
    const struct member_private *p = &j->manifest->private_part;
    struct buf filters = {0};
    int rc = member_filters(p, &filters, e);
    if (rc == 0)
        rc = buf_byte(&filters, '\0', e);
    if (rc == 0) {
        const struct evidence_query query = {.source = p->source,
                                             .filters = (const char *)filters.data,
                                             .most = PLAUSIBLE_WINDOW};
        rc = evidence_visit(j->c->catalog, &query, take_backup, j, e);
    }
    buf_done(&filters);
    return rc;
}

/* Other filters by mistake would pass in silence: nothing is compared then. */
static int note_baseline(const struct judging *j, struct error *e)
{
    const char *source = j->manifest->private_part.source;
    const struct backups_filter filter = {.source = source};
    uint64_t count = 0;
    if (j->history_count > 0)
        return 0;
    if (select_one_source(j->c, &filter, "backup", &count, e) < 0)
        return -1;
    if (count > 0)
        log_warning(
            "no backup of source %s was made with the same filters (-n -N -t -T and the "
            "like), so this one is compared with none",
            source);
    return 0;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static int load_tonight(struct judging *j, struct backup *b, struct error *e)
{
    size_t count = backup_entry_count(b);
    j->tonight = calloc(count + 1, sizeof *j->tonight);
    if (!j->tonight)
        return error_memory(e, "tables of tonight");
    for (size_t i = 0; i < count; i++) {
        const struct entry *n = backup_entry(b, i);
        if (strcmp(n->desc, "TABLE DATA") == 0)
            j->tonight[j->tonight_count++] =
                (struct plausible_table){.schema = or_empty(n->schema),
                                         .name = n->name,
                                         .oid = or_empty(n->oid),
                                         .root_schema = or_empty(n->root_schema),
                                         .root_name = or_empty(n->root_name),
                                         .rows = n->rows,
                                         .counted = !n->uncounted};
    }
    return 0;
}

/* ---- findings ---------------------------------------------------------------------- */

static int copy_name(const char **name, struct error *e)
{
    if (!*name)
        return 0;
    *name = str_copy(*name, e);
    return *name ? 0 : -1;
}

static int keep_finding(struct plausibility *p, const struct plausible_finding *f,
                        struct error *e)
{
    struct plausibility_item *items = reallocarray(p->items, p->count + 1, sizeof *items);
    if (!items)
        return error_memory(e, "findings");
    p->items = items;
    struct plausibility_item *item = &items[p->count++];
    item->finding = *f;
    plausible_text(f, item->text);
    const char **names[] = {&item->finding.schema, &item->finding.name,
                            &item->finding.now_schema, &item->finding.now_name};
    int rc = 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (rc < 0)
            *names[i] = NULL;
        else
            rc = copy_name(names[i], e);
    return rc;
}

static int visit(void *arg, const struct plausible_finding *f, struct error *e)
{
    struct judging *j = arg;
    struct plausibility *p = j->result;
    if (keep_finding(p, f, e) < 0)
        return -1;
    const char *text = p->items[p->count - 1].text;
    if (f->excuse == PLAUSIBLE_TINY)
        log_info("%s", text);
    else
        log_warning("%s%s", f->excuse == PLAUSIBLE_ALARM ? "suspect: " : "", text);
    if (f->excuse != PLAUSIBLE_ALARM)
        return 0;
    p->alarms++;
    j->manifest->flags |= FORMAT_FLAG_SUSPECT;
    return member_texts_add(&j->manifest->private_part.findings, text, e);
}

int plausibility_judge(struct plausibility *p, struct context *c, struct backup *b,
                       const struct options_list *patterns, struct error *e)
{
    struct judging j = {
        .result = p, .manifest = backup_manifest(b), .c = c, .patterns = patterns};
    struct plausible_backup tonight = {.system_id = j.manifest->private_part.system_id};
    if (j.manifest->flags & FORMAT_FLAG_UNCHECKED)
        return 0; /* nobody knows what is in it */
    int rc = load_tonight(&j, b, e);
    if (rc == 0)
        rc = load_history(&j, e);
    if (rc == 0)
        rc = note_baseline(&j, e);
    tonight.tables = j.tonight;
    tonight.count = j.tonight_count;
    const struct plausible_question question = {.history = j.history,
                                                .history_count = j.history_count,
                                                .tonight = &tonight,
                                                .is_volatile = is_volatile,
                                                .is_volatile_arg = &j};
    if (rc == 0)
        rc = plausible_check(&question, visit, &j, e);
    for (size_t i = 0; i < MOST_PAST; i++) {
        for (size_t k = 0; k < j.past[i].count; k++) {
            free_text(j.past[i].tables[k].schema);
            free_text(j.past[i].tables[k].name);
            free_text(j.past[i].tables[k].oid);
            free_text(j.past[i].tables[k].root_schema);
            free_text(j.past[i].tables[k].root_name);
        }
        free(j.past[i].tables);
    }
    free(j.tonight);
    return rc;
}

/* ---- telling ----------------------------------------------------------------------- */

void plausibility_json(const struct plausibility *p, struct json *j)
{
    static const char *const kinds[] = {
        [PLAUSIBLE_VANISHED] = "vanished",
        [PLAUSIBLE_EMPTIED] = "emptied",
        [PLAUSIBLE_SHRUNK] = "shrunk",
        [PLAUSIBLE_RENAMED] = "renamed",
    };
    json_put_bool(j, "suspect", p->alarms > 0);
    struct json *list = json_put_list(j, "findings");
    for (size_t i = 0; i < p->count; i++) {
        const struct plausible_finding *f = &p->items[i].finding;
        struct json *o = json_put_object(list, NULL);
        json_put_text(o, "finding", kinds[f->kind]);
        json_put_bool(o, "suspect", f->excuse == PLAUSIBLE_ALARM);
        json_put_text(o, "schema", f->schema);
        json_put_text(o, "name", f->name);
        if (f->counted) {
            json_put_u64(o, "usual_rows", f->before);
            json_put_u64(o, "rows", f->now);
        }
        json_put_text(o, "text", p->items[i].text);
    }
}

void plausibility_advise(const struct plausibility *p, const uint8_t id[FORMAT_ID_LEN])
{
    char hex[2 * FORMAT_ID_LEN + 1];
    char more[60] = "";
    const struct plausibility_item *first = p->items;
    if (p->alarms == 0)
        return;
    while (first->finding.excuse != PLAUSIBLE_ALARM)
        first++;
    if (p->alarms > 1)
        (void)snprintf(more, sizeof more, ", and %zu more", p->alarms - 1);
    str_hex(hex, id, 4);
    log_warning("backup %s is stored, but suspect: %s%s; `pgkeep ack %s --reason TEXT` accepts "
                "it",
                hex, first->text, more, hex);
}
