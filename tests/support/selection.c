/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/selection.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/dump_walk.h"

#define MAX_NAMES 8

void selection_take(struct selection *s, struct buf archive)
{
    struct error e = {0};
    *s = (struct selection){.archive = archive};
    if (toc_list_read(buf_view(&archive), &s->list, &e) < 0) {
        (void)fprintf(stderr, "%s\n", e.text);
        abort();
    }
}

void selection_load(struct selection *s, const char *fixture)
{
    char path[400];
    (void)snprintf(path, sizeof path, PGKEEP_TEST_FIXTURES "/pgdump/%s.dump", fixture);
    selection_take(s, dump_walk_load(path));
}

void selection_done(struct selection *s)
{
    toc_select_done(&s->select);
    toc_list_done(&s->list);
    buf_done(&s->archive);
}

int selection_run(struct selection *s, const struct toc_select_options *o, struct error *e)
{
    toc_select_done(&s->select);
    return toc_select_run(&s->list, o, &s->select, e);
}

int selection_tables(struct selection *s, const char *names, struct error *e)
{
    const char *tables[MAX_NAMES];
    char *text = strdup(names);
    char *rest = text;
    size_t count = 0;
    if (!text)
        abort();
    for (char *name; count < MAX_NAMES && (name = strsep(&rest, "|")) != NULL;)
        tables[count++] = name;
    const struct toc_select_options o = {.tables = tables, .table_count = count};
    int rc = selection_run(s, &o, e);
    free(text);
    return rc;
}

struct buf selection_words(const struct selection *s)
{
    struct buf out = {0};
    for (uint32_t i = 0; i < s->list.count; i++) {
        const struct toc_select_mark *mark = &s->select.marks[i];
        char text[TOC_LIST_TEXT];
        if (!toc_select_keeps(&s->select, i) || mark->why == TOC_SELECT_ALWAYS)
            continue;
        bool part = !mark->whole && (s->list.entries[i].facts->flags & TOC_KIND_RELATION) != 0;
        toc_list_text(&s->list, i, text);
        if (buf_printf(&out, NULL, part ? "(%s)\n" : "%s\n", text) < 0)
            abort();
    }
    if (buf_byte(&out, 0, NULL) < 0)
        abort();
    return out;
}

uint32_t selection_find(const struct selection *s, const char *words)
{
    char text[TOC_LIST_TEXT];
    for (uint32_t i = 0; i < s->list.count; i++) {
        toc_list_text(&s->list, i, text);
        if (strcmp(text, words) == 0)
            return i;
    }
    (void)fprintf(stderr, "no entry %s\n", words);
    abort();
}
