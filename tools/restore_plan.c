/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_plan.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/restore_measure.h"
#include "tools/render.h"

static const struct {
    const char *words; /* for people */
    const char *word;  /* for machines */
} kinds[] = {
    [RESTORE_PLAN_NEW] = {"new database", "new-database"},
    [RESTORE_PLAN_IN_PLACE] = {"in place of what is in database", "in-place"},
    [RESTORE_PLAN_FILE] = {"file", "file"},
};

static int measure(struct context *c, const struct manifest *m,
                   const struct restore_choice *choice, struct restore_measure *out,
                   struct error *e)
{
    const struct restore_options options = {.repo = c->repo, .manifest = m, .workers = 1};
    struct restore *r = restore_new(&options, e);
    int rc = r ? restore_measure_member(r, &m->private_part.members[0],
                                        choice->whole ? NULL : &choice->selection, out, e)
               : -1;
    restore_free(r);
    return rc;
}

static uint64_t pack_bytes(const struct manifest *m)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < m->closure.count; i++)
        sum += m->closure.packs[i].object.size;
    return sum;
}

/* ---- for people -------------------------------------------------------------------- */

static void why_text(const struct restore_choice *choice, uint32_t i,
                     char out[TOC_LIST_TEXT + 20])
{
    const struct toc_select_mark *mark = &choice->selection.marks[i];
    char by[TOC_LIST_TEXT] = "";
    if (mark->by != TOC_SELECT_NOBODY)
        toc_list_text(&choice->list, mark->by, by);
    if (mark->why == TOC_SELECT_ALWAYS)
        (void)snprintf(out, TOC_LIST_TEXT + 20, "always");
    else if (mark->why == TOC_SELECT_ASKED)
        (void)snprintf(out, TOC_LIST_TEXT + 20, "asked for");
    else if (mark->why == TOC_SELECT_NEEDED)
        (void)snprintf(out, TOC_LIST_TEXT + 20, "needed by %s", by);
    else
        (void)snprintf(out, TOC_LIST_TEXT + 20, "part of %s", *by ? by : "its schema");
}

static int entry_for_people(struct render_table *t, const struct restore_choice *choice,
                            uint32_t i, struct error *e)
{
    const struct bytes texts[] = {toc_list_desc(&choice->list, i),
                                  toc_list_schema(&choice->list, i),
                                  toc_list_tag(&choice->list, i)};
    char cell[TOC_LIST_TEXT];
    char why[TOC_LIST_TEXT + 20];
    for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
        str_safe(cell, sizeof cell, texts[k]);
        if (render_add(t, cell, e) < 0)
            return -1;
    }
    why_text(choice, i, why);
    return render_add(t, why, e);
}

static void note_for_people(void *arg, const char *text)
{
    (void)arg;
    (void)printf("note: %s\n", text);
}

static void sums_for_people(const struct manifest *m, const struct restore_measure *sum)
{
    char rows[32];
    char payload[32];
    char fetch[32];
    char packs[32];
    render_count(rows, sum->rows);
    str_size(payload, sum->payload_bytes);
    str_size(fetch, sum->fetch_bytes);
    str_size(packs, pack_bytes(m));
    (void)printf("data:     %s rows, %s\n", rows, payload);
    (void)printf("to fetch: %s in %llu reads; the backup's packs hold %s\n", fetch,
                 (unsigned long long)sum->fetch_reads, packs);
}

static int for_people(const struct manifest *m, const struct restore_choice *choice,
                      const struct restore_plan_target *target,
                      const struct restore_measure *sum, struct error *e)
{
    static const struct render_column columns[] = {
        {"TYPE", false}, {"SCHEMA", false}, {"NAME", false}, {"WHY", false}};
    struct render_table t = {.columns = columns, .column_count = ARRAY_SIZE(columns)};
    char id[2 * FORMAT_ID_LEN + 1];
    char name[300];
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < choice->list.count; i++)
        if (toc_select_keeps(&choice->selection, i))
            rc = entry_for_people(&t, choice, i, e);
    if (rc == 0) {
        str_hex(id, m->backup_id, FORMAT_ID_LEN);
        str_safe(name, sizeof name, bytes_text(target->name ? target->name : "of the URL"));
        render_print(&t, stdout);
        (void)printf("\nbackup:   %s\n", id);
        (void)printf("target:   %s %s\n", kinds[target->kind].words, name);
        (void)printf(
            "entries:  %u of %u%s\n", choice->selection.kept, choice->list.count,
            choice->whole && target->kind == RESTORE_PLAN_FILE ? ", the dump to the byte" : "");
        sums_for_people(m, sum);
        rc = restore_choice_notes(choice, note_for_people, NULL, e);
    }
    render_done(&t);
    return rc;
}

