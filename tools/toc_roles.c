/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/toc_roles.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "tools/sql_text.h"

/* Words behind which roles stand, for the entries of one kind. */
struct kind {
    const char *desc;
    const char *words[4];
    const char *until; /* what follows is an expression; NULL: nothing of that kind */
};

static const struct kind kinds[] = {
    {"ACL", {" TO ", " FROM ", "SESSION AUTHORIZATION "}, NULL},
    {"DEFAULT ACL", {" TO ", " FROM ", " FOR ROLE "}, NULL},
    {"POLICY", {" TO "}, " ("},
    {"USER MAPPING", {"USER MAPPING FOR "}, " SERVER "},
    {"DATABASE PROPERTIES", {"ALTER ROLE "}, NULL},
};

int toc_roles_add(struct member_texts *t, struct bytes text, struct error *e)
{
    for (size_t i = 0; i < t->count; i++)
        if (bytes_equal(bytes_text(t->items[i]), text))
            return 0;
    char *name = text.len > 0 ? str_copy_bytes(text, e) : NULL;
    int rc = text.len == 0 ? 0 : name ? member_texts_add(t, name, e) : -1;
    free(name);
    return rc;
}

/* A list of them: "a, b". In a user mapping "public" is read from a view that has it in small
 * letters; no role can be called that. */
static int take_roles(struct bytes *text, uint8_t *out, struct member_texts *roles,
                      struct error *e)
{
    for (;;) {
        const struct bytes name = bytes_of(out, sql_text_name(text, out));
        if (!bytes_equal(name, bytes_text("public")) && toc_roles_add(roles, name, e) < 0)
            return -1;
        if (!bytes_begins(*text, ", "))
            return 0;
        (void)bytes_take(text, 2);
    }
}

static const char *word_at(const struct kind *k, struct bytes text)
{
    for (size_t i = 0; i < ARRAY_SIZE(k->words) && k->words[i]; i++)
        if (bytes_begins(text, k->words[i]))
            return k->words[i];
    return NULL;
}

int toc_roles_read(const struct dump_entry *entry, struct member_texts *out, struct error *e)
{
    const struct kind *k = NULL;
    struct bytes text = entry->defn;
    for (size_t i = 0; i < ARRAY_SIZE(kinds) && !k; i++)
        if (bytes_equal(entry->desc, bytes_text(kinds[i].desc)))
            k = &kinds[i];
    if (!k || text.len == 0)
        return 0;
    uint8_t *name = malloc(text.len);
    int rc = 0;
    if (!name)
        return error_memory(e, "roles of a TOC");
    while (rc == 0 && text.len > 0 && !(k->until && bytes_begins(text, k->until))) {
        const char *word = word_at(k, text);
        if (word) {
            (void)bytes_take(&text, strlen(word));
            rc = take_roles(&text, name, out, e);
        } else {
            bool quote = text.data[0] == '\'' || text.data[0] == '"';
            (void)bytes_take(&text, quote ? sql_text_quoted(text, false) : 1);
        }
    }
    free(name);
    return rc;
}
