/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/toc_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/dump/dump_reader.h"

void toc_facts_done(struct toc_facts *f)
{
    char *texts[] = {f->locale.encoding,      f->locale.provider, f->locale.locale,
                     f->locale.collate,       f->locale.ctype,    f->locale.icu_locale,
                     f->locale.builtin_locale};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    for (size_t i = 0; i < f->owners.count; i++)
        free(f->owners.items[i]);
    free(f->owners.items);
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

static int read_database(struct bytes defn, struct server_locale *l, struct error *e)
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

static int add_owner(struct toc_facts *f, struct bytes owner, struct error *e)
{
    if (owner.len == 0)
        return 0;
    for (size_t i = 0; i < f->owners.count; i++)
        if (bytes_equal(bytes_text(f->owners.items[i]), owner))
            return 0;
    char *name = str_copy_bytes(owner, e);
    int rc = name ? member_texts_add(&f->owners, name, e) : -1;
    free(name);
    return rc;
}

int toc_facts_read(struct bytes toc, struct toc_facts *f, struct error *e)
{
    struct dump_reader *reader = dump_reader_new(NULL, e);
    struct dump_event ev = {0};
    int rc = reader ? 0 : -1;
    while (rc == 0 && ev.type != DUMP_TOC_END) {
        rc = dump_reader_step(reader, &toc, false, &ev, e);
        if (rc > 0)
            rc = error_set(e, ERROR_CORRUPT, "the stored TOC is cut");
        if (rc < 0 || ev.type != DUMP_ENTRY)
            continue;
        rc = add_owner(f, ev.entry->owner, e);
        if (rc == 0 && bytes_equal(ev.entry->desc, bytes_text("DATABASE")))
            rc = read_database(ev.entry->defn, &f->locale, e);
    }
    dump_reader_free(reader);
    return rc;
}
