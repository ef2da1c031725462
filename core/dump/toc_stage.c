/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/toc_stage.h"

#include <stdlib.h>
#include <string.h>

/* dump_entry's numbers. */
enum section {
    SECTION_NONE = 1,
    SECTION_PRE_DATA = 2,
    SECTION_DATA = 3,
    SECTION_POST_DATA = 4
};

/* An event trigger, and what is said of one. */
static bool is_last(const struct toc_list *l, uint32_t i)
{
    return bytes_equal(toc_list_desc(l, i), bytes_text("EVENT TRIGGER")) ||
           ((l->entries[i].facts->flags & TOC_KIND_NOTE) &&
            bytes_begins(toc_list_tag(l, i), "EVENT TRIGGER "));
}

/* Before 1.11 pg_dump did not say, and pg_restore goes by the kind (ReadToc). */
static uint32_t section_of(const struct toc_list *l, uint32_t i)
{
    static const char *const post_data[] = {
        "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX", "RULE", "TRIGGER"};
    const struct toc_list_entry *n = &l->entries[i];
    if (n->section != 0)
        return n->section <= SECTION_POST_DATA ? n->section : SECTION_NONE;
    if (n->has_data)
        return SECTION_DATA;
    for (size_t k = 0; k < ARRAY_SIZE(post_data); k++)
        if (bytes_equal(toc_list_desc(l, i), bytes_text(post_data[k])))
            return SECTION_POST_DATA;
    return n->facts->flags == TOC_KIND_NOTE ? SECTION_NONE : SECTION_PRE_DATA;
}

/* section: the entry's own, or that of the last entry that has one, which is where pg_restore
 * counts comments and labels. */
static enum toc_stage stage_of(const struct toc_list *l, uint32_t i, uint32_t section)
{
    const struct toc_list_entry *n = &l->entries[i];
    if (n->facts->kind == TOC_KIND_SETTING)
        return TOC_STAGE_EVERY;
    if (n->has_data)
        return TOC_STAGE_DATA;
    if (is_last(l, i))
        return TOC_STAGE_LAST;
    if (bytes_equal(toc_list_desc(l, i), bytes_text("ACL")))
        return TOC_STAGE_FINISH;
    if (n->facts->kind == TOC_KIND_LARGE_OBJECT)
        return TOC_STAGE_DEFINE;
    return section >= SECTION_DATA ? TOC_STAGE_FINISH : TOC_STAGE_DEFINE;
}

void toc_stage_assign(const struct toc_list *l, enum toc_stage *stages)
{
    uint32_t section = SECTION_PRE_DATA;
    for (uint32_t i = 0; i < l->count; i++) {
        uint32_t own = section_of(l, i);
        if (own != SECTION_NONE)
            section = own;
        stages[i] = stage_of(l, i, section);
    }
}

int toc_stage_select(const struct toc_list *l, const struct toc_select *s,
                     const enum toc_stage *stages, unsigned wanted, struct toc_select *out,
                     struct error *e)
{
    out->marks = calloc((size_t)l->count + 1, sizeof *out->marks);
    if (!out->marks)
        return error_memory(e, "entries of a stage");
    out->count = l->count;
    for (uint32_t i = 0; i < l->count; i++) {
        if ((s && !toc_select_keeps(s, i)) || !(wanted & TOC_STAGE_BIT(stages[i])))
            continue;
        out->marks[i] =
            (struct toc_select_mark){.why = TOC_SELECT_ASKED, .by = TOC_SELECT_NOBODY};
        out->kept++;
    }
    return 0;
}
