/* SPDX-License-Identifier: Apache-2.0 */
/* pg_dump writes keywords in capitals, and quotes a name unless it is of small letters and no
 * reserved word: outside quotes a keyword is a keyword. */
#include "tools/toc_roles.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

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

static bool begins(struct bytes text, const char *with)
{
    size_t len = strlen(with);
    return text.len >= len && memcmp(text.data, with, len) == 0;
}

/* Length of the quoted thing at the front: '…' or "…", quotes inside doubled. */
static size_t quoted_length(struct bytes s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.data[i] != s.data[0])
            continue;
        if (i + 1 == s.len || s.data[i + 1] != s.data[0])
            return i + 1;
        i++;
    }
    return s.len;
}

/* Take an identifier off the front into out, which has room for all of text; its length. */
static size_t take_identifier(struct bytes *text, uint8_t *out)
{
    size_t len = 0;
    if (text->len > 0 && text->data[0] == '"') {
        struct bytes raw = bytes_take(text, quoted_length(*text));
        for (size_t i = 1; i + 1 < raw.len; i++) {
            out[len++] = raw.data[i];
            i += raw.data[i] == '"';
        }
        return len;
    }
    while (text->len > 0 && !memchr(" ,;\n", text->data[0], 4))
        out[len++] = *bytes_take(text, 1).data;
    /* Pseudo roles are written in capitals, no name is. */
    return len > 0 && out[0] >= 'A' && out[0] <= 'Z' ? 0 : len;
}

/* A list of them: "a, b". */
static int take_roles(struct bytes *text, uint8_t *out, struct member_texts *roles,
                      struct error *e)
{
    for (;;) {
        size_t len = take_identifier(text, out);
        if (toc_roles_add(roles, bytes_of(out, len), e) < 0)
            return -1;
        if (!begins(*text, ", "))
            return 0;
        (void)bytes_take(text, 2);
    }
}

static const char *word_at(const struct kind *k, struct bytes text)
{
    for (size_t i = 0; i < ARRAY_SIZE(k->words) && k->words[i]; i++)
        if (begins(text, k->words[i]))
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
    int rc = name ? 0 : error_memory(e, "roles of a TOC");
    while (rc == 0 && text.len > 0 && !(k->until && begins(text, k->until))) {
        const char *word = word_at(k, text);
        if (word) {
            (void)bytes_take(&text, strlen(word));
            rc = take_roles(&text, name, out, e);
        } else {
            bool quote = text.data[0] == '\'' || text.data[0] == '"';
            (void)bytes_take(&text, quote ? quoted_length(text) : 1);
        }
    }
    free(name);
    return rc;
}
