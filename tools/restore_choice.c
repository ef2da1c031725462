/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_choice.h"

#include <stdio.h>

#include "core/base/str.h"
#include "core/dump/toc_name.h"
#include "core/job/restore.h"

#define FEW 5 /* names that a note repeats; foreign keys that are told one by one */

bool restore_choice_wanted(const struct restore_choice_options *o)
{
    return o->tables.count > 0 || o->schemas.count > 0 || o->schema_only || o->data_only;
}

static int load(struct context *c, const struct manifest *m, struct restore_choice *choice,
                struct error *e)
{
    const struct restore_options options = {.repo = c->repo, .manifest = m, .workers = 1};
    struct restore *r = restore_new(&options, e);
    int rc = r ? restore_toc(r, &m->private_part.members[0], &choice->toc, e) : -1;
    restore_free(r);
    if (rc == 0)
        rc = toc_list_read(buf_view(&choice->toc), &choice->list, e);
    return rc;
}

int restore_choice_make(struct context *c, const struct manifest *m,
                        const struct restore_choice_options *o, struct restore_choice *choice,
                        struct error *e)
{
    const struct toc_select_options select = {
        .tables = o->tables.items,
        .table_count = o->tables.count,
        .schemas = o->schemas.items,
        .schema_count = o->schemas.count,
        .large_objects = o->large_objects,
        .content = o->schema_only ? TOC_SELECT_SCHEMA_ONLY
                   : o->data_only ? TOC_SELECT_DATA_ONLY
                                  : TOC_SELECT_ALL,
    };
    *choice = (struct restore_choice){.options = o,
                                      .by_name = o->tables.count + o->schemas.count > 0,
                                      .whole = !restore_choice_wanted(o)};
    if (m->private_part.members[0].kind != FORMAT_MEMBER_DUMP)
        return error_set(
            e, ERROR_UNSUPPORTED,
            "the archive is of a version this program does not know: no part of it "
            "can be taken");
    if (load(c, m, choice, e) < 0)
        return -1;
    return toc_select_run(&choice->list, &select, &choice->selection, e);
}

void restore_choice_done(struct restore_choice *choice)
{
    toc_select_done(&choice->selection);
    toc_list_done(&choice->list);
    buf_done(&choice->toc);
}

/* ---- notes ------------------------------------------------------------------------- */

static bool is_asked_table(const struct restore_choice *choice, const struct toc_name *n,
                           uint32_t i)
{
    const struct toc_list *l = &choice->list;
    struct bytes schema = toc_list_schema(l, i);
    struct bytes tag = toc_list_tag(l, i);
    return choice->selection.marks[i].why == TOC_SELECT_ASKED &&
           (l->entries[i].facts->flags & TOC_KIND_RELATION) &&
           (toc_name_is(n, schema, tag) || toc_name_matches(n, schema, tag));
}

static int note_several(const struct restore_choice *choice, size_t k,
                        restore_choice_note *note, void *arg, struct error *e)
{
    const struct toc_select_answer *answer = &choice->selection.answers[k];
    struct toc_name n;
    char text[900];
    unsigned named = 0;
    if (answer->pattern || answer->found < 2)
        return 0;
    if (toc_name_parse(choice->options->tables.items[k], true, &n, e) < 0)
        return -1;
    char asked[100];
    str_safe(asked, sizeof asked, bytes_text(n.text));
    size_t used = (size_t)snprintf(text, sizeof text, "-t %s: %u have that name, all are taken",
                                   asked, answer->found);
    for (uint32_t i = 0; i < choice->list.count && named < FEW; i++) {
        char name[TOC_LIST_TEXT];
        if (!is_asked_table(choice, &n, i))
            continue;
        toc_list_text(&choice->list, i, name);
        if (used + strlen(name) + 2 < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                     named ? ", " : ": ", name);
        named++;
    }
    toc_name_done(&n);
    note(arg, text);
    return 0;
}

static void note_foreign_keys(const struct restore_choice *choice, restore_choice_note *note,
                              void *arg)
{
    char key[TOC_LIST_TEXT];
    char other[TOC_LIST_TEXT];
    char text[2 * TOC_LIST_TEXT + 60];
    unsigned count = 0;
    for (uint32_t i = 0; i < choice->list.count; i++) {
        const struct toc_select_mark *mark = &choice->selection.marks[i];
        if (mark->why != TOC_SELECT_LEFT_OUT || ++count > FEW)
            continue;
        toc_list_text(&choice->list, i, key);
        toc_list_text(&choice->list, mark->by, other);
        (void)snprintf(text, sizeof text, "%s is left out: %s is not taken with its rows", key,
                       other);
        note(arg, text);
    }
    if (count <= FEW)
        return;
    (void)snprintf(text, sizeof text, "%u more foreign keys are left out, of the same kind",
                   count - FEW);
    note(arg, text);
}

static void note_large_objects(const struct restore_choice *choice, restore_choice_note *note,
                               void *arg)
{
    bool any = false;
    for (uint32_t i = 0; i < choice->list.count && !any; i++)
        any = choice->list.entries[i].facts->kind == TOC_KIND_LARGE_OBJECT;
    if (any && !choice->options->large_objects && !choice->options->schema_only)
        note(arg, "large objects are not taken, since no table is known to own one; "
                  "--large-objects takes all");
}

int restore_choice_notes(const struct restore_choice *choice, restore_choice_note *note,
                         void *arg, struct error *e)
{
    if (!choice->by_name)
        return 0;
    for (size_t k = 0; k < choice->options->tables.count; k++)
        if (note_several(choice, k, note, arg, e) < 0)
            return -1;
    if (!choice->options->data_only)
        note_foreign_keys(choice, note, arg);
    note_large_objects(choice, note, arg);
    return 0;
}
