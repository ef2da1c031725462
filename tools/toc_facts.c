/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/toc_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/dump/toc_walk.h"
#include "tools/database_sql.h"
#include "tools/toc_roles.h"

void toc_facts_done(struct toc_facts *f)
{
    char *texts[] = {
        f->locale.encoding, f->locale.provider,   f->locale.locale,         f->locale.collate,
        f->locale.ctype,    f->locale.icu_locale, f->locale.builtin_locale, f->owner};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    struct member_texts *lists[] = {&f->owners,     &f->grantees,   &f->needed,
                                    &f->superusers, &f->properties, &f->privileges};
    for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
        member_texts_done(lists[k]);
    *f = (struct toc_facts){0};
}

/* The value of `WORD = 'value'` or `WORD = value` in a CREATE DATABASE statement that pg_dump
 * wrote; NULL when it is not there. WORD stands behind a blank, so LOCALE is not LC_LOCALE. */
static int value_of(const char *sql, const char *word, char **value, struct error *e)
{
    char pattern[32];
    (void)snprintf(pattern, sizeof pattern, " %s = ", word);
    const char *at = strstr(sql, pattern);
    if (!at)
        return 0;
    at += strlen(pattern);
    bool quoted = *at == '\'';
    char *out = str_copy(quoted ? at + 1 : at, e);
    if (!out)
        return -1;
    size_t used = 0;
    for (const char *p = quoted ? at + 1 : at; *p; p++) {
        if (quoted && *p == '\'' && p[1] == '\'')
            p++;
        else if (quoted ? *p == '\'' : strchr(" ;\n", *p) != NULL)
            break;
        out[used++] = *p;
    }
    out[used] = '\0';
    *value = out;
    return 0;
}

static int read_database(struct bytes defn, struct database_locale *l, struct error *e)
{
    char *sql = str_copy_bytes(defn, e);
    if (!sql)
        return -1;
    const struct {
        const char *word;
        char **value;
    } parts[] = {{"ENCODING", &l->encoding},
                 {"LOCALE_PROVIDER", &l->provider},
                 {"LOCALE", &l->locale},
                 {"LC_COLLATE", &l->collate},
                 {"LC_CTYPE", &l->ctype},
                 {"ICU_LOCALE", &l->icu_locale},
                 {"BUILTIN_LOCALE", &l->builtin_locale}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(parts); i++)
        if (!*parts[i].value)
            rc = value_of(sql, parts[i].word, parts[i].value, e);
    free(sql);
    return rc;
}

/* ALTER … OWNER refuses others. */
static bool wants_superuser(struct bytes desc)
{
    static const char *const kinds[] = {"EVENT TRIGGER", "FOREIGN DATA WRAPPER", "PUBLICATION",
                                        "SUBSCRIPTION"};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (bytes_equal(desc, bytes_text(kinds[i])))
            return true;
    return false;
}

static int read_entry(struct toc_facts *f, const struct dump_entry *entry, bool kept,
                      struct error *e)
{
    bool privileges;
    if (bytes_equal(entry->desc, bytes_text("DATABASE")) &&
        read_database(entry->defn, &f->locale, e) < 0)
        return -1;
    if (!kept)
        return 0;
    if (toc_roles_add(&f->owners, entry->owner, e) < 0 ||
        (wants_superuser(entry->desc) && toc_roles_add(&f->superusers, entry->owner, e) < 0))
        return -1;
    if (database_sql_about(entry, &privileges) &&
        toc_roles_add(privileges ? &f->privileges : &f->properties, entry->defn, e) < 0)
        return -1;
    if (bytes_equal(entry->desc, bytes_text("DATABASE")) && entry->owner.len > 0 && !f->owner &&
        !(f->owner = str_copy_bytes(entry->owner, e)))
        return -1;
    bool needed = bytes_equal(entry->desc, bytes_text("POLICY")) ||
                  bytes_equal(entry->desc, bytes_text("USER MAPPING"));
    return toc_roles_read(entry, needed ? &f->needed : &f->grantees, e);
}

struct reading {
    struct toc_facts *facts;
    const struct toc_select *selection;
};

static int visit_event(void *arg, const struct dump_event *ev, struct error *e)
{
    const struct reading *r = arg;
    if (ev->type != DUMP_ENTRY)
        return 0;
    bool kept = !r->selection || toc_select_keeps(r->selection, ev->entry->ordinal);
    return read_entry(r->facts, ev->entry, kept, e);
}

int toc_facts_read(struct bytes toc, const struct toc_select *selection, struct toc_facts *f,
                   struct error *e)
{
    struct reading r = {.facts = f, .selection = selection};
    return toc_walk(toc, visit_event, &r, e);
}