/* ---- for machines ------------------------------------------------------------------ */

static void put_entry(struct json *j, const struct restore_choice *choice, uint32_t i)
{
    json_put_u64(j, "dump_id", choice->list.entries[i].dump_id);
    json_put_bytes(j, "type", toc_list_desc(&choice->list, i));
    if (choice->list.entries[i].has_schema)
        json_put_bytes(j, "schema", toc_list_schema(&choice->list, i));
    else
        json_put_null(j, "schema");
    json_put_bytes(j, "name", toc_list_tag(&choice->list, i));
}

static void entry_for_machines(struct json *list, const struct restore_choice *choice,
                               uint32_t i)
{
    static const char *const why[] = {
        [TOC_SELECT_NO] = "no",         [TOC_SELECT_LEFT_OUT] = "left-out",
        [TOC_SELECT_ALWAYS] = "always", [TOC_SELECT_ASKED] = "asked",
        [TOC_SELECT_PART] = "part-of",  [TOC_SELECT_NEEDED] = "needed-by"};
    const struct toc_select_mark *mark = &choice->selection.marks[i];
    struct json *j = json_put_object(list, NULL);
    put_entry(j, choice, i);
    json_put_text(j, "why", why[mark->why]);
    if (mark->by != TOC_SELECT_NOBODY)
        put_entry(json_put_object(j, "by"), choice, mark->by);
}

static void note_for_machines(void *arg, const char *text)
{
    json_put_text(arg, NULL, text);
}

static int for_machines(const struct manifest *m, const struct restore_choice *choice,
                        const struct restore_plan_target *target,
                        const struct restore_measure *sum, struct error *e)
{
    char id[2 * FORMAT_ID_LEN + 1];
    struct json *j = json_new_object();
    str_hex(id, m->backup_id, FORMAT_ID_LEN);
    json_put_text(j, "id", id);
    json_put_text(j, "source", m->private_part.source);
    struct json *to = json_put_object(j, "target");
    json_put_text(to, "kind", kinds[target->kind].word);
    if (target->name)
        json_put_text(to, "name", target->name);
    json_put_bool(j, "whole", choice->whole);
    json_put_u64(j, "toc_entries", choice->list.count);
    struct json *taken = json_put_list(j, "entries");
    struct json *left_out = json_put_list(j, "left_out");
    for (uint32_t i = 0; i < choice->list.count; i++)
        if (choice->selection.marks[i].why != TOC_SELECT_NO)
            entry_for_machines(toc_select_keeps(&choice->selection, i) ? taken : left_out,
                               choice, i);
    json_put_u64(j, "rows", sum->rows);
    json_put_u64(j, "payload_bytes", sum->payload_bytes);
    json_put_u64(j, "fetch_bytes", sum->fetch_bytes);
    json_put_u64(j, "fetch_reads", sum->fetch_reads);
    json_put_u64(j, "pack_bytes", pack_bytes(m));
    int rc = restore_choice_notes(choice, note_for_machines, json_put_list(j, "notes"), e);
    if (rc == 0)
        rc = json_write(j, true, stdout, e);
    (void)putchar('\n');
    json_free(j);
    return rc;
}

int restore_plan_print(struct context *c, const struct manifest *m,
                       const struct restore_choice *choice,
                       const struct restore_plan_target *target, struct error *e)
{
    struct restore_measure sum;
    if (measure(c, m, choice, &sum, e) < 0)
        return -1;
    return (c->json ? for_machines : for_people)(m, choice, target, &sum, e);
}
